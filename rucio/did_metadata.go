package rucio

import "context"

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
