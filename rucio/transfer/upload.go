package transfer

import (
	"context"
	"sync"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// UploadOptions refine Upload.
type UploadOptions struct {
	SummaryFilePath    string            `py:"summary_file_path=None"`    // a JSON file that tells of each file that is there
	TracesCopyOut      *[]map[string]any `py:"traces_copy_out=None"`      // each trace that is sent is added to this list
	IgnoreAvailability bool              `py:"ignore_availability=False"` // upload to RSEs that take no writes
	Activity           string            `py:"activity=None"`             // of the rules that are made
}

// Upload sends files to RSEs and registers them. It returns 0, as Python's does, or fails; see UploadFiles, which also tells of
// each file. Files that are there already, whole, count as uploaded: the same upload made again goes on where it was
// interrupted.
//
// It fails before anything is sent with ErrInputValidationError for items that are not as they should be, ErrRSEWriteBlocked
// and ErrInvalidRSEExpression; else, when all else is done, with ErrNoFilesUploaded or ErrNotAllFilesUploaded and the reason of
// each file, or with the class of the one reason that kept all of them from being registered.
//
//rucio:method UploadClient.upload - -
//rucio:param items files or folders, each a map with path, rse and any of did_scope, did_name, lifetime, dataset_scope, dataset_name, dataset_meta, recursive, register_after_upload, no_register, pfn, force_scheme, impl, transfer_timeout, guid, meta
func Upload(ctx context.Context, c *rucio.Client, items []Item, o *UploadOptions) (int, error) {
	_, err := UploadFiles(ctx, c, items, o)
	return 0, err
}

// UploadFiles is Upload, and tells what became of each file, in the order of the items. An error that concerns files is an
// *UploadError and comes beside the results; without results nothing was sent.
//
// Files move first, several at a time, and are registered then, many at once: neither half a file under its final name nor a
// registered replica without bytes is left when an upload is interrupted. When ctx is done, what has moved completely is still
// registered, and the rest has failed.
func UploadFiles(ctx context.Context, c *rucio.Client, items []Item, o *UploadOptions) ([]Uploaded, error) {
	if o == nil {
		o = &UploadOptions{}
	}
	m, done := moverOf(c)
	defer done()
	account, err := c.Account(ctx)
	if err != nil {
		return nil, err
	}
	u := &upload{m: m, c: c, o: o, account: account, uuid: newUUID(), datasets: map[string]*uploadDataset{}}
	if err := u.collect(ctx, items); err != nil {
		return nil, err
	}
	if err := u.check(ctx); err != nil {
		return nil, err
	}
	u.run(ctx)
	return u.finish(ctx)
}

// upload is one call of Upload.
type upload struct {
	m       *Mover
	c       *rucio.Client
	o       *UploadOptions
	account string
	uuid    string // of its traces
	traces  *tracer

	files    []*uploadFile // what there is to upload, in the order of the items; those that are skipped as well
	tree     uploadTree    // the collections that folders become
	datasets map[string]*uploadDataset
}

// run moves the files that may be moved, and registers them.
func (u *upload) run(ctx context.Context) {
	var todo []*uploadFile
	var bytes int64
	for _, f := range u.files {
		if f.result.State == "" {
			todo = append(todo, f)
			bytes += f.result.Bytes
		}
	}
	u.m.setup.Progress.Plan(len(todo), bytes)
	u.traces = u.m.tracer(ctx, u.c, traceRequestsBeside)
	defer u.traces.close()
	queue, moved := make(chan *uploadFile), make(chan *uploadFile, len(todo))
	registered := make(chan struct{})
	go func() {
		defer close(registered)
		u.register(ctx, moved)
	}()
	var workers sync.WaitGroup
	for range min(u.m.setup.Workers, len(todo)) {
		workers.Go(func() {
			for f := range queue {
				if u.move(ctx, f) {
					moved <- f
				}
			}
		})
	}
	for _, f := range todo {
		queue <- f
	}
	close(queue)
	workers.Wait()
	close(moved)
	<-registered
}
