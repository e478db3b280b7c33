package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// fails logs in, which must fail.
func fails(t *testing.T, opts Options, kind Kind, text, advice string) {
	t.Helper()
	_, err := source(t, opts).Token(t.Context())
	wantError(t, err, kind, text, advice)
}

const setHost = "set RUCIO_CFG_CLIENT_AUTH_HOST, or auth_host in the [client] section of rucio.cfg, to the address of the Rucio server"

func TestServerDown(t *testing.T) {
	host := closedPort(t)
	fails(t, on(host), Unreachable, "log in as me: "+host+": nothing listens there (connection refused)", "check that the server is up; else "+setHost)
}

func TestUnknownHost(t *testing.T) {
	fails(t, on("http://rucio.invalid"), Unreachable, `log in as me: http://rucio.invalid: there is no host named "rucio.invalid"`, setHost)
}

func TestFailover(t *testing.T) {
	opts, bed := onTestbed(t)
	dead := closedPort(t)
	opts.Hosts = []string{dead, bed.HTTPURL}
	s := source(t, opts)
	token(t, s)
	if got := s.session.host.Load(); got != 1 {
		t.Errorf("the next login begins with host %d, want 1, which answered", got)
	}
	opts.Hosts = []string{dead, dead + "/"}
	fails(t, opts, Unreachable,
		"log in as ddmlab to account root: none of the 2 servers can be used: "+dead+": nothing listens there (connection refused); "+dead+": nothing listens there (connection refused)",
		"check that the server is up; else "+setHost)
}

// The wrong password is not tried on the next server, too.
func TestNoFailoverWhenRefused(t *testing.T) {
	opts, _ := onTestbed(t)
	other := fake(t, func(http.ResponseWriter, *http.Request) { t.Error("the second server was asked") })
	opts.Hosts, opts.Password = append(opts.Hosts, other.URL), "hunter2"
	if _, err := source(t, opts).Token(t.Context()); !errors.Is(err, WrongCredentials) {
		t.Errorf("got %v", err)
	}
}

func TestRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		opts := on("http://localhost")
		opts.HTTP = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			switch asked++; asked {
			case 1:
				return reply(r, http.StatusServiceUnavailable), nil
			case 2:
				return nil, io.ErrUnexpectedEOF // the connection breaks
			}
			return reply(r, http.StatusOK, "X-Rucio-Auth-Token", "root-me-x-1"), nil
		})}
		opts.Retries = 0 // the default, 2
		var log logBuffer
		opts.Log = log.logger()
		start := time.Now()
		if got := token(t, source(t, opts)); got.Reveal() != "root-me-x-1" {
			t.Errorf("got %s", got.Reveal())
		}
		if took := time.Since(start); took != 750*time.Millisecond {
			t.Errorf("paused %v, want 250 ms and 500 ms", took)
		}
		if n := strings.Count(log.String(), "cannot log in, trying again"); n != 2 || strings.Contains(log.String(), "hunter2") {
			t.Errorf("logged %s", log.String())
		}
	})
}

func TestCancelledRetry(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := fake(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		cancel()
	})
	opts := on(server.URL)
	opts.Retries = 1000
	if _, err := source(t, opts).Token(ctx); !errors.Is(err, Cancelled) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestStrangeAnswers(t *testing.T) {
	for _, test := range []struct {
		name         string
		answer       http.HandlerFunc
		kind         Kind
		text, advice string
	}{
		{"no token", func(http.ResponseWriter, *http.Request) {}, Server, "it accepted the login but sent no token",
			"check that auth_host is a Rucio server, and that a proxy before it lets the header X-Rucio-Auth-Token pass"},
		{"not found", func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, Config, "there is no /auth/userpass (HTTP 404)",
			"set auth_host to the address of a Rucio server, with its path if it has one"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://rucio.example.org/auth/userpass", http.StatusMovedPermanently)
		}, Config, "it redirects logins to https://rucio.example.org/auth/userpass, and passwords do not follow redirects",
			"set RUCIO_CFG_CLIENT_AUTH_HOST=https://rucio.example.org if you trust it"},
		{"redirect elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://sso.example.org/login", http.StatusFound)
		}, Config, "it redirects logins to https://sso.example.org/login, and passwords do not follow redirects", ""},
		{"page of a proxy", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(http.StatusBadGateway)
			_, _ = w.Write([]byte("<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"))
		}, Unreachable, "502 Bad Gateway (HTTP 502)", ""},
		{"exception", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("ExceptionClass", "DatabaseException")
			w.Header().Set("ExceptionMessage", "Database exception.")
			w.WriteHeader(http.StatusInternalServerError)
		}, Server, "Database exception. (HTTP 500)", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := fake(t, test.answer)
			fails(t, on(server.URL), test.kind, "log in as me: "+server.URL+": "+test.text, test.advice)
		})
	}
}

// What the server said is there for those who want to know more.
func TestServersError(t *testing.T) {
	opts, _ := onTestbed(t)
	opts.Password = "hunter2"
	_, err := source(t, opts).Token(t.Context())
	var answered *rucio.Error
	if !errors.As(err, &answered) || answered.Status != http.StatusUnauthorized || !errors.Is(err, rucio.ErrCannotAuthenticate) {
		t.Errorf("got %#v", answered)
	}
}

const setCA = "set RUCIO_CFG_CLIENT_CA_CERT, or ca_cert in the [client] section of rucio.cfg, to the file or folder of CA certificates to trust (X509_CERT_DIR does as well)"

func TestUntrustedCertificate(t *testing.T) {
	opts, bed := onTestbed(t)
	opts.Hosts, opts.Username = []string{bed.TLSURL}, "me"
	opts.Account = ""
	fails(t, opts, TLS, "log in as me: "+bed.TLSURL+": its certificate is signed by an authority that is not trusted (/DC=org/DC=rucio-testbed/CN=Testbed CA)", setCA)
	// and with verification switched off the same server is used
	transport, err := NewTransport(TLSOptions{Insecure: true})
	if err != nil {
		t.Fatal(err)
	}
	opts.Username, opts.HTTP = bed.Username, &http.Client{Transport: transport}
	token(t, source(t, opts))
}

func TestWrongHostName(t *testing.T) {
	opts, bed := onTestbed(t)
	transport, err := NewTransport(TLSOptions{CACert: bed.CA})
	if err != nil {
		t.Fatal(err)
	}
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, strings.TrimPrefix(bed.TLSURL, "https://"))
	}
	opts.Hosts, opts.HTTP, opts.Account = []string{"https://rucio.example.org"}, &http.Client{Transport: transport}, ""
	fails(t, opts, TLS, "log in as ddmlab: https://rucio.example.org: its certificate is not for this name: x509: certificate is valid for localhost, not rucio.example.org",
		"set auth_host and rucio_host to a name that the certificate has")
}

func TestNoTLSThere(t *testing.T) {
	opts, bed := onTestbed(t)
	host := strings.Replace(bed.HTTPURL, "http://", "https://", 1)
	opts.Hosts, opts.Account = []string{host}, ""
	fails(t, opts, TLS, "log in as ddmlab: "+host+": it does not speak TLS there", "set auth_host to http://..., or to the port that speaks TLS")
}

func TestExpiredCertificate(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "expired"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshake fails, as it should
	server.StartTLS()
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	opts := on(server.URL)
	opts.HTTP = &http.Client{Transport: rucio.NewTransport(&tls.Config{RootCAs: pool})}
	_, err = source(t, opts).Token(t.Context())
	var e *Error
	if !errors.As(err, &e) || e.Kind != TLS || !strings.HasPrefix(e.Problem, "its certificate is not valid now: x509: certificate has expired") ||
		e.Hint() != "check this machine's clock; else the server's certificate must be renewed" {
		t.Errorf("got %v, hint %s", err, e.Hint())
	}
}

// What Python's client sends, and no more: the headers of a login.
func TestHeaders(t *testing.T) {
	seen := make(chan http.Header, 1)
	server := fake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/base/auth/userpass" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		seen <- r.Header
		give(w, "root-me-x-1")
	})
	opts := on(server.URL + "/base/")
	opts.Account, opts.VO, opts.UserAgent, opts.Script = "root", "abc", "tests/1", "tests::headers"
	token(t, source(t, opts))
	got := <-seen
	for name, want := range map[string]string{
		"X-Rucio-Account": "root", "X-Rucio-Username": "me", "X-Rucio-Password": "hunter2", "X-Rucio-VO": "abc", "X-Rucio-Script": "tests::headers", "User-Agent": "tests/1",
	} {
		if got.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, got.Get(name), want)
		}
	}
	if len(got) != 7 { // and Accept-Encoding
		t.Errorf("sent %v", got)
	}
}
