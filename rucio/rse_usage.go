package rucio

import (
	"context"
	"iter"
)

// RSEUsage is what a source of information says about the space of an RSE, in bytes.
type RSEUsage struct {
	Object
	RSEID         string         `json:"rse_id"`
	RSE           string         `json:"rse"`
	Source        string         `json:"source"` // rucio, storage, unavailable ...
	Used          *int64         `json:"used"`
	Free          *int64         `json:"free"`
	Total         *int64         `json:"total"`
	Files         *int64         `json:"files"`
	UpdatedAt     Time           `json:"updated_at"`
	AccountUsages []AccountShare `json:"account_usages"` // when asked for
}

// AccountShare is the share of an account in the space that is used on an RSE.
type AccountShare struct {
	Account    string  `json:"account"`
	Used       int64   `json:"used"`       // bytes, of replicas that rules of the account hold
	Percentage float64 `json:"percentage"` // of what is used and free; accounts that share replicas make more than 100
}

// GetRSEUsageOptions narrow GetRSEUsage.
type GetRSEUsageOptions struct {
	Filters map[string]any `py:"filters=None"` // source: a name; per_account: true for the shares of the accounts
}

// GetRSEUsage tells the space of an RSE, a row for each source of information.
//
//rucio:method RSEClient.get_rse_usage GET /rses/{rse}/usage
func (c *Client) GetRSEUsage(ctx context.Context, rse string, o *GetRSEUsageOptions) iter.Seq2[*RSEUsage, error] {
	o = withDefaults(o)
	return stream[RSEUsage](ctx, c, get("get_rse_usage", "/rses/{rse}/usage", rse).queryMap(o.Filters))
}

// SetRSEUsageOptions say more for SetRSEUsage.
type SetRSEUsageOptions struct {
	Files *int64 `py:"files=None"` // number of files
}

// SetRSEUsage says how much space of an RSE is used and free, in bytes, according to a source of information. What the source
// said before is overwritten.
//
//rucio:method RSEClient.set_rse_usage PUT /rses/{rse}/usage
//rucio:param source of the information: storage, unavailable, or a name of your own; rucio is the server's
//rucio:param used bytes
//rucio:param free bytes
func (c *Client) SetRSEUsage(ctx context.Context, rse, source string, used, free int64, o *SetRSEUsageOptions) error {
	o = withDefaults(o)
	return exec(ctx, c, put("set_rse_usage", "/rses/{rse}/usage", rse).
		json(fields{"source": source, "used": used, "free": free, "files": o.Files}))
}

// ListRSEUsageHistoryOptions narrow ListRSEUsageHistory.
type ListRSEUsageHistoryOptions struct {
	Filters map[string]any `py:"filters=None"` // source: a name
}

// ListRSEUsageHistory tells how the space of an RSE was used at earlier times, the latest first. The server writes this history
// when its abacus-rse daemon is told to; there are no numbers of files in it.
//
//rucio:method RSEClient.list_rse_usage_history GET /rses/{rse}/usage/history
func (c *Client) ListRSEUsageHistory(ctx context.Context, rse string, o *ListRSEUsageHistoryOptions) iter.Seq2[*RSEUsage, error] {
	o = withDefaults(o)
	return stream[RSEUsage](ctx, c, get("list_rse_usage_history", "/rses/{rse}/usage/history", rse).queryMap(o.Filters))
}

// SetRSELimits sets a limit of an RSE, such as MinFreeSpace. One that is there is overwritten.
//
//rucio:method RSEClient.set_rse_limits PUT /rses/{rse}/limits
//rucio:param name of the limit
//rucio:param value=limit bytes
func (c *Client) SetRSELimits(ctx context.Context, rse, name string, limit int64) error {
	return exec(ctx, c, put("set_rse_limits", "/rses/{rse}/limits", rse).json(fields{"name": name, "value": limit}))
}

// GetRSELimits returns the limits of an RSE: bytes by name.
//
//rucio:method RSEClient.get_rse_limits GET /rses/{rse}/limits
func (c *Client) GetRSELimits(ctx context.Context, rse string) (map[string]int64, error) {
	return value[map[string]int64](ctx, c, get("get_rse_limits", "/rses/{rse}/limits", rse))
}

// DeleteRSELimits removes a limit of an RSE. One that is not there is no error.
//
//rucio:method RSEClient.delete_rse_limits DELETE /rses/{rse}/limits
//rucio:param name of the limit
func (c *Client) DeleteRSELimits(ctx context.Context, rse, name string) error {
	return exec(ctx, c, del("delete_rse_limits", "/rses/{rse}/limits", rse).json(fields{"name": name}))
}
