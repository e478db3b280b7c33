package rucio

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"strconv"
)

// DID names a data identifier: a file, a dataset or a container.
//
//rucio:kind DID
type DID struct {
	Scope string         `json:"scope,omitempty"`
	Name  string         `json:"name,omitempty"`
	Type  string         `json:"type,omitempty"` // FILE, DATASET or CONTAINER, where it matters
	Extra map[string]any `json:"-"`              // what else the call takes: bytes, adler32, md5, guid, pfn, meta ...
}

// MarshalJSON implements json.Marshaler.
func (d DID) MarshalJSON() ([]byte, error) {
	type plain DID
	return marshalExtra(plain(d), d.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *DID) UnmarshalJSON(data []byte) error {
	type plain DID
	return unmarshalExtra(data, (*plain)(d), &d.Extra)
}

// String returns "scope:name".
func (d DID) String() string { return d.Scope + ":" + d.Name }

// NewDID is a dataset or container to be made by AddDIDs.
//
//rucio:kind map
type NewDID struct {
	Scope    string           `json:"scope,omitempty"`
	Name     string           `json:"name,omitempty"`
	Type     string           `json:"type,omitempty"`     // DATASET or CONTAINER
	Statuses map[string]any   `json:"statuses,omitempty"` // monotonic
	Meta     map[string]any   `json:"meta,omitempty"`
	Rules    []map[string]any `json:"rules,omitempty"`    // arguments of AddReplicationRule
	Lifetime *int             `json:"lifetime,omitempty"` // seconds
	DIDs     []DID            `json:"dids,omitempty"`     // its content
	RSE      string           `json:"rse,omitempty"`      // where files among the content are
	Extra    map[string]any   `json:"-"`                  // what else the server takes
}

// MarshalJSON implements json.Marshaler.
func (d NewDID) MarshalJSON() ([]byte, error) {
	type plain NewDID
	return marshalExtra(plain(d), d.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (d *NewDID) UnmarshalJSON(data []byte) error {
	type plain NewDID
	return unmarshalExtra(data, (*plain)(d), &d.Extra)
}

// Filters choose DIDs by their metadata: one of the maps must match, with all of its keys. A key may end in an operator:
// "length.gt". In JSON a single map may stand for a list of one.
//
//rucio:kind map or list of maps
type Filters []map[string]any

// UnmarshalJSON implements json.Unmarshaler.
func (f *Filters) UnmarshalJSON(data []byte) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if data[0] == '{' {
		*f = make(Filters, 1)
		return d.Decode(&(*f)[0])
	}
	return d.Decode((*[]map[string]any)(f))
}

// FoundDID is a row of ListDIDs. Unless the list is long, it holds the name only.
type FoundDID struct {
	Object
	Scope  string `json:"scope"`
	Name   string `json:"name"`
	Type   string `json:"did_type"`
	Bytes  *int64 `json:"bytes"`
	Length *int64 `json:"length"` // number of files
}

func (d *FoundDID) setText(name string) { d.Name = name }

// ListDIDsOptions widen ListDIDs.
type ListDIDsOptions struct {
	DIDType   string `py:"did_type='collection'"` // all, collection, dataset, container or file
	Long      bool   `py:"long=False"`            // rows with scope, name, type, bytes and length instead of names
	Recursive bool   `py:"recursive=False"`       // the contents of matching collections as well
}

// ListDIDs finds the DIDs of a scope whose metadata match. Without filters the server lists the DIDs of every scope.
//
//rucio:method DIDClient.list_dids GET /dids/{scope}/dids/search
//rucio:param filters such as {name: "test.*"} or [{datatype: RAW}, {"length.gt": 10}]
func (c *Client) ListDIDs(ctx context.Context, scope string, filters Filters, o *ListDIDsOptions) iter.Seq2[*FoundDID, error] {
	o = withDefaults(o)
	return stream[FoundDID](ctx, c, get("list_dids", "/dids/{scope}/dids/search", scope).
		query("type", o.DIDType).query("filters", append(Filters{}, filters...)).
		query("long", o.Long).query("recursive", o.Recursive))
}

// ListDIDsExtendedOptions are those of ListDIDsExtended.
type ListDIDsExtendedOptions struct {
	DIDType   string `py:"did_type='collection'"`
	Long      bool   `py:"long=False"`
	Recursive bool   `py:"recursive=False"`
}

// ListDIDsExtended fails with ErrDeprecationError, as in the Python client: use ListDIDs.
//
//rucio:method DIDClient.list_dids_extended - -
//rucio:param filters not used
func (c *Client) ListDIDsExtended(_ context.Context, scope string, filters any, _ *ListDIDsExtendedOptions) error {
	return argumentError("list_dids_extended", ErrDeprecationError, "Command or function has been deprecated. Please use list_dids instead.")
}

// AddDIDOptions are what AddDID can give a new collection.
type AddDIDOptions struct {
	Statuses map[string]any   `py:"statuses=None"` // monotonic
	Meta     map[string]any   `py:"meta=None"`     // metadata
	Rules    []map[string]any `py:"rules=None"`    // arguments of add_replication_rule, without dids
	Lifetime *int             `py:"lifetime=None"` // seconds
	DIDs     []DID            `py:"dids=None"`     // its content
	RSE      string           `py:"rse=None"`      // where files among the content are
}

// AddDID creates a dataset or a container. It fails with ErrDataIdentifierAlreadyExists when there is one of this name.
//
//rucio:method DIDClient.add_did POST /dids/{scope}/{name}
//rucio:param did_type DATASET or CONTAINER
func (c *Client) AddDID(ctx context.Context, scope, name, didType string, o *AddDIDOptions) error {
	return c.addDID(ctx, "add_did", scope, name, didType, o)
}

// addDID makes a collection; errors name the method.
func (c *Client) addDID(ctx context.Context, method, scope, name, didType string, o *AddDIDOptions) error {
	o = withDefaults(o)
	body := fields{"type": didType}.with("statuses", o.Statuses).with("meta", o.Meta).with("rules", o.Rules).
		with("lifetime", o.Lifetime).with("dids", o.DIDs).with("rse", o.RSE)
	return exec(ctx, c, post(method, "/dids/{scope}/{name}", scope, name).json(body))
}

// AddDatasetOptions are what AddDataset can give a new dataset.
type AddDatasetOptions struct {
	Statuses map[string]any   `py:"statuses=None"` // monotonic
	Meta     map[string]any   `py:"meta=None"`     // metadata
	Rules    []map[string]any `py:"rules=None"`    // arguments of add_replication_rule, without dids
	Lifetime *int             `py:"lifetime=None"` // seconds
	Files    []DID            `py:"files=None"`    // its content
	RSE      string           `py:"rse=None"`      // where new files among the content are
}

// AddDataset creates a dataset. It fails with ErrDataIdentifierAlreadyExists when there is a DID of this name.
//
//rucio:method DIDClient.add_dataset POST /dids/{scope}/{name}
func (c *Client) AddDataset(ctx context.Context, scope, name string, o *AddDatasetOptions) error {
	o = withDefaults(o)
	return c.addDID(ctx, "add_dataset", scope, name, "DATASET", &AddDIDOptions{
		Statuses: o.Statuses, Meta: o.Meta, Rules: o.Rules, Lifetime: o.Lifetime, DIDs: o.Files, RSE: o.RSE,
	})
}

// AddContainerOptions are what AddContainer can give a new container.
type AddContainerOptions struct {
	Statuses map[string]any   `py:"statuses=None"` // monotonic
	Meta     map[string]any   `py:"meta=None"`     // metadata
	Rules    []map[string]any `py:"rules=None"`    // arguments of add_replication_rule, without dids
	Lifetime *int             `py:"lifetime=None"` // seconds
}

// AddContainer creates a container. It fails with ErrDataIdentifierAlreadyExists when there is a DID of this name.
//
//rucio:method DIDClient.add_container POST /dids/{scope}/{name}
func (c *Client) AddContainer(ctx context.Context, scope, name string, o *AddContainerOptions) error {
	o = withDefaults(o)
	return c.addDID(ctx, "add_container", scope, name, "CONTAINER", &AddDIDOptions{
		Statuses: o.Statuses, Meta: o.Meta, Rules: o.Rules, Lifetime: o.Lifetime,
	})
}

// AddDIDs creates datasets and containers, all or none of them.
//
//rucio:method DIDClient.add_dids POST /dids
//rucio:param dids each with scope, name, type and any of statuses, meta, rules, lifetime, dids, rse
func (c *Client) AddDIDs(ctx context.Context, dids []NewDID) error {
	return exec(ctx, c, post("add_dids", "/dids").json(orEmpty(dids)))
}

// AddDatasets creates datasets, whatever their Type says, all or none of them.
//
//rucio:method DIDClient.add_datasets POST /dids
//rucio:param dsns each with scope, name and any of statuses, meta, rules, lifetime, dids, rse
func (c *Client) AddDatasets(ctx context.Context, dsns []NewDID) error {
	return exec(ctx, c, post("add_datasets", "/dids").json(allOfType("DATASET", dsns)))
}

// AddContainers creates containers, whatever their Type says, all or none of them.
//
//rucio:method DIDClient.add_containers POST /dids
//rucio:param cnts each with scope, name and any of statuses, meta, rules, lifetime, dids
func (c *Client) AddContainers(ctx context.Context, cnts []NewDID) error {
	return exec(ctx, c, post("add_containers", "/dids").json(allOfType("CONTAINER", cnts)))
}

// allOfType copies dids, each with a type.
func allOfType(didType string, dids []NewDID) []NewDID {
	typed := make([]NewDID, len(dids))
	for i, did := range dids {
		did.Type = didType
		typed[i] = did
	}
	return typed
}

// DIDInfo is what GetDID tells of a DID. Files have checksums; collections are open or closed.
type DIDInfo struct {
	Object
	Scope     string `json:"scope"`
	Name      string `json:"name"`
	Type      string `json:"type"` // FILE, DATASET or CONTAINER
	Account   string `json:"account"`
	Open      *bool  `json:"open"`
	Monotonic *bool  `json:"monotonic"`
	ExpiredAt Time   `json:"expired_at"`
	Length    *int64 `json:"length"` // number of files
	Bytes     *int64 `json:"bytes"`
	Adler32   string `json:"adler32"`
	MD5       string `json:"md5"`
}

// GetDIDOptions say how GetDID counts.
type GetDIDOptions struct {
	Dynamic      bool   `py:"dynamic=False"`      // compute bytes and length now, at the level of files
	DynamicDepth string `py:"dynamic_depth=None"` // the level to compute them at: FILE or DATASET
}

// GetDID tells what a DID is, or fails with ErrDataIdentifierNotFound.
//
//rucio:method DIDClient.get_did GET /dids/{scope}/{name}
func (c *Client) GetDID(ctx context.Context, scope, name string, o *GetDIDOptions) (*DIDInfo, error) {
	o = withDefaults(o)
	if o.DynamicDepth == "" && o.Dynamic {
		o.DynamicDepth = "FILE"
	}
	return one[DIDInfo](ctx, c, get("get_did", "/dids/{scope}/{name}", scope, name).query("dynamic_depth", o.DynamicDepth))
}

// SetStatus opens or closes a dataset or a container: statuses is {"open": false}, for example.
//
//rucio:method DIDClient.set_status PUT /dids/{scope}/{name}/status
//rucio:param **kwargs=statuses open: whether the collection takes further content
func (c *Client) SetStatus(ctx context.Context, scope, name string, statuses map[string]any) error {
	return exec(ctx, c, put("set_status", "/dids/{scope}/{name}/status", scope, name).json(statuses))
}

// Close closes a dataset or a container: it takes no further content. It fails with ErrUnsupportedOperation when it is
// closed already.
//
//rucio:method DIDClient.close PUT /dids/{scope}/{name}/status
func (c *Client) Close(ctx context.Context, scope, name string) error {
	return exec(ctx, c, put("close", "/dids/{scope}/{name}/status", scope, name).json(fields{"open": false}))
}

// CreateDIDSample makes a dataset of files that are picked by chance from a dataset or container.
//
//rucio:method DIDClient.create_did_sample POST /dids/sample
//rucio:param input_scope scope of the collection to pick from
//rucio:param input_name name of the collection to pick from
//rucio:param output_scope scope of the new dataset
//rucio:param output_name name of the new dataset
//rucio:param nbfiles how many files; all when there are fewer
func (c *Client) CreateDIDSample(ctx context.Context, inputScope, inputName, outputScope, outputName string, nbfiles int) error {
	return exec(ctx, c, post("create_did_sample", "/dids/sample").json(fields{
		"input_scope": inputScope, "input_name": inputName, "output_scope": outputScope, "output_name": outputName,
		"nbfiles": strconv.Itoa(nbfiles),
	}))
}

// Resurrect brings back DIDs that were deleted because they had expired, without their content and without an expiry; of
// those that have expired and are not deleted yet it takes the expiry away. It fails with ErrDataIdentifierNotFound when one
// of them has not expired.
//
//rucio:method DIDClient.resurrect POST /dids/resurrect
func (c *Client) Resurrect(ctx context.Context, dids []DID) error {
	return exec(ctx, c, post("resurrect", "/dids/resurrect").json(orEmpty(dids)))
}
