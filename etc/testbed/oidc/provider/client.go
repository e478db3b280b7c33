package main

import (
	"regexp"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// client is a client of the provider. Its ID says all about it; these words, between dashes, mean something:
//
//	20s, 5m, 1h  how long its access tokens live; an hour without
//	rotating     each use of a refresh token makes a new one, and a second use of the old one revokes all
//	expired      its access tokens ended an hour ago
//	public       it has no secret
//	strange      its secret has signs that mean something in URLs
//
// The secret is the ID with "-secret" after it. A client that logs in for itself is the user of its own name.
type client struct {
	id        string
	redirects []string
}

func (c *client) has(word string) bool {
	return strings.Contains("-"+c.id+"-", "-"+word+"-")
}

func (c *client) secret() string {
	if c.has("strange") {
		return c.id + "-se+c%re&t=/ü"
	}
	return c.id + "-secret"
}

var duration = regexp.MustCompile(`-([0-9]+[smh])(-|$)`)

// lifetime is that of access tokens.
func (c *client) lifetime() time.Duration {
	if c.has("expired") {
		return -time.Hour
	}
	if found := duration.FindStringSubmatch(c.id); found != nil {
		d, _ := time.ParseDuration(found[1])
		return d
	}
	return time.Hour
}

func (c *client) GetID() string                      { return c.id }
func (c *client) RedirectURIs() []string             { return c.redirects }
func (*client) PostLogoutRedirectURIs() []string     { return nil }
func (*client) ApplicationType() op.ApplicationType  { return op.ApplicationTypeWeb }
func (*client) ResponseTypes() []oidc.ResponseType   { return []oidc.ResponseType{oidc.ResponseTypeCode} }
func (*client) LoginURL(id string) string            { return "/login?id=" + id }
func (*client) AccessTokenType() op.AccessTokenType  { return op.AccessTokenTypeJWT }
func (*client) IDTokenLifetime() time.Duration       { return time.Hour }
func (*client) DevMode() bool                        { return true } // allows http://localhost
func (*client) IsScopeAllowed(string) bool           { return true }
func (*client) IDTokenUserinfoClaimsAssertion() bool { return false }
func (*client) ClockSkew() time.Duration             { return 0 }

func (c *client) AuthMethod() oidc.AuthMethod {
	if c.has("public") {
		return oidc.AuthMethodNone
	}
	return oidc.AuthMethodBasic
}

func (*client) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken, oidc.GrantTypeClientCredentials}
}

func (*client) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

func (*client) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}
