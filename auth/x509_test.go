package auth

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// Every way to give a certificate logs in to a real server.
func TestX509(t *testing.T) {
	_, bed := onTestbed(t)
	cert, key := string(readFile(t, bed.UserCert)), string(readFile(t, bed.UserKey))
	folded := strings.ReplaceAll(cert, "\n", `\n`)
	both := filepath.Join(t.TempDir(), "both.pem")
	writeFile(t, both, []byte(cert+key), 0o600)
	tests := map[string]struct {
		authType string
		opts     IdentityOptions
	}{
		"files":              {"x509", IdentityOptions{Cert: bed.UserCert, Key: bed.UserKey}},
		"one file":           {"x509", IdentityOptions{Cert: both}},
		"text":               {"x509", IdentityOptions{CertPEM: rucio.Secret(cert), KeyPEM: rucio.Secret(key)}},
		"folded text":        {"x509", IdentityOptions{CertPEM: rucio.Secret(folded), KeyPEM: rucio.Secret(strings.ReplaceAll(key, "\n", `\n`))}},
		"text of both":       {"x509", IdentityOptions{CertPEM: rucio.Secret(cert + key)}},
		"text wins":          {"x509", IdentityOptions{Cert: "/none", Key: "/none", CertPEM: rucio.Secret(cert), KeyPEM: rucio.Secret(key)}},
		"proxy":              {"x509_proxy", IdentityOptions{Proxy: bed.Proxy}},
		"default proxy":      {"x509_proxy", IdentityOptions{Proxy: "$X509_USER_PROXY", DefaultProxy: bed.Proxy}},
		"proxy preferred":    {"x509_proxy", IdentityOptions{Cert: "/none", Proxy: bed.Proxy, PreferProxy: true}},
		"certificate before": {"x509", IdentityOptions{Cert: bed.UserCert, Key: bed.UserKey, DefaultProxy: "/none"}},
	}
	for name, file := range encryptedKeys(t, bed.UserKey) {
		tests[name] = struct {
			authType string
			opts     IdentityOptions
		}{"x509", IdentityOptions{Cert: bed.UserCert, Key: file, Passphrase: "open sesame"}}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			opts, bed := withX509(t, test.authType, identity(t, test.opts))
			s := source(t, opts)
			if got, want := token(t, s).Reveal(), "root-CN=Test User,DC=rucio-testbed,DC=org-unknown-"; !strings.HasPrefix(got, want) {
				t.Errorf("the token is not of %s", want)
			}
			if name := account(t, bed.TLSURL, opts.HTTP.Transport, s); name != "root" {
				t.Errorf("the token is for %s", name)
			}
		})
	}
}

// Both type names get the same tokens as Python's client, which finds ours in the cache, and we find its.
func TestX509AsPython(t *testing.T) {
	for _, authType := range []string{"x509", "x509_proxy"} {
		t.Run(authType, func(t *testing.T) {
			_, bed := onTestbed(t)
			id := identity(t, IdentityOptions{Cert: bed.UserCert, Key: bed.UserKey, Proxy: bed.Proxy, PreferProxy: authType == "x509_proxy"})
			opts, _ := withX509(t, authType, id)
			text := string(readFile(t, filepath.Join(filepath.Dir(bed.Config), authType+".cfg")))
			dir := t.TempDir()
			for name, oursFirst := range map[string]bool{"ours": true, "theirs": false} {
				opts.CachePath = filepath.Join(dir, name, "token")
				cfg := filepath.Join(dir, name+".cfg")
				writeFile(t, cfg, []byte(strings.ReplaceAll(text, filepath.Join(filepath.Dir(bed.Config), "token-"+authType), opts.CachePath)), 0o600)
				if err := os.MkdirAll(filepath.Dir(opts.CachePath), 0o700); err != nil {
					t.Fatal(err)
				}
				if oursFirst {
					token(t, source(t, opts))
				}
				theirs := python(t, bed, map[string]string{"RUCIO_CONFIG": cfg}, "from rucio.client import Client\nc = Client()\nprint(c.whoami()['account'], c.auth_token)")
				ours := token(t, source(t, opts)).Reveal()
				if theirs != "root "+ours {
					t.Errorf("%s first: the two clients do not share the token", name)
				}
			}
		})
	}
}

// A proxy that is renewed while we run is used for the next connection; its key must stay private.
func TestCertificateIsReadAgain(t *testing.T) {
	_, bed := onTestbed(t)
	path := filepath.Join(t.TempDir(), "proxy.pem")
	writeFile(t, path, readFile(t, bed.Proxy), 0o600)
	config, err := TLSConfig(TLSOptions{Identity: identity(t, IdentityOptions{Proxy: path})})
	if err != nil {
		t.Fatal(err)
	}
	show := func() (int, error) {
		got, err := identity(t, IdentityOptions{Proxy: path}).Certificate(t.Context())
		if err != nil {
			return 0, err
		}
		return len(got.Certificate), nil
	}
	if config.GetClientCertificate == nil {
		t.Fatal("no certificate is shown")
	}
	if n, err := show(); n != 2 || err != nil {
		t.Fatalf("a chain of %d, %v", n, err)
	}
	id := identity(t, IdentityOptions{Proxy: path})
	if _, err := id.Certificate(t.Context()); err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, readFile(t, bed.UserCert), 0o600)
	if _, err := id.Certificate(t.Context()); err == nil {
		t.Error("the file has no key any more, and nobody noticed")
	}
	other := testbedCA(t, bed).valid(t, "Other")
	writeFile(t, path, append(other.cert, other.key...), 0o600)
	if got, err := id.Certificate(t.Context()); err != nil || got.Leaf.SerialNumber.Cmp(other.parsed.SerialNumber) != 0 {
		t.Errorf("the new certificate is not used: %v", err)
	}
	if got := id.File(); got != path {
		t.Errorf("it is in %q", got)
	}
}

func TestX509Refused(t *testing.T) {
	_, bed := onTestbed(t)
	ca := testbedCA(t, bed)
	unknown := testbed.Unique("Nobody's ")
	stranger := ca.valid(t, unknown)
	registered := ca.valid(t, testbed.Unique("Some "))
	name := registered.parsed.Subject.CommonName
	one, two := testbed.Unique("auth"), testbed.Unique("auth")
	admin(t, bed, fmt.Sprintf(`
for account in (%[1]q, %[2]q):
    c.add_account(account, "USER", "nobody@localhost")
    c.add_identity(account=account, identity=%[3]q, authtype="X509", email="nobody@localhost")
`, one, two, "CN="+name+",DC=rucio-testbed,DC=org"))
	forgotten := ca.valid(t, testbed.Unique("Gone "))
	gone := "CN=" + forgotten.parsed.Subject.CommonName + ",DC=rucio-testbed,DC=org"
	admin(t, bed, fmt.Sprintf(`
c.add_identity(account=%[1]q, identity=%[2]q, authtype="X509", email="nobody@localhost")
c.del_identity(account=%[1]q, identity=%[2]q, authtype="X509")
`, one, gone))
	expired := ca.issue(t, "Late", time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour).Truncate(time.Second))
	early := ca.issue(t, "Early", time.Now().Add(24*time.Hour).Truncate(time.Second), time.Now().Add(48*time.Hour))
	foreign := newCA(t, "Some CA").valid(t, "Foreign")
	both := one + ", " + two
	if one > two {
		both = two + ", " + one
	}
	setAccount := "set RUCIO_CFG_CLIENT_ACCOUNT, or account in the [client] section of rucio.cfg, to "
	for _, test := range []struct {
		name         string
		cert         issued
		account      string
		kind         Kind
		text, advice string // a % stands for what was attempted
	}{
		{"unknown name", stranger, "root", UnknownIdentity,
			"%: the certificate's name is not registered for any account: CN=" + unknown + ",DC=rucio-testbed,DC=org",
			"have an administrator of Rucio run: rucio account identity add root --type X509 --id 'CN=" + strings.ReplaceAll(unknown, "'", `'\''`) + ",DC=rucio-testbed,DC=org' --email ADDRESS"},
		{"unknown name, no account", stranger, "", UnknownIdentity,
			"%: the certificate's name is not registered for any account: CN=" + unknown + ",DC=rucio-testbed,DC=org",
			"have an administrator of Rucio run: rucio account identity add ACCOUNT --type X509 --id 'CN=" + strings.ReplaceAll(unknown, "'", `'\''`) + ",DC=rucio-testbed,DC=org' --email ADDRESS"},
		{"a name that was registered once", forgotten, one, UnknownIdentity, "%: the certificate's name is not registered for any account: " + gone,
			"have an administrator of Rucio run: rucio account identity add " + one + " --type X509 --id '" + gone + "' --email ADDRESS"},
		{"another's account", registered, "root", UnknownAccount,
			`%: there is no account "root", or it is not for this certificate, which has ` + both, setAccount + both},
		{"unknown account", registered, "nosuch", UnknownAccount,
			`%: there is no account "nosuch", or it is not for this certificate, which has ` + both, setAccount + both},
		{"no account of several", registered, "", UnknownAccount, "%: no account is given, and this certificate has several", setAccount + "one of " + both},
		{"expired", expired, "root", Unusable,
			"%the certificate of /DC=org/DC=rucio-testbed/CN=Late expired at " + expired.parsed.NotAfter.Format(time.RFC3339), "get a new one from your certificate authority"},
		{"not yet valid", early, "root", Unusable,
			"%the certificate of /DC=org/DC=rucio-testbed/CN=Early does not hold before " + early.parsed.NotBefore.Format(time.RFC3339), "check this machine's clock"},
		{"an authority that the server does not know", foreign, "root", Unusable,
			"%: it does not trust the authority that signed our certificate (/DC=org/DC=rucio-testbed/CN=Some CA)", "use a certificate of an authority that the server's operators trust"},
	} {
		t.Run(test.name, func(t *testing.T) {
			opts, bed := withX509(t, "x509", identity(t, IdentityOptions{Cert: test.cert.certFile, Key: test.cert.keyFile}))
			opts.Account = test.account
			opts.Retries = 2 // a refusal in TLS may look like a broken connection
			_, err := source(t, opts).Token(t.Context())
			attempt := "log in with the client certificate " + test.cert.certFile
			if test.account != "" {
				attempt += " to account " + test.account
			}
			if strings.HasPrefix(test.text, "%:") {
				attempt += ": " + bed.TLSURL
			} else {
				attempt += ": "
			}
			wantError(t, err, test.kind, strings.Replace(test.text, "%", attempt, 1), test.advice)
		})
	}
	opts, _ := withX509(t, "x509", identity(t, IdentityOptions{Cert: registered.certFile, Key: registered.keyFile}))
	opts.Account = two
	if got := account(t, bed.TLSURL, opts.HTTP.Transport, source(t, opts)); got != two {
		t.Errorf("the token is for %s, want %s", got, two)
	}
}

// A clock that is wrong is told from a certificate that is: the server says what time it is.
func TestX509ClockSkew(t *testing.T) {
	_, bed := onTestbed(t)
	ca := testbedCA(t, bed)
	now := time.Now().Truncate(time.Second)
	fresh := ca.issue(t, "Fresh", now.Add(-time.Hour), now.Add(time.Hour))
	expired := ca.issue(t, "Late", now.Add(-48*time.Hour), now.Add(-24*time.Hour))
	for _, test := range []struct {
		name         string
		cert         issued
		clock        time.Duration // of this machine
		text, advice string
	}{
		{"ahead", fresh, 3 * time.Hour, "the certificate of /DC=org/DC=rucio-testbed/CN=Fresh expired at " + fresh.parsed.NotAfter.Format(time.RFC3339) +
			"; but this machine's clock is 3h0m0s ahead of that of " + bed.TLSURL, "set this machine's clock right"},
		{"behind", fresh, -3 * time.Hour, "the certificate of /DC=org/DC=rucio-testbed/CN=Fresh does not hold before " + fresh.parsed.NotBefore.Format(time.RFC3339) +
			"; but this machine's clock is 3h0m0s behind that of " + bed.TLSURL, "set this machine's clock right"},
		{"behind, and the server says that it has expired", expired, -30 * time.Hour, bed.TLSURL + ": it says that our certificate (/DC=org/DC=rucio-testbed/CN=Late, until " +
			expired.parsed.NotAfter.Format(time.RFC3339) + ") has expired; but this machine's clock is 30h0m0s behind that of " + bed.TLSURL,
			"set this machine's clock right; the certificate does not hold by the server's clock either"},
	} {
		t.Run(test.name, func(t *testing.T) {
			opts, _ := withX509(t, "x509", identity(t, IdentityOptions{Cert: test.cert.certFile, Key: test.cert.keyFile}))
			opts.Retries = 2
			begun := time.Now()
			opts.Now = func() time.Time { return now.Add(test.clock).Add(time.Since(begun)) }
			_, err := source(t, opts).Token(t.Context())
			// seconds are lost on the way, in which nothing is asserted
			rounded := strings.NewReplacer("3h0m1s", "3h0m0s", "2h59m59s", "3h0m0s", "30h0m1s", "30h0m0s", "29h59m59s", "30h0m0s")
			text := "log in with the client certificate " + test.cert.certFile + " to account root: " + test.text
			if err == nil || rounded.Replace(err.Error()) != text {
				t.Fatalf("got  %v\nwant %s", err, text)
			}
			wantError(t, err, ClockSkew, err.Error(), test.advice)
		})
	}
}

func TestX509Options(t *testing.T) {
	opts, bed := withX509(t, "x509", nil)
	_, err := New(opts)
	wantError(t, err, Config, "auth_type is x509, but there is no client certificate",
		"set RUCIO_CFG_CLIENT_CLIENT_CERT and RUCIO_CFG_CLIENT_CLIENT_KEY to files in PEM, or RUCIO_CFG_CLIENT_CERT_VALUE and RUCIO_CFG_CLIENT_KEY_VALUE to their text")
	opts.Type = "x509_proxy"
	_, err = New(opts)
	wantError(t, err, Config, "auth_type is x509_proxy, but there is no proxy certificate",
		"make one (auth proxy init, voms-proxy-init), or set RUCIO_CFG_CLIENT_CLIENT_X509_PROXY to it; with VOMS, and a certificate and its key, proxies are made as they are needed")
	opts.X509.Identity, opts.Hosts = identity(t, IdentityOptions{Proxy: bed.Proxy}), []string{bed.HTTPURL}
	_, err = New(opts)
	wantError(t, err, Config, "auth_type is x509_proxy, but auth_host "+bed.HTTPURL+" is not https, and certificates are shown over TLS only",
		"set RUCIO_CFG_CLIENT_AUTH_HOST, or auth_host in the [client] section of rucio.cfg, to https://...")
	if id, err := NewIdentity(IdentityOptions{DefaultProxy: "/none"}); id != nil || err != nil {
		t.Errorf("an identity of nothing: %v, %v", id, err)
	}
}

// A server that does not ask for certificates sees none.
func TestX509NotAsked(t *testing.T) {
	_, bed := onTestbed(t)
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TLS.PeerCertificates) == 0 {
			w.Header().Set("ExceptionClass", "CannotAuthenticate")
			w.Header().Set("ExceptionMessage", "Cannot get DN")
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)
	opts, _ := withX509(t, "x509", identity(t, IdentityOptions{Cert: bed.UserCert, Key: bed.UserKey}))
	opts.Hosts, opts.X509.Connect = []string{server.URL}, func(uint16) (*http.Client, error) { return server.Client(), nil }
	_, err := source(t, opts).Token(t.Context())
	wantError(t, err, Config, "log in with the client certificate "+bed.UserCert+" to account root: "+server.URL+": it saw no client certificate",
		"set auth_host to a server that asks for client certificates; one that stands behind a proxy cannot, unless the proxy passes them on")
}

// Apache asks for a certificate after the handshake when only some pages want one, and answers 403 to who cannot do that in
// TLS 1.3 (as seen with 2.4.71). What it does then in TLS 1.2 is played here by one that asks at once.
func TestX509AskedLate(t *testing.T) {
	_, bed := onTestbed(t)
	pair, err := tls.LoadX509KeyPair(filepath.Join(filepath.Dir(bed.CA), "hostcert.pem"), filepath.Join(filepath.Dir(bed.CA), "hostkey.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for name, oldest := range map[string]uint16{"both versions": tls.VersionTLS12, "TLS 1.3 only": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			var versions []uint16
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if versions = append(versions, r.TLS.Version); r.TLS.Version == tls.VersionTLS13 {
					w.WriteHeader(http.StatusForbidden)
				} else if len(r.TLS.PeerCertificates) == 1 {
					give(w, "root-token")
				}
			}))
			server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert, MinVersion: oldest}
			server.Config.ErrorLog = log.New(io.Discard, "", 0)
			server.StartTLS()
			t.Cleanup(server.Close)
			opts, _ := withX509(t, "x509", identity(t, IdentityOptions{Cert: bed.UserCert, Key: bed.UserKey}))
			opts.Hosts = []string{strings.Replace(server.URL, "127.0.0.1", "localhost", 1)}
			s := source(t, opts)
			if oldest == tls.VersionTLS13 {
				_, err := s.Token(t.Context())
				wantError(t, err, WrongCredentials, "log in with the client certificate "+bed.UserCert+" to account root: "+opts.Hosts[0]+": it refuses us the page (HTTP 403)",
					"ask the server's operators: where it asks for certificates on some pages only (SSLVerifyClient in a <Location>), it must speak TLS 1.2 besides 1.3")
				return
			}
			if got := token(t, s); got != "root-token" {
				t.Errorf("got the token %s", got.Reveal())
			}
			if _, err := s.Renew(t.Context(), "root-token"); err != nil {
				t.Error(err)
			}
			if want := []uint16{tls.VersionTLS13, tls.VersionTLS12, tls.VersionTLS12}; !slices.Equal(versions, want) {
				t.Errorf("spoke %x, want %x", versions, want)
			}
		})
	}
}

func TestWrongCertificates(t *testing.T) {
	_, bed := onTestbed(t)
	keys := encryptedKeys(t, bed.UserKey)
	dir := t.TempDir()
	file := func(name string, text []byte, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		writeFile(t, path, text, mode)
		return path
	}
	readable, writable := file("readable.pem", readFile(t, bed.UserKey), 0o644), file("writable.pem", readFile(t, bed.UserKey), 0o620)
	open := file("open.pem", readFile(t, bed.Proxy), 0o640)
	garbled := file("garbled.pem", []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"), 0o600)
	cert, wrong := "read the client certificate "+bed.UserCert+": ", "set RUCIO_CFG_CLIENT_CLIENT_CERT and RUCIO_CFG_CLIENT_CLIENT_KEY to files in PEM"
	passphrase := "set RUCIO_CFG_CLIENT_CLIENT_KEY_PASSPHRASE, or RUCIO_CFG_CLIENT_CLIENT_KEY_PASSPHRASE_FILE to a file that holds the passphrase"
	chmod := "chmod 600 %s; where it is mounted, say so there: defaultMode: 0400 for a secret of Kubernetes, mode: 0400 for one of Docker"
	for _, test := range []struct {
		opts         IdentityOptions
		kind         Kind
		text, advice string
	}{
		{IdentityOptions{Cert: "/none"}, Config, "read the client certificate /none: no such file or directory", wrong},
		{IdentityOptions{Cert: dir}, Config, "read the client certificate " + dir + ": it is not a regular file", wrong},
		{IdentityOptions{Cert: bed.UserCert, Key: "/none"}, Config, cert + "its key /none: no such file or directory", wrong},
		{IdentityOptions{Cert: bed.SSHKey, Key: bed.UserKey}, Config, "read the client certificate " + bed.SSHKey + ": failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched", wrong},
		{IdentityOptions{Cert: bed.UserCert, Key: bed.UserCert}, Config, cert + "found a certificate rather than a key in the PEM for the private key", wrong},
		{IdentityOptions{Cert: bed.UserCert}, Config, cert + "found a certificate rather than a key in the PEM for the private key", wrong},
		{IdentityOptions{Cert: bed.UserCert, Key: bed.SSHKey}, Config, cert + "private key does not match public key", wrong},
		{IdentityOptions{Cert: bed.UserCert, Key: readable}, Unusable, cert + "the key in " + readable + " is not private: other users can read it (mode 0644)", fmt.Sprintf(chmod, readable)},
		{IdentityOptions{Cert: bed.UserCert, Key: writable}, Unusable, cert + "the key in " + writable + " is not private: other users can write it (mode 0620)", fmt.Sprintf(chmod, writable)},
		{IdentityOptions{Proxy: open}, Unusable, "read the proxy certificate " + open + ": the key in " + open + " is not private: other users can read it (mode 0640)", fmt.Sprintf(chmod, open)},
		{IdentityOptions{Proxy: "/none"}, Config, "read the proxy certificate /none: no such file or directory",
			"set RUCIO_CFG_CLIENT_CLIENT_X509_PROXY, or client_x509_proxy in the [client] section of rucio.cfg, to a proxy certificate, or make one (auth proxy init, voms-proxy-init)"},
		{IdentityOptions{CertPEM: "/path/to/cert.pem"}, Config, "read the client certificate that is given as text: failed to find any PEM data in certificate input", wrong},
		{IdentityOptions{Cert: bed.UserCert, Key: keys["PKCS#8, scrypt"]}, Config, cert + "its key is encrypted with a passphrase", passphrase},
		{IdentityOptions{Cert: bed.UserCert, Key: keys["PEM, AES"]}, Config, cert + "its key is encrypted with a passphrase", passphrase},
		{IdentityOptions{Cert: bed.UserCert, Key: keys["PKCS#8, AES, PBKDF2"], Passphrase: "hunter2"}, Unusable, cert + "the passphrase of its key is wrong", passphrase},
		{IdentityOptions{Cert: bed.UserCert, Key: keys["PKCS#8, scrypt"], Passphrase: "hunter2"}, Unusable, cert + "the passphrase of its key is wrong", passphrase},
		{IdentityOptions{Cert: bed.UserCert, Key: keys["PEM, AES"], Passphrase: "hunter2"}, Unusable, cert + "the passphrase of its key is wrong", passphrase},
		{IdentityOptions{Cert: bed.UserCert, Key: keys["PEM, 3DES"], Passphrase: "hunter2"}, Unusable, cert + "the passphrase of its key is wrong", passphrase},
		{IdentityOptions{Cert: bed.UserCert, Key: garbled, Passphrase: "hunter2"}, Unusable,
			cert + "its key is encrypted in a way that is not known here (pkcs8: only PKCS #5 v2.0 supported); openssl pkcs8 -topk8 writes another", passphrase},
	} {
		_, err := identity(t, test.opts).Certificate(t.Context())
		wantError(t, err, test.kind, test.text, test.advice)
	}
}

// A passphrase is asked for once, where somebody is there to ask.
func TestPassphraseIsAsked(t *testing.T) {
	_, bed := onTestbed(t)
	key := encryptedKeys(t, bed.UserKey)["PKCS#8, scrypt"]
	asked := 0
	id := identity(t, IdentityOptions{Cert: bed.UserCert, Key: key, AskPassphrase: func(of string) (rucio.Secret, error) {
		asked++
		if want := "the client certificate " + bed.UserCert; of != want {
			t.Errorf("asked for the passphrase of %s, want %s", of, want)
		}
		return "open sesame", nil
	}})
	for range 2 {
		if _, err := id.Certificate(t.Context()); err != nil {
			t.Fatal(err)
		}
		later := time.Now().Add(time.Hour)
		if err := os.Chtimes(key, later, later); err != nil { // it is read again
			t.Fatal(err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}
