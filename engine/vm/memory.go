package vm

import (
	"context"
	"runtime"
	"runtime/metrics"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm/lualib"
)

const (
	memoryInterval = 20 * time.Millisecond  // between two looks at the heap
	collectPause   = 500 * time.Millisecond // between two collections that the watch asks for
	heapInUse      = "/memory/classes/heap/objects:bytes"
	heapLive       = "/gc/heap/live:bytes" // as the last collection left it
)

// watchMemory cancels a call when the heap of the process exceeds the limit, also after a collection, and returns how to
// end the watch. Go does not tell whose memory it is: of several tasks that run side by side, all are stopped.
func (v *VM) watchMemory(ctx context.Context, cancel context.CancelCauseFunc) (stop func()) {
	limit := v.options.MemoryLimit
	if limit <= 0 {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		ticker := time.NewTicker(memoryInterval)
		defer ticker.Stop()
		var collected time.Time
		for {
			select {
			case <-done:
				return
			case <-ctx.Done():
				return
			case now := <-ticker.C:
				if measure(heapInUse) <= limit || now.Sub(collected) < collectPause {
					continue
				}
				runtime.GC()
				if collected = time.Now(); measure(heapLive) > limit {
					cancel(memoryError(limit))
					return
				}
			}
		}
	}()
	return func() { close(done) }
}

func measure(metric string) int64 {
	sample := []metrics.Sample{{Name: metric}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0 // a future Go without this metric: no limit rather than a false one
	}
	return int64(sample[0].Value.Uint64()) //nolint:gosec // no heap has 2^63 bytes
}

func memoryError(limit int64) error {
	return fail.Hint(fail.Errorf(fail.Task, "memory limit of %s exceeded", lualib.Size(limit)),
		"the script keeps too much at once: handle rows as they come, or raise the limit with --memory-limit")
}
