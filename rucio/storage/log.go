package storage

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"time"
)

// logged writes a line at debug level for each call, with how long it took and how many bytes moved.
type logged struct {
	Backend
	log *slog.Logger
}

func (l *logged) done(ctx context.Context, op, pfn string, began time.Time, err error, more ...any) {
	attributes := append([]any{"pfn", Public(pfn), "took", time.Since(began).Round(time.Millisecond)}, more...)
	if err != nil {
		attributes = append(attributes, "error", err)
	}
	l.log.DebugContext(ctx, "storage "+op, attributes...)
}

func (l *logged) Put(ctx context.Context, pfn string, src Source, options PutOptions) error {
	began := time.Now()
	err := l.Backend.Put(ctx, pfn, src, options)
	l.done(ctx, "put", pfn, began, err, "bytes", src.Size())
	return err
}

// Get's line is written when the reader is closed.
func (l *logged) Get(ctx context.Context, pfn string, offset, length int64) (io.ReadCloser, error) {
	began := time.Now()
	r, err := l.Backend.Get(ctx, pfn, offset, length)
	if err != nil {
		l.done(ctx, "get", pfn, began, err, "offset", offset)
		return nil, err
	}
	return &loggedReader{ReadCloser: r, done: func(n int64, err error) {
		l.done(ctx, "get", pfn, began, err, "offset", offset, "bytes", n)
	}}, nil
}

func (l *logged) Stat(ctx context.Context, pfn string) (Info, error) {
	began := time.Now()
	info, err := l.Backend.Stat(ctx, pfn)
	l.done(ctx, "stat", pfn, began, err, "size", info.Size)
	return info, err
}

func (l *logged) Checksum(ctx context.Context, pfn, algorithm string) (string, error) {
	began := time.Now()
	sum, err := l.Backend.Checksum(ctx, pfn, algorithm)
	l.done(ctx, "checksum", pfn, began, err, "algorithm", algorithm, "sum", sum)
	return sum, err
}

func (l *logged) Rename(ctx context.Context, from, to string) error {
	began := time.Now()
	err := l.Backend.Rename(ctx, from, to)
	l.done(ctx, "rename", from, began, err, "to", Public(to))
	return err
}

func (l *logged) Mkdir(ctx context.Context, pfn string) error {
	began := time.Now()
	err := l.Backend.Mkdir(ctx, pfn)
	l.done(ctx, "mkdir", pfn, began, err)
	return err
}

func (l *logged) Delete(ctx context.Context, pfn string) error {
	began := time.Now()
	err := l.Backend.Delete(ctx, pfn)
	l.done(ctx, "delete", pfn, began, err)
	return err
}

func (l *logged) List(ctx context.Context, pfn string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		began, n := time.Now(), 0
		var failed error
		defer func() { l.done(ctx, "list", pfn, began, failed, "entries", n) }()
		for info, err := range l.Backend.List(ctx, pfn) {
			if failed = err; err == nil {
				n++
			}
			if !yield(info, err) {
				return
			}
		}
	}
}

func (l *logged) Space(ctx context.Context, pfn string) (Space, error) {
	began := time.Now()
	space, err := l.Backend.Space(ctx, pfn)
	l.done(ctx, "space", pfn, began, err, "free", space.Free)
	return space, err
}

// loggedReader counts what is read, and tells once it is closed.
type loggedReader struct {
	io.ReadCloser
	n    int64
	err  error
	done func(n int64, err error)
}

func (r *loggedReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	r.n += int64(n)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

func (r *loggedReader) Close() error {
	if r.done != nil {
		r.done(r.n, r.err)
		r.done = nil
	}
	return r.ReadCloser.Close()
}
