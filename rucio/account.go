package rucio

import (
	"context"
	"iter"
)

// Account is an account and its settings.
type Account struct {
	Object
	Account     string `json:"account"`
	Type        string `json:"account_type"` // USER, GROUP or SERVICE
	Email       string `json:"email"`
	Status      string `json:"status"` // ACTIVE, SUSPENDED or DELETED
	CreatedAt   Time   `json:"created_at"`
	UpdatedAt   Time   `json:"updated_at"`
	DeletedAt   Time   `json:"deleted_at"`
	SuspendedAt Time   `json:"suspended_at"`
}

// AccountSummary is a row of ListAccounts.
type AccountSummary struct {
	Object
	Account string `json:"account"`
	Type    string `json:"type"` // USER, GROUP or SERVICE
	Email   string `json:"email"`
}

// AddAccount creates an account. It fails with ErrDuplicate when there is one of this name.
//
//rucio:method AccountClient.add_account POST /accounts/{account}
//rucio:param type_=accountType USER, GROUP or SERVICE
//rucio:param email address of whoever answers for the account
func (c *Client) AddAccount(ctx context.Context, account, accountType string, email *string) error {
	return exec(ctx, c, post("add_account", "/accounts/{account}", account).json(fields{"type": accountType, "email": email}))
}

// GetAccount returns an account and its settings, or ErrAccountNotFound.
//
//rucio:method AccountClient.get_account GET /accounts/{account}
func (c *Client) GetAccount(ctx context.Context, account string) (*Account, error) {
	return one[Account](ctx, c, get("get_account", "/accounts/{account}", account))
}

// Whoami returns the account that the client acts as.
//
//rucio:method AccountClient.whoami GET /accounts/whoami
func (c *Client) Whoami(ctx context.Context) (*Account, error) {
	return one[Account](ctx, c, get("whoami", "/accounts/whoami"))
}

// ListAccountsOptions narrow ListAccounts.
type ListAccountsOptions struct {
	AccountType string         `py:"account_type=None"` // USER, GROUP or SERVICE
	Identity    string         `py:"identity=None"`     // that may act as the account, such as an X.509 DN or a user name
	Filters     map[string]any `py:"filters=None"`      // account attributes and settings by name
}

// ListAccounts lists the active accounts.
//
//rucio:method AccountClient.list_accounts GET /accounts
func (c *Client) ListAccounts(ctx context.Context, o *ListAccountsOptions) iter.Seq2[*AccountSummary, error] {
	o = withDefaults(o)
	return stream[AccountSummary](ctx, c, get("list_accounts", "/accounts").
		query("account_type", o.AccountType).query("identity", o.Identity).queryMap(o.Filters))
}

// GetAccountLimits returns the quota of an account on an RSE or RSE expression: its name to bytes, -1 for none.
//
//rucio:method AccountClient.get_account_limits GET /accounts/{account}/limits/{locality}/{rse_expression}
//rucio:param locality local for an RSE, global for an RSE expression
func (c *Client) GetAccountLimits(ctx context.Context, account, rseExpression, locality string) (*Object, error) {
	return one[Object](ctx, c, get("get_account_limits", "/accounts/{account}/limits/{locality}/{rse_expression}", account, locality, rseExpression).
		refuse(checkLocality("get_account_limits", "locality", locality)))
}

// SetAccountLimit sets the quota of an account on an RSE or RSE expression.
//
//rucio:method AccountClient.set_account_limit POST /accounts/{account}/limits/{locality}/{rse}
//rucio:param rse name of the RSE, or the RSE expression
//rucio:param bytes_=limit bytes; -1 for no limit
//rucio:param locality local for an RSE, global for an RSE expression
func (c *Client) SetAccountLimit(ctx context.Context, account, rse string, limit int64, locality string) error {
	return exec(ctx, c, post("set_account_limit", "/accounts/{account}/limits/{locality}/{rse}", account, locality, rse).
		json(fields{"bytes": limit}).refuse(checkLocality("set_account_limit", "scope", locality)))
}

// GetLocalAccountLimits returns the quotas of an account: bytes by the name of the RSE. Unlimited ones are 1e999.
//
//rucio:method AccountClient.get_local_account_limits GET /accounts/{account}/limits/local
func (c *Client) GetLocalAccountLimits(ctx context.Context, account string) (*Object, error) {
	return one[Object](ctx, c, get("get_local_account_limits", "/accounts/{account}/limits/local", account))
}

// checkLocality refuses what is neither kind of limit, in the words of the Python client.
func checkLocality(method, word, locality string) error {
	if locality != "local" && locality != "global" {
		return argumentError(method, ErrUnsupportedOperation, "The provided %s (%s) for the account limit was invalid", word, locality)
	}
	return nil
}
