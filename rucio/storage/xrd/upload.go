package xrd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
)

// Put stores size bytes of src under a URL, with the folders that it needs. Without overwrite a file that is there is an
// error that is fs.ErrExist. When it fails the half file is removed, as far as the server can be reached, and when we die
// amid it the server does that.
func (c *Client) Put(ctx context.Context, raw string, src io.Reader, size int64, overwrite bool) error {
	u, err := ParseURL(raw)
	if err != nil {
		return err
	}
	options := uint16(openNew | openPOSC)
	if overwrite {
		options = openDelete
	}
	path, opaque := u.split()
	hint := "?oss.asize=" + strconv.FormatInt(size, 10) // for a server that chooses among its disks
	if opaque != "" {
		hint = opaque + "&" + hint[1:]
	}
	f, _, err := c.openFile(ctx, c.endpoint(u), path+hint, options|openUpdate|openMkpath)
	if err != nil {
		return err
	}
	stop := f.cn.watch(ctx)
	done := make(chan struct{})
	err = f.upload(readAhead(src, size, done, ctx.Done()), size)
	close(done)
	if stop() && err == nil {
		c.give(f.at, f.cn)
		return nil
	}
	f.abandon()
	err = because(ctx, errors.Join(err, ctx.Err()))
	if left := f.discard(ctx, u); left != nil {
		return &HalfError{Err: err, Left: left}
	}
	return err
}

// abandon closes a file whose Put failed, orderly if the connection still works: a server that has to find out by itself
// keeps the file locked for another moment.
func (f *file) abandon() {
	if !f.cn.broken {
		f.cn.stall = min(f.cn.stall, farewell)
		if k, err := f.sendClose(); err == nil {
			_ = f.cn.await(k)
		}
	}
	f.client.drop(f.cn)
}

// discard removes a half file. It asks where Put did: the manager of a cluster has to forget the file as well.
func (f *file) discard(ctx context.Context, u URL) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	_, err := f.client.simple(ctx, f.client.endpoint(u), &request{code: reqRm, paths: []string{u.Path}})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// written is a write under way. Its data is kept for pages only, which may have to be sent again.
type written struct {
	*call
	data []byte
}

func (f *file) upload(src *ahead, size int64) error {
	flight := make([]written, 0, window)
	settle := func() error { // the oldest write
		w := flight[0]
		flight = append(flight[:0], flight[1:]...)
		if err := f.settle(w); err != nil {
			return err
		}
		if w.data != nil {
			src.free(w.data)
		}
		return nil
	}
	var wire []byte // pages as they are sent
	if f.pages {
		wire = make([]byte, 0, pagedSize(0, int(min(chunk, size))))
	}
	for offset := int64(0); offset < size; {
		b, err := src.next()
		if err != nil {
			return err
		}
		if len(flight) == window {
			if err := settle(); err != nil {
				return err
			}
		}
		w := written{call: &call{request: reqWrite, offset: offset, n: len(b)}}
		data := b
		if f.pages {
			w.request, w.data = reqPgWrite, b
			wire = appendPages(wire[:0], b, offset)
			data = wire
		}
		if err := f.cn.send(w.call, f.params(offset, 0), data); err != nil {
			return f.refusal(flight, err)
		}
		if !f.pages {
			src.free(b)
		}
		flight = append(flight, w)
		offset += int64(len(b))
	}
	if _, err := src.next(); !errors.Is(err, io.EOF) {
		return err
	}
	return f.end(flight, settle)
}

// end waits for the last writes and closes the file; without pages, whose repair needs it open, both at once.
func (f *file) end(flight []written, settle func() error) (err error) {
	var closing *call
	if !f.pages {
		if closing, err = f.sendClose(); err != nil {
			return f.refusal(flight, err)
		}
	}
	for range flight {
		if err := settle(); err != nil {
			return err
		}
	}
	if f.pages {
		if closing, err = f.sendClose(); err != nil {
			return err
		}
	}
	if err := f.cn.await(closing); err != nil {
		return err
	}
	if closing.err != nil {
		return fmt.Errorf("close: %w", closing.err)
	}
	return nil
}

// refusal finds out why the server hung up: a full disk, say, which it told before.
func (f *file) refusal(flight []written, broken error) error {
	for _, w := range flight {
		if f.cn.await(w.call) == nil && w.err != nil {
			return w.err
		}
	}
	return fmt.Errorf("connection to %s: %w", f.cn.addr, broken)
}

// ahead reads a source in the background: while a piece is sent the next one is read, and a source that hangs doesn't keep
// Put from ending.
type ahead struct {
	pieces   chan piece
	spare    chan []byte
	canceled <-chan struct{}
}

type piece struct {
	b   []byte
	err error
}

// readAhead starts to read size bytes of src; the end is an io.EOF. done ends it.
func readAhead(src io.Reader, size int64, done, canceled <-chan struct{}) *ahead {
	const deep = 2 // read and not sent yet
	a := &ahead{pieces: make(chan piece, deep), spare: make(chan []byte, window+deep+2), canceled: canceled}
	give := func(b []byte, err error) bool {
		select {
		case a.pieces <- piece{b, err}:
			return err == nil
		case <-done:
			return false
		}
	}
	go func() {
		for offset := int64(0); offset < size; {
			var b []byte
			select {
			case b = <-a.spare:
			default:
				b = make([]byte, min(chunk, size))
			}
			b = b[:min(int64(cap(b)), size-offset)]
			n, err := io.ReadFull(src, b)
			if offset += int64(n); err != nil {
				err = sourceError(err, offset, size)
			}
			if !give(b, err) {
				return
			}
		}
		n, err := src.Read(make([]byte, 1))
		switch {
		case n > 0:
			err = fmt.Errorf("the source gives more than the %d bytes that were announced", size)
		case err == nil:
			err = io.EOF
		case !errors.Is(err, io.EOF):
			err = sourceError(err, size, size)
		}
		give(nil, err)
	}()
	return a
}

func (a *ahead) next() ([]byte, error) {
	select {
	case p := <-a.pieces:
		return p.b, p.err
	case <-a.canceled:
		return nil, context.Canceled // Put knows more
	}
}

// free takes a piece back that is not needed any more.
func (a *ahead) free(b []byte) {
	select {
	case a.spare <- b[:cap(b)]:
	default:
	}
}

func sourceError(err error, n, size int64) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the source gave %d bytes, %d were announced", n, size)
	}
	return fmt.Errorf("read the source at %d: %w", n, err)
}

// settle waits for a write and sends its damaged pages again.
func (f *file) settle(w written) error {
	if err := f.done(w.call, "write"); err != nil {
		return err
	}
	for _, page := range w.bad {
		data := w.data[page.offset-w.offset:][:page.n]
		if err := f.repair(page, data); err != nil {
			return err
		}
	}
	return nil
}

func (f *file) repair(page damaged, data []byte) error {
	for range pageRetries {
		p := f.params(page.offset, 0)
		p[13] = 1 // kXR_pgRetry
		k := &call{request: reqPgWrite, offset: page.offset, n: page.n}
		if err := f.cn.send(k, p, appendPages(nil, data, page.offset)); err != nil {
			return fmt.Errorf("connection to %s: %w", f.cn.addr, err)
		}
		if err := f.done(k, "write again"); err != nil {
			return err
		}
		if len(k.bad) == 0 {
			return nil
		}
	}
	return fmt.Errorf("write at %d, sent %d times: %w", page.offset, 1+pageRetries, ErrChecksum)
}
