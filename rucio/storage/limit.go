package storage

import (
	"context"
	"io"
	"iter"
	"sync"
)

// limited lets a number of calls pass at once; the others wait their turn, or until their ctx is done.
type limited struct {
	Backend
	turns chan struct{}
}

func newLimited(b Backend, limit int) *limited { return &limited{b, make(chan struct{}, limit)} }

func (l *limited) acquire(ctx context.Context) error {
	select {
	case l.turns <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *limited) release() { <-l.turns }

// inTurn makes a call when it is its turn.
func inTurn[T any](ctx context.Context, l *limited, op, pfn string, call func(context.Context) (T, error)) (T, error) {
	if err := l.acquire(ctx); err != nil {
		var none T
		return none, Fail(op, pfn, Other, err)
	}
	defer l.release()
	return call(ctx)
}

func (l *limited) Put(ctx context.Context, pfn string, src Source, options PutOptions) error {
	_, err := inTurn(ctx, l, "put", pfn, one(func(ctx context.Context) error { return l.Backend.Put(ctx, pfn, src, options) }))
	return err
}

func (l *limited) Get(ctx context.Context, pfn string, offset, length int64) (io.ReadCloser, error) {
	if err := l.acquire(ctx); err != nil {
		return nil, Fail("get", pfn, Other, err)
	}
	r, err := l.Backend.Get(ctx, pfn, offset, length)
	if err != nil {
		l.release()
		return nil, err
	}
	return &onClose{ReadCloser: r, then: sync.OnceFunc(l.release)}, nil
}

func (l *limited) Stat(ctx context.Context, pfn string) (Info, error) {
	return inTurn(ctx, l, "stat", pfn, func(ctx context.Context) (Info, error) { return l.Backend.Stat(ctx, pfn) })
}

func (l *limited) Checksum(ctx context.Context, pfn, algorithm string) (string, error) {
	return inTurn(ctx, l, "checksum", pfn, func(ctx context.Context) (string, error) { return l.Backend.Checksum(ctx, pfn, algorithm) })
}

func (l *limited) Rename(ctx context.Context, from, to string) error {
	_, err := inTurn(ctx, l, "rename", from, one(func(ctx context.Context) error { return l.Backend.Rename(ctx, from, to) }))
	return err
}

func (l *limited) Mkdir(ctx context.Context, pfn string) error {
	_, err := inTurn(ctx, l, "mkdir", pfn, one(func(ctx context.Context) error { return l.Backend.Mkdir(ctx, pfn) }))
	return err
}

func (l *limited) Delete(ctx context.Context, pfn string) error {
	_, err := inTurn(ctx, l, "delete", pfn, one(func(ctx context.Context) error { return l.Backend.Delete(ctx, pfn) }))
	return err
}

// List holds its turn only while a listing is read; who deletes what it yields needs another one.
func (l *limited) List(ctx context.Context, pfn string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		if err := l.acquire(ctx); err != nil {
			yield(Info{}, Fail("list", pfn, Other, err))
			return
		}
		held := true
		defer func() {
			if held {
				l.release()
			}
		}()
		for info, err := range l.Backend.List(ctx, pfn) {
			l.release() // what the caller does with it is not our call
			held = false
			if !yield(info, err) {
				return
			}
			if err := l.acquire(ctx); err != nil {
				yield(Info{}, Fail("list", pfn, Other, err))
				return
			}
			held = true
		}
	}
}

func (l *limited) Space(ctx context.Context, pfn string) (Space, error) {
	return inTurn(ctx, l, "space", pfn, func(ctx context.Context) (Space, error) { return l.Backend.Space(ctx, pfn) })
}

// onClose does something once its reader is closed.
type onClose struct {
	io.ReadCloser
	then func()
}

func (r *onClose) Close() error {
	defer r.then()
	return r.ReadCloser.Close()
}
