package rucio

import (
	"context"
	"iter"
)

// AttachDIDsOptions refine AttachDIDs.
type AttachDIDsOptions struct {
	RSE string `py:"rse=None"` // where attached files that are new have their replicas
}

// AttachDIDs adds DIDs to a dataset or a container.
//
//rucio:method DIDClient.attach_dids POST /dids/{scope}/{name}/dids
func (c *Client) AttachDIDs(ctx context.Context, scope, name string, dids []DID, o *AttachDIDsOptions) error {
	o = withDefaults(o)
	body := fields{"dids": orEmpty(dids)}.with("rse", o.RSE)
	return exec(ctx, c, post("attach_dids", "/dids/{scope}/{name}/dids", scope, name).json(body))
}

// DetachDIDsOptions narrow DetachDIDs.
type DetachDIDsOptions struct {
	DIDs []DID `py:"dids=None"` // what to take out
}

// DetachDIDs takes DIDs out of a dataset or a container.
//
//rucio:method DIDClient.detach_dids DELETE /dids/{scope}/{name}/dids
func (c *Client) DetachDIDs(ctx context.Context, scope, name string, o *DetachDIDsOptions) error {
	o = withDefaults(o)
	return exec(ctx, c, del("detach_dids", "/dids/{scope}/{name}/dids", scope, name).json(fields{"dids": o.DIDs}))
}

// Content is a row of ListContent.
type Content struct {
	Object
	Scope   string `json:"scope"`
	Name    string `json:"name"`
	Type    string `json:"type"`
	Bytes   *int64 `json:"bytes"`
	Adler32 string `json:"adler32"`
	MD5     string `json:"md5"`
}

// ListContent lists what a dataset or a container directly holds.
//
//rucio:method DIDClient.list_content GET /dids/{scope}/{name}/dids
func (c *Client) ListContent(ctx context.Context, scope, name string) iter.Seq2[*Content, error] {
	return stream[Content](ctx, c, get("list_content", "/dids/{scope}/{name}/dids", scope, name))
}

// File is a row of ListFiles.
type File struct {
	Object
	Scope   string `json:"scope"`
	Name    string `json:"name"`
	Bytes   *int64 `json:"bytes"`
	Adler32 string `json:"adler32"`
	GUID    string `json:"guid"`
	Events  *int64 `json:"events"`
}

// ListFilesOptions widen ListFiles.
type ListFilesOptions struct {
	Long bool `py:"long=None"` // with lumi block numbers
}

// ListFiles lists the files of a DID, through all levels of containers.
//
//rucio:method DIDClient.list_files GET /dids/{scope}/{name}/files
func (c *Client) ListFiles(ctx context.Context, scope, name string, o *ListFilesOptions) iter.Seq2[*File, error] {
	o = withDefaults(o)
	return stream[File](ctx, c, get("list_files", "/dids/{scope}/{name}/files", scope, name).flag("long", o.Long))
}
