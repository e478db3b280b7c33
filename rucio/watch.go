package rucio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// watch ends a request whose server falls silent: a stream may take hours in all, as long as it flows.
type watch struct {
	ctx     context.Context
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	timeout time.Duration
}

func newWatch(parent context.Context, timeout time.Duration) *watch {
	w := &watch{timeout: timeout}
	w.ctx, w.cancel = context.WithCancelCause(parent)
	w.timer = time.AfterFunc(timeout, func() { w.cancel(fmt.Errorf("%w for %v", errSilent, timeout)) })
	return w
}

// feed says that the server is alive.
func (w *watch) feed() { w.timer.Reset(w.timeout) }

// stop releases the watch; what is still going on in its context is given up.
func (w *watch) stop() {
	w.timer.Stop()
	w.cancel(context.Canceled)
}

// cause returns why a request really ended: err, unless the watch or its parent ended it.
func (w *watch) cause(err error) error {
	if w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	return err
}

// watchedBody is the body of an answer under a watch.
type watchedBody struct {
	io.ReadCloser
	watch    *watch
	read     int64 // bytes
	err      error // that ended reading; io.EOF at the end
	draining bool
	done     func(read int64, err error) // nil once closed
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	if n > 0 && !b.draining {
		b.watch.feed()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = b.watch.cause(err)
	}
	b.err = err
	return n, err
}

// Close frees the connection for the next request: when little is left unread and it comes at once, it is read, because
// closing an unfinished answer closes the connection.
func (b *watchedBody) Close() error {
	if b.done == nil {
		return nil
	}
	ended := b.err
	if ended == nil {
		b.draining = true
		b.watch.timer.Reset(drainTime)
		_, _ = io.CopyN(io.Discard, b, drainSize)
	}
	err := b.ReadCloser.Close()
	b.watch.stop()
	if errors.Is(ended, io.EOF) {
		ended = nil
	}
	b.done(b.read, ended)
	b.done = nil
	return err
}
