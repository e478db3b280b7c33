package auth

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// TLSOptions say whom to trust and who we are.
type TLSOptions struct {
	// CACert is a file of CA certificates in PEM, or a folder of such files (ca_cert, X509_CERT_DIR). Only these are
	// trusted. Empty: those of the system.
	CACert string
	// WithSystem trusts the system's certificates besides those of CACert: for an identity provider, whose certificate the
	// authorities of the grid need not have signed.
	WithSystem bool
	// Insecure switches the verification of certificates off.
	Insecure bool
	// ClientCert and ClientKey are files in PEM of a certificate and its key that are shown to the server; a proxy
	// certificate has the key, and the chain, in the same file, and needs no ClientKey. They are read for each connection, so
	// that a renewed one is used at once. Empty: none.
	ClientCert, ClientKey string
	// ClientCertPEM and ClientKeyPEM are the same as text.
	ClientCertPEM, ClientKeyPEM rucio.Secret
}

// NewTransport returns rucio.NewTransport with TLSConfig.
func NewTransport(opts TLSOptions) (*http.Transport, error) {
	config, err := TLSConfig(opts)
	if err != nil {
		return nil, err
	}
	return rucio.NewTransport(config), nil
}

// TLSConfig returns the TLS configuration for connections to Rucio and to storage. Files are read at once, so that a wrong
// one is an error here. The error is an *Error of kind Config.
func TLSConfig(opts TLSOptions) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: opts.Insecure} //nolint:gosec // only when asked for
	if opts.CACert != "" && !opts.Insecure {
		pool, err := trusted(opts.CACert, opts.WithSystem)
		if err != nil {
			return nil, err
		}
		config.RootCAs = pool
	}
	if opts.ClientCert == "" && !opts.ClientCertPEM.IsSet() {
		return config, nil
	}
	if _, err := clientCertificate(opts); err != nil {
		return nil, err
	}
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return clientCertificate(opts) }
	return config, nil
}

// caFile matches the files of a folder of CA certificates, which may hold revocation lists and policies as well.
var caFile = regexp.MustCompile(`\.(pem|crt|cer|[0-9])$`)

// trusted reads the CA certificates of a file or of a folder's files, and adds the system's if asked to.
func trusted(path string, withSystem bool) (*x509.CertPool, error) {
	fail := func(problem string, err error) (*x509.CertPool, error) {
		return nil, &Error{Kind: Config, Attempt: "read the CA certificates in " + path, Problem: problem, Err: err,
			Advice: advise("ca_cert", "to a file of certificates in PEM, or to a folder of such files (X509_CERT_DIR does as well)")}
	}
	info, err := os.Stat(path)
	if err != nil {
		return fail(reason(err).Error(), err)
	}
	files := []string{path}
	if info.IsDir() {
		entries, err := os.ReadDir(path)
		if err != nil {
			return fail(reason(err).Error(), err)
		}
		files = nil
		for _, entry := range entries {
			if caFile.MatchString(entry.Name()) {
				files = append(files, filepath.Join(path, entry.Name()))
			}
		}
	}
	pool, found := x509.NewCertPool(), false
	if withSystem { // reading them takes milliseconds
		if system, err := x509.SystemCertPool(); err == nil {
			pool = system
		}
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil && (!info.IsDir() || !errors.Is(err, fs.ErrNotExist)) { // dangling links are common in such folders
			return fail(reason(err).Error(), err)
		}
		found = pool.AppendCertsFromPEM(text) || found
	}
	if !found {
		return fail("there is none in it", nil)
	}
	return pool, nil
}

// clientCertificate reads the certificate and the key to show to the server.
func clientCertificate(opts TLSOptions) (*tls.Certificate, error) {
	cert, key := []byte(opts.ClientCertPEM.Reveal()), []byte(opts.ClientKeyPEM.Reveal())
	where := "the client certificate"
	if opts.ClientCert != "" {
		where += " " + opts.ClientCert
	}
	fail := func(problem string, err error) (*tls.Certificate, error) {
		return nil, &Error{Kind: Config, Attempt: "read " + where, Problem: problem, Err: err,
			Advice: "set RUCIO_CFG_CLIENT_CLIENT_CERT and RUCIO_CFG_CLIENT_CLIENT_KEY to files in PEM"}
	}
	var err error
	if opts.ClientCert != "" {
		if cert, err = os.ReadFile(opts.ClientCert); err != nil {
			return fail(reason(err).Error(), err)
		}
	}
	if opts.ClientKey != "" {
		if key, err = os.ReadFile(opts.ClientKey); err != nil {
			return fail(fmt.Sprintf("its key %s: %v", opts.ClientKey, reason(err)), err)
		}
	}
	if len(key) == 0 {
		key = cert
	}
	if encrypted(key) {
		return fail("its key is encrypted with a passphrase", nil)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return fail(strings.TrimPrefix(err.Error(), "tls: "), err)
	}
	return &pair, nil
}

// encrypted tells a PEM key that needs a passphrase, in the new format or the old one.
func encrypted(text []byte) bool {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
			return true
		}
	}
	return false
}

// reason returns what went wrong with a file without its path, which the message has already.
func reason(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
