package rucio

import (
	"context"
	"iter"
)

// Content is a row of ListContent or ListArchiveContent.
type Content struct {
	Object
	Scope   string `json:"scope"`
	Name    string `json:"name"`
	Type    string `json:"type"` // FILE, DATASET or CONTAINER; empty within archives, which hold files
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

// PastContent is a row of ListContentHistory.
type PastContent struct {
	Object
	Scope     string `json:"scope"`
	Name      string `json:"name"`
	Type      string `json:"type"`
	Bytes     *int64 `json:"bytes"`
	Adler32   string `json:"adler32"`
	MD5       string `json:"md5"`
	CreatedAt Time   `json:"created_at"` // when it was attached
	UpdatedAt Time   `json:"updated_at"`
	DeletedAt Time   `json:"deleted_at"` // when it was detached
}

// ListContentHistory lists what a dataset or a container once held directly and does not any more; nothing when there is no
// such DID.
//
//rucio:method DIDClient.list_content_history GET /dids/{scope}/{name}/dids/history
func (c *Client) ListContentHistory(ctx context.Context, scope, name string) iter.Seq2[*PastContent, error] {
	return stream[PastContent](ctx, c, get("list_content_history", "/dids/{scope}/{name}/dids/history", scope, name))
}

// ListArchiveContent lists the files within an archive, such as a zip file; nothing when there is no such file or it is not
// an archive.
//
//rucio:method DIDClient.list_archive_content GET /archives/{scope}/{name}/files
func (c *Client) ListArchiveContent(ctx context.Context, scope, name string) iter.Seq2[*Content, error] {
	return stream[Content](ctx, c, get("list_archive_content", "/archives/{scope}/{name}/files", scope, name))
}

// File is a row of ListFiles or BulkListFiles.
type File struct {
	Object
	Scope       string `json:"scope"`
	Name        string `json:"name"`
	Bytes       *int64 `json:"bytes"`
	Adler32     string `json:"adler32"`
	GUID        string `json:"guid"`
	Events      *int64 `json:"events"`
	ParentScope string `json:"parent_scope"` // of BulkListFiles: the DID that was asked for
	ParentName  string `json:"parent_name"`
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

// BulkListFiles lists the files of several DIDs, through all levels of containers, a row a file and DID. DIDs that do not
// exist have none.
//
//rucio:method DIDClient.bulk_list_files POST /dids/bulkfiles
func (c *Client) BulkListFiles(ctx context.Context, dids []DID) iter.Seq2[*File, error] {
	return stream[File](ctx, c, post("bulk_list_files", "/dids/bulkfiles").json(fields{"dids": orEmpty(dids)}))
}

// ParentDID is a row of ListParentDIDs or GetDatasetByGUID.
type ParentDID struct {
	Object
	Scope string `json:"scope"`
	Name  string `json:"name"`
	Type  string `json:"type"` // DATASET or CONTAINER; empty of GetDatasetByGUID
}

// ListParentDIDs lists the datasets and containers that directly hold a DID; nothing when there is no such DID.
//
//rucio:method DIDClient.list_parent_dids GET /dids/{scope}/{name}/parents
func (c *Client) ListParentDIDs(ctx context.Context, scope, name string) iter.Seq2[*ParentDID, error] {
	return stream[ParentDID](ctx, c, get("list_parent_dids", "/dids/{scope}/{name}/parents", scope, name))
}

// GetDatasetByGUID lists the datasets that hold the file with a GUID, or fails with ErrDataIdentifierNotFound when no file
// has it.
//
//rucio:method DIDClient.get_dataset_by_guid GET /dids/{guid}/guid
//rucio:param guid of the file: 32 hexadecimal digits, dashes allowed
func (c *Client) GetDatasetByGUID(ctx context.Context, guid string) iter.Seq2[*ParentDID, error] {
	return stream[ParentDID](ctx, c, get("get_dataset_by_guid", "/dids/{guid}/guid", guid))
}

// TreeDID is a row of ScopeList.
type TreeDID struct {
	Object
	Scope  string `json:"scope"`
	Name   string `json:"name"`
	Type   string `json:"type"`   // FILE, DATASET or CONTAINER
	Parent *DID   `json:"parent"` // nil at the top
	Level  int    `json:"level"`  // 0 at the top
	Bytes  *int64 `json:"bytes"`
}

// ScopeListOptions say where ScopeList begins and how deep it goes.
type ScopeListOptions struct {
	Name      string `py:"name=None"`       // list below this DID
	Recursive bool   `py:"recursive=False"` // all levels, each collection before its content
}

// ScopeList lists the DIDs of a scope that no other DID holds, or what a DID of it holds, as a tree. It fails with
// ErrDataIdentifierNotFound when there is no DID of the name; a scope that does not exist is empty.
//
//rucio:method DIDClient.scope_list GET /dids/{scope}/
func (c *Client) ScopeList(ctx context.Context, scope string, o *ScopeListOptions) iter.Seq2[*TreeDID, error] {
	o = withDefaults(o)
	return stream[TreeDID](ctx, c, get("scope_list", "/dids/{scope}/", scope).query("name", o.Name).flag("recursive", o.Recursive))
}
