package rucio

import (
	"context"
	"iter"
)

// AddIdentityOptions refine AddIdentity.
type AddIdentityOptions struct {
	Default  bool   `py:"default=False"` // log in to this account when the identity names none
	Password Secret `py:"password=None"` // of a USERPASS identity
}

// AddIdentity lets an identity log in to an account; an identity that is new is made. It fails with ErrDuplicate,
// ErrAccountNotFound, or ErrIdentityError when a USERPASS identity comes without a password.
//
//rucio:method AccountClient.add_identity POST /accounts/{account}/identities
//rucio:param identity DN of a certificate, user name, public SSH key, ...
//rucio:param authtype X509, USERPASS, GSS, SSH, SAML or OIDC
//rucio:param email address of whoever owns the identity
func (c *Client) AddIdentity(ctx context.Context, account, identity, authtype, email string, o *AddIdentityOptions) error {
	o = withDefaults(o)
	return exec(ctx, c, post("add_identity", "/accounts/{account}/identities", account).json(fields{
		"identity": identity, "authtype": authtype, "default": o.Default, "email": email, "password": orNull(o.Password.Reveal()),
	}))
}

// DelIdentity no longer lets an identity log in to an account. It fails with ErrIdentityError when it could not.
//
//rucio:method AccountClient.del_identity DELETE /accounts/{account}/identities
//rucio:param identity DN of a certificate, user name, public SSH key, ...
//rucio:param authtype X509, USERPASS, GSS, SSH, SAML or OIDC
func (c *Client) DelIdentity(ctx context.Context, account, identity, authtype string) error {
	return exec(ctx, c, del("del_identity", "/accounts/{account}/identities", account).
		json(fields{"identity": identity, "authtype": authtype}))
}

// Identity is who may log in to an account.
type Identity struct {
	Object
	Type     string `json:"type"`     // X509, USERPASS, GSS, SSH, SAML or OIDC
	Identity string `json:"identity"` // DN of a certificate, user name, public SSH key, ...
	Email    string `json:"email"`
}

// ListIdentities lists the identities that may log in to an account, or fails with ErrAccountNotFound.
//
//rucio:method AccountClient.list_identities GET /accounts/{account}/identities
func (c *Client) ListIdentities(ctx context.Context, account string) iter.Seq2[*Identity, error] {
	return stream[Identity](ctx, c, get("list_identities", "/accounts/{account}/identities", account))
}
