package runner_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/engine/bind"
	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/report"
	"github.com/rucio-task-manager/rucio-task-manager/engine/runner"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
	"github.com/rucio-task-manager/rucio-task-manager/scripts"
)

// withModules gives a lab's scripts the real modules.
func (l *lab) withModules() *lab {
	l.Modules = func(t *runner.Task) map[string]vm.Opener {
		return bind.Modules(&bind.Host{Log: t.Log, TempDir: t.TempDir, Record: t.Record})
	}
	l.Prepare, l.Fill = bind.Prepare, bind.Fill
	l.Values = runner.Values{ToLua: bind.FromGo, ToGo: bind.ToGo, ToJSON: bind.Encode}
	return l
}

func TestHelloWorld(t *testing.T) {
	l := newLab(t, "").withModules()
	l.Roots = []vm.Root{{Name: vm.EmbeddedRoot, FS: scripts.FS}}
	d := define("hello")
	d.Module, d.Class = "tasks.stubs", "StubHelloWorld"
	d.Kwargs["text"] = "Hello World!"
	if got := l.run(t, d).Results[0]; got.Status != report.Passed {
		t.Fatalf("got %+v", got)
	}
	line := regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \[StubHelloWorld\]                stubs  INFO 0\tHello World!`)
	if !line.MatchString(l.logged.String()) {
		t.Errorf("no line like the original's in\n%s", l.logged.String())
	}
}

func TestTasksWorkInParallel(t *testing.T) {
	l := newLab(t, `
return { C = function(task, kwargs)
	local sums = parallel.map({ 1, 2, 3, 4 }, function(n)
		task.check("n = " .. n, n < 4)
		task.emit { n = n, rows = kwargs.rows }
		metric.counter("done")
		return n * #kwargs.rows
	end, { workers = 2 })
	return sums
end }`).withModules()
	docs := &documents{}
	l.Emitter = func(*runner.Task) (runner.Emitter, error) { return docs, nil }
	d := define("t")
	d.Kwargs["rows"] = []any{int64(1), map[string]any{"deep": nil}}
	got := l.run(t, d).Results[0]
	if got.Code != fail.Check || got.Reason != "check failed: n = 4" || got.Documents != 4 || len(got.Metrics) != 4 {
		t.Errorf("got %+v", got)
	}
	if !strings.Contains(strings.Join(docs.bodies, " "), `"rows":[1,{`) {
		t.Errorf("emitted %v", docs.bodies)
	}
}

func TestErrorsOfParallelWorkKeepTheirPlace(t *testing.T) {
	l := newLab(t, `
return { C = function(task)
	parallel.each({ 1, 2 }, function(n)
		if n == 2 then
			error("item two is broken")
		end
	end)
end }`).withModules()
	got := l.run(t, define("t")).Results[0]
	if got.Code != fail.Task || !strings.Contains(got.Reason, "scripts/tasks/x.lua:5: item two is broken") {
		t.Errorf("got %v %s\n%s", got.Code, got.Reason, got.Traceback)
	}
	if !strings.Contains(got.Traceback, "x.lua:5") {
		t.Errorf("the traceback does not lead to the worker:\n%s", got.Traceback)
	}
}

func TestTemporaryFilesAreGone(t *testing.T) {
	l := newLab(t, `return { C = function() local path = file.random(10); print(path); error("x") end }`).withModules()
	l.run(t, define("t"))
	if path := strings.TrimSpace(l.printed.String()); !strings.HasPrefix(path, l.TempDir) {
		t.Fatalf("the file was made at %q", path)
	} else if entries := leftIn(t, l.TempDir); entries != "" {
		t.Errorf("left behind: %s", entries)
	}
}
