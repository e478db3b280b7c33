package rucio

import "context"

// AttachDIDsOptions refine AttachDIDs.
type AttachDIDsOptions struct {
	RSE string `py:"rse=None"` // where attached files that are new have their replicas
}

// AttachDIDs adds DIDs to a dataset or a container.
//
//rucio:method DIDClient.attach_dids POST /dids/{scope}/{name}/dids
func (c *Client) AttachDIDs(ctx context.Context, scope, name string, dids []DID, o *AttachDIDsOptions) error {
	o = withDefaults(o)
	return c.attachDIDs(ctx, "attach_dids", scope, name, dids, o.RSE)
}

// attachDIDs adds DIDs to one collection or archive; errors name the method.
func (c *Client) attachDIDs(ctx context.Context, method, scope, name string, dids []DID, rse string) error {
	body := fields{"dids": orEmpty(dids)}.with("rse", rse)
	return exec(ctx, c, post(method, "/dids/{scope}/{name}/dids", scope, name).json(body))
}

// AddFilesToDatasetOptions refine AddFilesToDataset.
type AddFilesToDatasetOptions struct {
	RSE string `py:"rse=None"` // where files that are new have their replicas
}

// AddFilesToDataset adds files to a dataset. New ones come with bytes, adler32 or md5, and a guid within meta. It fails with
// ErrFileAlreadyExists when one of them is there already.
//
//rucio:method DIDClient.add_files_to_dataset POST /dids/{scope}/{name}/dids
//rucio:param files each with scope and name; new ones with bytes, adler32, md5, meta, pfn
func (c *Client) AddFilesToDataset(ctx context.Context, scope, name string, files []DID, o *AddFilesToDatasetOptions) error {
	o = withDefaults(o)
	return c.attachDIDs(ctx, "add_files_to_dataset", scope, name, files, o.RSE)
}

// AddFilesToArchive says which files an archive holds. The archive is a file with an extension such as .zip, known to Rucio.
//
//rucio:method DIDClient.add_files_to_archive POST /dids/{scope}/{name}/dids
//rucio:param files each with scope and name; new ones with bytes, adler32, md5, meta
func (c *Client) AddFilesToArchive(ctx context.Context, scope, name string, files []DID) error {
	return c.attachDIDs(ctx, "add_files_to_archive", scope, name, files, "")
}

// AddDatasetsToContainer adds datasets to a container.
//
//rucio:method DIDClient.add_datasets_to_container POST /dids/{scope}/{name}/dids
//rucio:param dsns datasets, each with scope and name
func (c *Client) AddDatasetsToContainer(ctx context.Context, scope, name string, dsns []DID) error {
	return c.attachDIDs(ctx, "add_datasets_to_container", scope, name, dsns, "")
}

// AddContainersToContainer adds containers to a container.
//
//rucio:method DIDClient.add_containers_to_container POST /dids/{scope}/{name}/dids
//rucio:param cnts containers, each with scope and name
func (c *Client) AddContainersToContainer(ctx context.Context, scope, name string, cnts []DID) error {
	return c.attachDIDs(ctx, "add_containers_to_container", scope, name, cnts, "")
}

// Attachment names a dataset or a container and what is to be added to it.
//
//rucio:kind map
type Attachment struct {
	Scope string         `json:"scope,omitempty"`
	Name  string         `json:"name,omitempty"`
	DIDs  []DID          `json:"dids,omitzero"`
	RSE   string         `json:"rse,omitempty"` // where files that are new have their replicas
	Extra map[string]any `json:"-"`             // what else the server takes
}

// MarshalJSON implements json.Marshaler.
func (a Attachment) MarshalJSON() ([]byte, error) {
	type plain Attachment
	return marshalExtra(plain(a), a.Extra)
}

// UnmarshalJSON implements json.Unmarshaler.
func (a *Attachment) UnmarshalJSON(data []byte) error {
	type plain Attachment
	return unmarshalExtra(data, (*plain)(a), &a.Extra)
}

// AttachDIDsToDIDsOptions refine AttachDIDsToDIDs.
type AttachDIDsToDIDsOptions struct {
	IgnoreDuplicate bool `py:"ignore_duplicate=False"` // leave out what is there already, instead of failing
}

// AttachDIDsToDIDs adds DIDs to several datasets and containers, all of them or none. It fails with ErrDuplicateContent, of
// files with ErrFileAlreadyExists, when one of them is there already.
//
//rucio:method DIDClient.attach_dids_to_dids POST /dids/attachments
//rucio:param attachments each with scope, name, dids, and rse where new files have their replicas
func (c *Client) AttachDIDsToDIDs(ctx context.Context, attachments []Attachment, o *AttachDIDsToDIDsOptions) error {
	o = withDefaults(o)
	return c.attach(ctx, "attach_dids_to_dids", attachments, o.IgnoreDuplicate)
}

// attach adds DIDs to several collections; errors name the method.
func (c *Client) attach(ctx context.Context, method string, attachments []Attachment, ignoreDuplicate bool) error {
	return exec(ctx, c, post(method, "/dids/attachments").
		json(fields{"attachments": orEmpty(attachments), "ignore_duplicate": ignoreDuplicate}))
}

// AddFilesToDatasetsOptions refine AddFilesToDatasets.
type AddFilesToDatasetsOptions struct {
	IgnoreDuplicate bool `py:"ignore_duplicate=False"` // leave out what is there already, instead of failing
}

// AddFilesToDatasets adds files to several datasets, all of them or none. It fails with ErrFileAlreadyExists when one of
// them is there already.
//
//rucio:method DIDClient.add_files_to_datasets POST /dids/attachments
//rucio:param attachments each with scope, name, dids, and rse where new files have their replicas
func (c *Client) AddFilesToDatasets(ctx context.Context, attachments []Attachment, o *AddFilesToDatasetsOptions) error {
	o = withDefaults(o)
	return c.attach(ctx, "add_files_to_datasets", attachments, o.IgnoreDuplicate)
}

// AddDatasetsToContainers adds datasets to several containers, all of them or none.
//
//rucio:method DIDClient.add_datasets_to_containers POST /dids/attachments
//rucio:param attachments each with scope, name and dids
func (c *Client) AddDatasetsToContainers(ctx context.Context, attachments []Attachment) error {
	return c.attach(ctx, "add_datasets_to_containers", attachments, false)
}

// AddContainersToContainers adds containers to several containers, all of them or none.
//
//rucio:method DIDClient.add_containers_to_containers POST /dids/attachments
//rucio:param attachments each with scope, name and dids
func (c *Client) AddContainersToContainers(ctx context.Context, attachments []Attachment) error {
	return c.attach(ctx, "add_containers_to_containers", attachments, false)
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
