package auth

// noSAML is the answer to auth_type saml, which Rucio's servers and clients had until the web page took other ways.
func noSAML() *Error {
	return &Error{
		Kind:    Config,
		Problem: "auth_type saml cannot be used: it logs in to a web page, and Rucio's own client does not know it any more",
		Advice:  "set RUCIO_CFG_CLIENT_AUTH_TYPE=oidc if the identity provider speaks OpenID Connect, as most that speak SAML do; else x509 or userpass",
	}
}
