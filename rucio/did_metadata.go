package rucio

import (
	"context"
	"iter"
)

// GetMetadataOptions say where GetMetadata looks.
type GetMetadataOptions struct {
	Plugin string `py:"plugin='DID_COLUMN'"` // DID_COLUMN, JSON, or ALL
}

// GetMetadata returns the metadata of a DID.
//
//rucio:method DIDClient.get_metadata GET /dids/{scope}/{name}/meta
func (c *Client) GetMetadata(ctx context.Context, scope, name string, o *GetMetadataOptions) (*Object, error) {
	o = withDefaults(o)
	return one[Object](ctx, c, get("get_metadata", "/dids/{scope}/{name}/meta", scope, name).query("plugin", o.Plugin))
}

// SetMetadataOptions widen SetMetadata.
type SetMetadataOptions struct {
	Recursive bool `py:"recursive=False"` // set it on the content as well
}

// SetMetadata sets one key of a DID's metadata.
//
//rucio:method DIDClient.set_metadata POST /dids/{scope}/{name}/meta/{key}
//rucio:param key of the metadata
func (c *Client) SetMetadata(ctx context.Context, scope, name, key string, value any, o *SetMetadataOptions) error {
	o = withDefaults(o)
	return exec(ctx, c, post("set_metadata", "/dids/{scope}/{name}/meta/{key}", scope, name, key).
		json(fields{"value": value, "recursive": o.Recursive}))
}

// DIDMetadata is a row of GetMetadataBulk: a DID, and its metadata in the JSON.
type DIDMetadata struct {
	Object
	Scope string `json:"scope"`
	Name  string `json:"name"`
}

// GetMetadataBulkOptions say where GetMetadataBulk looks.
type GetMetadataBulkOptions struct {
	Inherit bool   `py:"inherit=False"`       // add keys that only what holds a DID has; a key that is null counts
	Plugin  string `py:"plugin='DID_COLUMN'"` // DID_COLUMN, JSON, or ALL
}

// GetMetadataBulk returns the metadata of DIDs, a row each. DIDs that do not exist are left out; with Inherit, their rows
// are the name only.
//
//rucio:method DIDClient.get_metadata_bulk POST /dids/bulkmeta
func (c *Client) GetMetadataBulk(ctx context.Context, dids []DID, o *GetMetadataBulkOptions) iter.Seq2[*DIDMetadata, error] {
	o = withDefaults(o)
	return stream[DIDMetadata](ctx, c, post("get_metadata_bulk", "/dids/bulkmeta").
		json(fields{"dids": orEmpty(dids), "inherit": o.Inherit, "plugin": o.Plugin}))
}

// SetMetadataBulkOptions widen SetMetadataBulk.
type SetMetadataBulkOptions struct {
	Recursive bool `py:"recursive=False"` // set it on the content as well
}

// SetMetadataBulk sets several keys of a DID's metadata, or none when it fails: with ErrInvalidMetadata for a key that the
// server does not know.
//
//rucio:method DIDClient.set_metadata_bulk POST /dids/{scope}/{name}/meta
//rucio:param meta values by key
func (c *Client) SetMetadataBulk(ctx context.Context, scope, name string, meta map[string]any, o *SetMetadataBulkOptions) error {
	o = withDefaults(o)
	return exec(ctx, c, post("set_metadata_bulk", "/dids/{scope}/{name}/meta", scope, name).
		json(fields{"meta": meta, "recursive": o.Recursive}))
}

// SetDIDsMetadataBulkOptions widen SetDIDsMetadataBulk.
type SetDIDsMetadataBulkOptions struct {
	Recursive bool `py:"recursive=False"` // set it on the content as well; servers up to 41.5 do not
}

// SetDIDsMetadataBulk sets metadata of several DIDs, all or none of them.
//
//rucio:method DIDClient.set_dids_metadata_bulk POST /dids/bulkdidsmeta
//rucio:param dids each with scope, name and meta, values by key
func (c *Client) SetDIDsMetadataBulk(ctx context.Context, dids []DID, o *SetDIDsMetadataBulkOptions) error {
	o = withDefaults(o)
	return exec(ctx, c, post("set_dids_metadata_bulk", "/dids/bulkdidsmeta").
		json(fields{"dids": orEmpty(dids), "recursive": o.Recursive}))
}

// DeleteMetadata removes a key from a DID's metadata. Only keys of the JSON plugin can go, which a server on SQLite does not
// have; it fails with ErrKeyNotFound when the DID has no such key.
//
//rucio:method DIDClient.delete_metadata DELETE /dids/{scope}/{name}/meta
//rucio:param key of the metadata
func (c *Client) DeleteMetadata(ctx context.Context, scope, name, key string) error {
	return exec(ctx, c, del("delete_metadata", "/dids/{scope}/{name}/meta", scope, name).query("key", key))
}
