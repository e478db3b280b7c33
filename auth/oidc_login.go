package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

const (
	// pollPause and pollTime are how often the server is asked whether somebody has logged in, and for how long: as long as
	// the server keeps the session. (Python: for three minutes.)
	pollPause = 2 * time.Second
	pollTime  = 5 * time.Minute
	// codeTries is how often a wrong code may be typed, as in Python's client.
	codeTries = 3
)

// Browser is the person at LoginOIDC, and the browser.
type Browser interface {
	// Open shows the URL at which to log in, and may open it.
	Open(url string)
	// ReadCode asks for the code that the server shows after the login.
	ReadCode(ctx context.Context) (string, error)
	// WrongCode tells that the server does not know the code.
	WrongCode()
}

// Login is a login that LoginOIDC made.
type Login struct {
	Token     rucio.Secret
	Account   string    // that the server takes the token for; empty when it did not say
	Expires   time.Time // zero when it is not known
	Refreshed bool      // the server has a refresh token, and refreshes the token when asked to
	File      string    // the token cache, where it was written; empty: there is none
}

// LoginOIDC logs in at the identity provider by way of Rucio's server, and writes the token to the token cache, where a
// Source of type oidc and Python's client find it. With polling the server is asked until somebody has logged in; without,
// Browser.ReadCode gets a code. The error is an *Error. (Python: BaseClient.__get_token_oidc)
func LoginOIDC(ctx context.Context, opts Options, polling bool, browser Browser) (*Login, error) {
	opts = withDefaults(opts)
	if len(opts.Hosts) == 0 {
		return nil, noHost()
	}
	o := openOIDC(newSession(opts))
	o.from = &storedToken{oidc: o}
	login, err := o.interactive(ctx, polling, browser)
	var e *Error
	if errors.As(err, &e) && e.Attempt == "" {
		e.Attempt = "log in"
		if opts.Account != "" {
			e.Attempt += " to account " + opts.Account
		}
	}
	return login, err
}

func (o *oidc) interactive(ctx context.Context, polling bool, browser Browser) (*Login, error) {
	header := o.loginHeader(polling)
	address, err := o.authURL(ctx, header)
	if err != nil {
		return nil, o.explainLogin(ctx, err)
	}
	if u, err := url.Parse(address); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return nil, &Error{Kind: Server, Host: o.server(), Problem: "it sent no URL at which to log in", Advice: "check that auth_host is a Rucio server with OpenID Connect"}
	}
	browser.Open(address)
	header.Set("X-Rucio-Client-Fetch-Token", "True")
	var token rucio.Secret
	if polling {
		token, err = o.poll(ctx, address, header)
	} else {
		token, err = o.fetchByCode(ctx, browser, header)
	}
	if err != nil {
		return nil, err
	}
	login := &Login{Token: token}
	if o.opts.OIDC.RefreshActive {
		login.Token, login.Refreshed = o.beginRefresh(ctx, token)
	}
	seen, err := o.verify(ctx, login.Token)
	if err != nil {
		return nil, err
	}
	o.keep(login.Token)
	login.Account, login.Expires = seen.account, seen.expires
	if o.cache != nil {
		login.File = o.cache.path
	}
	return login, nil
}

// beginRefresh asks for the first refresh, which brings the same token and tells whether the server can refresh it.
func (o *oidc) beginRefresh(ctx context.Context, token rucio.Secret) (rucio.Secret, bool) {
	fresh, err := o.refresh(ctx, token)
	if err != nil {
		o.opts.Log.Warn("the server cannot refresh the token", "error", err)
	}
	if err != nil || !fresh.IsSet() {
		return token, false
	}
	return fresh, true
}

// loginHeader is what Python's client sends.
func (o *oidc) loginHeader(polling bool) http.Header {
	opts := o.opts.OIDC
	header := http.Header{}
	header.Set("X-Rucio-Client-Authorize-Polling", map[bool]string{true: "True", false: "False"}[polling])
	header.Set("X-Rucio-Client-Authorize-Scope", opts.Scope)
	header.Set("X-Rucio-Client-Authorize-Refresh-Lifetime", orElse(opts.RefreshLifetime, "None"))
	for name, value := range map[string]string{"X-Rucio-Client-Authorize-Audience": opts.Audience, "X-Rucio-Client-Authorize-Issuer": opts.Issuer, "X-Rucio-Account": o.opts.Account} {
		if value != "" {
			header.Set(name, value)
		}
	}
	return header
}

// explainLogin makes a refused request for a login useful.
func (o *oidc) explainLogin(ctx context.Context, refused error) error {
	var e *Error
	var sent *rucio.Error
	if !errors.As(refused, &e) || !errors.As(refused, &sent) || !errors.Is(refused, rucio.ErrCannotAuthenticate) {
		return refused
	}
	explained := *e
	opts := o.opts.OIDC
	switch {
	case sent.Status == http.StatusUnauthorized && o.opts.Account != "":
		explained.Kind, explained.Problem = UnknownAccount, fmt.Sprintf("there is no account %q", o.opts.Account)
		explained.Advice = advise("account", "to an account of yours, or leave it out for your default account")
	case isTooLittle(refused):
		explained.Kind = TokenRefused
		explained.Problem = fmt.Sprintf("the scope %q and the audience %q are less than the server asks for", opts.Scope, opts.Audience)
		explained.Advice = advise("oidc_scope", "to what the server asks for; often it is openid profile") + "; and oidc_audience; often it is rucio"
	case opts.Issuer != "" && o.loginWorks(ctx):
		explained.Kind, explained.Problem = Config, fmt.Sprintf("the server knows no identity provider %q", opts.Issuer)
		explained.Advice = "leave oidc_issuer out, or set it to a name that the server has in its idpsecrets.json"
	default:
		explained.Kind, explained.Problem = Server, "the server has no working OpenID Connect configuration, or cannot reach its identity provider"
		explained.Advice = "tell the operators of the server; or choose another auth_type"
	}
	return &explained
}

// loginWorks tells whether the server lets people log in at all.
func (o *oidc) loginWorks(ctx context.Context) bool {
	_, err := o.authURL(ctx, http.Header{})
	return err == nil
}

// poll asks for the token until somebody has logged in at address.
func (o *oidc) poll(ctx context.Context, address string, header http.Header) (rucio.Secret, error) {
	for begun := o.opts.Now(); o.opts.Now().Sub(begun) < pollTime; {
		token, err := o.fetchToken(ctx, address, header)
		if err != nil || token.IsSet() {
			return token, err
		}
		if err := wait(ctx, pollPause); err != nil {
			return "", connectionError(ctx, o.server(), err)
		}
	}
	problem := fmt.Sprintf("nobody logged in within %v, or the server did not accept who did; then the page in the browser said so", pollTime)
	return "", &Error{Kind: NoToken, Host: o.server(), Problem: problem, Advice: "try again; a server that does not accept you needs your identity registered, or another account: " + advise("account", "")}
}

// code matches the code that the server shows.
var code = regexp.MustCompile(`^[A-Za-z0-9]+$`)

// fetchByCode gets the token for the code that the browser shows.
func (o *oidc) fetchByCode(ctx context.Context, browser Browser, header http.Header) (rucio.Secret, error) {
	for range codeTries {
		text, err := browser.ReadCode(ctx)
		if err != nil {
			return "", &Error{Kind: NoToken, Problem: "no code was given: " + err.Error(), Err: err}
		}
		if text = strings.TrimSpace(text); code.MatchString(text) {
			token, err := o.fetchToken(ctx, o.server()+"/auth/oidc_redirect?"+text, header)
			if err != nil || token.IsSet() {
				return token, err
			}
		}
		browser.WrongCode()
	}
	return "", &Error{Kind: NoToken, Host: o.server(), Problem: "the server does not know the code", Advice: "begin anew, and copy the whole code from the page"}
}

// fetchToken asks once for the token; empty when the server does not have it (yet). It goes where the URL for the browser
// leads, which need not be one of Hosts, and keeps quiet about failures that may pass.
func (o *oidc) fetchToken(ctx context.Context, address string, header http.Header) (rucio.Secret, error) {
	limited, cancel := context.WithTimeoutCause(ctx, attemptTimeout, errSilent)
	defer cancel()
	req, err := http.NewRequestWithContext(limited, http.MethodGet, address, nil)
	if err != nil {
		return "", &Error{Kind: Server, Host: o.server(), Problem: "it sent a URL that is none", Err: err}
	}
	req.Header = header.Clone()
	o.sign(req)
	resp, err := o.client.Do(req) //nolint:gosec // where the server sends people
	at := req.URL.Scheme + "://" + req.URL.Host
	if err != nil {
		failure := connectionError(ctx, at, err)
		if failure.Passing {
			o.opts.Log.Debug("cannot ask for the token", "error", failure)
			return "", nil
		}
		return "", failure
	}
	if resp.StatusCode == http.StatusOK {
		resp.Body.Close()
		return rucio.Secret(resp.Header.Get("X-Rucio-Auth-Token")), nil
	}
	failure := answerError(at, req.URL.Path, resp)
	if failure.Passing || isRefusal(failure) {
		return "", nil
	}
	return "", failure
}

// Logout forgets the token of the cache, so that the next run logs in anew, and returns the files that were removed. The
// server and the provider are not told: Rucio cannot end a token. The error is an *Error.
func Logout(opts Options) (removed []string, err error) {
	o := openOIDC(newSession(withDefaults(opts)))
	if o.cache == nil {
		return nil, nil
	}
	for _, path := range []string{o.cache.path, o.expiryPath()} {
		err := os.Remove(path)
		switch {
		case err == nil:
			removed = append(removed, path)
		case !os.IsNotExist(err):
			return removed, &Error{Kind: Config, Attempt: "remove " + path, Problem: reason(err).Error(), Err: err}
		}
	}
	return removed, nil
}
