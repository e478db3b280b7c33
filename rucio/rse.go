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
