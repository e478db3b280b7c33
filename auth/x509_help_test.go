package auth

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/engine/suggest"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
)

// signer signs certificates in tests.
type signer struct {
	cert *x509.Certificate
	key  any
}

// testbedCA is the authority that the testbed's server trusts.
func testbedCA(t *testing.T, bed *testbed.Env) *signer {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(bed.CA, filepath.Join(filepath.Dir(bed.CA), "ca.key"))
	if err != nil {
		t.Fatal(err)
	}
	return &signer{pair.Leaf, pair.PrivateKey}
}

// newCA makes an authority that nobody knows.
func newCA(t *testing.T, name string) *signer {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: gridName(name), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, SubjectKeyId: []byte(name),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{cert, key}
}

// gridName is /DC=org/DC=rucio-testbed/CN=name.
func gridName(name string) pkix.Name {
	dc := []int{0, 9, 2342, 19200300, 100, 1, 25}
	return pkix.Name{ExtraNames: []pkix.AttributeTypeAndValue{{Type: dc, Value: "org"}, {Type: dc, Value: "rucio-testbed"}, {Type: []int{2, 5, 4, 3}, Value: name}}}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issued is a certificate with its key, as text and in files.
type issued struct {
	cert, key         []byte
	certFile, keyFile string
	parsed            *x509.Certificate
}

// issue signs a certificate of /DC=org/DC=rucio-testbed/CN=name that holds between two times.
func (s *signer) issue(t *testing.T, name string, from, to time.Time) issued {
	t.Helper()
	key := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: gridName(name), NotBefore: from, NotAfter: to, DNSNames: []string{"localhost"},
		KeyUsage: x509.KeyUsageDigitalSignature,
	}, s.cert, key.Public(), s.key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	got := issued{cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})}
	dir := t.TempDir()
	got.certFile, got.keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeFile(t, got.certFile, got.cert, 0o644)
	writeFile(t, got.keyFile, got.key, 0o600)
	if got.parsed, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return got
}

// valid is issue for a day.
func (s *signer) valid(t *testing.T, name string) issued {
	t.Helper()
	return s.issue(t, name, time.Now().Add(-time.Hour), time.Now().Add(23*time.Hour))
}

func writeFile(t testing.TB, path string, text []byte, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// identity is NewIdentity, which must give one.
func identity(t *testing.T, opts IdentityOptions) *Identity {
	t.Helper()
	id, err := NewIdentity(opts)
	if err != nil || id == nil {
		t.Fatalf("no identity: %v", err)
	}
	return id
}

// withX509 returns options that log in to the testbed with a certificate.
func withX509(t *testing.T, authType string, id *Identity) (Options, *testbed.Env) {
	t.Helper()
	opts, bed := onTestbed(t)
	plain, err := NewTransport(TLSOptions{CACert: bed.CA})
	if err != nil {
		t.Fatal(err)
	}
	opts.Type, opts.Hosts, opts.HTTP, opts.Suggest = authType, []string{bed.TLSURL}, &http.Client{Transport: plain}, suggest.Hint
	opts.X509 = X509Options{Identity: id, Connect: func(newest uint16) (*http.Client, error) {
		shows, err := NewTransport(TLSOptions{CACert: bed.CA, Identity: id, Newest: newest})
		return &http.Client{Transport: shows}, err
	}}
	opts.Username, opts.Password = "", ""
	return opts, bed
}

// command runs a program that the tests are measured by.
func command(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir()}, env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out.Bytes())
	}
	return out.String()
}

// encryptedKeys writes a key with the passphrase "open sesame" in the ways that openssl has.
func encryptedKeys(t *testing.T, key string) map[string]string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{}
	for name, args := range map[string][]string{
		"PKCS#8, AES, PBKDF2": {"pkcs8", "-topk8", "-v2", "aes-256-cbc"},
		"PKCS#8, 3DES":        {"pkcs8", "-topk8", "-v2", "des3"},
		"PKCS#8, scrypt":      {"pkcs8", "-topk8", "-scrypt"},
		"PEM, AES":            {"rsa", "-aes256", "-traditional"},
		"PEM, 3DES":           {"rsa", "-des3", "-traditional"},
	} {
		files[name] = filepath.Join(dir, fmt.Sprint(len(files)))
		command(t, []string{"PASS=open sesame"}, "openssl", append(args, "-in", key, "-out", files[name], "-passout", "env:PASS")...)
		if err := os.Chmod(files[name], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return files
}
