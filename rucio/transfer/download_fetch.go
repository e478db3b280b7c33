package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// attempts is how often one source is tried.
const attempts = 2

// The time that an attempt may take, when nobody says.
const (
	leastTimeout = 360 * time.Second
	startTimeout = 60 * time.Second // added to what a speed makes
	leastSpeed   = 500              // kB/s
)

func now() float64 { return seconds(time.Now()) }

// fetch brings a file from the first source that has it.
func (d *download) fetch(ctx context.Context, f *wanted, trace map[string]any) {
	part, err := openPart(f, d.log)
	if err != nil {
		f.fail(stateFailed, err)
		return
	}
	defer part.close()
	var errs []error
	for _, from := range f.sources {
		if err = d.from(ctx, f, part, from, trace); err == nil {
			break
		}
		errs = append(errs, fmt.Errorf("from %s: %w", from.rse, err))
		if ctx.Err() != nil || isLocal(err) {
			break
		}
	}
	if err != nil {
		f.fail(stateFailed, &sourcesError{errs})
		return
	}
	f.state = stateDone
	if f.archived != nil {
		d.extract(ctx, f, part.path)
	} else if err := part.finish(f.dests); err != nil {
		f.fail(stateFailed, err)
	}
	if f.err != nil {
		trace["clientState"], trace["stateReason"] = f.state, f.err.Error()
	} else {
		trace["clientState"], trace["stateReason"] = stateDone, "OK"
	}
	d.send(trace)
}

// sourcesError is why no source had a file.
type sourcesError struct{ errs []error }

func (e *sourcesError) Error() string {
	text := ""
	for i, err := range e.errs {
		if i > 0 {
			text += "; "
		}
		text += err.Error()
	}
	return text
}

func (e *sourcesError) Unwrap() []error { return e.errs }

// from tries one source, twice if that can help.
func (d *download) from(ctx context.Context, f *wanted, part *part, from source, trace map[string]any) error {
	trace["remoteSite"], trace["clientState"], trace["protocol"] = from.rse, stateAttempt, storage.Scheme(from.pfn)
	err := d.allowed(ctx, f, from)
	var door storage.Backend
	if err == nil {
		door, err = d.m.Door(from.pfn)
	}
	if err == nil && !from.extract {
		door = inArchive(door, from.pfn)
	}
	if err != nil {
		d.log.WarnContext(ctx, "a source cannot be used", "did", f.did.String(), "pfn", storage.Public(from.pfn), "error", err)
		trace["stateReason"] = err.Error()
		return err
	}
	part.whole = false
	if part.sum == "" {
		d.moved(f, -part.reset()) // there is no telling whether two sources have the same
	}
	var signed time.Time
	for f.attempt = 1; ; f.attempt++ {
		start := now()
		err := d.attempt(ctx, f, part, door, from)
		if err == nil {
			trace["transferStart"], trace["transferEnd"] = start, now()
			return nil
		}
		if ctx.Err() != nil {
			err = fmt.Errorf("stopped: %w", context.Cause(ctx))
			trace["clientState"], trace["stateReason"] = stateFailed, err.Error()
			d.send(trace)
			return err
		}
		if storage.Is(err, storage.Denied) && time.Since(signed) > signAgain && isSigned(from.pfn) {
			signed = time.Now()
			if pfn := d.sign(ctx, f, from); pfn != "" {
				from.pfn = pfn
				f.attempt--
				continue
			}
		}
		trace["clientState"], trace["stateReason"] = stateFailed, err.Error()
		if storage.Is(err, storage.Corrupt) {
			trace["clientState"] = stateInvalid
		}
		d.log.WarnContext(ctx, "an attempt to download failed", "did", f.did.String(), "pfn", storage.Public(from.pfn), "attempt", f.attempt, "error", err)
		d.send(trace)
		if f.attempt == attempts || isLocal(err) || !worthAnother(err) {
			return err
		}
	}
}

// allowed tells whether a source is of the protocol implementation that was asked for.
func (d *download) allowed(ctx context.Context, f *wanted, from source) error {
	if f.impl == "" {
		return nil
	}
	site, err := d.m.site(ctx, d.c, from.rse)
	if err != nil {
		return err
	}
	domain := wan
	if from.domain == lan {
		domain = lan
	}
	_, err = site.protocols(wish{operation: opRead, domain: domain, schemes: []string{storage.Scheme(from.pfn)}, impl: f.impl})
	return err
}

// worthAnother tells whether the same source may have the file after all.
func worthAnother(err error) bool {
	switch storage.KindOf(err) {
	case storage.NotFound, storage.Denied, storage.Unsupported:
		return false
	}
	return true
}

// attempt brings a file from a source, within the time that it may take.
func (d *download) attempt(ctx context.Context, f *wanted, part *part, door storage.Backend, from source) error {
	limit := f.options.limit(f.size())
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if limit > 0 {
		ctx, cancel = context.WithTimeoutCause(ctx, limit, &slowError{limit})
		defer cancel()
	}
	err := d.bytes(ctx, f, part, door, from)
	var slow *slowError
	if err != nil && errors.As(context.Cause(ctx), &slow) {
		return storage.Fail("get", from.pfn, storage.Unavailable, slow)
	}
	return err
}

// slowError ends an attempt that takes too long. Another may go on where it ended.
type slowError struct{ limit time.Duration }

func (e *slowError) Error() string {
	return fmt.Sprintf("not done within transfer_timeout of %s", e.limit)
}

// limit is how long an attempt may take; 0 is for ever. Python's clients give 360 s to each file of which nobody says more;
// to large ones we give what they need at the least speed.
func (m merged) limit(size int64) time.Duration {
	if m.timeout != nil {
		return time.Duration(*m.timeout * float64(time.Second))
	}
	if size <= 0 {
		return leastTimeout
	}
	speed := float64(leastSpeed)
	if m.speed != nil && *m.speed > 0 {
		speed = *m.speed
	}
	needed := time.Duration(float64(size)/(speed*1000))*time.Second + startTimeout
	if m.speed == nil {
		return max(needed, leastTimeout)
	}
	return needed
}

// isThere tells whether a file, or all that an archive is for, is there already, and brings it to all its destinations.
func (d *download) isThere(ctx context.Context, f *wanted) (bool, error) {
	if f.archived != nil {
		all := true
		for _, one := range f.archived {
			ok, err := d.isThere(ctx, one)
			if err != nil {
				return false, err
			}
			if ok {
				one.state = stateAlreadyDone
			}
			all = all && (ok || one.err != nil)
		}
		return all, nil
	}
	var there string
	var missing []string
	for _, path := range f.dests {
		if ok, err := f.is(ctx, path); errors.Is(err, errIsFolder) {
			return false, err
		} else if err != nil {
			d.log.DebugContext(ctx, "what is there already was not read", "path", path, "error", err)
			missing = append(missing, path)
		} else if !ok {
			missing = append(missing, path)
		} else {
			there = cmp.Or(there, path)
		}
	}
	if there == "" {
		return false, nil
	}
	for _, path := range missing {
		if err := copyFile(there, path); err != nil {
			return false, err
		}
	}
	return true, nil
}

// errIsFolder is that a file can't be put where it is to be.
var errIsFolder = errors.New("is a folder; remove it, or download to another one")

// is tells whether path is this file.
func (f *wanted) is(ctx context.Context, path string) (bool, error) {
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case st.IsDir():
		return false, fmt.Errorf("%s %w", path, errIsFolder)
	case !st.Mode().IsRegular():
		return false, nil
	case f.options.sizeOnly:
		return st.Size() == f.size(), nil
	case f.options.ignoreChecksum:
		return true, nil
	case f.bytes != nil && st.Size() != *f.bytes:
		return false, nil
	}
	algorithm, want := f.checksum()
	if algorithm == "" {
		return false, nil // there is no telling
	}
	sum, err := fileChecksum(ctx, path, algorithm)
	return sum == want, err
}

// checksum is the one that a file is verified by, the cheaper one if both are known.
func (f *wanted) checksum() (algorithm, sum string) {
	switch {
	case f.adler32 != "":
		return "adler32", storage.NormalChecksum("adler32", f.adler32)
	case f.md5 != "":
		return "md5", storage.NormalChecksum("md5", f.md5)
	}
	return "", ""
}
