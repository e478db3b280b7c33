package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// verify shows a token to the server (GET /auth/validate), which looks at its signature, end, audience, scope and identity.
// The error says which of these is wrong.
func (o *oidc) verify(ctx context.Context, token rucio.Secret) (seen, error) {
	if !isToken(token.Reveal()) {
		return seen{}, &Error{Kind: TokenRefused, Problem: "it has characters that no token has", Advice: "check that nothing but the token is there"}
	}
	answer, err := o.check(ctx, token, o.opts.Retries)
	if isRefusal(err) {
		// two processes that show a new token at the same time: the server stores it once, and refuses one of them
		answer, err = o.check(ctx, token, o.opts.Retries)
	}
	switch {
	case isRefusal(err):
		return seen{}, o.explain(ctx, token, err)
	case isMissing(err):
		o.opts.Log.Debug("the server cannot tell what it thinks of a token", "error", err)
		return seen{expires: o.localTime(jwtExpiry(token.Reveal()))}, nil
	case err != nil:
		return seen{}, err
	}
	if want := o.opts.Account; want != "" && answer.account != "" && answer.account != want {
		return seen{}, o.otherAccount(o.server(), token, answer.account)
	}
	return answer, nil
}

// otherAccount is the error for a token that the server takes for another account than the one that is set. It always
// takes the default account of an identity, or else its oldest, whatever account a request names.
func (o *oidc) otherAccount(host string, token rucio.Secret, account string) error {
	whose := "this token"
	if claims, err := ReadClaims(token); err == nil {
		whose = claims.Identity()
	}
	return &Error{
		Kind: UnknownAccount, Host: host,
		Problem: fmt.Sprintf("the server takes %s for account %s, not %s", whose, account, o.opts.Account),
		Advice:  advise("account", "to "+account) + "; or make " + o.opts.Account + " the default account of the identity",
	}
}

// explain finds out why the server refuses a token. It says the same whatever the reason.
func (o *oidc) explain(ctx context.Context, token rucio.Secret, refusal error) error {
	e := &Error{Kind: TokenRefused, Host: o.server(), Err: refusal, Problem: "the server refuses the token"}
	claims, err := ReadClaims(token)
	if err != nil {
		e.Problem += ": " + err.Error()
		e.Advice = "check that the token is whole, and that it is an access token of the identity provider"
		return e
	}
	now := o.opts.Now().Add(o.clockDifference())
	if !claims.Expires.IsZero() && !now.Before(claims.Expires) {
		e.Problem = fmt.Sprintf("the token expired at %s, %v ago", claims.Expires.UTC().Format(time.RFC3339), now.Sub(claims.Expires).Round(time.Second))
		e.Advice = "get a new one" + o.otherWays()
		o.noteClock(e)
		return e
	}
	o.probe(ctx, claims, e)
	return e
}

// otherWays ends the advice for a token that nobody renews.
func (o *oidc) otherWays() string {
	if _, stored := o.from.(*storedToken); stored {
		return ": `rucio-task-manager auth login`"
	}
	return "; client credentials (OIDC_CLIENT_ID) or an oidc-agent configuration renew theirs by themselves"
}

// noteClock adds to a problem of time what is wrong with the clocks.
func (o *oidc) noteClock(e *Error) {
	if skew := o.clockDifference(); skew != 0 {
		e.Problem += fmt.Sprintf(" (this machine's clock is %v %s the server's)", skew.Abs().Round(time.Second), map[bool]string{true: "behind", false: "ahead of"}[skew > 0])
		e.Advice = "set this machine's clock right (NTP), then " + e.Advice
	}
}

// probe asks the server for a login with the scope and the audience of the token, which tells whether they are enough.
// What is left is that nobody told the server whose the identity is.
func (o *oidc) probe(ctx context.Context, claims *Claims, e *Error) {
	_, err := o.authURL(ctx, http.Header{"X-Rucio-Client-Authorize-Audience": {orNone(claims.Audience)}})
	if isTooLittle(err) {
		e.Problem = fmt.Sprintf("the token is for the audience %s, which is not the server's", quoted(claims.Audience))
		e.Advice = "get a token for the audience of the Rucio server" + advice(o.opts.OIDC.Audience, "oidc_audience", "to it; often it is rucio")
		return
	}
	_, err = o.authURL(ctx, http.Header{"X-Rucio-Client-Authorize-Scope": {orNone(claims.Scope)}})
	if isTooLittle(err) {
		e.Problem = fmt.Sprintf("the token has the scope %s, which is less than the server asks for", quoted(claims.Scope))
		e.Advice = "get a token with more" + advice(o.opts.OIDC.Scope, "oidc_scope", "to what the server asks for; often it is openid profile")
		return
	}
	url, err := o.authURL(ctx, http.Header{})
	if err != nil {
		e.Kind, e.Problem = Server, "the server cannot check tokens now: it has no working OpenID Connect configuration, or cannot reach its identity provider"
		e.Advice = "tell the operators of the server"
		return
	}
	e.Kind = UnknownAccount
	e.Problem = "the server knows no account for the identity " + claims.Identity()
	e.Advice = fmt.Sprintf("have an administrator register it: rucio account identity add %s --type OIDC --id '%s' --email ADDRESS", orElse(o.opts.Account, "ACCOUNT"), claims.Identity())
	if provider := o.providerOf(ctx, url); provider != "" && provider != hostOf(claims.Issuer) {
		e.Problem += fmt.Sprintf(", or does not trust its issuer: the server's own provider is at %s", provider)
	}
}

// advice tells which setting to change, when the token is one that the settings have a say in.
func advice(set, option, what string) string {
	text := ": " + advise(option, what)
	if set != "" {
		text += fmt.Sprintf(" (it is %q)", set)
	}
	return text
}

// isTooLittle tells the answer to a scope or an audience that do not satisfy the server.
func isTooLittle(err error) bool {
	var e *rucio.Error
	return errors.As(err, &e) && strings.Contains(e.Message, "scope and audience")
}

// authURL asks where to log in (GET /auth/oidc). Without an account the server does not look whether there is one.
func (o *oidc) authURL(ctx context.Context, header http.Header) (string, error) {
	got, err := o.get(ctx, "/auth/oidc", header)
	if err != nil {
		return "", err
	}
	return got.header.Get("X-Rucio-OIDC-Auth-URL"), nil
}

// providerOf returns the host to which the server sends browsers; empty when it cannot be known.
func (o *oidc) providerOf(ctx context.Context, authURL string) string {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, authURL, nil)
	if err != nil {
		return ""
	}
	resp, err := o.client.Do(req) //nolint:gosec // where the server sends people
	if err != nil {
		return ""
	}
	resp.Body.Close()
	return hostOf(resp.Header.Get("Location"))
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// orNone is the value of a header that must not be empty, since the server would take its default for it.
func orNone(list []string) string { return orElse(strings.Join(list, " "), "-") }

func quoted(list []string) string { return strconv.Quote(strings.Join(list, " ")) }

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
