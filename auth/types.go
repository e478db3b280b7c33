package auth

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// method is a way to get a token, made by a constructor that has checked the options it needs.
type method struct {
	// login gets a new token from the server. It is never called twice at a time.
	login func(ctx context.Context) (grant, error)
	// identity is what the second part of a Rucio token must be ("account-identity-appid-uuid") for a cached token to be
	// this login's; empty when it cannot be known.
	identity string
	// uncached keeps the tokens out of the cache file.
	uncached bool
	// origin says where the tokens come from ("OIDC_ACCESS_TOKEN"); empty when the type says it all.
	origin string
	// stored tells that there is no way to get a token here: somebody has to log in first.
	stored bool
}

// constructors has all authentication types of Python's client, and "token" for a token that somebody else obtained.
func constructors() map[string]func(*session) (method, error) {
	return map[string]func(*session) (method, error){
		"gss":        newGSS,
		"oidc":       newOIDC,
		"ssh":        newSSH,
		"token":      newReady,
		"userpass":   newUserpass,
		"x509":       newX509,
		"x509_proxy": newX509,
	}
}

// Types lists the values of auth_type, sorted.
func Types() []string { return slices.Sorted(maps.Keys(constructors())) }

// Names lists Types, and those values of auth_type that are answered with a reason. Others are mistakes.
func Names() []string { return append(Types(), "saml") }

// unknownType is the error for an auth_type that does not exist, or for none.
func unknownType(name string, suggest func(string, []string) string) *Error {
	if name == "saml" {
		return noSAML()
	}
	all := "one of " + strings.Join(Types(), ", ")
	if name == "" {
		return &Error{Kind: Config, Problem: "auth_type is not set", Advice: advise("auth_type", "to "+all)}
	}
	advice := suggest(name, Types())
	if advice == "" {
		advice = advise("auth_type", "to "+all)
	}
	return &Error{Kind: Config, Problem: fmt.Sprintf("auth_type %q is not %s", name, all), Advice: advice}
}

// advise tells where to set an option of [client], and what to.
func advise(option, what string) string {
	text := fmt.Sprintf("set RUCIO_CFG_CLIENT_%s, or %s in the [client] section of rucio.cfg", strings.ToUpper(option), option)
	if what != "" {
		text += ", " + what
	}
	return text
}
