package xrd

import (
	"context"
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
	if r.end, err = f.size(a); err != nil {
		_ = r.Close()
		return nil, because(ctx, err)
	}
	if length >= 0 && length < r.end-offset {
		r.end = offset + length
	}
	return r, nil
}

// reader takes bytes from the connection when it is asked for them, so that a window of requests costs no memory here. Pages need
// some, as they are held to their checksums.
type reader struct {
	*file
	ctx    context.Context //nolint:containedctx // a reader lives as long as its Get
	stop   func() bool
	next   int64 // to be asked for
	end    int64
	flight []*call
	head   []byte   // what the oldest call brought, as far as it wasn't read and is not in the connection
	spare  [][]byte // for pages
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
	if len(r.head) > 0 {
		n := copy(p, r.head)
		r.head = r.head[n:]
		return n, nil
	}
	n, err := r.cn.body(p)
	r.err = because(r.ctx, err)
	return n, r.err
}

// fill makes sure that there is something to read, here or in the connection.
func (r *reader) fill() error {
	for r.err == nil && len(r.head) == 0 && r.cn.left == 0 {
		if r.err = r.ctx.Err(); r.err == nil { // else what came before goes on coming
			r.err = r.advance()
		}
		r.err = because(r.ctx, r.err)
	}
	return r.err
}

// advance makes a step: it takes leave of a call whose bytes are read, and waits for those of the oldest one.
func (r *reader) advance() error {
	if len(r.flight) > 0 && r.flight[0].done && len(r.flight[0].dst) == 0 {
		if err := r.whole(r.flight[0]); err != nil {
			return err
		}
		r.flight = append(r.flight[:0], r.flight[1:]...)
	}
	if err := r.ask(); err != nil {
		return err
	}
	if len(r.flight) == 0 {
		return io.EOF
	}
	k := r.flight[0]
	if r.pages {
		return r.receive(k)
	}
	if !k.done && len(k.dst) == 0 {
		r.cn.reading = k
		if err := r.cn.step(); err != nil {
			return err
		}
	}
	r.head, k.dst = k.dst, nil
	return nil
}

// whole is called when all that a call brought is read, and tells whether it is what was asked for.
func (r *reader) whole(k *call) error {
	if err := r.answered(k, "read"); err != nil {
		return err
	}
	if k.n < k.want {
		return fmt.Errorf("read at %d: %d bytes of %d: %w", k.offset, k.n, k.want, io.ErrUnexpectedEOF)
	}
	return nil
}

// ask sends requests until the window is full.
func (r *reader) ask() error {
	for len(r.flight) < window && r.next < r.end {
		size := min(chunk, r.end-r.next)
		k := &call{request: reqRead, offset: r.next, want: int(size)}
		if r.pages {
			k = &call{request: reqPgRead, offset: r.next, dst: r.memory(size)}
		}
		if err := r.cn.send(k, r.params(r.next, uint32(size)), nil); err != nil { //nolint:gosec // at most a chunk
			return fmt.Errorf("connection to %s: %w", r.cn.addr, err)
		}
		r.flight = append(r.flight, k)
		r.next += size
	}
	return nil
}

// receive takes a call's pages.
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
	r.spare, k.dst = append(r.spare, k.dst), nil // used again when the window moves, which is when head is read
	return nil
}

// memory returns some for pages.
func (r *reader) memory(size int64) []byte {
	if last := len(r.spare) - 1; last >= 0 && int64(cap(r.spare[last])) >= size {
		b := r.spare[last]
		r.spare = r.spare[:last]
		return b[:size]
	}
	return make([]byte, size)
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
	cn := r.cn
	clean := len(cn.calls) == 0 && cn.left == 0
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
