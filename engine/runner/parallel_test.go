package runner_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/report"
	"github.com/rucio-task-manager/rucio-task-manager/engine/runner"
	"github.com/rucio-task-manager/rucio-task-manager/engine/task"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

// events is a Reporter that notes what it is told.
type events struct {
	told   []string
	inside int
}

func (e *events) tell(format string, args ...any) error {
	if e.inside++; e.inside != 1 {
		e.told = append(e.told, "TOLD BY TWO AT ONCE")
	}
	e.told = append(e.told, fmt.Sprintf(format, args...))
	e.inside--
	return nil
}

func (e *events) Start(total int) error { return e.tell("start %d", total) }
func (e *events) TaskStart(name, module, class string) error {
	return e.tell("begin %s %s %s", name, module, class)
}
func (e *events) TaskEnd(r report.Result) error { return e.tell("end %s %s", r.Task, r.Status) }
func (e *events) End(s report.Summary) error    { return e.tell("end of %d %v", len(s.Results), s.Code) }

func TestEvents(t *testing.T) {
	l := newLab(t, `return { C = function(task) if task.name == "b" then error("x") end end }`)
	e := &events{}
	l.Reporter = e
	off := define("off")
	off.Enabled = false
	l.run(t, define("a"), off, define("b"), define("c"))
	want := "start 4|begin a tasks.x C|end a passed|end off disabled|begin b tasks.x C|end b failed|begin c tasks.x C|end c passed|end of 4 task-failed"
	if got := strings.Join(e.told, "|"); got != want {
		t.Errorf("told\n%s, want\n%s", got, want)
	}
}

func TestNoTasks(t *testing.T) {
	l := newLab(t, "")
	e := &events{}
	l.Reporter = e
	if summary := l.run(t); summary.Code != fail.OK || strings.Join(e.told, "|") != "start 0|end of 0 ok" {
		t.Errorf("got %+v, told %v", summary, e.told)
	}
}

func TestFailFast(t *testing.T) {
	l := newLab(t, `return { C = function(task) if task.name == "b" then task.fail("x") end end }`)
	l.FailFast = true
	off := define("off")
	off.Enabled = false
	summary := l.run(t, define("a"), define("b"), define("c"), off)
	var got []string
	for _, r := range summary.Results {
		got = append(got, fmt.Sprint(r.Task, " ", r.Status, " ", r.Reason))
	}
	want := "a passed |b failed check failed: x|c skipped not started, for b failed (--fail-fast)|off disabled "
	if strings.Join(got, "|") != want || summary.Code != fail.Check {
		t.Errorf("got %v %s", summary.Code, strings.Join(got, "|"))
	}
}

func TestGravestCode(t *testing.T) {
	l := newLab(t, `return { C = function(task, kwargs) if kwargs.check then return false end; if kwargs.error then error("x") end end }`)
	check, broken, good := define("check"), define("broken"), define("good")
	check.Kwargs["check"], broken.Kwargs["error"] = true, true
	if code := l.run(t, check, broken, good).Code; code != fail.Task {
		t.Errorf("exit code %v", code)
	}
}

// TestParallel makes every task wait for all others: fewer at a time would wait for ever.
func TestParallel(t *testing.T) {
	const n = 4
	var all sync.WaitGroup
	all.Add(n)
	l := newLab(t, `
shared = (shared or 0) + 1
local own = 0
return { C = function(task, kwargs)
	own, shared = own + 1, shared + 1
	string.name = (string.name or "") .. task.name
	meet()
	print(task.name, own, shared, string.name)
end }`)
	l.callback("meet", func() { all.Done(); all.Wait() })
	l.Parallel = n
	e := &events{}
	l.Reporter = e
	var definitions []*task.Definition
	for i := range n {
		definitions = append(definitions, define(fmt.Sprintf("task-%d", i)))
	}
	within(t, patience, func() {
		summary := l.run(t, definitions...)
		for i, r := range summary.Results {
			if r.Task != definitions[i].Name || r.Status != report.Passed {
				t.Errorf("result %d is %+v", i, r)
			}
		}
	})
	for i := range n {
		if want := fmt.Sprintf("task-%d\t1\t2\ttask-%d\n", i, i); !strings.Contains(l.printed.String(), want) {
			t.Errorf("%q is not in\n%s", want, l.printed.String())
		}
	}
	if len(e.told) != 2+2*n || strings.Contains(strings.Join(e.told, "|"), "AT ONCE") {
		t.Errorf("told %v", e.told)
	}
}

func TestOneAtATimeByDefault(t *testing.T) {
	running, most := 0, 0
	l := newLab(t, `return { C = function() enter(); leave() end }`)
	l.callback("enter", func() { running++; most = max(most, running) })
	l.callback("leave", func() { running-- })
	l.run(t, define("a"), define("b"), define("c"))
	if most != 1 {
		t.Errorf("%d tasks at a time", most)
	}
}

// TestTaskObjectWorksInOtherVMs is what functions need that run in parallel within a task.
func TestTaskObjectWorksInOtherVMs(t *testing.T) {
	l := newLab(t, `
return { C = function(task)
	elsewhere(function(n)
		task.check("check " .. n, n < 3)
		task.emit { n = n }
	end)
	print(pcall(elsewhere, function() task.defer(print) end))
end }`)
	l.Modules = func(*runner.Task) map[string]vm.Opener {
		return map[string]vm.Opener{"elsewhere": func(L *lua.LState) lua.LValue {
			return L.NewFunction(func(L *lua.LState) int {
				var group sync.WaitGroup
				errs := make([]error, 4)
				for n := range errs {
					worker := vm.Of(L).Sibling()
					defer worker.Close()
					fn, err := vm.Clone(L.CheckFunction(1), worker)
					if err != nil {
						vm.Raise(L, err)
					}
					group.Go(func() { _, errs[n] = worker.Call(L.Context(), fn, lua.LNumber(n)) })
				}
				group.Wait()
				for _, err := range errs {
					if err != nil {
						vm.Raise(L, err)
					}
				}
				return 0
			})
		}}
	}
	got := l.run(t, define("t")).Results[0]
	if got.Reason != "check failed: check 3" || len(got.Checks) != 4 || got.Documents != 4 {
		t.Errorf("got %+v", got)
	}
	if want := "false\tscripts/tasks/x.lua:7: task.defer: a function that runs in parallel cannot defer\n"; l.printed.String() != want {
		t.Errorf("printed %q, want %q", l.printed.String(), want)
	}
}

func TestReportOfARun(t *testing.T) {
	l := newLab(t, "return { C = function(task, kwargs)\n  if kwargs.bad then\n    error('broken')\n  end\nend }")
	var out bytes.Buffer
	l.Reporter, _ = report.New("text", &out, report.Options{})
	bad := define("bad")
	bad.Kwargs["bad"] = true
	l.run(t, define("good"), bad)
	for _, want := range []string{"✓ good (", "✗ bad (", ": scripts/tasks/x.lua:3: broken\n    [Go]: in function 'error'\n    scripts/tasks/x.lua:3: in function <scripts/tasks/x.lua:1>\n",
		"1 passed, 1 failed in ", "exit code 1 (task-failed)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}

func BenchmarkTask(b *testing.B) {
	options := runner.Options{Roots: []vm.Root{{Name: "scripts", FS: newFiles("return { C = { kwargs = { a = 'integer' }, run = function(task) task.check('x', true) end } }")}}, Cache: vm.NewCache()}
	definitions := []*task.Definition{define("t")}
	for b.Loop() {
		if summary, err := runner.Run(b.Context(), definitions, options); err != nil || summary.Code != fail.OK {
			b.Fatal(summary, err)
		}
	}
}
