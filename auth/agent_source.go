package auth

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// agentConfig is what an oidc-agent account configuration says, as far as it matters here. Its cert_path is a file of the
// machine where it was made.
type agentConfig struct {
	Name           string `json:"name"`
	IssuerURL      string `json:"issuer_url"`
	Issuer         string `json:"issuer"` // in its place, in some versions
	ConfigEndpoint string `json:"config_endpoint"`
	ClientID       string `json:"client_id"`
	ClientSecret   string `json:"client_secret"`
	RefreshToken   string `json:"refresh_token"`
	Mytoken        string `json:"mytoken_url"`
}

// agent gets tokens with the refresh token of an oidc-agent configuration, as oidc-token does.
type agent struct {
	endpoint
	renewable
	config   agentConfig
	first    string // its refresh token, before the provider replaced it
	key      []byte // it is encrypted with
	borrowed bool   // the last token was another process's
}

const agentVariables = "OIDC_AGENT_AUTH_CLIENT_CFG_VALUE"

// newAgent decrypts the configuration. The error is an *Error of kind Config.
func newAgent(o *oidc) (tokens, error) {
	fail := func(err error, advice string) (tokens, error) {
		return nil, &Error{Kind: Config, Attempt: "read the oidc-agent configuration of " + agentVariables, Problem: err.Error(), Err: err, Advice: advice}
	}
	text, key, err := decryptAgent(o.opts.OIDC.AgentConfig.Reveal(), o.opts.OIDC.AgentPassword.Reveal())
	switch {
	case errors.Is(err, errAgentPassword):
		return fail(err, "check OIDC_AGENT_AUTH_CLIENT_CFG_PASSWORD")
	case errors.Is(err, errAgentPGP):
		return fail(err, "make one that is encrypted with a password: oidc-gen without --gpg")
	case err != nil:
		return fail(err, "set it to the text of a file in ~/.oidc-agent")
	}
	a := &agent{endpoint: endpoint{oidc: o, setting: "the issuer of the oidc-agent configuration"}, key: key}
	if err := json.Unmarshal(text, &a.config); err != nil {
		return fail(errors.New("what is encrypted in it is no account configuration"), "make it anew with oidc-gen")
	}
	a.config.IssuerURL = cmp.Or(a.config.IssuerURL, a.config.Issuer)
	a.first = a.config.RefreshToken
	a.clientID, a.secret = a.config.ClientID, rucio.Secret(a.config.ClientSecret)
	switch {
	case a.config.Mytoken != "":
		return fail(errors.New("it is for a mytoken server, which is not supported"), "make one for the identity provider itself with oidc-gen")
	case a.config.RefreshToken == "":
		return fail(errors.New("it has no refresh token"), "make it anew with oidc-gen and the scope offline_access")
	case a.config.IssuerURL == "" || a.clientID == "":
		return fail(errors.New("it names no issuer, or no client"), "make it anew with oidc-gen")
	}
	return a, nil
}

func (a *agent) origin() string {
	return fmt.Sprintf("the oidc-agent configuration %q of %s", a.config.Name, a.config.IssuerURL)
}

// next gets a token with the refresh token. One process at a time does so, and the others take its token from the cache:
// where each use makes a new refresh token, a second use of the old one would revoke them all.
func (a *agent) next(ctx context.Context) (rucio.Secret, error) {
	unlock := a.lock(ctx)
	defer unlock()
	token := a.shared()
	if a.borrowed = token.IsSet(); a.borrowed {
		return token, nil
	}
	if a.url == "" {
		if err := a.discover(ctx); err != nil {
			return "", err
		}
	}
	a.readRotated()
	got, err := a.ask(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {a.config.RefreshToken}})
	var e *Error
	if errors.As(err, &e) && strings.Contains(e.Problem, "refresh token") {
		e.Advice = "make the configuration anew: oidc-gen --reauthenticate " + a.config.Name
	}
	if err != nil {
		return "", err
	}
	if got.RefreshToken != "" && got.RefreshToken != a.config.RefreshToken {
		a.rotate(got.RefreshToken)
	}
	a.keep(rucio.Secret(got.AccessToken)) // before the lock is given back
	return rucio.Secret(got.AccessToken), nil
}

// shared returns the token that another process got in the same way, if it is as good as a new one.
func (a *agent) shared() rucio.Secret {
	if a.cache == nil {
		return ""
	}
	text, err := a.cache.load()
	token := rucio.Secret(text)
	if err != nil || token == a.last {
		return ""
	}
	claims, err := ReadClaims(token)
	now := a.opts.Now()
	switch {
	case err != nil || strings.TrimRight(claims.Issuer, "/") != strings.TrimRight(a.config.IssuerURL, "/"):
		return ""
	case lacks(claims.Audience, a.opts.OIDC.Audience) != nil || lacks(claims.Scope, a.opts.OIDC.Scope) != nil:
		return ""
	case claims.Expires.IsZero() || newGrant(token, cmp.Or(claims.Issued, now), claims.Expires).due(now):
		return ""
	}
	return token
}

// discover finds the token endpoint (OpenID Connect Discovery).
func (a *agent) discover(ctx context.Context) error {
	issuer := strings.TrimRight(a.config.IssuerURL, "/")
	at := cmp.Or(a.config.ConfigEndpoint, issuer+"/.well-known/openid-configuration")
	var document struct {
		Issuer        string `json:"issuer"`
		TokenEndpoint string `json:"token_endpoint"`
	}
	err := a.retrying(ctx, at, func() *Error {
		req, err := http.NewRequest(http.MethodGet, at, nil) //nolint:noctx // fetch adds it
		if err != nil {
			return &Error{Kind: Config, Problem: fmt.Sprintf("the issuer %q of the oidc-agent configuration is not a URL", issuer), Err: err}
		}
		status, body, failure := a.fetch(ctx, req, a.setting)
		if failure == nil && (status != http.StatusOK || json.Unmarshal(body, &document) != nil || document.TokenEndpoint == "") {
			failure = &Error{Kind: Config, Host: at, Problem: fmt.Sprintf("there is no OpenID configuration (HTTP %d)", status), Advice: "check " + a.setting}
		}
		return failure
	})
	if err != nil {
		return err
	}
	if strings.TrimRight(document.Issuer, "/") != issuer {
		return &Error{Kind: Server, Host: at, Problem: fmt.Sprintf("it is the configuration of another issuer, %s", document.Issuer), Advice: "check " + a.setting}
	}
	a.url = document.TokenEndpoint
	return nil
}
