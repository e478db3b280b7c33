package runner

import (
	"context"
	"fmt"
	"sync"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
)

// cleanupContext returns the context in which a task cleans up. It goes on when the task's own ends (a timeout, a signal), but
// then for the grace period only; and it ends with Hard.
func (a *attempt) cleanupContext(ctx context.Context, what string) (context.Context, context.CancelFunc) {
	cleanup, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	var timer *time.Timer
	var mu sync.Mutex
	stopGrace := context.AfterFunc(ctx, func() {
		mu.Lock()
		defer mu.Unlock()
		timer = time.AfterFunc(a.Grace, func() {
			cancel(fail.Errorf(fail.Timeout, "%s took longer than the %s it has after a stop", what, a.Grace))
		})
	})
	stopHard := context.AfterFunc(a.Hard, func() {
		cancel(fail.Errorf(fail.Interrupted, "%s was cut short by a second signal", what))
	})
	return cleanup, func() {
		stopGrace()
		stopHard()
		mu.Lock()
		defer mu.Unlock()
		if timer != nil {
			timer.Stop()
		}
		cancel(context.Canceled)
	}
}

// cleanup calls what the script deferred, last in first out, and teardown, whatever goes wrong in one of them. The first
// error is returned, later ones are logged.
func (a *attempt) cleanup(ctx context.Context, teardown *lua.LFunction, args []lua.LValue) (first error) {
	ctx, cancel := a.cleanupContext(ctx, "clean-up")
	defer cancel()
	missed := 0
	call := func(what string, fn *lua.LFunction, args ...lua.LValue) {
		if ctx.Err() != nil {
			missed++
			return
		}
		if _, err := a.vm.Call(ctx, fn, args...); err != nil && !isSkip(err) {
			first = a.add(first, fmt.Errorf("%s: %w", what, err))
		}
	}
	callDeferred := func() {
		for fn := a.popDeferred(); fn != nil; fn = a.popDeferred() {
			call("task.defer", fn)
		}
	}
	callDeferred()
	if teardown != nil {
		call("teardown", teardown, args...)
	}
	callDeferred() // of teardown
	if missed > 0 {
		first = a.add(first, fmt.Errorf("%w; %d clean-up functions were not called", context.Cause(ctx), missed))
	}
	return first
}

func (a *attempt) popDeferred() *lua.LFunction {
	a.mu.Lock()
	defer a.mu.Unlock()
	last := len(a.deferred) - 1
	if last < 0 {
		return nil
	}
	fn := a.deferred[last]
	a.deferred = a.deferred[:last]
	return fn
}
