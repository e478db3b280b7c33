package cli

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/rucio-task-manager/rucio-task-manager/auth"
	"github.com/rucio-task-manager/rucio-task-manager/auth/voms"
	"github.com/rucio-task-manager/rucio-task-manager/engine/suggest"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/config"
)

// Where the packages of the grid put the certificates of its authorities, and the names of its VOMS servers.
const (
	gridAuthorities = "/etc/grid-security/certificates"
	gridVOMSDir     = "/etc/grid-security/vomsdir"
)

// identityOptions is what the configuration and the variables of the grid's tools say about certificates.
func (s *session) identityOptions(settings *config.Client) auth.IdentityOptions {
	p := s.p
	return auth.IdentityOptions{
		Cert: settings.ClientCert, Key: settings.ClientKey, CertPEM: settings.ClientCertValue, KeyPEM: settings.ClientKeyValue,
		Passphrase: settings.ClientKeyPassphrase, AskPassphrase: p.asker(),
		Proxy: settings.Proxy, DefaultProxy: auth.DefaultProxy(p.UID), PreferProxy: settings.AuthType != "x509",
		VOMS: settings.VOMS, Vomses: voms.Places(p.Env, p.Home), Grid: p.gridTrust(settings),
		Suggest: suggest.Hint, Now: p.Now, Log: p.logger(s.c),
	}
}

// gridTrust is whom to trust as a VOMS server.
func (p *program) gridTrust(settings *config.Client) auth.GridTrust {
	trust := auth.GridTrust{Authorities: p.gridAuthorities(), VOMSDir: gridVOMSDir}
	if settings.CACert != "" {
		trust.Authorities = append(trust.Authorities, settings.CACert)
	}
	if dir := p.Getenv("X509_VOMS_DIR"); dir != "" {
		trust.VOMSDir = dir
	}
	return trust
}

// gridAuthorities are the places of the grid's CAs.
func (p *program) gridAuthorities() []string {
	if dir := p.Getenv("X509_CERT_DIR"); dir != "" {
		return []string{gridAuthorities, dir}
	}
	return []string{gridAuthorities}
}

// withCredentials adds to the options of a login what its type needs besides a password.
func (s *session) withCredentials(settings *config.Client, options *auth.Options) error {
	switch settings.AuthType {
	case "x509", "x509_proxy":
		return s.withCertificate(settings, options)
	case "ssh":
		options.SSH = auth.SSHOptions{
			PrivateKey: settings.SSHPrivateKey, PrivateKeyText: settings.SSHPrivateKeyValue, Passphrase: settings.SSHPrivateKeyPassphrase,
			AskPassphrase: s.p.asker(), AgentSocket: s.p.Getenv("SSH_AUTH_SOCK"),
		}
	case "gss":
		options.GSS = auth.GSSOptions{Config: s.p.Getenv("KRB5_CONFIG"), Cache: s.p.Getenv("KRB5CCNAME"), UID: s.p.UID, Keytab: s.p.Getenv("KRB5_CLIENT_KTNAME")}
	}
	return nil
}

func (s *session) withCertificate(settings *config.Client, options *auth.Options) error {
	identity, err := auth.NewIdentity(s.identityOptions(settings))
	if err != nil {
		return err
	}
	options.X509 = auth.X509Options{Identity: identity, Connect: func(newestTLS uint16) (*http.Client, error) {
		transport, err := auth.NewTransport(auth.TLSOptions{CACert: settings.CACert, Insecure: settings.InsecureTLS, Identity: identity, Newest: newestTLS})
		if err != nil {
			return nil, err
		}
		return &http.Client{Transport: s.p.tracedLogins(s.c, transport)}, nil
	}}
	return nil
}

// asker returns what asks for passphrases; nil when nobody is at the terminal.
func (p *program) asker() func(of string) (rucio.Secret, error) {
	if !p.StdinTTY || !p.StderrTTY {
		return nil
	}
	return func(of string) (rucio.Secret, error) { return p.askSecret("passphrase of " + of) }
}

// askSecret reads a password or a passphrase from the terminal.
func (p *program) askSecret(prompt string) (rucio.Secret, error) {
	fmt.Fprint(p.terminal, prompt+": ")
	text, err := p.ReadPassword()
	fmt.Fprintln(p.terminal)
	if err == nil && text == "" {
		err = errors.New("nothing was typed")
	}
	if err != nil {
		return "", err
	}
	p.redactor.Add(text)
	return rucio.Secret(text), nil
}
