// Package storage moves bytes to and from the storage of a data lake: one Backend for each kind of door (posix, WebDAV,
// XRootD, S3), all with the same semantics, all proven by the same test suite (package storagetest).
package storage

import (
	"context"
	"io"
	"iter"
	"time"
)

// Backend speaks to one storage. Objects are named by their PFN, the whole URL, as Rucio and its RSE protocols name them
// ("davs://door.example.org:443/path/file", a signed "https://...?X-Amz-Signature=..." as well).
//
// All methods may be called from several goroutines at once. Errors are *Error, with a Kind that says whether trying again
// can help. Cancelling ctx ends a call soon and makes its error wrap ctx.Err(). A backend makes one attempt: retries,
// limits and logs are wrappers (see Wrap).
type Backend interface {
	// Features says what this door can do; what it can't answers with Unsupported.
	Features() Features

	// Put stores the bytes of src under pfn, making missing parent folders where the storage has folders. With
	// options.Overwrite unset an existing object is an Exists error and stays as it is. A source that gives another size
	// or other checksums than announced is a Corrupt error, and is never stored completely. On an error nothing is left
	// under pfn that was not there before; where the storage could not be reached to see to it, Error.Half is set. An
	// Overwrite that fails may cost the old object where the storage writes in place (XRootD).
	Put(ctx context.Context, pfn string, src Source, options PutOptions) error

	// Get reads length bytes from offset, to the end when length is negative. The reader fails with an error rather than
	// end early when the connection breaks; closing it early is cheap. Reading beyond the end gives fewer bytes, no error.
	// A folder is an error, or the page that a web server makes of it.
	Get(ctx context.Context, pfn string, offset, length int64) (io.ReadCloser, error)

	// Stat tells size, kind and time of an object or folder, NotFound when there is none.
	Stat(ctx context.Context, pfn string) (Info, error)

	// Checksum asks the storage for a checksum that it has or computes: "adler32" or "md5", in lower-case hex of full
	// width. Unsupported when it has no way to tell; the caller may read the bytes then.
	Checksum(ctx context.Context, pfn, algorithm string) (string, error)

	// Rename moves an object within the storage, making missing parent folders; an existing target is an Exists error.
	Rename(ctx context.Context, from, to string) error

	// Mkdir makes a folder and its missing parents; one that is there is fine.
	Mkdir(ctx context.Context, pfn string) error

	// Delete removes an object or an empty folder; NotFound when there is none.
	Delete(ctx context.Context, pfn string) error

	// List yields what a folder holds, not recursively, in no particular order. Info.PFN is the whole URL of each.
	List(ctx context.Context, pfn string) iter.Seq2[Info, error]

	// Space tells the storage's free and used bytes as seen at pfn; Unsupported where it doesn't say.
	Space(ctx context.Context, pfn string) (Space, error)

	// Close lets go of idle connections. Calls under way may end with an error.
	Close() error
}

// Features says what a door can do.
type Features struct {
	Rename    bool     // an upload can go to a temporary name first
	Folders   bool     // there are real folders (S3 has none)
	Exclusive bool     // of two who put or rename to one name at the same time, one is told that it exists
	Ranges    bool     // parts of an object can be read, several at once
	Checksums []string // algorithms that Checksum knows, the preferred one first
}

// PutOptions changes how Put stores an object.
type PutOptions struct {
	Overwrite bool
	// Checksums of the content, if known before, as "adler32" and "md5" in lower-case hex: compared with what is sent, and
	// sent along to storages that verify what they receive.
	Checksums map[string]string
}

// Info describes an object or a folder.
type Info struct {
	PFN     string
	Size    int64
	Folder  bool
	ModTime time.Time // zero where the storage doesn't say
}

// Space is the room of a storage, in bytes; a negative figure is unknown.
type Space struct {
	Free, Used, Total int64
}
