package transfer

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// eventVersion names the client in traces. Servers know the versions of Rucio; ours says which of them we equal.
const eventVersion = "41.5.1"

// traceTimeout is how long a trace may take: transfers do not fail for the sake of statistics.
const traceTimeout = 30 * time.Second

const (
	// tracesAtOnce is how many traces go in one request: servers take their time over traces, and more of it over many requests.
	tracesAtOnce = 50
	// tracePause is how long traces wait for more when they are fewer than fit into one request, and the first ones anyway: by then it
	// is clear which server of several is busy with other calls, and connections go to the others.
	tracePause = 200 * time.Millisecond
	// traceRequests is how many requests are under way at a time: a server takes some milliseconds over each trace, and small files
	// may move faster than that.
	traceRequests = 3
	// traceRequestsBeside is how many while files are registered or listed, which traces must not slow down; they catch up when that is
	// done.
	traceRequestsBeside = 1
)

// tracer sends traces beside the transfers that they tell of, many in one request.
type tracer struct {
	m      *Mover
	c      *rucio.Client
	ctx    context.Context //nolint:containedctx // a tracer lives as long as the transfers of one call
	single atomic.Bool     // the server takes no lists
	failed atomic.Int32    // requests, one after the other

	mu      sync.Mutex
	waiting []map[string]any
	pausing bool // a pause is under way, at the end of which traces are due
	begun   bool // the first pause is over
	due     bool
	closed  bool
	most    int // requests that may be under way
	under   int // requests that are
	group   sync.WaitGroup
}

// tracePatience is how many requests may fail until no more are made: nobody wants to wait for statistics.
const tracePatience = 3

// tracer returns one that makes at most so many requests at a time until it is closed.
func (m *Mover) tracer(ctx context.Context, c *rucio.Client, most int) *tracer {
	return &tracer{m: m, c: c, ctx: ctx, most: most}
}

// add takes a trace, which must not change any more.
func (t *tracer) add(trace map[string]any) {
	if t.m.setup.NoTraces {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = append(t.waiting, trace)
	t.pause()
	t.start()
}

// pause begins a pause if none is under way. It is called with the lock held, as start is.
func (t *tracer) pause() {
	if !t.pausing {
		t.pausing = true
		time.AfterFunc(tracePause, func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.pausing, t.begun, t.due = false, true, len(t.waiting) > 0
			t.start()
		})
	}
}

// start has as many requests made as are worth it.
func (t *tracer) start() {
	for t.under < t.most && t.worth(len(t.waiting)-t.under*tracesAtOnce) {
		t.under++
		t.group.Go(t.send)
	}
}

// worth tells whether so many traces are worth a request now.
func (t *tracer) worth(n int) bool {
	return n > 0 && (t.due || t.closed) || n >= tracesAtOnce && t.begun
}

// hurry makes as many requests at a time as there may be: nothing is slowed down by them any more.
func (t *tracer) hurry() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.most = traceRequests
	t.start()
}

// close waits until all is sent.
func (t *tracer) close() {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.hurry()
	t.group.Wait()
}

// take returns the traces of the next request. When it returns none, the one who asked is not to ask again.
func (t *tracer) take() []map[string]any {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.worth(len(t.waiting)) {
		t.under--
		return nil
	}
	n := min(len(t.waiting), tracesAtOnce)
	some := t.waiting[:n:n]
	t.waiting, t.due = t.waiting[n:], false
	if len(t.waiting) > 0 {
		t.pause()
	}
	return some
}

// send makes requests until nothing is left to send.
func (t *tracer) send() {
	for some := t.take(); len(some) > 0; some = t.take() {
		if len(some) > 1 && !t.single.Load() {
			err := t.post(func(ctx context.Context) error { return t.c.SendTraces(ctx, some) })
			var answer *rucio.Error
			if !errors.As(err, &answer) || answer.Status == 0 {
				continue
			}
			t.single.Store(true)
		}
		for _, trace := range some {
			_ = t.post(func(ctx context.Context) error { return t.c.SendTrace(ctx, trace) })
		}
	}
}

// post makes a request, unless too many have failed. As in Python's clients, a trace that does not arrive is no failure of
// the transfer; one that was cancelled is told of too.
func (t *tracer) post(request func(context.Context) error) error {
	if t.failed.Load() >= tracePatience {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.ctx), traceTimeout)
	defer cancel()
	err := request(ctx)
	if err == nil {
		t.failed.Store(0)
		return nil
	}
	failed := t.failed.Add(1)
	t.m.setup.Log.DebugContext(ctx, "traces were not sent", "error", err, "given up", failed >= tracePatience)
	return err
}

// seconds is a time as traces have it: seconds since 1970 with fractions, as Python's time.time() gives them.
func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
