package cli

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/auth"
	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/suggest"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/config"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// classify gives an error of the configuration, of a login or of a Rucio call its exit code, and says what to do about
// it. An error that has a code already keeps it.
func classify(err error) error {
	if err == nil || fail.CodeOf(err) != fail.Task {
		return err
	}
	code, hint := codeAndHint(err)
	if hint != "" && fail.HintOf(err) == "" {
		err = fail.Hint(err, "%s", hint)
	}
	if code == fail.Task {
		return err
	}
	return fail.With(code, err)
}

func codeAndHint(err error) (code fail.Code, hint string) {
	var advised interface{ Hint() string }
	if errors.As(err, &advised) {
		hint = advised.Hint()
	}
	var (
		setting  *config.Error
		login    *auth.Error
		argument *catalog.ArgumentError
		sent     *rucio.Error
		stored   *storage.Error
	)
	isStored, isSent := errors.As(err, &stored), errors.As(err, &sent)
	switch {
	case errors.As(err, &setting):
		return fail.Config, hint
	case errors.As(err, &login):
		return loginCode(login.Kind), hint
	case errors.As(err, &argument):
		return fail.Usage, suggest.Hint(argument.Param, argument.Known)
	case isStored && (!isSent || sent.Status == 0): // in the words of Rucio's exceptions
		return storageCode(stored, hint)
	case !isSent:
		return fail.Task, hint
	case errors.Is(err, rucio.ErrServerConnectionException), errors.Is(err, rucio.ErrReadTimeout):
		return fail.Unavailable, connectionHint(err)
	case sent.Status == http.StatusBadGateway, sent.Status == http.StatusServiceUnavailable, sent.Status == http.StatusGatewayTimeout:
		return fail.Unavailable, "the server, or the proxy in front of it, is down or overloaded; try again later"
	case errors.Is(err, rucio.ErrCannotAuthenticate), errors.Is(err, rucio.ErrCannotAuthorize), errors.Is(err, rucio.ErrNoAuthInformation):
		return fail.Auth, "`" + programName + " config show` tells which account and credentials are used"
	case errors.Is(err, rucio.ErrAccessDenied):
		return fail.Task, "the account may not do this; another one is chosen by --account or RUCIO_CFG_CLIENT_ACCOUNT"
	case errors.Is(err, rucio.ErrInvalidRSEExpression):
		return fail.Task, "`" + programName + " call list_rses` lists the RSEs, with rse_expression=EXPRESSION those that it matches"
	case errors.Is(err, rucio.ErrScopeNotFound):
		return fail.Task, "`" + programName + " call list_scopes` lists the scopes"
	case sent.Class == string(rucio.ErrRucioException) && (sent.Status == http.StatusNotFound || sent.Status == http.StatusMethodNotAllowed):
		return fail.Task, "this does not look like an answer of Rucio: is rucio_host right? `" + programName + " config show` tells where it comes from"
	}
	return fail.Task, ""
}

// storageCode is the exit code of what went wrong at a storage, and what to do about it.
func storageCode(err *storage.Error, hint string) (fail.Code, string) {
	switch {
	case isUntrusted(err):
		return fail.Unavailable, connectionHint(err)
	case err.Kind == storage.Unavailable:
		return fail.Unavailable, hint
	case err.Kind == storage.Denied && storage.Scheme(err.PFN) == "file":
		return fail.Task, hint // no login would change it
	case err.Kind == storage.Denied && strings.Contains(err.Error(), "choose xrdcp") && !strings.Contains(err.Error(), "it takes ztn;"): // which is a token
		return fail.Auth, cmp.Or(hint, "--xrdcp, or RUCIO_TASK_MANAGER_XRDCP=true, has the installed xrdcp serve root:// storages")
	case err.Kind == storage.Denied && storage.Scheme(err.PFN) == "s3":
		return fail.Auth, cmp.Or(hint, "the keys are those of rse-accounts.cfg, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	case err.Kind == storage.Denied:
		return fail.Auth, cmp.Or(hint, "a storage takes a certificate or proxy (--client-proxy, X509_USER_PROXY), or a token (auth_type oidc, BEARER_TOKEN) over TLS")
	}
	return fail.Task, hint
}

// isUntrusted tells whether nobody whom we trust vouches for a server.
func isUntrusted(err error) bool {
	var (
		authority *x509.UnknownAuthorityError
		byValue   x509.UnknownAuthorityError
	)
	return errors.As(err, &authority) || errors.As(err, &byValue)
}

// loginCode is the exit code of a login that failed.
func loginCode(kind auth.Kind) fail.Code {
	switch kind {
	case auth.Config:
		return fail.Config
	case auth.Unreachable, auth.TLS, auth.Server:
		return fail.Unavailable
	case auth.Cancelled:
		return fail.Interrupted
	}
	return fail.Auth
}

// connectionHint says what may be wrong when no answer came.
func connectionHint(err error) string {
	var (
		authority *x509.UnknownAuthorityError
		byValue   x509.UnknownAuthorityError
		hostname  x509.HostnameError
		expired   x509.CertificateInvalidError
		plain     tls.RecordHeaderError
		dns       *net.DNSError
	)
	switch {
	case errors.As(err, &authority), errors.As(err, &byValue):
		return "if you trust the server, name its certificate authority: --ca-cert FILE, or ca_cert in rucio.cfg, or X509_CERT_DIR"
	case errors.As(err, &hostname):
		return "the certificate is for another name: use that name in rucio_host and auth_host"
	case errors.As(err, &expired):
		return "the server's certificate is not valid now; check the clock of this machine, or tell the server's operators"
	case errors.As(err, &plain):
		return "the server does not speak TLS there: is it http:// instead of https://, or another port?"
	case errors.As(err, &dns):
		return "no machine has this name: is rucio_host right? `" + programName + " config show` tells where it comes from"
	}
	return "is the server up, and are rucio_host and auth_host right? `" + programName + " config show` tells where they come from"
}
