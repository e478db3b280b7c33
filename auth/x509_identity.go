package auth

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// IdentityOptions say which X.509 certificate to use, for Rucio and for storage.
type IdentityOptions struct {
	// Cert and Key are files in PEM (client_cert, client_key); without Key it is beside the certificate. CertPEM and KeyPEM are
	// the same as text, and win; lines may be separated by \n, as they are in variables.
	Cert, Key       string
	CertPEM, KeyPEM rucio.Secret
	// Passphrase is that of the key. AskPassphrase asks somebody for it when it is needed; nil: nobody is there.
	Passphrase    rucio.Secret
	AskPassphrase func(of string) (rucio.Secret, error)

	// Proxy is the file of a proxy certificate (client_x509_proxy); empty is DefaultProxy, the place where the grid's tools keep
	// it, if there is one. PreferProxy uses it also when there is a certificate (auth_type x509_proxy).
	Proxy, DefaultProxy string
	PreferProxy         bool

	// VOMS is the VO whose attributes the proxy is to have, as voms-proxy-init --voms takes it: "atlas",
	// "atlas:/atlas/Role=production". With a certificate, proxies are then made as they are needed, and kept in the file that
	// Proxy or DefaultProxy names. MakeProxy makes them also without a VO, and uses no proxy that somebody else made.
	VOMS      string
	MakeProxy bool
	// Vomses are the files and folders that have the VOMS servers (see voms.Places).
	Vomses []string
	Grid   GridTrust
	// Lifetime of a proxy; 0 is voms.Lifetime.
	Lifetime time.Duration

	// Suggest, Now and Log are those of Options.
	Suggest func(word string, candidates []string) string
	Now     func() time.Time
	Log     *slog.Logger
}

// GridTrust is whom to trust as a VOMS server.
type GridTrust struct {
	// Authorities are files and folders of CA certificates, trusted besides the system's; those that do not exist are left out.
	Authorities []string
	// VOMSDir has the names of the servers of each VO (X509_VOMS_DIR); empty, or no such folder: any that an authority vouches for.
	VOMSDir string
}

// DefaultProxy is where the tools of the grid keep a user's proxy certificate.
func DefaultProxy(uid int) string { return fmt.Sprintf("/tmp/x509up_u%d", uid) } // whatever TMPDIR says

// Identity is an X.509 certificate with its key: a user's own, a proxy, or proxies that are made of it. It is safe for
// concurrent use.
type Identity struct {
	pair  *keyPair    // what is shown, or what proxies are made of
	maker *proxyMaker // nil: no proxies are made
}

// NewIdentity returns the identity that the options describe; nil when they name none, and no proxy lies at the default place.
// Nothing is read yet but whether files are there. The error is an *Error of kind Config.
func NewIdentity(opts IdentityOptions) (*Identity, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	if opts.Suggest == nil {
		opts.Suggest = func(string, []string) string { return "" }
	}
	opts.Cert, opts.Key, opts.Proxy = expanded(opts.Cert), expanded(opts.Key), expanded(opts.Proxy)
	own := &keyPair{
		what: "the client certificate", cert: opts.Cert, key: opts.Key, certText: opts.CertPEM, keyText: opts.KeyPEM,
		passphrase: opts.Passphrase, ask: opts.AskPassphrase, passOption: "client_key_passphrase",
	}
	hasOwn := opts.Cert != "" || opts.CertPEM.IsSet()
	if hasOwn && (opts.VOMS != "" || opts.MakeProxy) {
		maker, err := newProxyMaker(own, opts)
		return &Identity{own, maker}, err
	}
	if opts.MakeProxy {
		return nil, nil // of nothing, none can be made
	}
	proxy := &keyPair{what: "the proxy certificate", cert: opts.Proxy, proxy: true, passOption: "client_key_passphrase"}
	if _, err := os.Stat(opts.DefaultProxy); opts.Proxy == "" && opts.DefaultProxy != "" && err == nil {
		proxy.cert, proxy.guessed = opts.DefaultProxy, true
	}
	switch {
	case proxy.cert != "" && (opts.PreferProxy || !hasOwn):
		return &Identity{proxy, nil}, nil
	case hasOwn:
		return &Identity{own, nil}, nil
	}
	return nil, nil
}

// expanded drops a path with a variable that is not set: templates of rucio.cfg say client_x509_proxy = $X509_USER_PROXY.
func expanded(path string) string {
	if strings.HasPrefix(path, "$") {
		return ""
	}
	return path
}

// Certificate returns the certificate to show now, for a tls.Config's GetClientCertificate. With VOMS, it may have to make a
// proxy. The error is an *Error.
func (i *Identity) Certificate(ctx context.Context) (*tls.Certificate, error) {
	c, err := i.current(ctx)
	if err != nil {
		return nil, err
	}
	return &c.tls, nil
}

func (i *Identity) current(ctx context.Context) (*credential, error) {
	if i.maker != nil {
		return i.maker.current(ctx)
	}
	return i.pair.load()
}

// File is a file that has the certificate, its key and the chain, for programs that want one in X509_USER_PROXY; empty when
// there is none. With VOMS it is there after the first call of Certificate.
func (i *Identity) File() string {
	if i.maker != nil {
		return i.maker.written()
	}
	if i.pair.certText.IsSet() || i.pair.key != "" {
		return ""
	}
	return i.pair.cert
}

// NewProxy makes a proxy although the current one is still good, and keeps it in its file. The identity must be one that makes
// proxies. The error is an *Error.
func (i *Identity) NewProxy(ctx context.Context) (*Proxy, error) {
	if i.maker == nil {
		return nil, &Error{Kind: Config, Attempt: "make a proxy", Problem: "this identity makes none"}
	}
	return i.maker.renew(ctx)
}
