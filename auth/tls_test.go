package auth

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// A client certificate, or a proxy of one in a single file, gets a token of a server that checks it.
func TestClientCertificates(t *testing.T) {
	opts, bed := onTestbed(t)
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for name, test := range map[string]struct {
		tls  TLSOptions
		path string
	}{
		"files": {TLSOptions{ClientCert: bed.UserCert, ClientKey: bed.UserKey}, "/auth/x509"},
		"text":  {TLSOptions{ClientCertPEM: rucio.Secret(read(bed.UserCert)), ClientKeyPEM: rucio.Secret(read(bed.UserKey))}, "/auth/x509"},
		"proxy": {TLSOptions{ClientCert: bed.Proxy}, "/auth/x509_proxy"},
	} {
		t.Run(name, func(t *testing.T) {
			test.tls.CACert = bed.CA
			transport, err := NewTransport(test.tls)
			if err != nil {
				t.Fatal(err)
			}
			opts.Hosts, opts.HTTP = []string{bed.TLSURL}, &http.Client{Transport: transport}
			s := source(t, opts).session
			got, err := s.get(t.Context(), test.path, http.Header{"X-Rucio-Account": {bed.Account}})
			if err != nil {
				t.Fatal(err)
			}
			if g, err := s.grant(got); err != nil || !strings.HasPrefix(g.token.Reveal(), bed.Account+"-") {
				t.Errorf("no token of %s: %v", bed.Account, err)
			}
		})
	}
}

// A proxy certificate that is renewed while we run is used for the next connection.
func TestClientCertificateIsReadAgain(t *testing.T) {
	_, bed := onTestbed(t)
	path := filepath.Join(t.TempDir(), "proxy.pem")
	copyFile := func(from string) {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	copyFile(bed.Proxy)
	config, err := TLSConfig(TLSOptions{ClientCert: path})
	if err != nil {
		t.Fatal(err)
	}
	first, err := config.GetClientCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	copyFile(bed.UserCert)
	if _, err = config.GetClientCertificate(nil); err == nil {
		t.Error("the file has no key any more, and nobody noticed")
	}
	copyFile(bed.Proxy)
	second, err := config.GetClientCertificate(nil)
	if err != nil || string(second.Certificate[0]) != string(first.Certificate[0]) || len(second.Certificate) != 2 {
		t.Errorf("got a chain of %d, %v", len(second.Certificate), err)
	}
}

func TestWrongTLSFiles(t *testing.T) {
	_, bed := onTestbed(t)
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
	locked := file("locked.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n")
	old := file("old.pem", "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n")
	ca := "set RUCIO_CFG_CLIENT_CA_CERT, or ca_cert in the [client] section of rucio.cfg, to a file of certificates in PEM, or to a folder of such files (X509_CERT_DIR does as well)"
	client := "set RUCIO_CFG_CLIENT_CLIENT_CERT and RUCIO_CFG_CLIENT_CLIENT_KEY to files in PEM"
	for _, test := range []struct {
		opts         TLSOptions
		text, advice string
	}{
		{TLSOptions{CACert: "/none"}, "read the CA certificates in /none: no such file or directory", ca},
		{TLSOptions{CACert: empty}, "read the CA certificates in " + empty + ": there is none in it", ca},
		{TLSOptions{CACert: folder}, "read the CA certificates in " + folder + ": there is none in it", ca},
		{TLSOptions{ClientCert: "/none"}, "read the client certificate /none: no such file or directory", client},
		{TLSOptions{ClientCert: bed.UserCert, ClientKey: "/none"}, "read the client certificate " + bed.UserCert + ": its key /none: no such file or directory", client},
		{TLSOptions{ClientCert: bed.UserCert}, "read the client certificate " + bed.UserCert + ": found a certificate rather than a key in the PEM for the private key", client},
		{TLSOptions{ClientCert: bed.UserCert, ClientKey: locked}, "read the client certificate " + bed.UserCert + ": its key is encrypted with a passphrase", client},
		{TLSOptions{ClientCert: bed.UserCert, ClientKey: old}, "read the client certificate " + bed.UserCert + ": its key is encrypted with a passphrase", client},
		{TLSOptions{ClientCert: bed.UserCert, ClientKey: bed.SSHKey}, "read the client certificate " + bed.UserCert + ": private key does not match public key", client},
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
