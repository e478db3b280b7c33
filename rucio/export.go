package rucio

import "context"

// Export is the RSEs of a server and the distances between them, in the form that ImportData takes.
type Export struct {
	Object
	RSEs      map[string]ExportedRSE                 `json:"rses"`      // by name
	Distances map[string]map[string]ExportedDistance `json:"distances"` // by name of the source, then of the destination
}

// ExportedRSE is an RSE with its attributes and protocols.
type ExportedRSE struct {
	ID                string         `json:"id"`
	RSE               string         `json:"rse"`      // its name
	Type              string         `json:"rse_type"` // DISK or TAPE
	Deterministic     bool           `json:"deterministic"`
	Volatile          bool           `json:"volatile"`
	StagingArea       bool           `json:"staging_area"`
	City              string         `json:"city"`
	RegionCode        string         `json:"region_code"`
	CountryName       string         `json:"country_name"`
	TimeZone          string         `json:"time_zone"`
	Latitude          any            `json:"latitude"`
	Longitude         any            `json:"longitude"`
	AvailabilityRead  bool           `json:"availability_read"`
	AvailabilityWrite bool           `json:"availability_write"`
	AvailabilityDel   bool           `json:"availability_delete"`
	LFN2PFNAlgorithm  string         `json:"lfn2pfn_algorithm"`
	VerifyChecksum    *bool          `json:"verify_checksum"`
	MinFreeSpace      *int64         `json:"MinFreeSpace"` // bytes
	Attributes        map[string]any `json:"attributes"`
	Protocols         []Protocol     `json:"protocols"`
	CreatedAt         Time           `json:"created_at"`
	UpdatedAt         Time           `json:"updated_at"`
}

// ExportedDistance is how far a destination is from a source; transfers prefer what is near.
type ExportedDistance struct {
	Distance  *int `json:"distance"`
	CreatedAt Time `json:"created_at"`
	UpdatedAt Time `json:"updated_at"`
}

// ExportDataOptions say what ExportData leaves out.
type ExportDataOptions struct {
	Distance *bool `py:"distance=True"` // with the distances
}

// ExportData returns the settings of all RSEs, and the distances between them.
//
//rucio:method ExportClient.export_data GET /export
func (c *Client) ExportData(ctx context.Context, o *ExportDataOptions) (*Export, error) {
	o = withDefaults(o)
	return one[Export](ctx, c, get("export_data", "/export").query("distance", o.Distance))
}
