package rucio

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"math/big"
)

// DatasetLock keeps a dataset on an RSE, because of a rule.
type DatasetLock struct {
	Object
	Scope      string `json:"scope"`
	Name       string `json:"name"`
	RSEID      string `json:"rse_id"`
	RSE        string `json:"rse"`
	RuleID     string `json:"rule_id"`
	Account    string `json:"account"`
	State      string `json:"state"`  // OK, REPLICATING or STUCK
	Length     *int64 `json:"length"` // files
	Bytes      *int64 `json:"bytes"`
	AccessedAt Time   `json:"accessed_at"`
}

// GetDatasetLocks lists the locks of a dataset; what does not exist, or is no dataset, has none.
//
//rucio:method LockClient.get_dataset_locks GET /locks/{scope}/{name}
func (c *Client) GetDatasetLocks(ctx context.Context, scope, name string) iter.Seq2[*DatasetLock, error] {
	return stream[DatasetLock](ctx, c, get("get_dataset_locks", "/locks/{scope}/{name}", scope, name).query("did_type", "dataset"))
}

// GetDatasetLocksByRSE lists the locks of all datasets on an RSE, or fails with ErrRSENotFound.
//
//rucio:method LockClient.get_dataset_locks_by_rse GET /locks/{rse}
func (c *Client) GetDatasetLocksByRSE(ctx context.Context, rse string) iter.Seq2[*DatasetLock, error] {
	return stream[DatasetLock](ctx, c, get("get_dataset_locks_by_rse", "/locks/{rse}", rse).query("did_type", "dataset"))
}

// GetLocksForDIDs returns the locks of datasets and of all datasets in containers, each once. The type of a DID, dataset or
// container in small letters, saves the server a look; the locks of DIDs that do not exist are none. filters narrow the
// result on this side: {"rse": "CERN", "state": "OK"} leaves the locks that have these values. It fails with ErrValueError
// when a DID is of another type.
//
//rucio:method LockClient.get_locks_for_dids POST /locks/bulk_locks_for_dids
//rucio:param dids datasets and containers, each with scope and name, and perhaps type: dataset or container
//rucio:param **filter_args=filters that the locks must have: rse, state, account, ... and its value
func (c *Client) GetLocksForDIDs(ctx context.Context, dids []DID, filters map[string]any) ([]*DatasetLock, error) {
	for _, did := range dids {
		if did.Type != "" && did.Type != "dataset" && did.Type != "container" {
			return nil, argumentError("get_locks_for_dids", ErrValueError, "%s: type must be dataset or container, not %s", did, did.Type)
		}
	}
	locks := []*DatasetLock{}
	r := post("get_locks_for_dids", "/locks/bulk_locks_for_dids").json(fields{"dids": orEmpty(dids)})
	for lock, err := range stream[DatasetLock](ctx, c.typed(), r) {
		if err != nil {
			return nil, err
		}
		ok, err := lock.has(filters)
		if err != nil {
			return nil, fmt.Errorf("get_locks_for_dids: %w", err)
		}
		if ok {
			locks = append(locks, lock)
		}
	}
	return locks, nil
}

// has tells whether a lock has values, as JSON has them. A value that is missing is null.
func (l *DatasetLock) has(values map[string]any) (bool, error) {
	var row map[string]any
	if err := l.Decode(&row); err != nil {
		return false, err
	}
	for name, value := range values {
		text, err := json.Marshal(value)
		if err != nil {
			return false, fmt.Errorf("filter %s: %w", name, err)
		}
		have, err := json.Marshal(row[name])
		if err != nil {
			return false, err
		}
		if string(text) != string(have) && !sameNumber(string(text), string(have)) {
			return false, nil
		}
	}
	return true, nil
}

// sameNumber tells whether texts are the same number, as 10 and 10.0 are.
func sameNumber(a, b string) bool {
	x, okX := new(big.Rat).SetString(a)
	y, okY := new(big.Rat).SetString(b)
	return okX && okY && x.Cmp(y) == 0
}
