package vm_test

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

// files makes a root of script texts by path.
func files(name string, texts map[string]string) vm.Root {
	root := fstest.MapFS{}
	for path, text := range texts {
		root[path] = &fstest.MapFile{Data: []byte(text)}
	}
	return vm.Root{Name: name, FS: root}
}

func newVM(t testing.TB, options vm.Options) *vm.VM {
	t.Helper()
	v := vm.New(options)
	t.Cleanup(v.Close)
	return v
}

// run executes a text as "test.lua" and returns what it returns.
func run(t testing.TB, v *vm.VM, source string) ([]lua.LValue, error) {
	t.Helper()
	fn, err := v.Load("test.lua", source)
	if err != nil {
		return nil, err
	}
	return v.Call(t.Context(), fn)
}

// output executes a text and returns what it prints.
func output(t *testing.T, options vm.Options, source string) string {
	t.Helper()
	var out bytes.Buffer
	options.Stdout = &out
	if _, err := run(t, newVM(t, options), source); err != nil {
		t.Fatalf("%v\n%s", err, vm.AsError(err).Traceback)
	}
	return out.String()
}

func TestCallReturnsAllResults(t *testing.T) {
	results, err := run(t, newVM(t, vm.Options{}), `return 1, "two", nil, true`)
	if err != nil {
		t.Fatal(err)
	}
	want := []lua.LValue{lua.LNumber(1), lua.LString("two"), lua.LNil, lua.LTrue}
	if len(results) != len(want) {
		t.Fatalf("got %v", results)
	}
	for i := range want {
		if results[i] != want[i] {
			t.Errorf("result %d is %v, want %v", i, results[i], want[i])
		}
	}
}

// TestClosuresSurviveCaughtErrors is what gopher-lua's own pcall gets wrong (its issue 448).
func TestClosuresSurviveCaughtErrors(t *testing.T) {
	for name, failing := range map[string]string{
		"pcall":     `pcall(error, "x")`,
		"function":  `pcall(function() n = n + 0; error({}) end)`,
		"index":     `pcall(function() local z; return z.x end)`,
		"nested":    `pcall(function() pcall(error, "x"); error("y") end)`,
		"xpcall":    `xpcall(function() error("x") end, function() error("in the handler") end)`,
		"wrap":      `pcall(coroutine.wrap(function() error("x") end))`,
		"resume":    `coroutine.resume(coroutine.create(function() error("x") end))`,
		"assertion": `pcall(assert, false, "x")`,
	} {
		t.Run(name, func(t *testing.T) {
			got := output(t, vm.Options{}, `
				local n = 0
				local function bump() n = n + 1 end
				bump()
				`+failing+`
				bump(); n = n + 1; bump()
				print(n)`)
			if got != "4\n" {
				t.Errorf("the closure and its variable parted: printed %q", got)
			}
		})
	}
}

func TestEscapedClosureOfFailedFunction(t *testing.T) {
	got := output(t, vm.Options{}, `
		local escaped
		pcall(function() local kept = "kept"; escaped = function() return kept end; error("x") end)
		local others = {}
		for i = 1, 20 do others[i] = i end
		print(escaped())`)
	if got != "kept\n" {
		t.Errorf("printed %q", got)
	}
}

func TestProtectedCalls(t *testing.T) {
	for _, test := range []struct{ name, source, want string }{
		{"results", `print(pcall(function(...) return ... end, 1, nil, 3))`, "true\t1\tnil\t3\n"},
		{"error value", `print(pcall(error, "plain"))`, "false\tplain\n"},
		{"position", `print(pcall(function() error("here") end))`, "false\ttest.lua:1: here\n"},
		{"level 2", "local function check() error('bad', 2) end\nprint(pcall(function()\n check()\n end))", "false\ttest.lua:3: bad\n"},
		{"level 0", `print(pcall(function() error("bare", 0) end))`, "false\tbare\n"},
		{"table", `local t = {} ; local ok, e = pcall(error, t); print(ok, e == t)`, "false\ttrue\n"},
		{"no message", `print(pcall(error))`, "false\terror called without a message\n"},
		{"not a function", `print(pcall(nil))`, "false\tattempt to call a non-function object\n"},
		{"callable table", `print(pcall(setmetatable({}, {__call = function(_, x) return x end}), 7))`, "true\t7\n"},
		{"Go function", `print(pcall(string.rep))`, "false\tbad argument #1 to the function (string expected, got nil)\n"},
		{"assert keeps values", `local e = {}; local ok, got = pcall(assert, false, e); print(ok, got == e)`, "false\ttrue\n"},
		{"assert passes", `print(assert(1, 2, 3))`, "1\t2\t3\n"},
		{"xpcall arguments", `print(xpcall(function(a, b) return a + b end, print, 1, 2))`, "true\t3\n"},
		{"xpcall handler", `print(xpcall(function() error("x", 0) end, function(e) return e .. "!", "more" end))`, "false\tx!\tmore\n"},
		{"handler fails", `print(xpcall(function() error("x") end, function(e) error("y", 0) end))`, "false\ty\n"},
		{"rethrow", `print(pcall(function() local ok, e = pcall(error, "in", 0); error("out:" .. e, 0) end))`, "false\tout:in\n"},
		{"overflow", `local function f() return 1 + f() end; local ok, e = pcall(f); print(ok, e:match("stack overflow: more than %d+ calls"))`, "false\tstack overflow: more than 1500 calls\n"},
		{"nested overflow", `local function f() local ok, e = pcall(f); if not ok then error(e, 0) end end; print(select(2, pcall(f)))`,
			"stack overflow: more than 100 protected calls or coroutines inside each other\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := output(t, vm.Options{}, test.source); got != test.want {
				t.Errorf("printed %q, want %q", got, test.want)
			}
		})
	}
}

func TestTracebackInHandler(t *testing.T) {
	got := output(t, vm.Options{}, `
local function inner() error("x") end
local function outer() inner() end
print(select(2, xpcall(outer, debug.traceback)))`)
	for _, want := range []string{"test.lua:2: x\nstack traceback:\n", "\ttest.lua:2: in function 'inner'", "\ttest.lua:3: in function"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
}

func TestCoroutines(t *testing.T) {
	for _, test := range []struct{ name, source, want string }{
		{"generator", `for i in coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) do print(i) end`, "1\n2\n3\n"},
		{"values in and out", `local co = coroutine.create(function(a) local b = coroutine.yield(a + 1); return b * 2 end)
			print(coroutine.resume(co, 1)); print(coroutine.resume(co, 10)); print(coroutine.status(co))`, "true\t2\ntrue\t20\ndead\n"},
		{"dead", `local co = coroutine.create(function() end); coroutine.resume(co); print(coroutine.resume(co))`, "false\tcannot resume a dead coroutine\n"},
		{"error", `print(coroutine.resume(coroutine.create(function() error("x", 0) end)))`, "false\tx\n"},
		{"error through wrap", `print(pcall(coroutine.wrap(function() error("x") end)))`, "false\ttest.lua:1: x\n"},
		{"after a failing wrap", `pcall(coroutine.wrap(function() error("x") end)); print(coroutine.running())`, "nil\n"},
		{"itself", `local co; co = coroutine.create(function() print(coroutine.status(co), coroutine.resume(co)) end); coroutine.resume(co)`,
			"running\tfalse\tcannot resume a running coroutine\n"},
		{"its parent", `local a, b
			a = coroutine.create(function() coroutine.resume(b) end)
			b = coroutine.create(function() print(coroutine.status(a), coroutine.resume(a)) end)
			coroutine.resume(a)`, "normal\tfalse\tcannot resume a normal coroutine\n"},
		{"from pcall", `local co; co = coroutine.create(function() pcall(function() print(coroutine.resume(co)) end); coroutine.yield("on") end)
			print(coroutine.resume(co))`, "false\tcannot resume a running coroutine\ntrue\ton\n"},
		{"pcall inside", `local co = coroutine.wrap(function() print(pcall(error, "x")); coroutine.yield(1); print(pcall(error, "y")) end); co(); co()`,
			"false\tx\nfalse\ty\n"},
		{"resume inside pcall", `local co = coroutine.create(function() coroutine.yield(1) coroutine.yield(2) end)
			print(pcall(coroutine.resume, co)); print(coroutine.resume(co))`, "true\ttrue\t1\ntrue\t2\n"},
		{"yield outside", `print(pcall(coroutine.yield, 1))`, "false\tcoroutine.yield: not inside a coroutine (a pcall within one counts as outside)\n"},
		{"yield from a callback", `print(coroutine.resume(coroutine.create(function() string.gsub("a", "a", function() coroutine.yield() end) end)))`,
			"false\ttest.lua:1: coroutine.yield: cannot leave function 'gsub', which is not a Lua function\n"},
		{"recursion", `local function f() return coroutine.wrap(f)() end; print((select(2, pcall(f)):match("stack overflow")))`, "stack overflow\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := output(t, vm.Options{}, test.source); got != test.want {
				t.Errorf("printed %q, want %q", got, test.want)
			}
		})
	}
}

func TestSandbox(t *testing.T) {
	for _, source := range []string{
		`os.execute("true")`, `os.exit(0)`, `os.remove("x")`, `os.getenv("HOME")`, `os.tmpname()`, `os.rename("a", "b")`,
		`io.open("/etc/passwd")`, `io.popen("true")`, `io.lines("/etc/passwd")`, `io.stdout:write("x")`,
		`dofile("/etc/passwd")`, `assert(loadfile("/etc/passwd"))`, `assert(loadfile("../../etc/passwd"))`,
		`debug.getinfo(1)`, `debug.setmetatable(1, {})`, `debug.getupvalue(print, 1)`, `package.loadlib("x", "y")`, `module("x")`, `newproxy()`, `_printregs()`,
		`require("/etc/passwd")`, `require("..secret")`, `setmetatable(_G, {})`,
	} {
		if _, err := run(t, newVM(t, vm.Options{Roots: []vm.Root{files("scripts", nil)}}), source); err == nil {
			t.Errorf("%s is possible", source)
		}
	}
	got := output(t, vm.Options{}, `
		print(type(os.time()), type(os.date()), type(os.clock()), os.difftime(5, 2))
		print(string.upper("x"), table.concat({1, 2}, ","), math.max(1, 2), type(coroutine.create))
		io.write("written", 1, "\n")
		print(type(package.loaded), _VERSION, type(debug.traceback()), require "string" == string)`)
	want := "number\tstring\tnumber\t3\nX\t1,2\t2\tfunction\nwritten1\ntable\tLua 5.1\tstring\ttrue\n"
	if got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

func TestCollectGarbage(t *testing.T) {
	got := output(t, vm.Options{}, `
		local before = collectgarbage("count")
		print(type(before), before > 0, collectgarbage(), collectgarbage("collect"), collectgarbage("step"))`)
	if want := "number\ttrue\t0\t0\t0\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

func TestLoad(t *testing.T) {
	for _, test := range []struct{ name, source, want string }{
		{"text", `print(load("return 1 + 1")(), loadstring("return 3")())`, "2\t3\n"},
		{"reader", `local parts = { "return ", "4" }; print(load(function() return table.remove(parts, 1) end)())`, "4\n"},
		{"syntax error", `print(load("return (", "mine"))`, "nil\tmine:1: syntax error: the script ends too early\n"},
		{"name", `print(pcall(load("error('x')", "named")))`, "false\tnamed:1: x\n"},
		{"file", `print(loadfile("a/value.lua")(), dofile("a/value.lua"))`, "5\t5\n"},
		{"missing file", `print(loadfile("a/nothing.lua"))`, "nil\treading a file outside the script folders (a/nothing.lua) is not allowed\n"},
		{"broken file", `print(pcall(dofile, "a/broken.lua"))`, "false\tscripts/a/broken.lua:1: syntax error near '='\n"},
		{"traceback", `print((debug.traceback("x"):match("^x\nstack traceback:\n\t(.-)$")), debug.traceback({}) ~= nil)`, "test.lua:1: in main chunk\ttrue\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			options := vm.Options{Roots: []vm.Root{files("scripts", map[string]string{"a/value.lua": "return 5", "a/broken.lua": "x = = 1"})}}
			if got := output(t, options, test.source); got != test.want {
				t.Errorf("printed %q, want %q", got, test.want)
			}
		})
	}
}

func TestMissingFunctionsSayWhatToUse(t *testing.T) {
	_, err := run(t, newVM(t, vm.Options{}), `local home = os.getenv("HOME")`)
	if want := "test.lua:1: os.getenv is not allowed"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if hint, want := fail.HintOf(err), "read variables with env.get, or allow it with --allow-os"; hint != want {
		t.Errorf("hint %q, want %q", hint, want)
	}
}

func TestAllowOS(t *testing.T) {
	got := output(t, vm.Options{AllowOS: true}, `
		print(os.execute("exit 3"))
		local f = assert(io.open("testdata/value.lua")); print((f:read("*a"):gsub("%s+$", ""))); f:close()
		print(dofile("testdata/value.lua"), loadfile("testdata/value.lua")())
		print((select(2, pcall(os.exit, 1))))`)
	want := "3\nreturn 42\n42\t42\nos.exit is not available: it would end the whole run\n"
	if got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, errors.New("too slow"))
	defer cancel()
	v := newVM(t, vm.Options{AllowOS: true})
	fn, _ := v.Load("test.lua", `os.execute("exec sleep 60")`)
	if _, err := v.Call(ctx, fn); err == nil || !strings.Contains(err.Error(), "too slow") {
		t.Errorf("a command outlived its script: %v", err)
	}
}

// Whatever a script has to do with other programs, somebody is told before it.
func TestBeforeTool(t *testing.T) {
	n := 0
	options := vm.Options{AllowOS: true, BeforeTool: func(ctx context.Context) {
		if ctx.Err() == nil {
			n++
			t.Setenv("VM_TEST_COUNT", strconv.Itoa(n))
		}
	}}
	got := output(t, options, `
		print(os.time() > 0)
		print(os.getenv("VM_TEST_COUNT"))
		os.execute("echo $VM_TEST_COUNT")
		print((io.popen("echo $VM_TEST_COUNT"):read("*l")))`)
	if want := "true\n1\n2\n3\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

func TestGlobals(t *testing.T) {
	var told []string
	options := vm.Options{
		OnGlobal: func(name, file string, line int) { told = append(told, name+" "+file) },
		Modules: map[string]vm.Opener{
			"log": func(L *lua.LState) lua.LValue {
				told = append(told, "open log")
				return L.SetFuncs(L.NewTable(), map[string]lua.LGFunction{"info": func(*lua.LState) int { return 0 }})
			},
		},
	}
	got := output(t, options, `
		print(rawget(_G, "log"))
		count = 1
		count = 2
		print(require "log" == log, package.loaded.log == log, rawget(_G, "log") == log)
		print(missing)`)
	if want := "nil\ntrue\ttrue\ttrue\nnil\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
	if got, want := strings.Join(told, ", "), "count test.lua, open log"; got != want {
		t.Errorf("told %q, want %q", got, want)
	}
}

func TestUndefinedGlobalHint(t *testing.T) {
	options := vm.Options{Modules: map[string]vm.Opener{"rucio": func(L *lua.LState) lua.LValue { return L.NewTable() }}}
	for source, want := range map[string]string{
		`rucoi.whoami()`:                      `there is no "rucoi"; did you mean "rucio"?`,
		`prnit("x")`:                          `there is no "prnit"; did you mean "print"?`,
		`local x = 1 + undeclared_altogether`: `there is no "undeclared_altogether": is it a variable of another function, or is a require missing?`,
		"local _ = nothing\nerror('other')":   ``,
	} {
		_, err := run(t, newVM(t, options), source)
		if got := fail.HintOf(err); got != want {
			t.Errorf("%s: %v\nhint %q, want %q", source, err, got, want)
		}
	}
}

func TestPanicsBecomeErrors(t *testing.T) {
	v := newVM(t, vm.Options{Modules: map[string]vm.Opener{"broken": func(L *lua.LState) lua.LValue {
		return L.SetFuncs(L.NewTable(), map[string]lua.LGFunction{"index": func(L *lua.LState) int {
			var none []int
			return none[L.GetTop()]
		}})
	}}})
	_, err := run(t, v, "local x = 1\nbroken.index()")
	if want := "test.lua:2: internal error in function 'index': runtime error: index out of range [0] with length 0"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if code := fail.CodeOf(err); code != fail.Internal {
		t.Errorf("exit code %v", code)
	}
	var panicked *vm.PanicError
	if !errors.As(err, &panicked) || !strings.Contains(panicked.Stack, "vm_test.go") {
		t.Error("the Go stack is lost")
	}
	if _, err := run(t, v, `assert(not pcall(broken.index))`); err != nil {
		t.Errorf("a script cannot catch it: %v", err)
	}
}

func TestSiblingsShareNothing(t *testing.T) {
	v := newVM(t, vm.Options{})
	if _, err := run(t, v, `string.upper = nil; shared = 1; math.randomseed(1)`); err != nil {
		t.Fatal(err)
	}
	results, err := run(t, v.Sibling(), `return shared, string.upper`)
	if err != nil || results[0] != lua.LNil || results[1] == lua.LNil {
		t.Errorf("got %v, %v", results, err)
	}
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		vm.New(vm.Options{}).Close()
	}
}

func BenchmarkPcall(b *testing.B) {
	for name, source := range map[string]string{
		"success": `local f = function() end; for i = 1, 1000 do pcall(f) end`,
		"failure": `for i = 1, 1000 do pcall(error, "x") end`,
	} {
		b.Run(name+"1000", func(b *testing.B) {
			v := newVM(b, vm.Options{})
			for b.Loop() {
				if _, err := run(b, v, source); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkTightLoop(b *testing.B) {
	source := `local x = 0; for i = 1, 100000 do x = x + i % 7 end; return x`
	b.Run("vm", func(b *testing.B) {
		v := newVM(b, vm.Options{MemoryLimit: 1 << 40})
		fn, _ := v.Load("test.lua", source)
		for b.Loop() {
			if _, err := v.Call(b.Context(), fn); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		L := lua.NewState()
		defer L.Close()
		fn, _ := L.LoadString(source)
		for b.Loop() {
			L.Push(fn)
			L.Call(0, 0)
		}
	})
}
