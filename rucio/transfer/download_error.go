package transfer

import (
	"context"
	"fmt"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// DownloadError says that files were not downloaded. It is also a *rucio.Error (errors.As) of Python's class,
// NoFilesDownloaded or NotAllFilesDownloaded, or Cancelled when the context ended first; the errors of all files, such as
// *storage.Error, are found in it as well.
type DownloadError struct {
	// Items tell of all files, as the result of a download does that succeeds.
	Items []Item
	// Failed are the files that are not there.
	Failed []FileError

	summary *rucio.Error
}

// FileError is why one file was not moved.
type FileError struct {
	DID rucio.DID
	Err error
}

// Error names the file and the reason.
func (e FileError) Error() string { return e.DID.String() + ": " + e.Err.Error() }

// Unwrap returns the reason.
func (e FileError) Unwrap() error { return e.Err }

// Error says how many files failed, and names some with the reason.
func (e *DownloadError) Error() string { return e.summary.Error() }

// Unwrap returns the error as a *rucio.Error, and those of the files.
func (e *DownloadError) Unwrap() []error {
	errs := []error{e.summary}
	for _, failed := range e.Failed {
		errs = append(errs, failed)
	}
	return errs
}

// PerFile tells of all files, as maps.
func (e *DownloadError) PerFile() any { return e.Items }

// outcome is the result of a download, and its error when there is something to complain about.
func (d *download) outcome(ctx context.Context, files []*wanted) ([]Item, error) {
	if d.broken != nil && len(files) == 0 {
		return nil, d.broken
	}
	items := make([]Item, len(files))
	e := &DownloadError{Items: items}
	for i, f := range files {
		items[i] = f.item()
		if f.err != nil {
			e.Failed = append(e.Failed, FileError{f.did, f.err})
		}
	}
	cancelled := ctx.Err() != nil && (len(e.Failed) > 0 || d.broken != nil)
	if d.broken != nil && !cancelled {
		e.summary = d.breakOff(e)
		return items, e
	}
	if (d.quiet || len(e.Failed) == 0 && len(files) > 0) && !cancelled {
		return items, nil
	}
	class := rucio.ErrNotAllFilesDownloaded
	switch {
	case cancelled:
		class = rucio.ErrCancelled
	case len(e.Failed) == len(files):
		class = rucio.ErrNoFilesDownloaded
	}
	e.summary = refuse(d.method, class, "%s", e.words(len(files)))
	if cancelled {
		e.summary.Err = context.Cause(ctx)
	}
	return items, e
}

// breakOff is the error of a download of which not all files are known.
func (d *download) breakOff(e *DownloadError) *rucio.Error {
	summary := refuse(d.method, classOf(d.broken), "%v; of %d files that were known by then, %d were downloaded", d.broken, len(e.Items), len(e.Items)-len(e.Failed))
	summary.Err = d.broken
	return summary
}

func (e *DownloadError) words(all int) string {
	if all == 0 {
		return "nothing matches what is to be downloaded"
	}
	reasons := make([]string, len(e.Failed))
	for i, failed := range e.Failed {
		reasons[i] = failed.Error()
	}
	return fmt.Sprintf("%d of %d files were not downloaded%s", len(e.Failed), all, phrase(": ", told(reasons)))
}
