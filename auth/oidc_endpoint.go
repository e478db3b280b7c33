package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// endpoint is the token endpoint of an identity provider, and who asks it.
type endpoint struct {
	*oidc
	url      string
	clientID string
	secret   rucio.Secret // empty: a public client, which names itself in the body
	setting  string       // what to check when the endpoint cannot be reached
	raw      bool         // the provider wants ID and secret as they are, see authorize
}

// granted is a successful answer (RFC 6749, section 5.1).
type granted struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
}

// refusal is any other (RFC 6749, section 5.2).
type refusal struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

// ask sends a form, with the scope and the audience that are set. It tries again after failures that may pass. The error is
// an *Error.
func (t *endpoint) ask(ctx context.Context, form url.Values) (*granted, error) {
	for name, value := range map[string]string{"scope": t.opts.OIDC.Scope, "audience": t.opts.OIDC.Audience} {
		if value != "" {
			form.Set(name, value)
		}
	}
	if !t.secret.IsSet() {
		form.Set("client_id", t.clientID)
	}
	var body []byte
	err := t.retrying(ctx, t.url, func() *Error {
		var failure *Error
		body, failure = t.post(ctx, form)
		if failure != nil && errors.Is(failure, WrongCredentials) && !t.raw && t.escaped() != t.plain() {
			t.raw = true
			body, failure = t.post(ctx, form)
		}
		return failure
	})
	if err != nil {
		return nil, err
	}
	got := &granted{}
	if err := json.Unmarshal(body, got); err != nil || got.AccessToken == "" {
		return nil, &Error{Kind: Server, Host: t.url, Problem: "its answer has no access token", Advice: "check that " + t.setting + " is a token endpoint of OAuth 2"}
	}
	return got, nil
}

// retrying calls once as Options.Retries says, while its failure may pass.
func (o *oidc) retrying(ctx context.Context, host string, once func() *Error) error {
	for round := 0; ; round++ {
		failure := once()
		if failure == nil {
			return nil
		}
		if round >= o.opts.Retries || !failure.Passing {
			return failure
		}
		pause := min(firstPause<<round, maxPause)
		o.opts.Log.Warn("cannot get a token, trying again", "error", failure, "pause", pause)
		if err := wait(ctx, pause); err != nil {
			return connectionError(ctx, host, err)
		}
	}
}

func (t *endpoint) plain() string { return t.clientID + ":" + t.secret.Reveal() }

// escaped is what RFC 6749, section 2.3.1, wants: ID and secret encoded as in a form.
func (t *endpoint) escaped() string {
	return url.QueryEscape(t.clientID) + ":" + url.QueryEscape(t.secret.Reveal())
}

// authorize names the client. Some providers do not decode ID and secret, which curl does not encode either: the endpoint is
// asked in that way too when the first is refused and there is a difference.
func (t *endpoint) authorize(req *http.Request) {
	if !t.secret.IsSet() {
		return
	}
	credentials := t.escaped()
	if t.raw {
		credentials = t.plain()
	}
	id, secret, _ := strings.Cut(credentials, ":")
	req.SetBasicAuth(id, secret)
}

// post sends the form once and returns the body of a success.
func (t *endpoint) post(ctx context.Context, form url.Values) ([]byte, *Error) {
	req, err := http.NewRequest(http.MethodPost, t.url, strings.NewReader(form.Encode())) //nolint:noctx // fetch adds it
	if err != nil {
		return nil, &Error{Kind: Config, Problem: fmt.Sprintf("%s %q is not a URL", t.setting, t.url), Err: err}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	t.authorize(req)
	status, body, failure := t.fetch(ctx, req, t.setting)
	if failure != nil || status/100 == 2 {
		return body, failure
	}
	return nil, t.refused(status, body, form)
}

// fetch sends a request to the provider once. setting is what to check when there is no answer.
func (o *oidc) fetch(ctx context.Context, req *http.Request, setting string) (status int, body []byte, failure *Error) {
	limited, cancel := context.WithTimeoutCause(ctx, attemptTimeout, errSilent)
	defer cancel()
	at := req.URL.Scheme + "://" + req.URL.Host + req.URL.Path
	req = req.WithContext(limited)
	req.Header.Set("User-Agent", o.opts.UserAgent)
	resp, err := o.provider.Do(req) //nolint:gosec // the provider is the operator's choice
	if err == nil {
		defer resp.Body.Close()
		body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	}
	if err != nil {
		if cause := context.Cause(limited); errors.Is(cause, errSilent) {
			err = cause
		}
		failure = connectionError(ctx, at, err)
		if strings.Contains(failure.Advice, "auth_host") {
			failure.Advice = "check " + setting
		}
		return 0, nil, failure
	}
	if resp.StatusCode >= http.StatusInternalServerError {
		return 0, nil, &Error{Kind: Unreachable, Host: at, Problem: "the identity provider fails (HTTP " + resp.Status + ")", Passing: true}
	}
	return resp.StatusCode, body, nil
}

// refused explains a refusal of the provider.
func (t *endpoint) refused(status int, body []byte, form url.Values) *Error {
	var said refusal
	if err := json.Unmarshal(body, &said); err != nil || said.Code == "" {
		return &Error{Kind: Config, Host: t.url, Problem: fmt.Sprintf("this is no token endpoint (HTTP %d)", status),
			Advice: "check " + t.setting + "; the provider's /.well-known/openid-configuration names its token_endpoint"}
	}
	detail := said.Code
	if said.Description != "" {
		detail += ": " + said.Description
	}
	for _, secret := range []string{t.secret.Reveal(), form.Get("refresh_token")} {
		if secret != "" {
			detail = strings.ReplaceAll(detail, secret, rucio.Secret(secret).String())
		}
	}
	e := &Error{Kind: TokenRefused, Host: t.url, Problem: "the provider gives no token (" + detail + ")", Err: errors.New(detail)}
	switch said.Code {
	case "invalid_client", "unauthorized_client":
		e.Kind = WrongCredentials
		e.Problem = fmt.Sprintf("the provider does not accept the client %q (%s)", t.clientID, detail)
		e.Advice = "check the client ID and its secret, and that the client may use the grant " + form.Get("grant_type")
	case "invalid_scope":
		e.Problem = fmt.Sprintf("the provider does not give the scope %q (%s)", form.Get("scope"), detail)
		e.Advice = advise("oidc_scope", "to scopes that the client may have")
	case "invalid_target", "access_denied":
		e.Problem = fmt.Sprintf("the provider gives no token for the audience %q (%s)", form.Get("audience"), detail)
		e.Advice = advise("oidc_audience", "to one that the client may ask for")
	case "invalid_grant":
		e.Problem = "the refresh token is not valid any more: it has expired, was revoked, or was used by somebody else (" + detail + ")"
	case "temporarily_unavailable", "slow_down":
		e.Kind, e.Passing = Unreachable, true
	}
	return e
}

// credentials are a client that logs in for itself (RFC 6749, section 4.4).
type credentials struct {
	endpoint
	renewable
}

// clientCredentials returns the client that is set, or what is missing of one that is set in part.
func clientCredentials(o *oidc) (client tokens, lacking []string) {
	opts := o.opts.OIDC
	for _, part := range []struct {
		name  string
		isSet bool
	}{{"OIDC_CLIENT_ID", opts.ClientID != ""}, {"OIDC_CLIENT_SECRET", opts.ClientSecret.IsSet()}, {"OIDC_TOKEN_ENDPOINT", opts.TokenEndpoint != ""}} {
		if !part.isSet {
			lacking = append(lacking, part.name+" is not set")
		}
	}
	switch len(lacking) {
	case 3:
		return nil, nil
	case 0:
		return &credentials{endpoint: endpoint{oidc: o, url: opts.TokenEndpoint, clientID: opts.ClientID, secret: opts.ClientSecret, setting: "OIDC_TOKEN_ENDPOINT"}}, nil
	}
	return nil, lacking
}

func (c *credentials) origin() string { return fmt.Sprintf("the credentials of client %q", c.clientID) }

func (c *credentials) next(ctx context.Context) (rucio.Secret, error) {
	got, err := c.ask(ctx, url.Values{"grant_type": {"client_credentials"}})
	if err != nil {
		return "", err
	}
	return rucio.Secret(got.AccessToken), nil
}
