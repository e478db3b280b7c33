package xrd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// Get reads length bytes of a file from offset on, to its end when length is negative. The reader has a window of requests
// under way, and fails when the file ends before the size that it had.
func (c *Client) Get(ctx context.Context, raw string, offset, length int64) (io.ReadCloser, error) {
	u, err := ParseURL(raw)
	if err != nil {
		return nil, err
	}
	f, a, err := c.openFile(ctx, c.endpoint(u), u.Path, openRead|openRetstat)
	if err != nil {
		return nil, err
	}
	r := &reader{file: f, ctx: ctx, stop: f.cn.watch(ctx), next: offset}
	c.chunks.join()
	if r.end, err = f.size(a); err != nil {
		_ = r.Close()
		return nil, because(ctx, err)
	}
	if length >= 0 && length < r.end-offset {
		r.end = offset + length
	}
	return r, nil
}

type reader struct {
	*file
	ctx    context.Context //nolint:containedctx // a reader lives as long as its Get
	stop   func() bool
	next   int64 // to be asked for
	end    int64
	flight []*call
	head   []byte // what the oldest call brought, as far as it wasn't read
	err    error
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := r.fill(); err != nil {
		return 0, err
	}
	n := copy(p, r.head)
	r.consume(n)
	return n, nil
}

// WriteTo implements io.WriterTo: the pieces go to w without another copy.
func (r *reader) WriteTo(w io.Writer) (total int64, err error) {
	for {
		switch err := r.fill(); {
		case errors.Is(err, io.EOF):
			return total, nil
		case err != nil:
			return total, err
		}
		n, err := w.Write(r.head)
		total += int64(n)
		r.consume(n)
		if err != nil {
			return total, err
		}
	}
}

func (r *reader) consume(n int) {
	r.head = r.head[n:]
	if len(r.head) == 0 {
		r.client.chunks.give(r.flight[0].dst)
		r.flight = append(r.flight[:0], r.flight[1:]...)
	}
}

// fill makes sure that there is something to read.
func (r *reader) fill() error {
	if r.err != nil || len(r.head) > 0 {
		return r.err
	}
	if r.err = r.ctx.Err(); r.err == nil { // else what came before goes on coming
		r.err = r.ask()
	}
	if r.err == nil {
		if len(r.flight) == 0 {
			r.err = io.EOF
			return io.EOF
		}
		r.err = r.receive(r.flight[0])
	}
	r.err = because(r.ctx, r.err)
	return r.err
}

// ask sends requests until the window is full.
func (r *reader) ask() error {
	for most := r.client.chunks.window(); len(r.flight) < most && r.next < r.end; {
		k := &call{request: reqRead, offset: r.next, dst: r.client.chunks.take(min(chunk, r.end-r.next))}
		if r.pages {
			k.request = reqPgRead
		}
		if err := r.cn.send(k, r.params(r.next, uint32(len(k.dst))), nil); err != nil { //nolint:gosec // at most a chunk
			return fmt.Errorf("connection to %s: %w", r.cn.addr, err)
		}
		r.flight = append(r.flight, k)
		r.next += int64(len(k.dst))
	}
	return nil
}

func (r *reader) receive(k *call) error {
	if err := r.done(k, "read"); err != nil {
		return err
	}
	if k.n < len(k.dst) {
		return fmt.Errorf("read at %d: %d bytes of %d: %w", k.offset, k.n, len(k.dst), io.ErrUnexpectedEOF)
	}
	for _, page := range k.bad {
		if err := r.reread(page, k.dst[page.offset-k.offset:][:page.n]); err != nil {
			return err
		}
	}
	r.head = k.dst
	return nil
}

// reread asks for a damaged page again, and has the server look whether its disk has it right.
func (r *reader) reread(page damaged, dst []byte) error {
	for range pageRetries {
		k := &call{request: reqPgRead, offset: page.offset, dst: dst}
		if err := r.cn.send(k, r.params(page.offset, uint32(page.n)), []byte{0, 1}); err != nil { //nolint:gosec // a page
			return fmt.Errorf("connection to %s: %w", r.cn.addr, err)
		}
		if err := r.done(k, "read again"); err != nil {
			return err
		}
		if k.n == page.n && len(k.bad) == 0 {
			return nil
		}
	}
	return fmt.Errorf("read at %d, asked %d times: %w", page.offset, 1+pageRetries, ErrChecksum)
}

// Close ends reading. A file that was read to its end gives its connection back, else that is closed: cheaper than to
// receive all that was asked for.
func (r *reader) Close() error {
	if r.cn == nil {
		return nil
	}
	r.client.chunks.leave()
	cn := r.cn
	clean := len(cn.calls) == 0
	if clean {
		k, err := r.sendClose()
		clean = err == nil && cn.await(k) == nil && k.err == nil
	}
	if r.stop() && clean {
		r.client.give(r.at, cn)
	} else {
		r.client.drop(cn)
	}
	r.file = &file{client: r.client}
	if r.err == nil {
		r.err = fmt.Errorf("read after close: %w", fs.ErrClosed)
	}
	return nil
}
