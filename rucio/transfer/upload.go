package transfer

import (
	"context"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// UploadOptions refine Upload.
type UploadOptions struct {
	SummaryFilePath    string            `py:"summary_file_path=None"`    // a JSON file with the result of each item
	TracesCopyOut      *[]map[string]any `py:"traces_copy_out=None"`      // each trace that is sent is added to this list
	IgnoreAvailability bool              `py:"ignore_availability=False"` // upload to RSEs that take no writes
	Activity           string            `py:"activity=None"`             // of the rules that are made
}

// Upload sends files to RSEs and registers them. It returns 0, as Python's does, or fails.
//
//rucio:method UploadClient.upload - -
//rucio:param items files or folders, each a map with path, rse and any of did_scope, did_name, lifetime, dataset_name ...
func Upload(_ context.Context, _ *rucio.Client, items []Item, o *UploadOptions) (int, error) {
	_, _ = items, o
	return 0, notYet("upload")
}
