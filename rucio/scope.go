package rucio

import "context"

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
