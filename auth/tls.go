package auth

import (
	"crypto/tls"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"slices"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// TLSOptions say whom to trust and who we are.
type TLSOptions struct {
	// CACert is a file of CA certificates in PEM, or a folder of such files (ca_cert, X509_CERT_DIR). Only these are
	// trusted. Empty: those of the system. In a folder as the grid has it, revocation lists and signing policies count too.
	CACert string
	// Also are further files and folders of authorities, which count once CACert or WithSystem is set; those that do not exist
	// are left out. For storage: the grid's authorities beside those of Rucio's server.
	Also []string
	// WithSystem trusts the system's certificates besides those of CACert: for an identity provider, whose certificate the
	// authorities of the grid need not have signed.
	WithSystem bool
	// Insecure switches the verification of certificates off.
	Insecure bool
	// Identity has the certificate that is shown to a server that asks for one. Nil: none.
	Identity *Identity
	// Newest is the newest version of TLS to speak (tls.VersionTLS12); 0: any.
	Newest uint16
}

// NewTransport returns rucio.NewTransport with TLSConfig.
func NewTransport(opts TLSOptions) (*http.Transport, error) {
	config, err := TLSConfig(opts)
	if err != nil {
		return nil, err
	}
	return rucio.NewTransport(config), nil
}

// TLSConfig returns the TLS configuration for connections to Rucio and to storage. Files of authorities are read at once, so
// that a wrong one is an error here. The error is an *Error of kind Config.
func TLSConfig(opts TLSOptions) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, MaxVersion: opts.Newest, InsecureSkipVerify: opts.Insecure} //nolint:gosec // only when asked for
	if paths := opts.authorities(); len(paths) > 0 && !opts.Insecure {
		trusted, err := loadAuthorities(paths, opts.WithSystem)
		if err != nil {
			return nil, err
		}
		config.RootCAs = trusted.pool
		if len(trusted.files) > 0 {
			config.VerifyConnection = trusted.check
		}
	}
	if opts.Identity != nil {
		config.GetClientCertificate = func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return opts.Identity.Certificate(info.Context())
		}
		// Apache asks for certificates after the handshake when only some of its pages want them.
		config.Renegotiation = tls.RenegotiateOnceAsClient
	}
	return config, nil
}

// authorities are the files and folders of CAs to trust; none where the system's suffice, or must.
func (o TLSOptions) authorities() (paths []string) {
	if o.CACert != "" {
		paths = append(paths, o.CACert)
	}
	if o.CACert == "" && !o.WithSystem {
		return nil
	}
	for _, path := range o.Also {
		if _, err := os.Stat(path); err == nil && !slices.Contains(paths, path) {
			paths = append(paths, path)
		}
	}
	return paths
}

// reason returns what went wrong with a file without its path, which the message has already.
func reason(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	return err
}
