package auth

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWrongTLSFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	empty := file("empty.pem", "")
	folder := filepath.Dir(file("folder/x.signing_policy", "access_id_CA"))
	ca := "set RUCIO_CFG_CLIENT_CA_CERT, or ca_cert in the [client] section of rucio.cfg, to a file of certificates in PEM, or to a folder of such files (X509_CERT_DIR does as well)"
	for _, test := range []struct {
		opts         TLSOptions
		text, advice string
	}{
		{TLSOptions{CACert: "/none"}, "read the CA certificates in /none: no such file or directory", ca},
		{TLSOptions{CACert: empty}, "read the CA certificates in " + empty + ": there is none in it", ca},
		{TLSOptions{CACert: folder}, "read the CA certificates in " + folder + ": there is none in it", ca},
	} {
		_, err := NewTransport(test.opts)
		wantError(t, err, Config, test.text, test.advice)
	}
}

// Folders of CAs hold links that lead nowhere, and files that are no certificates.
func TestFolderOfCAs(t *testing.T) {
	_, bed := onTestbed(t)
	dir := t.TempDir()
	text, err := os.ReadFile(bed.CA)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"a.pem": string(text), "b.crl_url": "http://", "c.r0": "-----BEGIN X509 CRL-----"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/none", filepath.Join(dir, "0123abcd.0")); err != nil {
		t.Fatal(err)
	}
	if _, err := TLSConfig(TLSOptions{CACert: dir}); err != nil {
		t.Error(err)
	}
}
