package rucio

import (
	"context"
	"errors"
	"net/http"
)

// AddScope creates a scope that belongs to an account.
//
//rucio:method ScopeClient.add_scope POST /accounts/{account}/scopes/{scope}
//rucio:param scope name of the new scope
func (c *Client) AddScope(ctx context.Context, account, scope string) error {
	return exec(ctx, c, post("add_scope", "/accounts/{account}/scopes/{scope}", account, scope))
}

// ListScopes returns the names of all scopes.
//
//rucio:method ScopeClient.list_scopes GET /scopes/
func (c *Client) ListScopes(ctx context.Context) ([]string, error) {
	return value[[]string](ctx, c, get("list_scopes", "/scopes/"))
}

// ScopeOwner is a scope and the account it belongs to.
type ScopeOwner struct {
	Object
	Scope   string `json:"scope"`
	Account string `json:"account"`
}

// ListScopeOwners returns all scopes with the accounts they belong to. Servers before version 40 do not have this:
// ErrRucioException.
//
//rucio:method ScopeClient.list_scope_owners GET /scopes/owner/
func (c *Client) ListScopeOwners(ctx context.Context) ([]*ScopeOwner, error) {
	owners, err := list[ScopeOwner](ctx, c, get("list_scope_owners", "/scopes/owner/"))
	if e := (*Error)(nil); errors.As(err, &e) && e.Status == http.StatusNotFound {
		e.Class, e.Message = string(ErrRucioException), "list_scope_owners requires a rucio server version >=40."
	}
	return owners, err
}

// ListScopesForAccount returns the names of the scopes of an account. It fails with ErrAccountNotFound, and with
// ErrScopeNotFound when the account has none.
//
//rucio:method ScopeClient.list_scopes_for_account GET /accounts/{account}/scopes/
func (c *Client) ListScopesForAccount(ctx context.Context, account string) ([]string, error) {
	return value[[]string](ctx, c, get("list_scopes_for_account", "/accounts/{account}/scopes/", account))
}

// UpdateScope gives a scope to another account. It fails with ErrScopeNotFound or ErrAccountNotFound.
//
//rucio:method ScopeClient.update_scope PUT /scopes/{account}/{scope}
//rucio:param account that the scope belongs to from now on
//rucio:param scope name of the scope
func (c *Client) UpdateScope(ctx context.Context, account, scope string) error {
	return exec(ctx, c, put("update_scope", "/scopes/{account}/{scope}", account, scope))
}
