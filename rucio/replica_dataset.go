package rucio

import (
	"context"
	"iter"
)

// DatasetReplica is how much of a dataset is on an RSE.
type DatasetReplica struct {
	Object
	Scope           string `json:"scope"`
	Name            string `json:"name"`
	RSE             string `json:"rse"`
	RSEID           string `json:"rse_id"`
	Bytes           *int64 `json:"bytes"`  // of the dataset
	Length          *int64 `json:"length"` // number of its files
	AvailableBytes  *int64 `json:"available_bytes"`
	AvailableLength *int64 `json:"available_length"`
	State           string `json:"state"` // AVAILABLE or UNAVAILABLE as a whole
	CreatedAt       Time   `json:"created_at"`
	UpdatedAt       Time   `json:"updated_at"`
	AccessedAt      Time   `json:"accessed_at"`
}

// ListDatasetReplicasOptions refine ListDatasetReplicas.
type ListDatasetReplicasOptions struct {
	Deep bool `py:"deep=False"` // look at the files, and not at what the server noted down of the dataset
}

// ListDatasetReplicas lists the RSEs that a rule puts a dataset on or, looking at its files, those that have any of them. What is
// no dataset, or is not there, has no rows.
//
//rucio:method ReplicaClient.list_dataset_replicas GET /replicas/{scope}/{name}/datasets
func (c *Client) ListDatasetReplicas(ctx context.Context, scope, name string, o *ListDatasetReplicasOptions) iter.Seq2[*DatasetReplica, error] {
	o = withDefaults(o)
	return stream[DatasetReplica](ctx, c, get("list_dataset_replicas", "/replicas/{scope}/{name}/datasets", scope, name).flag("deep", o.Deep))
}

// ListDatasetReplicasBulk lists the RSEs that rules put datasets on. It fails with ErrValueError when there are no datasets, and
// with ErrInvalidObject for wrong names.
//
//rucio:method ReplicaClient.list_dataset_replicas_bulk POST /replicas/datasets_bulk
//rucio:param dids datasets, each with scope and name
func (c *Client) ListDatasetReplicasBulk(ctx context.Context, dids []DID) iter.Seq2[*DatasetReplica, error] {
	return stream[DatasetReplica](ctx, c, post("list_dataset_replicas_bulk", "/replicas/datasets_bulk").json(fields{"dids": orEmpty(dids)}))
}

// VirtualPlacement is a row of ListDatasetReplicasVP.
type VirtualPlacement struct {
	Object
	VP   bool `json:"vp"`
	Site any  `json:"site"` // what the service says, usually a name
}

// ListDatasetReplicasVPOptions refine ListDatasetReplicasVP.
type ListDatasetReplicasVPOptions struct {
	Deep bool `py:"deep=False"` // look at the files, and not at what the server noted down of the dataset
}

// ListDatasetReplicasVP lists the sites at which a virtual placement service would cache a dataset. There are rows only if the
// server knows such a service (virtual_placement, vp_endpoint), and if an RSE that speaks root has all of the dataset.
//
//rucio:method ReplicaClient.list_dataset_replicas_vp GET /replicas/{scope}/{name}/datasets_vp
func (c *Client) ListDatasetReplicasVP(ctx context.Context, scope, name string, o *ListDatasetReplicasVPOptions) iter.Seq2[*VirtualPlacement, error] {
	o = withDefaults(o)
	return stream[VirtualPlacement](ctx, c, get("list_dataset_replicas_vp", "/replicas/{scope}/{name}/datasets_vp", scope, name).flag("deep", o.Deep))
}

// ListDatasetsPerRSEOptions are for ListDatasetsPerRSE.
type ListDatasetsPerRSEOptions struct {
	Filters map[string]any `py:"filters=None"` // not sent, as no server looks at them
	Limit   *int           `py:"limit=None"`   // not sent, as no server looks at it
}

// ListDatasetsPerRSE lists the datasets that rules put on an RSE, or fails with ErrRSENotFound. As with Python's client, filters
// and limit change nothing.
//
//rucio:method ReplicaClient.list_datasets_per_rse GET /replicas/rse/{rse}
func (c *Client) ListDatasetsPerRSE(ctx context.Context, rse string, _ *ListDatasetsPerRSEOptions) iter.Seq2[*DatasetReplica, error] {
	return stream[DatasetReplica](ctx, c, get("list_datasets_per_rse", "/replicas/rse/{rse}", rse))
}
