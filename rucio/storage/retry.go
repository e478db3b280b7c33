package storage

import (
	"cmp"
	"context"
	"io"
	"iter"
	"math/rand/v2"
	"time"
)

// retrying repeats calls that failed because the storage was Unavailable. It knows that such a call may have succeeded
// all the same: an object that is gone at the second Delete, or has its new name at the second Rename, is fine.
type retrying struct {
	Backend
	policy Policy
}

func newRetrying(b Backend, policy Policy) *retrying {
	policy.Pause = cmp.Or(policy.Pause, time.Second)
	policy.MaxPause = cmp.Or(policy.MaxPause, 30*time.Second)
	return &retrying{b, policy}
}

// again pauses and returns true when a call that ended with err is worth the attempt-th repetition.
func (r *retrying) again(ctx context.Context, op, pfn string, attempt int, err error) bool {
	if !Is(err, Unavailable) || attempt > r.policy.Retries || ctx.Err() != nil {
		return false
	}
	pause := min(r.policy.Pause<<min(attempt-1, 20), r.policy.MaxPause)
	pause = pause/2 + rand.N(pause/2+1) //nolint:gosec // spreads clients, hides nothing
	r.policy.Log.WarnContext(ctx, "storage is unavailable, trying again", "op", op, "pfn", Public(pfn), "attempt", attempt+1,
		"pause", pause.Round(time.Millisecond), "error", err)
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// retry makes a call, which is told how many came before it, until it is answered.
func retry[T any](ctx context.Context, r *retrying, op, pfn string, call func(before int) (T, error)) (T, error) {
	for attempt := 1; ; attempt++ {
		result, err := call(attempt - 1)
		if err == nil || !r.again(ctx, op, pfn, attempt, err) {
			return result, err
		}
	}
}

// Put implements Backend. After an attempt that may have left half an object the next one may overwrite it, and no other. When
// that fails too the half may still be there, whatever the last attempt knows of it.
func (r *retrying) Put(ctx context.Context, pfn string, src Source, options PutOptions) error {
	half := false
	_, err := retry(ctx, r, "put", pfn, func(int) (struct{}, error) {
		err := r.Backend.Put(ctx, pfn, src, options)
		half = half || isHalf(err)
		options.Overwrite = options.Overwrite || half
		return struct{}{}, err
	})
	if half {
		return HalfPut(pfn, err)
	}
	return err
}

// Get implements Backend; its reader goes on where a broken connection left it.
func (r *retrying) Get(ctx context.Context, pfn string, offset, length int64) (io.ReadCloser, error) {
	in, err := r.get(ctx, pfn, offset, length)
	if err != nil {
		return nil, err
	}
	return &resuming{ctx: ctx, r: r, pfn: pfn, in: in, offset: offset, length: length}, nil
}

func (r *retrying) get(ctx context.Context, pfn string, offset, length int64) (io.ReadCloser, error) {
	return retry(ctx, r, "get", pfn, func(int) (io.ReadCloser, error) { return r.Backend.Get(ctx, pfn, offset, length) })
}

// resuming reads an object over as many connections as it takes; attempts that bring bytes don't count.
type resuming struct {
	ctx            context.Context
	r              *retrying
	pfn            string
	in             io.ReadCloser
	offset, length int64
	failures       int
}

func (g *resuming) Read(p []byte) (int, error) {
	for {
		n, err := g.in.Read(p)
		g.offset += int64(n)
		if g.length > 0 {
			g.length -= int64(n)
		}
		if n > 0 {
			g.failures = 0
		}
		if n > 0 && err != nil && err != io.EOF {
			return n, nil // the error comes again, or is got over
		}
		if err == nil || err == io.EOF {
			return n, err
		}
		g.failures++
		if !g.r.Features().Ranges || !g.r.again(g.ctx, "get", g.pfn, g.failures, err) {
			return n, err
		}
		_ = g.in.Close() // before the next one is opened: a reader holds a turn where their number is limited
		in, opening := g.r.get(g.ctx, g.pfn, g.offset, g.length)
		if opening != nil {
			g.in = failedReader{opening}
			return n, opening
		}
		g.in = in
	}
}

// failedReader stands for a reader that could not be opened.
type failedReader struct{ err error }

func (r failedReader) Read([]byte) (int, error) { return 0, r.err }
func (failedReader) Close() error               { return nil }

func (g *resuming) Close() error { return g.in.Close() }

// Stat implements Backend.
func (r *retrying) Stat(ctx context.Context, pfn string) (Info, error) {
	return retry(ctx, r, "stat", pfn, func(int) (Info, error) { return r.Backend.Stat(ctx, pfn) })
}

// Checksum implements Backend.
func (r *retrying) Checksum(ctx context.Context, pfn, algorithm string) (string, error) {
	return retry(ctx, r, "checksum", pfn, func(int) (string, error) { return r.Backend.Checksum(ctx, pfn, algorithm) })
}

// Rename implements Backend.
func (r *retrying) Rename(ctx context.Context, from, to string) error {
	_, err := retry(ctx, r, "rename", from, func(before int) (struct{}, error) {
		err := r.Backend.Rename(ctx, from, to)
		if before > 0 && (Is(err, NotFound) || Is(err, Exists)) {
			_, source := r.Backend.Stat(ctx, from)
			_, target := r.Backend.Stat(ctx, to)
			if Is(source, NotFound) && target == nil {
				err = nil // the attempt that seemed to fail did it
			}
		}
		return struct{}{}, err
	})
	return err
}

// Mkdir implements Backend.
func (r *retrying) Mkdir(ctx context.Context, pfn string) error {
	_, err := retry(ctx, r, "mkdir", pfn, func(int) (struct{}, error) { return struct{}{}, r.Backend.Mkdir(ctx, pfn) })
	return err
}

// Delete implements Backend.
func (r *retrying) Delete(ctx context.Context, pfn string) error {
	_, err := retry(ctx, r, "delete", pfn, func(before int) (struct{}, error) {
		err := r.Backend.Delete(ctx, pfn)
		if before > 0 && Is(err, NotFound) {
			err = nil
		}
		return struct{}{}, err
	})
	return err
}

// List implements Backend; it is begun anew only as long as it has given nothing.
func (r *retrying) List(ctx context.Context, pfn string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		for attempt := 1; ; attempt++ {
			given, failed := false, error(nil)
			for info, err := range r.Backend.List(ctx, pfn) {
				if err != nil && !given && Is(err, Unavailable) {
					failed = err
					break
				}
				given = true
				if !yield(info, err) {
					return
				}
			}
			if failed == nil {
				return
			}
			if !r.again(ctx, "list", pfn, attempt, failed) {
				yield(Info{}, failed)
				return
			}
		}
	}
}

// Space implements Backend.
func (r *retrying) Space(ctx context.Context, pfn string) (Space, error) {
	return retry(ctx, r, "space", pfn, func(int) (Space, error) { return r.Backend.Space(ctx, pfn) })
}
