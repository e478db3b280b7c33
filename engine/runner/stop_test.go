package runner_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/report"
	"github.com/rucio-task-manager/rucio-task-manager/engine/runner"
	"github.com/rucio-task-manager/rucio-task-manager/engine/task"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

// callback gives scripts a function that calls a Go function.
func (l *lab) callback(name string, fn func()) {
	before := l.Modules
	l.Modules = func(t *runner.Task) map[string]vm.Opener {
		modules := map[string]vm.Opener{}
		if before != nil {
			modules = before(t)
		}
		modules[name] = func(L *lua.LState) lua.LValue {
			return L.NewFunction(func(*lua.LState) int { fn(); return 0 })
		}
		return modules
	}
}

// within fails the test when fn takes far longer than it should.
func within(t *testing.T, limit time.Duration, fn func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	select {
	case <-done:
	case <-time.After(limit):
		t.Fatalf("still running after %s", limit)
	}
}

const patience = 20 * time.Second

func TestTimeout(t *testing.T) {
	for name, loop := range map[string]string{
		"loop":      `while true do end`,
		"pcall":     `while true do pcall(function() while true do end end) end`,
		"coroutine": `coroutine.wrap(function() while true do end end)()`,
		"defer":     `task.defer(function() while true do end end); while true do end`,
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, `return { C = { teardown = function() print("teardown") end, run = function(task)
				task.defer(function() print("deferred") end)
				`+loop+` end } }`)
			l.Timeout, l.Grace = time.Hour, 200*time.Millisecond
			d := define("t")
			d.Timeout = 50 * time.Millisecond // the definition's counts
			within(t, patience, func() {
				got := l.run(t, d).Results[0]
				if got.Status != report.Failed || got.Code != fail.Timeout || !strings.HasSuffix(got.Reason, "the task took longer than its timeout of 50ms") {
					t.Errorf("got %+v", got)
				}
				if !strings.HasPrefix(got.Reason, "scripts/tasks/x.lua:3: ") {
					t.Errorf("it does not say where: %s", got.Reason)
				}
			})
			if name != "defer" && l.printed.String() != "deferred\nteardown\n" {
				t.Errorf("clean-up printed %q", l.printed.String())
			}
		})
	}
}

func TestDefaultTimeout(t *testing.T) {
	l := newLab(t, `return { C = function() while true do end end }`)
	l.Timeout = 20 * time.Millisecond
	within(t, patience, func() {
		if got := l.run(t, define("t")).Results[0]; got.Code != fail.Timeout || !strings.HasSuffix(got.Reason, "its timeout of 20ms") {
			t.Errorf("got %+v", got)
		}
	})
}

func TestTimeoutWhileLoading(t *testing.T) {
	l := newLab(t, `while true do end`)
	l.Timeout = 20 * time.Millisecond
	within(t, patience, func() {
		if got := l.run(t, define("t")).Results[0]; got.Code != fail.Timeout {
			t.Errorf("got %+v", got)
		}
	})
}

func TestRunTimeout(t *testing.T) {
	l := newLab(t, `return { C = function(_, kwargs) if kwargs.task_name ~= "first" then while true do end end end }`)
	l.RunTimeout = 50 * time.Millisecond
	within(t, patience, func() {
		summary := l.run(t, define("first"), define("second"), define("third"))
		var got []string
		for _, r := range summary.Results {
			got = append(got, fmt.Sprint(r.Status, " ", r.Code, " ", r.Reason))
		}
		want := []string{"passed ok ", "failed timeout scripts/tasks/x.lua:1: the run took longer than 50ms", "skipped timeout not started: the run took longer than 50ms"}
		if strings.Join(got, "\n") != strings.Join(want, "\n") || summary.Code != fail.Timeout {
			t.Errorf("got %v\n%s", summary.Code, strings.Join(got, "\n"))
		}
	})
}

// errTerminated is what the command line cancels a run with.
var errTerminated = fmt.Errorf("stopped by signal: terminated (%w)", context.Canceled)

func TestSignal(t *testing.T) {
	l := newLab(t, `
return { C = {
	run = function(task)
		task.defer(function() print("deferred 1") end)
		task.defer(function() local n = 0; for i = 1, 1e5 do n = n + 1 end; print("deferred 2", n) end)
		terminate()
		while true do pcall(function() while true do end end) end
	end,
	teardown = function(task) print("teardown"); task.emit { last = true } end,
} }`)
	docs := &documents{}
	l.Emitter = func(*runner.Task) (runner.Emitter, error) { return docs, nil }
	ctx, cancel := context.WithCancelCause(t.Context())
	l.callback("terminate", func() { cancel(errTerminated) })
	within(t, patience, func() {
		summary, err := runner.Run(ctx, []*task.Definition{define("t"), define("u")}, l.Options)
		if err != nil {
			t.Error(err)
		}
		first, second := summary.Results[0], summary.Results[1]
		if first.Status != report.Failed || first.Code != fail.Interrupted || !strings.Contains(first.Reason, "stopped by signal: terminated") {
			t.Errorf("got %+v", first)
		}
		if second.Status != report.Skipped || second.Code != fail.Interrupted || !strings.HasPrefix(second.Reason, "not started: stopped by signal") {
			t.Errorf("got %+v", second)
		}
		if summary.Code != fail.Interrupted {
			t.Errorf("exit code %v", summary.Code)
		}
	})
	if want := "deferred 2\t100000\ndeferred 1\nteardown\n"; l.printed.String() != want {
		t.Errorf("clean-up printed %q", l.printed.String())
	}
	if len(docs.bodies) != 1 || docs.closed != 1 {
		t.Errorf("emitted %v, closed %d times", docs.bodies, docs.closed)
	}
}

func TestGraceEnds(t *testing.T) {
	for name, test := range map[string]struct{ script, missed string }{
		"in defer": {`return { C = { teardown = function() print("teardown") end, run = function(task)
			task.defer(function() print("first") end); task.defer(function() while true do pcall(error) end end); terminate(); while true do end end } }`, "2"},
		"in teardown": {`return { C = { teardown = function(task) task.defer(print); while true do end end, run = function() terminate(); while true do end end } }`, "1"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, test.script)
			l.Grace = 50 * time.Millisecond
			ctx, cancel := context.WithCancelCause(t.Context())
			l.callback("terminate", func() { cancel(errTerminated) })
			within(t, patience, func() {
				summary, _ := runner.Run(ctx, []*task.Definition{define("t")}, l.Options)
				if got := summary.Results[0]; got.Code != fail.Interrupted {
					t.Errorf("got %+v", got)
				}
			})
			if l.printed.String() != "" {
				t.Errorf("what came after the grace period ran: %q", l.printed.String())
			}
			for _, want := range []string{"clean-up took longer than the 50ms it has after a stop", test.missed + " clean-up functions were not called"} {
				if !strings.Contains(l.logged.String(), want) {
					t.Errorf("%q is not in the log\n%s", want, l.logged.String())
				}
			}
		})
	}
}

func TestSecondSignalCutsCleanUp(t *testing.T) {
	l := newLab(t, `return { C = { teardown = function() again(); while true do end end, run = function() terminate(); while true do end end } }`)
	ctx, cancel := context.WithCancelCause(t.Context())
	hard, cut := context.WithCancel(t.Context())
	l.Hard = hard
	l.callback("terminate", func() { cancel(errTerminated) })
	l.callback("again", cut)
	within(t, patience, func() { // the grace period is 30 s
		summary, _ := runner.Run(ctx, []*task.Definition{define("t")}, l.Options)
		if summary.Code != fail.Interrupted {
			t.Errorf("exit code %v", summary.Code)
		}
	})
	if !strings.Contains(l.logged.String(), "clean-up was cut short by a second signal") {
		t.Errorf("the log does not say so:\n%s", l.logged.String())
	}
}

// TestCleanUpHasTime: the grace period begins with the stop, not with the end of run.
func TestCleanUpHasTime(t *testing.T) {
	l := newLab(t, `return { C = { run = function() end, teardown = function() wait(); print("done") end } }`)
	l.Grace = time.Millisecond
	l.callback("wait", func() { time.Sleep(50 * time.Millisecond) })
	if got := l.run(t, define("t")).Results[0]; got.Status != report.Passed || l.printed.String() != "done\n" {
		t.Errorf("got %+v", got)
	}
}

// TestTimeoutDuringCleanUp: a task that had its work done is stopped in an endless teardown by its timeout and grace.
func TestTimeoutDuringCleanUp(t *testing.T) {
	l := newLab(t, `return { C = { run = function() end, teardown = function() while true do end end } }`)
	l.Timeout, l.Grace = 20*time.Millisecond, 20*time.Millisecond
	within(t, patience, func() {
		got := l.run(t, define("t")).Results[0]
		if want := "teardown: scripts/tasks/x.lua:1: clean-up took longer than the 20ms it has after a stop"; got.Reason != want || got.Code != fail.Timeout {
			t.Errorf("got %v %s, want %s", got.Code, got.Reason, want)
		}
	})
}

func TestRetries(t *testing.T) {
	for _, test := range []struct {
		name     string
		script   string
		retries  int
		tries    int
		attempts int
		status   report.Status
	}{
		{"passes at once", `return { C = function() try() end }`, 3, 1, 0, report.Passed},
		{"passes later", `return { C = function(task) task.emit {}; if try() < 3 then error("x") end end }`, 3, 3, 3, report.Passed},
		{"never passes", `return { C = function(task) task.emit {}; try(); task.fail("x") end }`, 2, 3, 3, report.Failed},
		{"no retries", `return { C = function() try(); error("x") end }`, 0, 1, 0, report.Failed},
		{"skipped", `return { C = function(task) try(); task.skip() end }`, 2, 1, 0, report.Skipped},
		{"wrong", `return { C = { run = function() try() end, kwargs = { a = { "string", required = true } } } }`, 2, 0, 0, report.Failed},
		{"no shared state", `local n = 0; return { C = function(task) n = n + 1; try(); leak = (leak or 0) + 1; assert(n == 1 and leak == 1); task.fail("x") end }`, 1, 2, 2, report.Failed},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLab(t, test.script)
			tries := 0
			l.Modules = func(*runner.Task) map[string]vm.Opener {
				return map[string]vm.Opener{"try": func(L *lua.LState) lua.LValue {
					return L.NewFunction(func(L *lua.LState) int {
						tries++
						L.Push(lua.LNumber(tries))
						return 1
					})
				}}
			}
			d := define("t")
			d.Retries = test.retries
			got := l.run(t, d).Results[0]
			if got.Status != test.status || tries != test.tries || got.Attempts != test.attempts {
				t.Errorf("%d tries, %+v", tries, got)
			}
			if strings.Contains(test.script, "emit") && got.Documents != test.tries {
				t.Errorf("%d documents of %d attempts", got.Documents, test.tries)
			}
			if len(got.Checks) > 1 {
				t.Errorf("checks of several attempts: %v", got.Checks)
			}
		})
	}
}

func TestARunThatEndsDoesNotRetry(t *testing.T) {
	l := newLab(t, `return { C = function() terminate(); error("x") end }`)
	l.RetryPause = time.Hour
	ctx, cancel := context.WithCancelCause(t.Context())
	l.callback("terminate", func() { time.AfterFunc(20*time.Millisecond, func() { cancel(errTerminated) }) })
	d := define("t")
	d.Retries = 5
	within(t, patience, func() {
		summary, _ := runner.Run(ctx, []*task.Definition{d}, l.Options)
		if got := summary.Results[0]; got.Attempts != 0 || got.Status != report.Failed || got.Code != fail.Task {
			t.Errorf("got %+v", got)
		}
	})
}

func TestMemoryLimitOfATask(t *testing.T) {
	l := newLab(t, `return { C = function() local t = {}; for i = 1, 1e9 do t[i] = { i } end end }`)
	l.MemoryLimit = 64 << 20
	got := l.run(t, define("t")).Results[0]
	if got.Code != fail.Task || got.Reason != "scripts/tasks/x.lua:1: memory limit of 64 MiB exceeded" || got.Hint == "" {
		t.Errorf("got %+v", got)
	}
}

func TestAFailedReportIsAnErrorAfterAllTasksRan(t *testing.T) {
	l := newLab(t, `return { C = function(task) print(task.name) end }`)
	l.Reporter, _ = report.New("jsonl", failingWriter{}, report.Options{})
	_, err := runner.Run(t.Context(), []*task.Definition{define("a"), define("b")}, l.Options)
	if !errors.Is(err, errDisk) || fail.CodeOf(err) != fail.Output || l.printed.String() != "a\nb\n" {
		t.Errorf("got %v, printed %q", err, l.printed.String())
	}
}

var errDisk = errors.New("no space left on device")

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errDisk }
