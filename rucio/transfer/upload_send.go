package transfer

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

const (
	uploadSuffix = ".rucio.upload" // of temporary names, as Python's clients have it
	tidyTimeout  = 20 * time.Second
	statAttempts = 4 // to see what was just stored
	statPause    = 250 * time.Millisecond
	longestStem  = 200 // bytes of a name that temporary ones keep: names may have 255
)

// send sends a file. Where the storage renames, it goes to a temporary name first, is verified there and gets its final name
// then; of two that are sent at the same time, one comes first and the other finds it.
func (u *upload) send(ctx context.Context, f *uploadFile, at *place, overwrite bool) (there bool, err error) {
	local, err := f.source()
	if err != nil {
		return false, &finalError{refuse("upload", rucio.ErrRucioException, "%v", err)}
	}
	src := &hashingSource{Source: local, moved: func(n int64) { u.m.setup.Progress.Moved(f.did.String(), n) }}
	if at.renames() {
		err = u.sendRenamed(ctx, f, at, src, overwrite)
	} else {
		err = u.sendPlain(ctx, f, at, src, overwrite)
	}
	if err == nil {
		return false, nil
	}
	src.forget()
	if storage.Is(err, storage.Exists) && !f.owned && !errors.As(err, new(*finalError)) { // somebody was faster
		if there, _, err := u.look(ctx, f, at); err != nil || there {
			return there, err
		}
	}
	return false, err
}

// sendPlain sends a file to its final name.
func (u *upload) sendPlain(ctx context.Context, f *uploadFile, at *place, src *hashingSource, overwrite bool) error {
	if overwrite {
		if err := u.stillUnknown(ctx, f); err != nil {
			return err
		}
	}
	if err := at.put(ctx, src, storage.PutOptions{Overwrite: overwrite, Checksums: f.sums}); err != nil {
		if half := (*storage.Error)(nil); errors.As(err, &half) && half.Half {
			return u.tidy(ctx, at, err)
		}
		return err
	}
	if err := u.verify(ctx, f, at, src); err != nil {
		return u.tidy(ctx, at, err)
	}
	return nil
}

// sendRenamed sends a file to a temporary name, and renames it.
func (u *upload) sendRenamed(ctx context.Context, f *uploadFile, at *place, src *hashingSource, overwrite bool) error {
	temp, leftover := at.named(temporaryName(at.pfn, f.mark)), ""
	err := temp.put(ctx, src, storage.PutOptions{Checksums: f.sums, Overwrite: f.left})
	if storage.Is(err, storage.Exists) {
		// An earlier upload was stopped, or the same file is on its way from here: what is there is not touched until it is of
		// no more use to anybody.
		leftover = temp.pfn
		temp = at.named(temporaryName(at.pfn, newUUID()))
		src.forget()
		err = temp.put(ctx, src, storage.PutOptions{Checksums: f.sums})
	}
	half := (*storage.Error)(nil)
	switch {
	case err == nil:
		err = u.settle(ctx, f, at, temp, src, overwrite)
	case !errors.As(err, &half) || !half.Half:
		return err
	}
	if err != nil {
		err = u.tidy(ctx, temp, err)
		f.left = f.left || errors.As(err, new(*leftError))
		return err
	}
	u.removeLeftovers(ctx, f, at, leftover)
	return nil
}

// settle verifies what has been sent, and gives it its final name.
func (u *upload) settle(ctx context.Context, f *uploadFile, at, temp *place, src *hashingSource, overwrite bool) error {
	if err := u.verify(ctx, f, temp, src); err != nil {
		return err
	}
	if overwrite {
		if err := u.removeUnknown(ctx, f, at); err != nil {
			return err
		}
	}
	if err := at.Rename(ctx, temp.pfn, at.pfn); err != nil && !u.renamed(ctx, f, at, temp, err) {
		return err
	}
	return nil
}

// renamed tells whether a rename that has failed has happened all the same: a connection may break before the answer comes.
func (u *upload) renamed(ctx context.Context, f *uploadFile, at, temp *place, failure error) bool {
	if storage.Is(failure, storage.Exists) || storage.Is(failure, storage.Denied) {
		return false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTimeout)
	defer cancel()
	if _, err := temp.stat(ctx); !storage.Is(err, storage.NotFound) {
		return false
	}
	other, err := at.differs(ctx, f.result.Bytes, f.sums, readAgain)
	return err == nil && other == ""
}

// removeUnknown removes what is in a file's place, unless it has been registered meanwhile.
func (u *upload) removeUnknown(ctx context.Context, f *uploadFile, at *place) error {
	if err := u.stillUnknown(ctx, f); err != nil {
		return err
	}
	return at.remove(ctx)
}

// stillUnknown fails when another file has been registered under the name meanwhile, whose bytes are not to be overwritten. Where
// uploads have no temporary names one moment is left in which that may happen: no storage is told of catalogues.
func (u *upload) stillUnknown(ctx context.Context, f *uploadFile) error {
	if f.owned || f.known.DIDType != "" {
		return nil
	}
	found, err := u.metadata(ctx, []rucio.DID{f.did})
	if err != nil {
		return err
	}
	other := found[f.did.String()]
	if other.DIDType == "" {
		return nil
	}
	if err := u.computeSums(ctx, f); err != nil {
		return err
	}
	if why := other.differs(f.result.Bytes, f.sums); why != "" {
		return &finalError{f.isOther(why)}
	}
	return nil
}

// removeLeftovers removes what earlier attempts have left under temporary names. Whoever may be writing there has lost.
func (u *upload) removeLeftovers(ctx context.Context, f *uploadFile, at *place, leftover string) {
	names := []string{leftover}
	if f.known.registered() && f.known.state != replicaAvailable { // Python's client registers first
		names = append(names, at.pfn+uploadSuffix)
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		if err := at.named(name).remove(ctx); err != nil {
			u.m.setup.Log.WarnContext(ctx, "upload: what an earlier attempt has left can't be removed", "pfn", storage.Public(name), "error", err)
		}
	}
}

// tidy removes what this call has put, and returns the reason, with more if it can't be removed. It takes its time even when ctx
// is done.
func (u *upload) tidy(ctx context.Context, at *place, reason error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTimeout)
	defer cancel()
	if err := at.remove(ctx); err != nil {
		return &leftError{reason: reason, err: fmt.Errorf("and what was sent is left as %s, as it can't be removed: %w", storage.Public(at.pfn), err)}
	}
	return reason
}

// leftError is a failure that has left something behind.
type leftError struct{ reason, err error }

func (e *leftError) Error() string   { return e.reason.Error() + "; " + e.err.Error() }
func (e *leftError) Unwrap() []error { return []error{e.reason, e.err} }

// takeBack removes bytes that this call has put and that are not registered: nobody would ever find or delete them.
func (u *upload) takeBack(ctx context.Context, f *uploadFile) {
	if !f.sent || f.known.registered() {
		return
	}
	at, err := u.place(f, f.result.PFN, f.result.Scheme)
	if err == nil {
		err = u.tidy(ctx, at, f.result.Err)
	}
	f.fail(err)
}

// verify compares what the storage has with what was sent, and keeps the checksums.
func (u *upload) verify(ctx context.Context, f *uploadFile, at *place, src *hashingSource) error {
	sums, err := src.sums()
	if err != nil {
		return err
	}
	f.sums = sums
	if f.site.isSet("skip_upload_stat") {
		return nil
	}
	info, err := u.statNew(ctx, at, f.result.Bytes)
	if err != nil {
		return err
	}
	if info.Size != f.result.Bytes {
		return corrupt("%s has %d bytes, %d were sent", storage.Public(at.pfn), info.Size, f.result.Bytes)
	}
	if !f.site.checksums() {
		return nil
	}
	algorithm, sum, err := at.checksum(ctx)
	switch {
	case errors.Is(err, errNoChecksum):
		u.m.setup.Log.DebugContext(ctx, "upload: the storage tells no checksum, only the size is compared", "pfn", storage.Public(at.pfn))
		return nil
	case err != nil:
		return err
	case sum != sums[algorithm]:
		return corrupt("the %s of %s is %s, that of what was sent is %s", algorithm, storage.Public(at.pfn), sum, sums[algorithm])
	}
	return nil
}

func corrupt(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return refuseBecause(rucio.ErrRucioException, &storage.Error{Op: "verify", Kind: storage.Corrupt, Err: err}, "%v", err)
}

// refuseBecause is refuse with a cause.
func refuseBecause(class rucio.Exception, cause error, format string, args ...any) *rucio.Error {
	err := refuse("upload", class, format, args...)
	err.Err = cause
	return err
}

// statNew asks for what was just stored. Some storages take a moment until they know it, or its size.
func (u *upload) statNew(ctx context.Context, at *place, size int64) (storage.Info, error) {
	pause := statPause
	for attempt := 1; ; attempt++ {
		info, err := at.stat(ctx)
		young := storage.Is(err, storage.NotFound) || err == nil && info.Size == 0 && size > 0
		if !young || attempt == statAttempts {
			return info, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return info, ctx.Err()
		}
		pause *= 2
	}
}

// claim returns the mark of a file in temporary names. It is the same each time the same file is sent from here, so that what a
// killed process has left is found, and another one for any other file or machine, so that nobody gets in the way of another. The
// Mover keeps it for one upload at a time, until it is released.
func (m *Mover) claim(f *uploadFile) (mark string) {
	path, err := filepath.Abs(f.result.Path)
	st, statErr := os.Stat(f.result.Path)
	if err != nil || statErr != nil {
		return newUUID()
	}
	key := fmt.Sprintf("%s\x00%s\x00%d\x00%d\x00%s\x00%s", m.location().FQDN, path, st.Size(), st.ModTime().UnixNano(), f.did, f.result.RSE)
	sum := md5.Sum([]byte(key)) //nolint:gosec // a name
	mark = hex.EncodeToString(sum[:])
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sending[mark] {
		return newUUID()
	}
	if m.sending == nil {
		m.sending = map[string]bool{}
	}
	m.sending[mark] = true
	return mark
}

func (m *Mover) release(mark string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sending, mark)
}

// temporaryName makes a name in the same folder, with a mark that nobody else has.
func temporaryName(pfn, mark string) string {
	slash := strings.LastIndexByte(pfn, '/') + 1
	stem := pfn[slash:]
	if len(stem) > longestStem {
		stem = stem[:longestStem]
		for !utf8.ValidString(stem) && len(stem) > longestStem-utf8.UTFMax {
			stem = stem[:len(stem)-1]
		}
		if percent := strings.LastIndexByte(stem, '%'); percent >= len(stem)-2 {
			stem = stem[:percent] // not within an escape
		}
	}
	return pfn[:slash] + stem + "." + mark[:12] + uploadSuffix
}
