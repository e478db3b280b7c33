// Package transfer uploads to and downloads from the storage of a data lake: it chooses RSE, protocol and replica, moves the
// bytes with package storage, and registers and reports what happened as Rucio's Python clients do.
//
// Today it holds the signatures of UploadClient and DownloadClient, so that scripts, `methods describe` and other programs know
// them; each answers with NotImplementedError until the backends of package storage stand.
package transfer

import "github.com/rucio-task-manager/rucio-task-manager/rucio"

// Item is what to upload or to download, by Python's keys: path, rse, did_scope, did_name ...; did, base_dir, rse ...
//
//rucio:kind map
type Item = map[string]any

// notYet is the error of a transfer, which this version cannot make. Nothing has been sent or written.
func notYet(method string) error {
	return &rucio.Error{Class: string(rucio.ErrNotImplementedError), Method: method,
		Message: "this version does not move files yet; use rucio-clients for transfers"}
}
