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
	// tracesAtOnce is how many traces go in one request, and traceRequests how many such requests are under way at a time: a server
	// takes five milliseconds over each trace, and small files may move faster than that.
	tracesAtOnce  = 50
	traceRequests = 3
)

// tracer sends traces beside the transfers that they tell of, all in one request that have come while the last one was under
// way: servers take their time over traces, and more of it over many requests at once.
type tracer struct {
	m       *Mover
	c       *rucio.Client
	mu      sync.Mutex
	waiting []map[string]any
	wake    chan struct{}
	done    chan struct{}
	single  atomic.Bool  // the server takes no lists
	failed  atomic.Int32 // requests, one after the other
}

// tracePatience is how many requests may fail until no more are made: nobody wants to wait for statistics.
const tracePatience = 3

// tracer returns one that sends until it is closed.
func (m *Mover) tracer(ctx context.Context, c *rucio.Client) *tracer {
	t := &tracer{m: m, c: c, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go func() {
		defer close(t.done)
		for range t.wake {
			t.flush(ctx)
		}
		t.flush(ctx)
	}()
	return t
}

// add takes a trace, which must not change any more.
func (t *tracer) add(trace map[string]any) {
	if t.m.setup.NoTraces {
		return
	}
	t.mu.Lock()
	t.waiting = append(t.waiting, trace)
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default: // it is awake
	}
}

// close waits until all is sent.
func (t *tracer) close() {
	close(t.wake)
	<-t.done
}

// flush sends what there is.
func (t *tracer) flush(ctx context.Context) {
	var group sync.WaitGroup
	for range traceRequests {
		group.Go(func() { t.send(ctx) })
	}
	group.Wait()
}

func (t *tracer) send(ctx context.Context) {
	for {
		t.mu.Lock()
		n := min(len(t.waiting), tracesAtOnce)
		some := t.waiting[:n:n]
		t.waiting = t.waiting[n:]
		t.mu.Unlock()
		if n == 0 {
			return
		}
		if n > 1 && !t.single.Load() {
			err := t.post(ctx, func(ctx context.Context) error { return t.c.SendTraces(ctx, some) })
			var answer *rucio.Error
			if !errors.As(err, &answer) || answer.Status == 0 {
				continue
			}
			t.single.Store(true)
		}
		for _, trace := range some {
			_ = t.post(ctx, func(ctx context.Context) error { return t.c.SendTrace(ctx, trace) })
		}
	}
}

// post makes a request, unless too many have failed. As in Python's clients, a trace that does not arrive is no failure of
// the transfer; one that was cancelled is told of too.
func (t *tracer) post(ctx context.Context, request func(context.Context) error) error {
	if t.failed.Load() >= tracePatience {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), traceTimeout)
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
