package transfer

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// UploadState is what became of a file.
type UploadState string

// The states of uploads.
const (
	UploadDone    UploadState = "DONE"         // sent, verified, and registered if that was wanted
	UploadAlready UploadState = "ALREADY_DONE" // the same bytes were there; what was missing in the catalogue is there now
	UploadFailed  UploadState = "FAILED"       // see Err
	UploadSkipped UploadState = "SKIPPED"      // nothing that could be uploaded, see Reason
)

// Uploaded tells what became of a file.
type Uploaded struct {
	Path     string        // on this machine
	DID      rucio.DID     // its name in the catalogue
	RSE      string        // where it is
	PFN      string        // and by what name
	Bytes    int64         // its size
	Adler32  string        // its checksums, empty when it was not read to its end
	MD5      string        //
	GUID     string        //
	State    UploadState   //
	Reason   string        // why it was skipped or has failed
	Err      error         // why it has failed: a *rucio.Error, which may hold a *storage.Error
	Scheme   string        // of the protocol that was used last
	Attempts int           // to move it
	Duration time.Duration // of moving it
}

// MarshalJSON implements json.Marshaler.
func (f Uploaded) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Path     string      `json:"path"`
		Scope    string      `json:"scope,omitempty"`
		Name     string      `json:"name,omitempty"`
		RSE      string      `json:"rse,omitempty"`
		PFN      string      `json:"pfn,omitempty"`
		Bytes    int64       `json:"bytes"`
		Adler32  string      `json:"adler32,omitempty"`
		MD5      string      `json:"md5,omitempty"`
		GUID     string      `json:"guid,omitempty"`
		State    UploadState `json:"state"`
		Reason   string      `json:"reason,omitempty"`
		Scheme   string      `json:"protocol,omitempty"`
		Attempts int         `json:"attempts"`
		Seconds  float64     `json:"seconds"`
	}{
		f.Path, f.DID.Scope, f.DID.Name, f.RSE, f.PFN, f.Bytes, f.Adler32, f.MD5, f.GUID, f.State, f.Reason, f.Scheme,
		f.Attempts, f.Duration.Seconds(),
	})
}

// UploadError says that files were not uploaded, which and why. As a *rucio.Error it is what Python's client raises; the
// reasons of the files, those of storages among them, are found by errors.Is and errors.As as well.
type UploadError struct {
	Results []Uploaded // of all files
	Cause   *rucio.Error
}

// Error names the files and the reasons, not more than a few of them.
func (e *UploadError) Error() string { return e.Cause.Error() }

// Unwrap returns what Python's client raises, and the reason of each file.
func (e *UploadError) Unwrap() []error {
	errs := []error{e.Cause}
	for _, r := range e.Results {
		if r.Err != nil {
			errs = append(errs, r.Err)
		}
	}
	return errs
}

// PerFile tells of all files; their JSON is that of Uploaded.
func (e *UploadError) PerFile() any { return e.Results }

// outcome is the error of an upload with these results, nil if no file has failed.
func outcome(ctx context.Context, results []Uploaded) error {
	var reasons []string
	done := 0
	for _, r := range results {
		switch r.State {
		case UploadDone, UploadAlready:
			done++
		case UploadFailed:
			reasons = append(reasons, r.Path+": "+r.Reason)
		case UploadSkipped:
		}
	}
	failed := len(reasons)
	if failed == 0 {
		return nil
	}
	cause := refuse("upload", classOfUpload(results, done), "%d of %d files not uploaded: %s", failed, failed+done, told(reasons))
	if why := context.Cause(ctx); why != nil {
		cause.Class, cause.Err = string(rucio.ErrCancelled), why
	}
	return &UploadError{results, cause}
}

// classOfUpload is what Python's client raises: it gives up at the first file that it cannot register, and tells of nothing but
// the number of files that it cannot move.
func classOfUpload(results []Uploaded, done int) rucio.Exception {
	if done > 0 {
		return rucio.ErrNotAllFilesUploaded
	}
	var common rucio.Exception
	for _, r := range results {
		if r.State != UploadFailed {
			continue
		}
		var refused *registrationError
		if !errors.As(r.Err, &refused) || common != "" && classOf(r.Err) != common {
			return rucio.ErrNoFilesUploaded
		}
		common = classOf(r.Err)
	}
	return common
}

// registrationError marks what Python's client would have raised at once: a refusal by the catalogue, not by a storage.
type registrationError struct{ error }

func (e *registrationError) Unwrap() error { return e.error }
