package auth

import (
	"slices"
	"testing"
)

func TestSAML(t *testing.T) {
	opts, _ := onTestbed(t)
	opts.Type = "SAML"
	_, err := New(opts)
	wantError(t, err, Config, "auth_type saml cannot be used: it logs in to a web page, and Rucio's own client does not know it any more",
		"set RUCIO_CFG_CLIENT_AUTH_TYPE=oidc if the identity provider speaks OpenID Connect, as most that speak SAML do; else x509 or userpass")
	if slices.Contains(Types(), "saml") || !slices.Contains(Names(), "saml") {
		t.Errorf("types are %q, names %q", Types(), Names())
	}
}
