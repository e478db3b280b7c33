package voms

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
)

// voms is the testbed's VOMS server, with what its one member has.
type voms struct {
	*testbed.Env
	rest, legacy []Server
	dir          string // vomsdir
	config       *tls.Config
	member       tls.Certificate
	owner        *x509.Certificate
	cas          *x509.CertPool
}

func requireVOMS(t testing.TB) *voms {
	t.Helper()
	bed := testbed.Require(t)
	vars := bed.RequireService(t, "voms")
	v := &voms{Env: bed, dir: vars["TESTBED_VOMSDIR"], cas: x509.NewCertPool()}
	v.rest, v.legacy = servers(t, vars["TESTBED_VOMSES"]), servers(t, vars["TESTBED_VOMSES_LEGACY"])
	v.cas.AppendCertsFromPEM(readFile(t, bed.CA))
	v.member = pair(t, bed.UserCert, bed.UserKey)
	v.owner = v.member.Leaf
	v.config = v.as(v.member)
	return v
}

// as is a TLS configuration with another certificate.
func (v *voms) as(cert tls.Certificate) *tls.Config {
	return &tls.Config{RootCAs: v.cas, Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
}

// fetch gets the attributes of the member.
func (v *voms) fetch(t testing.TB, fqans ...string) *Grant {
	t.Helper()
	grant, err := Fetch(t.Context(), v.config, v.rest, Request{VO: "testbed", FQANs: fqans, Lifetime: Lifetime})
	if err != nil {
		t.Fatal(err)
	}
	return grant
}

func servers(t testing.TB, file string) []Server {
	t.Helper()
	found, err := Find([]string{file}, "testbed")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func pair(t testing.TB, cert, key string) tls.Certificate {
	t.Helper()
	got, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// chain parses the certificates of a proxy file.
func chain(t testing.TB, file []byte) []*x509.Certificate {
	t.Helper()
	got, err := tls.X509KeyPair(file, file)
	if err != nil {
		t.Fatal(err)
	}
	var all []*x509.Certificate
	for _, der := range got.Certificate {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, cert)
	}
	return all
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// write writes a file of a test's own.
func write(t testing.TB, name string, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// command runs a program that the tests are measured by, with env besides its PATH and a home.
func command(t testing.TB, env []string, name string, args ...string) string {
	t.Helper()
	home := t.TempDir()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "RANDFILE=" + write(t, "rnd", nil)}, env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// cancelWhen returns a context that ends when something has begun.
func cancelWhen(t *testing.T, begun <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel()
	}()
	return ctx, cancel
}
