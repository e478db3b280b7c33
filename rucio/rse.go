package rucio

import (
	"context"
	"iter"
	"maps"
)

// RSE is a storage element and its settings. ListRSEs without an expression has the geographical ones, GetRSE the others;
// ListRSEs with an expression has names only.
type RSE struct {
	Object
	ID                string     `json:"id"`
	RSE               string     `json:"rse"` // its name
	VO                string     `json:"vo"`
	Type              string     `json:"rse_type"` // DISK or TAPE
	Deterministic     bool       `json:"deterministic"`
	Volatile          bool       `json:"volatile"`
	StagingArea       bool       `json:"staging_area"`
	Availability      int        `json:"availability"` // 4 for read, 2 for write and 1 for delete, added up
	AvailabilityRead  bool       `json:"availability_read"`
	AvailabilityWrite bool       `json:"availability_write"`
	AvailabilityDel   bool       `json:"availability_delete"`
	QoSClass          string     `json:"qos_class"`
	LFN2PFNAlgorithm  string     `json:"lfn2pfn_algorithm"`
	SignURL           string     `json:"sign_url"`
	VerifyChecksum    *bool      `json:"verify_checksum"`
	Domain            []string   `json:"domain"`
	Credentials       any        `json:"credentials"`
	Protocols         []Protocol `json:"protocols"`
	City              string     `json:"city"`
	RegionCode        string     `json:"region_code"`
	CountryName       string     `json:"country_name"`
	Continent         string     `json:"continent"`
	TimeZone          string     `json:"time_zone"`
	Latitude          *float64   `json:"latitude"`
	Longitude         *float64   `json:"longitude"`
	ISP               string     `json:"ISP"`
	ASN               string     `json:"ASN"`
	CreatedAt         Time       `json:"created_at"`
	UpdatedAt         Time       `json:"updated_at"`
}

// ListRSEsOptions narrow ListRSEs.
type ListRSEsOptions struct {
	RSEExpression string `py:"rse_expression=None"` // such as "country=UK&type=DISK"
}

// ListRSEs lists the RSEs, all or those of an RSE expression. It fails with ErrInvalidRSEExpression, also when an expression
// matches none.
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

// AddRSE creates an RSE, by default a deterministic one on DISK that can be read, written and deleted from. It fails with
// ErrDuplicate when there is, or has been, one of this name, and with ErrInvalidObject when the name is not made of capitals,
// digits, _ and -. Settings that the server does not know are ignored.
//
//rucio:method RSEClient.add_rse POST /rses/{rse}
//rucio:param **kwargs=settings deterministic, volatile, staging_area, rse_type (DISK or TAPE), availability_read, availability_write, availability_delete, city, region_code, country_name, continent, time_zone, latitude, longitude, ISP, ASN
func (c *Client) AddRSE(ctx context.Context, rse string, settings map[string]any) error {
	body := fields{}
	maps.Copy(body, settings)
	return exec(ctx, c, post("add_rse", "/rses/{rse}", rse).json(body))
}

// UpdateRSE changes settings of an RSE, or its name. It fails with ErrRSENotFound, and with ErrInputValidationError for what
// is no setting.
//
//rucio:method RSEClient.update_rse PUT /rses/{rse}
//rucio:param parameters settings by name: those of add_rse, qos_class, and name for a new name
func (c *Client) UpdateRSE(ctx context.Context, rse string, parameters map[string]any) error {
	return exec(ctx, c, put("update_rse", "/rses/{rse}", rse).json(parameters))
}

// DeleteRSE removes an RSE. It fails with ErrRSENotFound, and with ErrRSEOperationNotSupported when the RSE has replicas by the
// server's counter. The abacus-rse daemon keeps that counter: replicas that are newer than its last run do not protect the RSE.
// The name cannot be used again.
//
//rucio:method RSEClient.delete_rse DELETE /rses/{rse}
func (c *Client) DeleteRSE(ctx context.Context, rse string) error {
	return exec(ctx, c, del("delete_rse", "/rses/{rse}", rse))
}
