package rucio

import "context"

// AddReplicaOptions say more of the file that AddReplica registers.
type AddReplicaOptions struct {
	PFN  string         `py:"pfn=None"` // where the file is; required for an RSE that is not deterministic
	MD5  string         `py:"md5=None"`
	Meta map[string]any `py:"meta=None"` // metadata, such as events or guid
}

// AddReplica registers a file on an RSE, as AddReplicas does.
//
//rucio:method ReplicaClient.add_replica POST /replicas
//rucio:param bytes_=size of the file
//rucio:param adler32 checksum, eight hexadecimal digits
func (c *Client) AddReplica(ctx context.Context, rse, scope, name string, size int64, adler32 string, o *AddReplicaOptions) error {
	o = withDefaults(o)
	meta := fields{}
	if o.Meta != nil {
		meta = o.Meta
	}
	file := fields{"scope": scope, "name": name, "bytes": size, "adler32": adler32, "meta": meta}
	file.with("md5", o.MD5).with("pfn", o.PFN)
	return exec(ctx, c, post("add_replica", "/replicas").
		json(fields{"rse": rse, "files": []fields{file}, "ignore_availability": true}))
}

// AddReplicasOptions refine AddReplicas.
type AddReplicasOptions struct {
	IgnoreAvailability *bool `py:"ignore_availability=True"` // even if the RSE must not be written to now
}

// AddReplicas registers files on an RSE, all or none, and makes DIDs of those that are new. A replica that is registered already
// is left as it is, without an error. It fails with ErrInvalidObject for wrong names, checksums or states, ErrRSENotFound,
// ErrScopeNotFound, ErrInvalidPath for a PFN that is not the one that the RSE gives the file, ErrUnsupportedOperation when a PFN
// is missing, and ErrResourceTemporaryUnavailable when the RSE must not be written to.
//
//rucio:method ReplicaClient.add_replicas POST /replicas
//rucio:param files each with scope, name, bytes, adler32 and any of md5, pfn, meta, state, tombstone
func (c *Client) AddReplicas(ctx context.Context, rse string, files []DID, o *AddReplicasOptions) error {
	o = withDefaults(o)
	return exec(ctx, c, post("add_replicas", "/replicas").
		json(fields{"rse": rse, "files": orEmpty(files), "ignore_availability": o.IgnoreAvailability}))
}

// DeleteReplicasOptions refine DeleteReplicas.
type DeleteReplicasOptions struct {
	IgnoreAvailability *bool `py:"ignore_availability=True"` // even if the RSE must not be deleted from now
}

// DeleteReplicas takes replicas out of the catalogue, all or none of them; the files themselves stay. It fails with
// ErrReplicaNotFound, ErrRSENotFound, and ErrAccessDenied: only servers with a policy package of their own permit it to anybody,
// see SetTombstone for another way.
//
//rucio:method ReplicaClient.delete_replicas DELETE /replicas
//rucio:param files each with scope and name
func (c *Client) DeleteReplicas(ctx context.Context, rse string, files []DID, o *DeleteReplicasOptions) error {
	o = withDefaults(o)
	return exec(ctx, c, del("delete_replicas", "/replicas").
		json(fields{"rse": rse, "files": orEmpty(files), "ignore_availability": o.IgnoreAvailability}))
}

// UpdateReplicasStates says in what state replicas are: A (available), U (unavailable), C (being copied), B (being deleted),
// D (bad) or T (unavailable for a time). It fails with ErrReplicaNotFound, ErrRSENotFound, ErrInvalidObject for what is no state,
// and ErrValueError for one that is written out, such as AVAILABLE.
//
//rucio:method ReplicaClient.update_replicas_states PUT /replicas
//rucio:param files each with scope, name and state
func (c *Client) UpdateReplicasStates(ctx context.Context, rse string, files []DID) error {
	return exec(ctx, c, put("update_replicas_states", "/replicas").json(fields{"rse": rse, "files": orEmpty(files)}))
}

// SetTombstone lets replicas be deleted, by the reaper daemon, when it comes by. It fails with ErrReplicaIsLocked when a rule
// protects one, and with ErrReplicaNotFound; those before it in the list have their tombstones then.
//
//rucio:method ReplicaClient.set_tombstone POST /replicas/tombstone
//rucio:param replicas each with scope, name and rse
func (c *Client) SetTombstone(ctx context.Context, replicas []ReplicaName) error {
	return exec(ctx, c, post("set_tombstone", "/replicas/tombstone").json(fields{"replicas": orEmpty(replicas)}))
}
