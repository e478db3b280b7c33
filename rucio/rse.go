package rucio

import (
	"context"
	"iter"
)

// RSE is a storage element and its settings. ListRSEs fills what its rows hold.
type RSE struct {
	Object
	ID                string     `json:"id"`
	RSE               string     `json:"rse"` // its name
	Type              string     `json:"rse_type"`
	Deterministic     bool       `json:"deterministic"`
	Volatile          bool       `json:"volatile"`
	StagingArea       bool       `json:"staging_area"`
	AvailabilityRead  bool       `json:"availability_read"`
	AvailabilityWrite bool       `json:"availability_write"`
	AvailabilityDel   bool       `json:"availability_delete"`
	LFN2PFNAlgorithm  string     `json:"lfn2pfn_algorithm"`
	SignURL           string     `json:"sign_url"`
	VerifyChecksum    *bool      `json:"verify_checksum"`
	Domain            []string   `json:"domain"`
	Credentials       any        `json:"credentials"`
	Protocols         []Protocol `json:"protocols"`
}

// Protocol is a way to reach an RSE.
type Protocol struct {
	Scheme             string                    `json:"scheme"`
	Hostname           string                    `json:"hostname"`
	Port               int                       `json:"port"`
	Prefix             string                    `json:"prefix"`
	Impl               string                    `json:"impl"`
	Domains            map[string]map[string]any `json:"domains"` // lan and wan: operation to priority, 0 for off
	ExtendedAttributes any                       `json:"extended_attributes"`
}

// ListRSEsOptions narrow ListRSEs.
type ListRSEsOptions struct {
	RSEExpression string `py:"rse_expression=None"` // such as "country=UK&type=DISK"
}

// ListRSEs lists the RSEs, all or those of an RSE expression.
//
//rucio:method RSEClient.list_rses GET /rses/
func (c *Client) ListRSEs(ctx context.Context, o *ListRSEsOptions) iter.Seq2[*RSE, error] {
	o = withDefaults(o)
	return stream[RSE](ctx, c, get("list_rses", "/rses/").query("expression", o.RSEExpression))
}

// GetRSE returns an RSE, its settings and protocols, or ErrRSENotFound.
//
//rucio:method RSEClient.get_rse GET /rses/{rse}
func (c *Client) GetRSE(ctx context.Context, rse string) (*RSE, error) {
	return one[RSE](ctx, c, get("get_rse", "/rses/{rse}", rse))
}

// RSEUsage is what a source of information says about the space of an RSE, in bytes.
type RSEUsage struct {
	Object
	RSEID     string `json:"rse_id"`
	RSE       string `json:"rse"`
	Source    string `json:"source"` // rucio, storage, unavailable ...
	Used      *int64 `json:"used"`
	Free      *int64 `json:"free"`
	Total     *int64 `json:"total"`
	Files     *int64 `json:"files"`
	UpdatedAt Time   `json:"updated_at"`
}

// GetRSEUsageOptions narrow GetRSEUsage.
type GetRSEUsageOptions struct {
	Filters map[string]any `py:"filters=None"` // source, per_account
}

// GetRSEUsage tells the space of an RSE, a row for each source of information.
//
//rucio:method RSEClient.get_rse_usage GET /rses/{rse}/usage
func (c *Client) GetRSEUsage(ctx context.Context, rse string, o *GetRSEUsageOptions) iter.Seq2[*RSEUsage, error] {
	o = withDefaults(o)
	return stream[RSEUsage](ctx, c, get("get_rse_usage", "/rses/{rse}/usage", rse).queryMap(o.Filters))
}
