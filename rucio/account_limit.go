package rucio

import (
	"context"
	"encoding/json"
	"iter"
	"math"
)

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

// DeleteAccountLimit removes the quota of an account on an RSE or RSE expression. Removing what is not there is no error.
//
//rucio:method AccountClient.delete_account_limit DELETE /accounts/{account}/limits/{locality}/{rse}
//rucio:param rse name of the RSE, or the RSE expression
//rucio:param locality local for an RSE, global for an RSE expression
func (c *Client) DeleteAccountLimit(ctx context.Context, account, rse, locality string) error {
	return exec(ctx, c, del("delete_account_limit", "/accounts/{account}/limits/{locality}/{rse}", account, locality, rse).
		refuse(checkLocality("delete_account_limit", "scope", locality)))
}

// GetLocalAccountLimit returns the quota of an account on an RSE: its name to bytes, null when none is set, 1e999 when it is
// unlimited. It fails with ErrRSENotFound or ErrAccountNotFound.
//
//rucio:method AccountClient.get_local_account_limit GET /accounts/{account}/limits/local/{rse}
func (c *Client) GetLocalAccountLimit(ctx context.Context, account, rse string) (*Object, error) {
	return one[Object](ctx, c, get("get_local_account_limit", "/accounts/{account}/limits/local/{rse}", account, rse))
}

// GetLocalAccountLimits returns the quotas of an account: bytes by the name of the RSE. Unlimited ones are 1e999.
//
//rucio:method AccountClient.get_local_account_limits GET /accounts/{account}/limits/local
func (c *Client) GetLocalAccountLimits(ctx context.Context, account string) (*Object, error) {
	return one[Object](ctx, c, get("get_local_account_limits", "/accounts/{account}/limits/local", account))
}

// SetLocalAccountLimit sets the quota of an account on an RSE. It fails with ErrRSENotFound or ErrAccountNotFound.
//
//rucio:method AccountClient.set_local_account_limit POST /accounts/{account}/limits/local/{rse}
//rucio:param bytes_=limit bytes; -1 for no limit
func (c *Client) SetLocalAccountLimit(ctx context.Context, account, rse string, limit int64) error {
	return exec(ctx, c, post("set_local_account_limit", "/accounts/{account}/limits/local/{rse}", account, rse).
		json(fields{"bytes": limit}))
}

// DeleteLocalAccountLimit removes the quota of an account on an RSE. It fails with ErrRSENotFound or ErrAccountNotFound;
// removing what is not there is no error.
//
//rucio:method AccountClient.delete_local_account_limit DELETE /accounts/{account}/limits/local/{rse}
func (c *Client) DeleteLocalAccountLimit(ctx context.Context, account, rse string) error {
	return exec(ctx, c, del("delete_local_account_limit", "/accounts/{account}/limits/local/{rse}", account, rse))
}

// GetGlobalAccountLimit returns the quota of an account on an RSE expression: the expression to bytes, null when none is set
// for exactly this text. It fails with ErrAccountNotFound.
//
//rucio:method AccountClient.get_global_account_limit GET /accounts/{account}/limits/global/{rse_expression}
func (c *Client) GetGlobalAccountLimit(ctx context.Context, account, rseExpression string) (*Object, error) {
	return one[Object](ctx, c, get("get_global_account_limit", "/accounts/{account}/limits/global/{rse_expression}", account, rseExpression))
}

// GetGlobalAccountLimits returns the quotas of an account on RSE expressions: by expression, a map with the limit in bytes
// and the RSEs that it is about. It fails with ErrAccountNotFound, and with ErrInvalidRSEExpression when a quota was set on
// what is none.
//
//rucio:method AccountClient.get_global_account_limits GET /accounts/{account}/limits/global
func (c *Client) GetGlobalAccountLimits(ctx context.Context, account string) (*Object, error) {
	return one[Object](ctx, c, get("get_global_account_limits", "/accounts/{account}/limits/global", account))
}

// SetGlobalAccountLimit sets the quota of an account on an RSE expression, which the server does not check. It fails with
// ErrAccountNotFound.
//
//rucio:method AccountClient.set_global_account_limit POST /accounts/{account}/limits/global/{rse_expression}
//rucio:param bytes_=limit bytes; -1 for no limit
func (c *Client) SetGlobalAccountLimit(ctx context.Context, account, rseExpression string, limit int64) error {
	return exec(ctx, c, post("set_global_account_limit", "/accounts/{account}/limits/global/{rse_expression}", account, rseExpression).
		json(fields{"bytes": limit}))
}

// DeleteGlobalAccountLimit removes the quota of an account on an RSE expression. It fails with ErrAccountNotFound; removing
// what is not there is no error.
//
//rucio:method AccountClient.delete_global_account_limit DELETE /accounts/{account}/limits/global/{rse_expression}
func (c *Client) DeleteGlobalAccountLimit(ctx context.Context, account, rseExpression string) error {
	return exec(ctx, c, del("delete_global_account_limit", "/accounts/{account}/limits/global/{rse_expression}", account, rseExpression))
}

// checkLocality refuses what is neither kind of limit, in the words of the Python client.
func checkLocality(method, word, locality string) error {
	if locality != "local" && locality != "global" {
		return argumentError(method, ErrUnsupportedOperation, "The provided %s (%s) for the account limit was invalid", word, locality)
	}
	return nil
}

// Quota is a number of bytes that an account may use, or may use still, where it can be below zero.
type Quota int64

// Unlimited is the quota of an account that has no limit. Methods that set a limit take -1 for it.
const Unlimited Quota = math.MaxInt64

// UnmarshalJSON implements json.Unmarshaler. The server writes Infinity for no limit, which [Object] has as 1e999.
func (q *Quota) UnmarshalJSON(data []byte) error {
	if string(data) == "1e999" {
		*q = Unlimited
		return nil
	}
	return json.Unmarshal(data, (*int64)(q))
}

// AccountQuotaUsage is what an account uses of its quota on an RSE or on an RSE expression, in bytes.
type AccountQuotaUsage struct {
	Object
	RSEID          string `json:"rse_id"`         // of a local usage
	RSE            string `json:"rse"`            // of a local usage
	RSEExpression  string `json:"rse_expression"` // of a global usage
	Bytes          int64  `json:"bytes"`
	Files          int64  `json:"files"`
	BytesLimit     Quota  `json:"bytes_limit"` // 0 when none is set
	BytesRemaining Quota  `json:"bytes_remaining"`
}

// GetLocalAccountUsageOptions narrow GetLocalAccountUsage.
type GetLocalAccountUsageOptions struct {
	RSE string `py:"rse=None"` // name of the RSE; all on which the account has files or a quota when absent
}

// GetLocalAccountUsage lists what an account uses of RSEs. It fails with ErrRSENotFound or ErrAccountNotFound.
//
//rucio:method AccountClient.get_local_account_usage GET /accounts/{account}/usage/local
func (c *Client) GetLocalAccountUsage(ctx context.Context, account string, o *GetLocalAccountUsageOptions) iter.Seq2[*AccountQuotaUsage, error] {
	o = withDefaults(o)
	r := get("get_local_account_usage", "/accounts/{account}/usage/local", account)
	if o.RSE != "" {
		r = get("get_local_account_usage", "/accounts/{account}/usage/local/{rse}", account, o.RSE)
	}
	return stream[AccountQuotaUsage](ctx, c, r)
}

// GetGlobalAccountUsageOptions narrow GetGlobalAccountUsage.
type GetGlobalAccountUsageOptions struct {
	RSEExpression string `py:"rse_expression=None"` // all on which the account has a quota when absent
}

// GetGlobalAccountUsage lists what an account uses of RSE expressions. It fails with ErrAccountNotFound or
// ErrInvalidRSEExpression.
//
//rucio:method AccountClient.get_global_account_usage GET /accounts/{account}/usage/global
func (c *Client) GetGlobalAccountUsage(ctx context.Context, account string, o *GetGlobalAccountUsageOptions) iter.Seq2[*AccountQuotaUsage, error] {
	o = withDefaults(o)
	r := get("get_global_account_usage", "/accounts/{account}/usage/global", account)
	if o.RSEExpression != "" {
		r = get("get_global_account_usage", "/accounts/{account}/usage/global/{rse_expression}", account, o.RSEExpression)
	}
	return stream[AccountQuotaUsage](ctx, c, r)
}

// AccountUsageRecord is what an account used of an RSE at a time.
type AccountUsageRecord struct {
	Object
	Bytes     int64 `json:"bytes"`
	Files     int64 `json:"files"`
	UpdatedAt Time  `json:"updated_at"`
}

// GetAccountUsageHistory returns what an account used of an RSE in the course of time, oldest first, as a daemon of the
// server recorded it; nothing for an account that does not exist. It fails with ErrRSENotFound.
//
//rucio:method AccountClient.get_account_usage_history GET /accounts/{account}/usage/history/{rse}
func (c *Client) GetAccountUsageHistory(ctx context.Context, account, rse string) ([]*AccountUsageRecord, error) {
	return list[AccountUsageRecord](ctx, c, get("get_account_usage_history", "/accounts/{account}/usage/history/{rse}", account, rse))
}
