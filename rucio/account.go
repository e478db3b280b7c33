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

// UpdateAccount sets a property of an account: status (ACTIVE, SUSPENDED or DELETED, in capitals), account_type (USER, GROUP
// or SERVICE) or email, where a nil value removes the address. It fails with ErrAccountNotFound; the server ignores a key
// that it does not know.
//
//rucio:method AccountClient.update_account PUT /accounts/{account}
//rucio:param key status, account_type or email
func (c *Client) UpdateAccount(ctx context.Context, account, key string, value any) error {
	return exec(ctx, c, put("update_account", "/accounts/{account}", account).json(fields{key: value}))
}

// DeleteAccount disables an account: its status is DELETED then, and it can no longer log in. It fails with
// ErrAccountNotFound, also when the account is deleted already.
//
//rucio:method AccountClient.delete_account DELETE /accounts/{account}
func (c *Client) DeleteAccount(ctx context.Context, account string) error {
	return exec(ctx, c, del("delete_account", "/accounts/{account}", account))
}

// AccountAttribute is a row of ListAccountAttributes.
type AccountAttribute struct {
	Object
	Key   string `json:"key"`
	Value any    `json:"value"` // text, mostly
}

// ListAccountAttributes lists the attributes of an account, or fails with ErrAccountNotFound. The server sends all of them
// in one piece: in raw mode, and in Python, they are one row that is a list.
//
//rucio:method AccountClient.list_account_attributes GET /accounts/{account}/attr/
func (c *Client) ListAccountAttributes(ctx context.Context, account string) iter.Seq2[*AccountAttribute, error] {
	return stream[AccountAttribute](ctx, c, get("list_account_attributes", "/accounts/{account}/attr/", account))
}

// AddAccountAttribute sets an attribute of an account that it does not have yet: text of letters, digits, and the signs
// "-_./". It fails with ErrDuplicate, ErrAccountNotFound, or ErrInvalidObject when key or value are of another form.
//
//rucio:method AccountClient.add_account_attribute POST /accounts/{account}/attr/{key}
func (c *Client) AddAccountAttribute(ctx context.Context, account, key string, value any) error {
	return exec(ctx, c, post("add_account_attribute", "/accounts/{account}/attr/{key}", account, key).
		json(fields{"key": key, "value": value}))
}

// DeleteAccountAttribute removes an attribute of an account. It fails with ErrAccountNotFound when the account does not have
// it.
//
//rucio:method AccountClient.delete_account_attribute DELETE /accounts/{account}/attr/{key}
func (c *Client) DeleteAccountAttribute(ctx context.Context, account, key string) error {
	return exec(ctx, c, del("delete_account_attribute", "/accounts/{account}/attr/{key}", account, key))
}

// ListAccountRules lists the replication rules of an account; an account that does not exist has none.
//
//rucio:method AccountClient.list_account_rules GET /accounts/{account}/rules
func (c *Client) ListAccountRules(ctx context.Context, account string) iter.Seq2[*Rule, error] {
	return stream[Rule](ctx, c, get("list_account_rules", "/accounts/{account}/rules", account))
}
