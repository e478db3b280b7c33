package runner_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/logging"
	"github.com/rucio-task-manager/rucio-task-manager/engine/redact"
	"github.com/rucio-task-manager/rucio-task-manager/engine/report"
	"github.com/rucio-task-manager/rucio-task-manager/engine/runner"
	"github.com/rucio-task-manager/rucio-task-manager/engine/task"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

// lab runs tasks from texts, and keeps what they do.
type lab struct {
	runner.Options
	scripts fstest.MapFS
	printed *safeBuffer
	logged  *safeBuffer
}

// safeBuffer is a bytes.Buffer for several goroutines.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// newLab makes a lab whose module tasks.x is the text.
func newLab(t *testing.T, script string) *lab {
	t.Helper()
	l := &lab{scripts: newFiles(script), printed: &safeBuffer{}, logged: &safeBuffer{}}
	l.Options = runner.Options{
		Roots:   []vm.Root{{Name: "scripts", FS: l.scripts}},
		Stdout:  l.printed,
		Log:     logging.New(logging.Options{Writer: l.logged, Level: slog.LevelDebug}),
		TempDir: t.TempDir(),
	}
	return l
}

func newFiles(script string) fstest.MapFS { return fstest.MapFS{"tasks/x.lua": {Data: []byte(script)}} }

// define returns a definition of class C.
func define(name string) *task.Definition {
	return &task.Definition{Name: name, Module: "tasks.x", Class: "C", Enabled: true, Kwargs: map[string]any{"task_name": name}}
}

func (l *lab) run(t *testing.T, definitions ...*task.Definition) report.Summary {
	t.Helper()
	summary, err := runner.Run(t.Context(), definitions, l.Options)
	if err != nil {
		t.Fatal(err)
	}
	return summary
}

// one runs a script's class C as task "t" and returns its result.
func one(t *testing.T, script string) report.Result {
	t.Helper()
	return newLab(t, script).run(t, define("t")).Results[0]
}

func TestEnds(t *testing.T) {
	for _, test := range []struct {
		name, script string
		status       report.Status
		code         fail.Code
		reason       string
	}{
		{"nothing", `return { C = function() end }`, report.Passed, fail.OK, ""},
		{"true", `return { C = function() return true end }`, report.Passed, fail.OK, ""},
		{"value", `return { C = function() return { n = 1 } end }`, report.Passed, fail.OK, ""},
		{"function", `return { C = function() return print end }`, report.Passed, fail.OK, ""},
		{"false", `return { C = function() return false end }`, report.Failed, fail.Check, "run returned false"},
		{"false and why", `return { C = function() return false, "no replicas" end }`, report.Failed, fail.Check, "run returned false: no replicas"},
		{"error", "return { C = function()\n error('broken') end }", report.Failed, fail.Task, "scripts/tasks/x.lua:2: broken"},
		{"check holds", `return { C = function(task) assert(task.check("a", 1) == true) end }`, report.Passed, fail.OK, ""},
		{"check fails", `return { C = function(task) assert(task.check("a", nil, "why") == false) end }`, report.Failed, fail.Check, "check failed: a: why"},
		{"checks fail", `return { C = function(task) task.check("a", false); task.check("b", true); task.check("c", false) end }`, report.Failed, fail.Check, "check failed: a (and 1 more)"},
		{"check fails and false", `return { C = function(task) task.check("a", false) return false end }`, report.Failed, fail.Check, "check failed: a"},
		{"check fails and error", `return { C = function(task) task.check("a", false) error("b", 0) end }`, report.Failed, fail.Task, "b"},
		{"fail", `return { C = function(task) task.fail("no luck"); task.check("b", true) end }`, report.Failed, fail.Check, "check failed: no luck"},
		{"skip", `return { C = function(task) task.skip("not today"); error("x") end }`, report.Skipped, fail.OK, "not today"},
		{"skip in a pcall", `return { C = function(task) pcall(task.skip, "not today"); error("x") end }`, report.Skipped, fail.OK, "not today"},
		{"skip in setup", `return { C = { setup = function(task) task.skip() end, run = function() error("x") end } }`, report.Skipped, fail.OK, ""},
		{"skip after a failed check", `return { C = function(task) task.fail("f"); task.skip("s") end }`, report.Failed, fail.Check, "check failed: f"},
		{"setup fails", `return { C = { setup = function(task) error("s", 0) end, run = function() error("r") end } }`, report.Failed, fail.Task, "s"},
		{"teardown fails", `return { C = { run = function() end, teardown = function() error("t", 0) end } }`, report.Failed, fail.Task, "teardown: t"},
		{"both fail", `return { C = { run = function() error("r", 0) end, teardown = function() error("t", 0) end } }`, report.Failed, fail.Task, "r"},
		{"deferred fails", `return { C = function(task) task.defer(function() error("d", 0) end) end }`, report.Failed, fail.Task, "task.defer: d"},
		{"no such class", `return { D = function() end }`, report.Failed, fail.Definition, `module "tasks.x" has no class "C"; it has D`},
		{"syntax", `return {`, report.Failed, fail.Definition, "scripts/tasks/x.lua:1: syntax error: the script ends too early"},
		{"fails to load", `error("x")`, report.Failed, fail.Definition, "scripts/tasks/x.lua:1: x"},
		{"schema", `return { C = { run = print, kwargs = { a = "int" } } }`, report.Failed, fail.Definition,
			`class C of module tasks.x: kwarg "a": unknown type "int"; the types are string, integer, number, boolean, list, map, any, duration, bytes`},
		{"wrong kwargs", `return { C = { run = function() end, kwargs = { rse = { "string", required = true } } } }`, report.Failed, fail.Definition,
			`task "t": kwargs.rse: is required`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := one(t, test.script)
			if got.Status != test.status || got.Code != test.code || got.Reason != test.reason {
				t.Errorf("got  %s %v %q\nwant %s %v %q", got.Status, got.Code, got.Reason, test.status, test.code, test.reason)
			}
		})
	}
}

func TestResult(t *testing.T) {
	l := newLab(t, `
local function inner() error("deep") end
return { C = function(task) task.check("one", true, "unused"); task.check("two", false, { 1 }); task.emit { a = 1 }; measure(); inner() end }`)
	clock := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	l.Now = func() time.Time { clock = clock.Add(time.Second); return clock }
	l.Modules = func(t *runner.Task) map[string]vm.Opener {
		return map[string]vm.Opener{"measure": func(L *lua.LState) lua.LValue {
			return L.NewFunction(func(*lua.LState) int { t.Record(report.Metric{Name: "m", Kind: "gauge", Value: 2}); return 0 })
		}}
	}
	d := define("t")
	d.File, d.Description = "a.yml", "about"
	got := l.run(t, d).Results[0]
	if got.Task != "t" || got.Module != "tasks.x" || got.Class != "C" || got.File != "a.yml" || got.Description != "about" {
		t.Errorf("got %+v", got)
	}
	if got.Duration <= 0 || got.Started.IsZero() || got.Documents != 1 || len(got.Metrics) != 1 || got.Metrics[0].Name != "m" {
		t.Errorf("got %+v", got)
	}
	if want := "[{one true } {two false table"; len(got.Checks) != 2 || !strings.HasPrefix(fmt.Sprint(got.Checks), want) {
		t.Errorf("checks %v", got.Checks)
	}
	for _, want := range []string{"scripts/tasks/x.lua:2: in function 'inner'", "scripts/tasks/x.lua:3: in "} {
		if !strings.Contains(got.Traceback, want) {
			t.Errorf("%q is not in the traceback\n%s", want, got.Traceback)
		}
	}
}

func TestValueIsKept(t *testing.T) {
	got := one(t, `return { C = function() return { list = { 1, 2 }, text = "x" } end }`)
	if fmt.Sprint(got.Value) != "map[list:[1 2] text:x]" {
		t.Errorf("got %v", got.Value)
	}
}

func TestParameters(t *testing.T) {
	l := newLab(t, `return { C = { kwargs = { size = "bytes", sites = { "list", default = { "A" } }, text = { "string", aliases = "txt" } },
		run = function(task, kwargs, args)
			print(task.name, task.description, task.module, task.class, kwargs.size, kwargs.sites[1], kwargs.text, args[2], kwargs.task_name)
		end } }`)
	d := define("t")
	d.Description = "about"
	d.Kwargs["size"], d.Kwargs["txt"], d.Args = "10MB", "hello", []any{"a", "b"}
	l.run(t, d)
	if want := "t\tabout\ttasks.x\tC\t10000000\tA\thello\tb\tt\n"; l.printed.String() != want {
		t.Errorf("printed %q, want %q", l.printed.String(), want)
	}
}

func TestOrderOfFunctions(t *testing.T) {
	for name, test := range map[string]struct{ run, want string }{
		"success":      {``, "setup run d2 d1 teardown d3"},
		"error":        {`error("x")`, "setup run d2 d1 teardown d3"},
		"skip":         {`task.skip()`, "setup run d2 d1 teardown d3"},
		"error inside": {`task.defer(function() error("x") end)`, "setup run d2 d1 teardown d3"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, `
local C = {}
local function say(what) return function() print(what) end end
function C.setup(task) print("setup"); task.defer(say "d1") end
function C.run(task) print("run"); task.defer(say "d2"); `+test.run+` end
function C.teardown(task) print("teardown"); task.defer(say "d3") end
return { C = C }`)
			l.run(t, define("t"))
			if got := strings.Join(strings.Fields(l.printed.String()), " "); got != test.want {
				t.Errorf("called %s, want %s", got, test.want)
			}
		})
	}
}

func TestTemporaryFolder(t *testing.T) {
	l := newLab(t, `return { C = function(task, kwargs) print(temp()); if kwargs.fail then error("x") end end }`)
	l.Modules = func(task *runner.Task) map[string]vm.Opener {
		return map[string]vm.Opener{"temp": func(L *lua.LState) lua.LValue {
			return L.NewFunction(func(L *lua.LState) int {
				dir, err := task.TempDir()
				if again, _ := task.TempDir(); err != nil || again != dir {
					t.Errorf("got %s and %s, %v", dir, again, err)
				}
				if err := os.WriteFile(filepath.Join(dir, "file"), []byte("x"), 0o600); err != nil {
					t.Error(err)
				}
				L.Push(lua.LString(dir))
				return 1
			})
		}}
	}
	good, bad := define("good"), define("bad")
	bad.Kwargs["fail"] = true
	l.run(t, good, bad)
	dirs := strings.Fields(l.printed.String())
	if len(dirs) != 2 || dirs[0] == dirs[1] || !strings.HasPrefix(dirs[0], l.TempDir) {
		t.Fatalf("folders %v", dirs)
	}
	if left := leftIn(t, l.TempDir); left != "" {
		t.Errorf("left behind: %s", left)
	}
}

// leftIn lists a folder.
func leftIn(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = entry.Name()
	}
	return strings.Join(names, " ")
}

func TestKwargProblemsNameFileAndLine(t *testing.T) {
	set, err := task.Load(t.Context(), []string{"-"}, task.Options{Stdin: strings.NewReader(`
t:
  description: ""
  module_name: tasks.x
  class_name: C
  enabled: true
  args:
  kwargs:
    size: "100"
    sise: 1
`)})
	if err != nil {
		t.Fatal(err)
	}
	l := newLab(t, `return { C = { run = function() print("ran") end, kwargs = { rse = { "string", required = true, doc = "RSE to upload to" }, size = "integer" } } }`)
	got := l.run(t, set.Definitions...).Results[0]
	want := `standard input:8: task "t": kwargs.rse: is required (RSE to upload to)
standard input:9: task "t": kwargs.size: must be an integer, not the string "100" (drop the quotes)`
	if got.Reason != want || got.Code != fail.Definition || l.printed.String() != "" {
		t.Errorf("got\n%s\nwant\n%s", got.Reason, want)
	}
	if warning := `WARNING 0	standard input:10: warning: task "t": kwargs.sise: class C has no kwarg "sise" (did you mean "size"?)`; !strings.Contains(l.logged.String(), warning) {
		t.Errorf("%q is not in the log\n%s", warning, l.logged.String())
	}
	problems := runner.Check(t.Context(), set.Definitions[0], l.Options)
	if got := problems.Errors().Error(); got != want || len(problems.Warnings()) != 1 {
		t.Errorf("check says\n%s", got)
	}
}

func TestStrict(t *testing.T) {
	l := newLab(t, `return { C = { run = function() end, kwargs = { size = "integer" } } }`)
	d := define("t")
	d.Kwargs["sise"] = int64(1)
	if got := l.run(t, d).Results[0]; got.Status != report.Passed {
		t.Errorf("a warning: %+v", got)
	}
	l.Strict = true
	if got := l.run(t, d).Results[0]; got.Code != fail.Definition || got.Reason != `task "t": kwargs.sise: class C has no kwarg "sise" (did you mean "size"?)` {
		t.Errorf("strict: %+v", got)
	}
}

func TestCheck(t *testing.T) {
	for script, want := range map[string]string{
		`return { C = function() end }`:                             "",
		`return { C = { run = function() end, teardwon = print } }`: `warning: task "t": class_name: class C: field teardwon has no meaning; is it teardown?`,
		`return { Cc = function() end }`:                            `task "t": class_name: module "tasks.x" has no class "C"; it has Cc (did you mean "Cc"?)`,
		`return { C = `:                                             `task "t": module_name: scripts/tasks/x.lua:1: syntax error: the script ends too early (is an 'end', a ')' or a '}' missing?)`,
	} {
		problems := runner.Check(t.Context(), define("t"), newLab(t, script).Options)
		got := ""
		for _, p := range problems {
			got += p.String()
		}
		if got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", script, got, want)
		}
	}
	d := define("t")
	d.Module = "tasks.y"
	problems := runner.Check(t.Context(), d, newLab(t, "").Options)
	want := `task "t": module_name: module "tasks.y" not found: no tasks/y.lua or tasks/y/init.lua in scripts (did you mean tasks.x?)`
	if len(problems) != 1 || problems[0].String() != want {
		t.Errorf("got %v, want %s", problems, want)
	}
}

func TestSecretKwargsAreRedacted(t *testing.T) {
	l := newLab(t, `return { C = { kwargs = { token = { "string", secret = true } }, run = function(_, kwargs) error("with " .. kwargs.token) end } }`)
	l.Redactor = &redact.Redactor{}
	d := define("t")
	d.Kwargs["token"] = "s3cr3t-token"
	reason := l.run(t, d).Results[0].Reason
	if got := l.Redactor.String(reason); strings.Contains(got, "s3cr3t") || !strings.Contains(got, redact.Mark) {
		t.Errorf("redacted to %s", got)
	}
}

func TestErrorsOfGoKeepTheirCode(t *testing.T) {
	l := newLab(t, `return { C = function() local ok, e = pcall(login); error(e) end }`)
	l.Modules = func(*runner.Task) map[string]vm.Opener {
		return map[string]vm.Opener{"login": func(L *lua.LState) lua.LValue {
			return L.NewFunction(func(L *lua.LState) int {
				vm.Raise(L, fail.Hint(fail.Errorf(fail.Auth, "Rucio did not let us in"), "set RUCIO_CFG_CLIENT_PASSWORD"))
				return 0
			})
		}}
	}
	got := l.run(t, define("t")).Results[0]
	if got.Code != fail.Auth || got.Hint != "set RUCIO_CFG_CLIENT_PASSWORD" || got.Reason != "scripts/tasks/x.lua:1: Rucio did not let us in" {
		t.Errorf("got %+v", got)
	}
}

func TestPanicsAreInternal(t *testing.T) {
	for name, modules := range map[string]func(*runner.Task) map[string]vm.Opener{
		"in a binding": func(*runner.Task) map[string]vm.Opener {
			return map[string]vm.Opener{"broken": func(L *lua.LState) lua.LValue {
				return L.NewFunction(func(*lua.LState) int { panic("a bug") })
			}}
		},
		"in the engine": func(*runner.Task) map[string]vm.Opener { panic("a bug") },
	} {
		l := newLab(t, `return { C = function() broken() end }`)
		l.Modules = modules
		summary := l.run(t, define("t"), define("u"))
		if got := summary.Results[0]; got.Code != fail.Internal || !strings.Contains(got.Reason, "a bug") || got.Status != report.Failed {
			t.Errorf("%s: got %+v", name, got)
		}
		if summary.Results[1].Task != "u" || summary.Code != fail.Internal {
			t.Errorf("%s: the run ended with %v", name, summary.Code)
		}
		if !strings.Contains(l.logged.String(), "runner_test.go") {
			t.Errorf("%s: the Go stack is not in the debug log:\n%s", name, l.logged.String())
		}
	}
}

func TestGlobalsAreReported(t *testing.T) {
	l := newLab(t, "return { C = function()\n  count = 1\nend }")
	l.run(t, define("t"))
	if want := `[C]                 task WARNING 0	scripts/tasks/x.lua:2: assignment to the undeclared global "count"; write: local count`; !strings.Contains(l.logged.String(), want) {
		t.Errorf("%q is not in the log\n%s", want, l.logged.String())
	}
}

// documents is an Emitter that keeps what it is given.
type documents struct {
	mu       sync.Mutex
	ids      []string
	bodies   []string
	closed   int
	spooled  int
	emitErr  error
	closeErr error
}

func (d *documents) Emit(_ context.Context, id string, doc json.RawMessage) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ids, d.bodies = append(d.ids, id), append(d.bodies, string(doc))
	return d.emitErr
}

func (d *documents) Close(ctx context.Context) (int, error) {
	d.closed++
	return d.spooled, errors.Join(d.closeErr, ctx.Err())
}

func TestEmit(t *testing.T) {
	for name, ending := range map[string]string{"passed": ``, "failed": `error("x")`, "in teardown": ``} {
		docs := &documents{spooled: 1}
		l := newLab(t, `
			local C = { teardown = function(task) task.emit({ last = true }, { id = "last" }) end }
			function C.run(task)
				print(task.emit({ a = 1, b = { "x" } }, { id = "mine" }))
				local id = task.emit { c = true }
				assert(#id == 36)
				`+ending+`
			end
			return { C = C }`)
		l.Emitter = func(*runner.Task) (runner.Emitter, error) { return docs, nil }
		got := l.run(t, define("t")).Results[0]
		if got.Documents != 3 || got.Spooled != 1 || docs.closed != 1 {
			t.Errorf("%s: %d documents, %d spooled, closed %d times", name, got.Documents, got.Spooled, docs.closed)
		}
		if docs.ids[0] != "mine" || docs.ids[2] != "last" || docs.bodies[0] != `{"a":1,"b":["x"]}` || l.printed.String() != "mine\n" {
			t.Errorf("%s: emitted %v %v", name, docs.ids, docs.bodies)
		}
	}
}

func TestEmitErrors(t *testing.T) {
	script := `return { C = function(task) task.emit { a = 1 } end }`
	for name, test := range map[string]struct {
		script string
		docs   *documents
		code   fail.Code
		reason string
	}{
		"not a table":    {`return { C = function(task) task.emit "x" end }`, &documents{}, fail.Task, "scripts/tasks/x.lua:1: bad argument #1 to emit (table expected, got string)"},
		"not data":       {`return { C = function(task) task.emit { f = print } end }`, &documents{}, fail.Task, "scripts/tasks/x.lua:1: task.emit: the value.f is a function, which is not data"},
		"refused":        {script, &documents{emitErr: errors.New("the disk is full")}, fail.Output, "scripts/tasks/x.lua:1: task.emit: the disk is full"},
		"lost":           {script, &documents{closeErr: errors.New("es: 1 document is lost")}, fail.Output, "es: 1 document is lost"},
		"lost at an end": {`return { C = function(task) error("first", 0) end }`, &documents{closeErr: errors.New("lost")}, fail.Task, "first"},
	} {
		l := newLab(t, test.script)
		l.Emitter = func(*runner.Task) (runner.Emitter, error) { return test.docs, nil }
		got := l.run(t, define("t")).Results[0]
		if got.Code != test.code || got.Reason != test.reason || test.docs.closed != 1 {
			t.Errorf("%s: got %v %q, closed %d times", name, got.Code, got.Reason, test.docs.closed)
		}
	}
	l := newLab(t, script)
	l.Emitter = func(*runner.Task) (runner.Emitter, error) { return nil, errors.New("kwargs.output: no type") }
	if got := l.run(t, define("t")).Results[0]; got.Code != fail.Definition || got.Reason != "kwargs.output: no type" {
		t.Errorf("wrong databases: %+v", got)
	}
}

func TestExec(t *testing.T) {
	l := newLab(t, "")
	chunk := runner.Chunk{Name: "probe.lua", Source: "#!/usr/bin/env rucio-task-manager\nprint(kwargs.site, args[1], task.name)\nreturn 42", Kwargs: map[string]any{"site": "CERN"}, Args: []any{"a"}}
	got := runner.Exec(t.Context(), chunk, l.Options)
	if got.Status != report.Passed || got.Value != int64(42) || l.printed.String() != "CERN\ta\tprobe.lua\n" {
		t.Errorf("got %+v, printed %q", got, l.printed.String())
	}
	for source, want := range map[string]string{
		"local x\nerror('here')":           "probe.lua:2: here",
		"local x\nif":                      "probe.lua:2: syntax error: the script ends too early",
		"local task, kwargs = ...; nil1()": "probe.lua:1: attempt to call a value that is not a function",
	} {
		got := runner.Exec(t.Context(), runner.Chunk{Name: "probe.lua", Source: source}, l.Options)
		if got.Reason != want {
			t.Errorf("%s: got %s, want %s", source, got.Reason, want)
		}
	}
}
