package rucio

import (
	"cmp"
	"context"
)

// The open data catalog holds DIDs that are published, or are going to be. Its states are DRAFT, PUBLIC and SUSPENDED; as
// arguments they may be written in lower case.

// OpenDataEntry is a DID in the open data catalog.
type OpenDataEntry struct {
	Scope     string `json:"scope"`
	Name      string `json:"name"`
	State     string `json:"state"` // DRAFT, PUBLIC or SUSPENDED
	CreatedAt Time   `json:"created_at"`
	UpdatedAt Time   `json:"updated_at"`
}

// OpenDataList is what ListOpenDataDIDs returns.
type OpenDataList struct {
	Object
	Total  int             `json:"total"`
	Offset int             `json:"offset"`
	DIDs   []OpenDataEntry `json:"dids"`
}

// GetOpenDataHost returns the URL of the server that public (Options.OpenDataHost) or other requests about open data go to.
//
//rucio:method OpenDataClient.get_opendata_host - -
//rucio:param public the server that anybody may ask, or the one for those who log in
func (c *Client) GetOpenDataHost(_ context.Context, public bool) (string, error) {
	host := c.options.Hosts[c.host.Load()%int64(len(c.options.Hosts))]
	if public {
		return cmp.Or(c.options.OpenDataHost, host), nil
	}
	return host, nil
}

// ListOpenDataDIDsOptions narrow ListOpenDataDIDs.
type ListOpenDataDIDsOptions struct {
	State  string `py:"state=None"`   // draft, public or suspended; not together with Public
	Public bool   `py:"public=False"` // what anybody may see, from the public server, without credentials
}

// ListOpenDataDIDs lists the DIDs of the open data catalog. Public ones are at /opendata/public/dids.
//
//rucio:method OpenDataClient.list_opendata_dids GET /opendata/dids
func (c *Client) ListOpenDataDIDs(ctx context.Context, o *ListOpenDataDIDsOptions) (*OpenDataList, error) {
	o = withDefaults(o)
	r := get("list_opendata_dids", "/opendata/dids").query("state", o.State)
	if o.Public {
		r = get("list_opendata_dids", "/opendata/public/dids").at(c.options.OpenDataHost).anonymous()
		if o.State != "" {
			r.refuse(argumentError("list_opendata_dids", ErrValueError, "state and public cannot be provided at the same time."))
		}
	}
	return one[OpenDataList](ctx, c, r)
}

// AddOpenDataDID takes a DID into the open data catalog, as a DRAFT. It fails with ErrDataIdentifierNotFound when there is
// no such DID, with ErrOpenDataDataIdentifierAlreadyExists when it is there already. No method finds names with a slash.
//
//rucio:method OpenDataClient.add_opendata_did POST /opendata/dids/{scope}/{name}
func (c *Client) AddOpenDataDID(ctx context.Context, scope, name string) error {
	return exec(ctx, c, post("add_opendata_did", "/opendata/dids/{scope}/{name}", scope, name))
}

// RemoveOpenDataDID takes a DID out of the open data catalog. It fails with ErrOpenDataDataIdentifierNotFound when it is not
// there, with ErrOpenDataInvalidState when it is not a DRAFT.
//
//rucio:method OpenDataClient.remove_opendata_did DELETE /opendata/dids/{scope}/{name}
func (c *Client) RemoveOpenDataDID(ctx context.Context, scope, name string) error {
	return exec(ctx, c, del("remove_opendata_did", "/opendata/dids/{scope}/{name}", scope, name))
}

// UpdateOpenDataDIDOptions are what UpdateOpenDataDID can change; what is nil stays as it is.
type UpdateOpenDataDIDOptions struct {
	State    *string        `py:"state=None"`     // draft, public or suspended
	Meta     map[string]any `py:"meta=None"`      // replaces what there was
	DOI      *string        `py:"doi=None"`       // such as "10.1234/foo.bar"; of no other DID
	RecordID *int64         `py:"record_id=None"` // number in another catalog; of no other DID
}

// OpenDataUpdate tells what UpdateOpenDataDID has changed; fields of other things are empty.
type OpenDataUpdate struct {
	Object
	Scope       string         `json:"scope"`
	Name        string         `json:"name"`
	StateOld    string         `json:"state_old"`
	StateNew    string         `json:"state_new"`
	MetaNew     map[string]any `json:"meta_new"`
	DOIOld      string         `json:"doi_old"`
	DOINew      string         `json:"doi_new"`
	RecordIDOld *int64         `json:"record_id_old"`
	RecordIDNew *int64         `json:"record_id_new"`
	Rule        string         `json:"rule"`     // id of the rule on the DID, when the server makes one
	Comments    string         `json:"comments"` // whether the rule is new
}

// UpdateOpenDataDID changes an entry of the open data catalog. A collection must be closed before it is PUBLIC, and is never
// a DRAFT again: ErrOpenDataInvalidStateUpdate. It fails with ErrOpenDataDuplicateDOI and ErrOpenDataDuplicateRecordID when
// another DID has them. A server on SQLite cannot keep Meta.
//
//rucio:method OpenDataClient.update_opendata_did PUT /opendata/dids/{scope}/{name}
func (c *Client) UpdateOpenDataDID(ctx context.Context, scope, name string, o *UpdateOpenDataDIDOptions) (*OpenDataUpdate, error) {
	o = withDefaults(o)
	body := fields{}
	if o.Meta != nil {
		body["meta"] = o.Meta
	}
	if o.State != nil {
		body["state"] = o.State
	}
	if o.DOI != nil {
		body["doi"] = o.DOI
	}
	if o.RecordID != nil {
		body["record_id"] = o.RecordID
	}
	r := put("update_opendata_did", "/opendata/dids/{scope}/{name}", scope, name).json(body)
	if len(body) == 0 {
		r.refuse(argumentError("update_opendata_did", ErrValueError, "Either 'meta', 'state', 'doi' or 'record_id' must be provided."))
	}
	return one[OpenDataUpdate](ctx, c, r)
}

// OpenDataDID is what GetOpenDataDID tells of a DID, as far as it was asked to.
type OpenDataDID struct {
	Object
	OpenDataEntry
	DOI          string             `json:"doi"`
	RecordID     *int64             `json:"record_id"`
	Meta         map[string]any     `json:"meta"`
	Rule         string             `json:"rule"` // id of the rule that keeps it, if the server makes such rules
	Files        []OpenDataFile     `json:"files"`
	FilesSummary *OpenDataFileCount `json:"files_summary"` // nil unless files were asked for
}

// OpenDataFile is a file of an open data DID.
type OpenDataFile struct {
	Scope        string   `json:"scope"`
	Name         string   `json:"name"`
	Bytes        *int64   `json:"bytes"`
	Adler32      string   `json:"adler32"`
	URIs         []string `json:"uris"`          // of its replicas on disk
	DownloadURLs []string `json:"download_urls"` // the same with a token, where EOS gives one
}

// OpenDataFileCount sums the files of an open data DID up.
type OpenDataFileCount struct {
	Length          int      `json:"length"` // number of files
	Bytes           int64    `json:"bytes"`
	Extensions      []string `json:"extensions"`       // of their names
	ReplicasMissing int      `json:"replicas_missing"` // files without a replica on disk
}

// GetOpenDataDIDOptions say what GetOpenDataDID tells.
type GetOpenDataDIDOptions struct {
	IncludeFiles        bool  `py:"include_files=False"` // the server must have [opendata] rse_expression
	IncludeMetadata     bool  `py:"include_metadata=False"`
	IncludeDOI          *bool `py:"include_doi=True"`
	IncludeRecordID     *bool `py:"include_record_id=True"`
	IncludeDownloadURLs bool  `py:"include_download_urls=False"` // of the files
	Public              bool  `py:"public=False"`                // only if it is PUBLIC, from the public server, without credentials
}

// GetOpenDataDID tells of a DID in the open data catalog, or fails with ErrOpenDataDataIdentifierNotFound. Public ones are
// at /opendata/public/dids.
//
//rucio:method OpenDataClient.get_opendata_did GET /opendata/dids/{scope}/{name}
func (c *Client) GetOpenDataDID(ctx context.Context, scope, name string, o *GetOpenDataDIDOptions) (*OpenDataDID, error) {
	o = withDefaults(o)
	r := get("get_opendata_did", "/opendata/dids/{scope}/{name}", scope, name)
	if o.Public {
		r = get("get_opendata_did", "/opendata/public/dids/{scope}/{name}", scope, name).at(c.options.OpenDataHost).anonymous()
	}
	r.query("files", digit(o.IncludeFiles)).query("meta", digit(o.IncludeMetadata)).query("doi", digit(*o.IncludeDOI)).
		query("record_id", digit(*o.IncludeRecordID)).query("download_urls", digit(o.IncludeDownloadURLs))
	return one[OpenDataDID](ctx, c, r)
}

// digit is a truth value as the open data endpoints take it.
func digit(b bool) int {
	if b {
		return 1
	}
	return 0
}
