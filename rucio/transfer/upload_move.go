package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// move brings a file to its RSE, and tells whether it is there: what is left is to register it.
func (u *upload) move(ctx context.Context, f *uploadFile) bool {
	begin := time.Now()
	u.m.setup.Progress.Start(f.did.String(), f.result.Bytes)
	u.beginTrace(f)
	there, err := false, ctx.Err()
	if err == nil {
		there, err = u.bring(ctx, f)
	}
	f.result.Duration = time.Since(begin)
	f.result.Adler32, f.result.MD5 = f.sums["adler32"], f.sums["md5"]
	switch {
	case err != nil && ctx.Err() != nil:
		why := context.Cause(ctx)
		f.fail(&rucio.Error{Class: string(rucio.ErrCancelled), Method: "upload", Message: "given up: " + why.Error(), Err: why})
	case err != nil:
		f.fail(err)
	}
	u.endTrace(f, there)
	if err != nil {
		u.end(ctx, f)
		return false
	}
	if there {
		u.m.setup.Log.InfoContext(ctx, "upload: the file is there already", "did", f.did.String(), "rse", f.result.RSE)
	}
	f.sent = !there
	return true
}

// end says what became of a file, after the last thing that was done with it.
func (u *upload) end(ctx context.Context, f *uploadFile) {
	log := u.m.setup.Log.With("path", f.result.Path, "did", f.did.String(), "rse", f.result.RSE)
	switch {
	case f.result.State == UploadFailed:
		log.ErrorContext(ctx, "upload: failed", "error", f.result.Err)
	case f.sent:
		f.result.State = UploadDone
		log.InfoContext(ctx, "upload: done", "bytes", f.result.Bytes, "duration", f.result.Duration.Round(time.Millisecond))
	default:
		f.result.State = UploadAlready
	}
	u.m.setup.Progress.End(f.did.String(), f.result.Err)
}

// bring tries one protocol after the other, until the file is where it belongs; there tells that it was before.
func (u *upload) bring(ctx context.Context, f *uploadFile) (there bool, err error) {
	if f.known.DIDType != "" { // what exists must be the same before anything moves
		if err := u.compareWithCatalogue(ctx, f); err != nil {
			return false, err
		}
	}
	protocols, err := f.site.protocols(f.wish())
	if err != nil {
		return false, err
	}
	f.mark = u.m.claim(f)
	defer u.m.release(f.mark)
	var failures []error
	for i, p := range protocols {
		there, err = u.tryProtocol(ctx, f, p)
		if err == nil {
			return there, nil
		}
		failures = append(failures, err)
		if ctx.Err() != nil || errors.As(err, new(*finalError)) {
			break
		}
		if i < len(protocols)-1 {
			u.tellAttempt(ctx, f, p, err)
		}
	}
	return false, transferError(failures)
}

// tryProtocol tries a protocol, once more if the storage was not there, as Python's client does; or calls of the storage are
// repeated anyway.
func (u *upload) tryProtocol(ctx context.Context, f *uploadFile, p rucio.Protocol) (there bool, err error) {
	for again := u.m.setup.Policy.Retries == 0; ; again = false {
		f.result.Scheme = p.Scheme
		f.result.Attempts++
		f.traceAttempt(p.Scheme)
		there, err = u.attempt(ctx, f, p)
		if err == nil {
			return there, nil
		}
		if !again || !storage.Is(err, storage.Unavailable) || ctx.Err() != nil || f.timeout > 0 {
			return false, err
		}
		u.tellAttempt(ctx, f, p, err)
	}
}

// tellAttempt tells of a failure after which there is another attempt; of the last one the file's error tells.
func (u *upload) tellAttempt(ctx context.Context, f *uploadFile, p rucio.Protocol, err error) {
	u.m.setup.Log.WarnContext(ctx, "upload: an attempt has failed", "did", f.did.String(), "rse", f.result.RSE, "protocol", p.Scheme, "error", err)
}

// finalError is one that no other protocol would change.
type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

// transferError makes one error of those of all attempts: the class is that of the last one.
func transferError(failures []error) error {
	err := failures[len(failures)-1]
	if len(failures) > 1 {
		err = errors.Join(failures...)
	}
	var ours *rucio.Error
	if len(failures) == 1 && errors.As(err, &ours) {
		return err
	}
	return &rucio.Error{Class: string(classOf(failures[len(failures)-1])), Method: "upload", Message: err.Error(), Err: err}
}

func (u *upload) compareWithCatalogue(ctx context.Context, f *uploadFile) error {
	if err := u.computeSums(ctx, f); err != nil {
		return err
	}
	if why := f.known.differs(f.result.Bytes, f.sums); why != "" {
		return f.isOther(why)
	}
	return nil
}

// computeSums reads the file for its checksums, where they have to be known before it is sent.
func (u *upload) computeSums(ctx context.Context, f *uploadFile) error {
	if f.sums != nil {
		return nil
	}
	src, err := f.source()
	if err == nil {
		f.sums, err = checksumsOf(ctx, src)
	}
	if err != nil {
		return &finalError{refuse("upload", rucio.ErrRucioException, "checksums of %s: %v", f.result.Path, err)}
	}
	return nil
}

// source is the local file, which must be as large as it was when the upload began.
func (f *uploadFile) source() (storage.Source, error) {
	in, err := os.Open(f.result.Path) // a file that can't be read is no failure of the storage
	if err != nil {
		return nil, err
	}
	_ = in.Close()
	src, err := storage.FromFile(f.result.Path)
	if err != nil {
		return nil, err
	}
	if src.Size() != f.result.Bytes {
		return nil, fmt.Errorf("%s has changed: it had %d bytes, and has %d", f.result.Path, f.result.Bytes, src.Size())
	}
	return src, nil
}

// attempt brings a file to its RSE by one protocol.
func (u *upload) attempt(ctx context.Context, f *uploadFile, p rucio.Protocol) (there bool, err error) {
	pfn := cmp.Or(f.pfn, f.named[p.Scheme])
	if pfn == "" {
		if pfn, err = f.site.pfn(ctx, u.c, p, f.did, f.wish()); err != nil {
			return false, err
		}
	}
	f.result.PFN = pfn
	at, err := u.place(f, pfn, p.Scheme)
	if err != nil {
		return false, err
	}
	at.plain = noRename(p)
	if f.timeout > 0 {
		var cancel context.CancelFunc
		limit := fmt.Errorf("it took longer than its transfer_timeout of %v", f.timeout)
		ctx, cancel = context.WithTimeoutCause(ctx, f.timeout, limit)
		defer cancel()
		defer func() {
			if err != nil && errors.Is(context.Cause(ctx), limit) {
				err = &rucio.Error{Class: string(rucio.ErrServiceUnavailable), Method: "upload", Message: limit.Error(), Err: err}
			}
		}()
	}
	overwrite := false
	if f.result.Bytes > sendUnseen || f.known.DIDType != "" || f.registerAfter || !f.registers() || !at.renames() {
		there, overwrite, err = u.look(ctx, f, at)
		if err != nil || there {
			return there, err
		}
	}
	return u.send(ctx, f, at, overwrite)
}

// sendUnseen is how large a new file may be that is sent without a look at what is in its place: renaming says so if there is
// anything, and one question less is worth more than the bytes.
const sendUnseen = 1 << 20

// look finds out what is at a place before anything is sent there: the file itself, nothing, or something to be overwritten.
func (u *upload) look(ctx context.Context, f *uploadFile, at *place) (there, overwrite bool, err error) {
	info, err := at.stat(ctx)
	switch {
	case storage.Is(err, storage.NotFound):
		return false, false, nil
	case err != nil:
		return false, false, err
	case info.Folder:
		return false, false, &finalError{refuse("upload", rucio.ErrFileReplicaAlreadyExists, "%s is a folder", storage.Public(at.pfn))}
	}
	other, err := u.compare(ctx, f, at, info)
	switch {
	case storage.Is(err, storage.NotFound): // not any more
		return false, false, nil
	case err != nil:
		return false, false, err
	case other == "":
		return true, false, nil
	case f.known.registered():
		return false, false, &finalError{refuse("upload", rucio.ErrFileReplicaAlreadyExists, "%s is registered on %s, but what is there as %s is not this file: %s", f.did, f.result.RSE, storage.Public(at.pfn), other)}
	case f.registerAfter && f.registers():
		u.m.setup.Log.InfoContext(ctx, "upload: what an earlier attempt has left is overwritten", "pfn", storage.Public(at.pfn), "reason", other)
		return false, true, nil
	}
	return false, false, &finalError{refuse("upload", rucio.ErrFileReplicaAlreadyExists, "%s exists on storage as %s, and is not this file: %s; register_after_upload overwrites what is not registered", f.did, storage.Public(at.pfn), other)}
}

// compare tells what speaks against an object being the file, "" if nothing does. The file is only read if their sizes are equal.
func (u *upload) compare(ctx context.Context, f *uploadFile, at *place, info storage.Info) (other string, err error) {
	if info.Size == f.result.Bytes {
		if err := u.computeSums(ctx, f); err != nil {
			return "", err
		}
	}
	return at.differsFrom(ctx, info, f.result.Bytes, f.sums, -1)
}
