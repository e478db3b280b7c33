package auth

import (
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// gridFolder is a folder of authorities as the grid has it, with one authority, and a server that it vouches for.
type gridFolder struct {
	dir, hash string
	ca        *signer
	host      issued
	server    *httptest.Server
}

func newGridFolder(t *testing.T) *gridFolder {
	t.Helper()
	g := &gridFolder{dir: t.TempDir(), ca: newCA(t, "Grid CA")}
	g.host = g.ca.valid(t, "localhost")
	file := filepath.Join(g.dir, "ca.pem")
	writeFile(t, file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: g.ca.cert.Raw}), 0o644)
	g.hash = filepath.Join(g.dir, command(t, nil, "openssl", "x509", "-hash", "-noout", "-in", file)[:8])
	if err := os.Rename(file, g.hash+".0"); err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(g.host.cert, g.host.key)
	if err != nil {
		t.Fatal(err)
	}
	g.server = httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	g.server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	g.server.StartTLS()
	t.Cleanup(g.server.Close)
	return g
}

// write writes a file beside the authority's certificate.
func (g *gridFolder) write(t *testing.T, ending string, text []byte) string {
	t.Helper()
	writeFile(t, g.hash+ending, text, 0o644)
	return g.hash + ending
}

// revoke is a revocation list with the certificate in it, which a signer signed.
func (g *gridFolder) revoke(t *testing.T, by *signer, when time.Time) []byte {
	t.Helper()
	der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: time.Now().Add(-48 * time.Hour), NextUpdate: time.Now().Add(-24 * time.Hour),
		RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: g.host.parsed.SerialNumber, RevocationTime: when}},
	}, by.cert, by.key.(crypto.Signer))
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// get asks the server, whose name is localhost.
func (g *gridFolder) get(t *testing.T) error {
	t.Helper()
	transport, err := NewTransport(TLSOptions{CACert: g.dir})
	if err != nil {
		t.Fatal(err)
	}
	transport.TLSClientConfig.ServerName = "localhost"
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(req)
	if err == nil {
		resp.Body.Close()
	}
	return err
}

// wantUntrusted checks a refusal, and that it is explained to people.
func wantUntrusted(t *testing.T, err error, text string) {
	t.Helper()
	var untrusted *untrustedError
	if !errors.As(err, &untrusted) || untrusted.Error() != text {
		t.Fatalf("got  %v\nwant %s", err, text)
	}
	e := connectionError(t.Context(), "https://host", err)
	if e.Kind != TLS || e.Error() != "https://host: its certificate is not trusted: "+text {
		t.Errorf("explained as %q: %s", e.Kind, e)
	}
}

func TestRevocationLists(t *testing.T) {
	g := newGridFolder(t)
	if err := g.get(t); err != nil {
		t.Fatal("without a list: ", err)
	}
	g.write(t, ".r0", g.revoke(t, newCA(t, "Grid CA"), time.Now().Add(-time.Hour)))
	if err := g.get(t); err != nil {
		t.Error("a list that somebody else signed: ", err)
	}
	g.write(t, ".r0", g.revoke(t, g.ca, time.Now().Add(time.Hour)))
	if err := g.get(t); err != nil {
		t.Error("revoked in an hour: ", err)
	}
	revoked := "/DC=org/DC=rucio-testbed/CN=Grid CA has revoked the certificate of /DC=org/DC=rucio-testbed/CN=localhost ("
	list := g.revoke(t, g.ca, time.Now().Add(-time.Hour))
	path := g.write(t, ".r1", list)
	wantUntrusted(t, g.get(t), revoked+path+")")
	path = g.write(t, ".r0", pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: list}))
	wantUntrusted(t, g.get(t), revoked+path+")")
	g.write(t, ".r0", []byte("nonsense"))
	if err := g.get(t); err == nil {
		t.Error("a list that cannot be read is as good as none")
	}
	// a transport that was there before the list
	transport, err := NewTransport(TLSOptions{CACert: g.dir})
	if err != nil {
		t.Fatal(err)
	}
	state := tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{g.host.parsed, g.ca.cert}}}
	if err := os.Remove(g.hash + ".r0"); err != nil {
		t.Fatal(err)
	}
	if err := transport.TLSClientConfig.VerifyConnection(state); err != nil {
		t.Error("no list now: ", err)
	}
	g.write(t, ".r0", list)
	if err := transport.TLSClientConfig.VerifyConnection(state); err == nil {
		t.Error("the new list is not read")
	}
}

func TestSigningPolicies(t *testing.T) {
	g := newGridFolder(t)
	const ca = "/DC=org/DC=rucio-testbed/CN=Grid CA"
	line := func(subjects string) string {
		return "# a policy\n\naccess_id_CA  X509  '" + ca + "'\npos_rights globus CA:sign\ncond_subjects globus " + subjects + "\n"
	}
	refused := ca + " may not sign a certificate of /DC=org/DC=rucio-testbed/CN=localhost (%)"
	for _, test := range []struct{ text, want string }{
		{line(`'"/DC=org/DC=rucio-testbed/*"'`), ""},
		{line(`'"/C=IT/*" "/dc=ORG/DC=rucio-testbed/CN=local*"'`), ""},
		{line(`'/DC=org/*'`), ""},
		{line(`'*'`), ""},
		{line(`'"/C=IT/*"'`), refused},
		{line(`'"/DC=org/DC=rucio-testbed"'`), refused},
		{line(`'"/DC=org/DC=rucio.testbed/*"'`), refused},
		{"access_id_CA X509 '/CN=Other CA'\npos_rights globus CA:sign\ncond_subjects globus '\"/C=IT/*\"'\n", ""},
		{"access_id_CA X509 '/CN=Other CA'\ncond_subjects globus '\"/DC=org/*\"'\n" + line(`'"/C=IT/*"'`), refused},
		{"access_id_CA X509\n", "the signing policy % cannot be understood: line 1 has less than three words"},
		{"\ncond_subjects globus '*'\n", "the signing policy % cannot be understood: line 2 comes before access_id_CA"},
		{"acces_id_CA X509 '/CN=x'\n", `the signing policy % cannot be understood: line 1 begins with "acces_id_CA"`},
	} {
		path := g.write(t, ".signing_policy", []byte(test.text))
		err := g.get(t)
		if test.want == "" {
			if err != nil {
				t.Errorf("%s: %v", test.text, err)
			}
			continue
		}
		wantUntrusted(t, err, strings.ReplaceAll(test.want, "%", path))
	}
	if !matches("/C=CH/CN=x/Email=*", "/C=CH/CN=x/emailAddress=x@y.z") || matches("/C=CH/*", "/c=de/cn=x") {
		t.Error("names are not compared as Globus does")
	}
}

// Policies come from packages of others: any text is understood or refused.
func FuzzParsePolicy(f *testing.F) {
	f.Add("access_id_CA X509 '/C=CH/CN=x'\npos_rights globus CA:sign\ncond_subjects globus '\"/C=CH/*\" \"/C=DE/*\"'\n")
	f.Add("access_id_CA X509 \"'")
	f.Fuzz(func(t *testing.T, text string) {
		policies, err := parsePolicy(text)
		if err != nil {
			return
		}
		for _, p := range policies {
			for _, name := range p.names {
				matches(name, "/CN=x")
			}
		}
	})
}
