package voms

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// double is a VOMS server for the faults that the real ones do not have.
func double(t *testing.T, handler http.HandlerFunc) ([]Server, *tls.Config) {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(at.Port())
	if err != nil {
		t.Fatal(err)
	}
	cas := x509.NewCertPool()
	cas.AddCert(server.Certificate())
	return []Server{{Host: at.Hostname(), Port: port, VO: "example.org"}}, &tls.Config{RootCAs: cas, MinVersion: tls.VersionTLS12}
}

func TestAnswers(t *testing.T) {
	for _, test := range []struct {
		name     string
		status   int
		body     string
		ac       string
		warnings []string
		want     string // the error; a % stands for the server
	}{
		{"good", 200, "<voms><ac>QUJD\nREVG </ac></voms>", "ABCDEF", nil, ""},
		{"with warnings", 200, `<?xml version="1.0" encoding="UTF-8"?><voms><warning>shorter</warning><warning>older</warning><ac>QUJD</ac></voms>`, "ABC", []string{"shorter", "older"}, ""},
		{"numbers below 1000 warn", 200, `<vomsans><error><item><number>3</number><message> short </message></item></error><ac>QUJD</ac></vomsans>`, "ABC", []string{"short"}, ""},
		{"suspended", 403, "<voms><error><code>SuspendedUser</code><message>user suspended: AUP\n</message></error></voms>", "", nil, "%: user suspended: AUP (SuspendedUser)"},
		{"refused without a code", 400, "<voms><error><message>no</message></error></voms>", "", nil, "%: no"},
		{"a page of something else", 404, "<html><body>not here<br></body></html>", "", nil, "%: the answer is not VOMS' (HTTP 404)"},
		{"another page", 200, "hello", "", nil, "%: the answer is not VOMS'"},
		{"nothing", 200, "<voms></voms>", "", nil, "%: the answer has no attribute certificate"},
		{"not base64", 200, "<voms><ac>???</ac></voms>", "", nil, "%: the answer has no attribute certificate"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var query url.Values
			servers, config := double(t, func(w http.ResponseWriter, r *http.Request) {
				query = r.URL.Query()
				w.WriteHeader(test.status)
				w.Write([]byte(test.body))
			})
			got, err := Fetch(t.Context(), config, servers, Request{VO: "alias", Lifetime: 90 * time.Minute, Targets: []string{"a", "b"}})
			if want := strings.ReplaceAll(test.want, "%", servers[0].Address()); errorText(err) != want {
				t.Fatalf("got  %v\nwant %s", err, want)
			}
			if err == nil && (string(got.AC) != test.ac || !slices.Equal(got.Warnings, test.warnings)) {
				t.Errorf("got %q, %q", got.AC, got.Warnings)
			}
			if query.Get("fqans") != "/example.org" || query.Get("lifetime") != "5400" || query.Get("targets") != "a,b" {
				t.Errorf("asked for %v", query)
			}
		})
	}
}

func TestLegacyRequest(t *testing.T) {
	got := string(legacyRequest(Request{FQANs: []string{"/vo/Role=r", "/vo/g/Role=NULL/Capability=NULL", "/vo/a&b"}, Lifetime: time.Hour, Targets: []string{"h"}}))
	want := `<?xml version="1.0" encoding="US-ASCII"?><voms><command>B/vo:r</command><command>G/vo/g</command><command>G/vo/a&amp;b</command>` +
		`<order>/vo:r,/vo/g,/vo/a&amp;b</order><targets>h</targets><base64>1</base64><version>4</version><lifetime>3600</lifetime></voms>`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A server that never ends its answer does not hold us for longer than the caller wants, and not all of it is read.
func TestFetchGivesUp(t *testing.T) {
	begun := make(chan struct{}, 1)
	servers, config := double(t, func(w http.ResponseWriter, r *http.Request) {
		begun <- struct{}{}
		<-r.Context().Done()
	})
	ctx, cancel := cancelWhen(t, begun)
	defer cancel()
	if _, err := Fetch(ctx, config, servers, Request{VO: "x"}); !errors.Is(err, ctx.Err()) {
		t.Errorf("got %v", err)
	}
	endless := func(w http.ResponseWriter, _ *http.Request) {
		for _, err := w.Write([]byte("<voms>")); err == nil; _, err = w.Write(make([]byte, 64<<10)) {
		}
	}
	servers, config = double(t, endless)
	if _, err := Fetch(t.Context(), config, servers, Request{VO: "x"}); err == nil || !strings.Contains(err.Error(), "the answer is not VOMS'") {
		t.Errorf("got %v", err)
	}
}

// A server that speaks neither protocol is told from one that is down.
func TestSpeaksNeither(t *testing.T) {
	v := requireVOMS(t)
	host := pair(t, filepath.Join(filepath.Dir(v.CA), "hostcert.pem"), filepath.Join(filepath.Dir(v.CA), "hostkey.pem"))
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{host}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for conn, err := listener.Accept(); err == nil; conn, err = listener.Accept() {
			conn.Read(make([]byte, 4096))
			conn.Close()
		}
	}()
	server := Server{Host: "localhost", Port: listener.Addr().(*net.TCPAddr).Port}
	_, err = Fetch(t.Context(), v.config, []Server{server}, Request{VO: "x"})
	if want := server.Address() + ": neither its REST interface answers (EOF) nor its older one (EOF)"; errorText(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
