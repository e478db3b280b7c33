package auth

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"syscall"

	"github.com/rucio-task-manager/rucio-task-manager/auth/voms"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// Kind is why there is no token. It is an error to compare with: errors.Is(err, auth.Unreachable).
type Kind string

// The kinds of failure.
const (
	Config           Kind = "configuration"     // an option is missing or wrong; nothing was sent
	WrongCredentials Kind = "wrong credentials" //nolint:gosec // the server knows no such pair of username and password
	UnknownAccount   Kind = "unknown account"   // the credentials are right, but not for this account
	UnknownIdentity  Kind = "unknown identity"  // a certificate, key or name that is registered for no account
	Unusable         Kind = "unusable"          // a certificate, key or ticket has expired, is open to others, or its passphrase is wrong
	ClockSkew        Kind = "clock skew"        // the clocks of this machine and of the server differ too much
	TokenRefused     Kind = "token refused"     // a token is not, or no longer, valid, or gives too little
	NoToken          Kind = "no token"          // somebody has to log in first
	Unreachable      Kind = "unreachable"       // no answer: wrong name, nothing listens, timeout
	TLS              Kind = "tls"               // no trusted connection: unknown CA, wrong host name, expired certificate
	Server           Kind = "server"            // an answer that a working Rucio does not give
	Cancelled        Kind = "cancelled"         // the context ended
)

// Error implements error.
func (k Kind) Error() string { return string(k) }

// Error is a login that failed, or that cannot be tried. It holds no secret.
type Error struct {
	Kind    Kind
	Attempt string // what was attempted: "log in as ddmlab"; may be empty
	Host    string // the server, when one was asked
	Problem string // what went wrong
	Advice  string // what to do about it; may be empty
	Err     error  // the cause, a *rucio.Error when the server answered; may be nil
	Passing bool   // the same may succeed in a while
}

// Error implements error: attempt, server and problem, but not the advice.
func (e *Error) Error() string {
	text := e.Problem
	if e.Host != "" {
		text = e.Host + ": " + text
	}
	if e.Attempt != "" {
		text = e.Attempt + ": " + text
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is matches the kind.
func (e *Error) Is(target error) bool {
	kind, ok := target.(Kind)
	return ok && e.Kind == kind
}

// Hint returns what to do about it, for a line of its own; empty when there is nothing to say.
func (e *Error) Hint() string { return e.Advice }

// Class is the exception that Python's client raises for it, to be told of as such.
func (e *Error) Class() rucio.Exception {
	switch e.Kind {
	case Unreachable, TLS, Server:
		return rucio.ErrServerConnectionException
	case Config:
		return rucio.ErrMissingClientParameter
	case Cancelled:
		return rucio.ErrCancelled
	}
	return rucio.ErrCannotAuthenticate
}

// connectionError explains why a request got no answer. ctx is the caller's.
func connectionError(ctx context.Context, host string, err error) *Error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // without the URL, which the message has already
	}
	var own *Error // of the certificate that was to be shown
	if errors.As(err, &own) && ctx.Err() == nil {
		return own
	}
	e := &Error{Host: host, Err: err}
	if ctx.Err() != nil {
		e.Kind, e.Err = Cancelled, context.Cause(ctx)
		e.Problem = "given up: " + e.Err.Error()
		return e
	}
	if e.Problem, e.Advice = tlsProblem(err); e.Problem != "" {
		e.Kind = TLS
		return e
	}
	e.Kind, e.Passing = Unreachable, !errors.Is(err, errSilent)
	e.Problem, e.Advice = networkProblem(err)
	return e
}

// tlsProblem explains an error of TLS; the problem is empty when it is none.
func tlsProblem(err error) (problem, advice string) {
	var (
		authority x509.UnknownAuthorityError
		name      x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		verify    *tls.CertificateVerificationError
		alert     tls.AlertError
		untrusted *untrustedError
	)
	trust := advise("ca_cert", "to the file or folder of CA certificates to trust (X509_CERT_DIR does as well)")
	switch {
	case errors.As(err, &authority):
		return "its certificate is signed by an authority that is not trusted" + issuer(authority.Cert), trust
	case errors.As(err, &name):
		return "its certificate is not for this name: " + name.Error(), "set auth_host and rucio_host to a name that the certificate has"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "its certificate is not valid now: " + invalid.Error(), "check this machine's clock; else the server's certificate must be renewed"
	case errors.As(err, &untrusted):
		return "its certificate is not trusted: " + untrusted.Error(), "tell the server's operators; and keep the folder of authorities up to date (fetch-crl, and the packages of your grid)"
	case errors.As(err, &verify):
		return "its certificate is not trusted: " + verify.Err.Error(), trust
	case errors.As(err, &record):
		return "it does not speak TLS there", "set auth_host to http://..., or to the port that speaks TLS"
	case errors.As(err, &alert), strings.HasPrefix(err.Error(), "remote error: tls:"):
		return "it refused the TLS connection: " + err.Error(), "check the client certificate, if one is set"
	case strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "it does not speak TLS there", "set auth_host to http://..., or to the port that speaks TLS"
	}
	return "", ""
}

// issuer names who signed a certificate, as the grid writes it: " (/DC=org/DC=example/CN=Some CA)".
func issuer(cert *x509.Certificate) string {
	if cert == nil {
		return ""
	}
	return " (" + voms.DN(cert.RawIssuer) + ")"
}

// networkProblem explains an error below TLS.
func networkProblem(err error) (problem, advice string) {
	var dns *net.DNSError
	advice = advise("auth_host", "to the address of the Rucio server")
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return fmt.Sprintf("there is no host named %q", dns.Name), advice
	case errors.As(err, &dns):
		return fmt.Sprintf("the name %q cannot be looked up: %s", dns.Name, dns.Err), ""
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there (connection refused)", "check that the server is up; else " + advice
	case errors.Is(err, errSilent):
		return errSilent.Error(), "check that the server is up, and that no firewall is in the way"
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return "no answer in time: " + err.Error(), "check that the server is up, and that no firewall is in the way"
	}
	return "cannot reach it: " + err.Error(), ""
}
