package vm_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

var errRefused = errors.New("connection refused")

// service is a module whose functions fail as bindings do.
func service(L *lua.LState) lua.LValue {
	return L.SetFuncs(L.NewTable(), map[string]lua.LGFunction{
		"connect": func(L *lua.LState) int {
			err := fail.With(fail.Unavailable, fmt.Errorf("connect to https://rucio.example.org: %w", errRefused))
			vm.Raise(L, fail.Hint(err, "is the server up?"))
			return 0
		},
		"get_did": func(L *lua.LState) int {
			L.Error(vm.NewError(L, errors.New("DataIdentifierNotFound: no testing:x"), map[string]lua.LValue{
				"class": lua.LString("DataIdentifierNotFound"), "status": lua.LNumber(404)}), 1)
			return 0
		},
		"userdata": func(L *lua.LState) int {
			L.Error(&lua.LUserData{Value: fail.With(fail.Auth, errors.New("no entry")), Metatable: lua.LNil}, 1)
			return 0
		},
	})
}

var withService = vm.Options{Modules: map[string]vm.Opener{"service": service}}

func TestErrorsKeepTheirGoError(t *testing.T) {
	for name, source := range map[string]string{
		"uncaught":  "local x\nservice.connect()",
		"rethrown":  "local ok, e = pcall(service.connect)\nerror(e)",
		"asserted":  "local x\nassert(pcall(service.connect))",
		"coroutine": "local x\ncoroutine.wrap(function() service.connect() end)()",
		"handler":   "local ok, e = xpcall(service.connect, function(e) return e end)\nerror(e, 0)",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := run(t, newVM(t, withService), source)
			if want := "test.lua:2: connect to https://rucio.example.org: connection refused"; err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
			if !errors.Is(err, errRefused) || fail.CodeOf(err) != fail.Unavailable || fail.HintOf(err) != "is the server up?" {
				t.Errorf("the cause, the code (%v) or the hint (%q) is lost", fail.CodeOf(err), fail.HintOf(err))
			}
		})
	}
}

func TestErrorValues(t *testing.T) {
	for _, test := range []struct{ name, source, want string }{
		{"fields", `print(e.class, e.status, e.message)`, "DataIdentifierNotFound\t404\tDataIdentifierNotFound: no testing:x\n"},
		{"type", `print(type(e), getmetatable(e))`, "table\terror\n"},
		{"tostring", `print(e)`, "DataIdentifierNotFound: no testing:x\n"},
		{"format", `print(("got %s"):format(e))`, "got DataIdentifierNotFound: no testing:x\n"},
		{"concat", `print("got " .. e .. "!")`, "got DataIdentifierNotFound: no testing:x!\n"},
		{"changed", `e.message = "in site X: " .. e.message; print(e)`, "in site X: DataIdentifierNotFound: no testing:x\n"},
		{"protected", `print(pcall(setmetatable, e, {}))`, "false\tcannot change a protected metatable\n"},
		{"pairs", `local n = {}; for k in pairs(e) do n[#n + 1] = k end; table.sort(n); print(table.concat(n, " "))`, "class message status\n"},
		{"hint", `local _, e = pcall(service.connect); print(e.hint)`, "is the server up?\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := output(t, withService, `local _, e = pcall(service.get_did); `+test.source)
			if got != test.want {
				t.Errorf("printed %q, want %q", got, test.want)
			}
		})
	}
}

func TestErrorMessages(t *testing.T) {
	for _, test := range []struct{ source, want string }{
		{`error("plain")`, "test.lua:1: plain"},
		{`error("no position", 0)`, "no position"},
		{"error('two\\nlines')", "test.lua:1: two\nlines"},
		{`error("http://host:80: odd", 0)`, "http://host:80: odd"},
		{`error({message = "in a table"})`, "in a table"},
		{`error({msg = "in msg"})`, "in msg"},
		{`error({"first"})`, "first"},
		{`error({})`, "the error is a table without a message"},
		{`error(setmetatable({}, {__tostring = function() return "as text" end}))`, "as text"},
		{`error(setmetatable({message = "fallback"}, {__tostring = function() error("x") end}))`, "fallback"},
		{`error(setmetatable({message = "fallback"}, {__tostring = function() while true do end end}))`, "fallback"},
		{`error(42)`, "42"},
		{`error(nil)`, "test.lua:1: error called without a message"},
		{`local t; return t.field`, "test.lua:1: attempt to index a nil value (field 'field')"},
		{`local t; t.field = 1`, "test.lua:1: attempt to index a nil value (field 'field')"},
		{`local t = {}; t.run()`, "test.lua:1: attempt to call a value that is not a function"},
		{`return 1 + {}`, "test.lua:1: attempt to add a number and a table"},
		{`return "a" .. {}`, "test.lua:1: attempt to concatenate a string and a table"},
		{`return 1 < "2"`, "test.lua:1: attempt to compare number with string"},
		{`service.userdata()`, "test.lua:1: no entry"},
		{`local function f() return 1 + f() end; f()`, "stack overflow: more than 8000 calls inside each other"},
		{`assert(false, "asserted")`, "test.lua:1: asserted"},
		{`assert(nil)`, "test.lua:1: assertion failed!"},
		{`string.rep()`, "test.lua:1: bad argument #1 to rep (string expected, got nil)"},
	} {
		_, err := run(t, newVM(t, withService), test.source)
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: got %v, want %s", test.source, err, test.want)
		}
	}
}

func TestTracebacks(t *testing.T) {
	_, err := run(t, newVM(t, withService), `
local M = {}
function M.upload(site)
  service.connect(site)
end
local function each(sites)
  for _, site in ipairs(sites) do M.upload(site) end
end
each { "A" }`)
	want := `[Go]: in function 'connect'
test.lua:4: in function 'upload'
test.lua:7: in function 'each'
test.lua:9: in main chunk`
	if got := vm.AsError(err).Traceback; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTracebackOfRecursionIsShort(t *testing.T) {
	_, err := run(t, newVM(t, vm.Options{}), `local function down(n) if n == 0 then error("deep") end; return 1 + down(n - 1) end; down(1000)`)
	trace := vm.AsError(err).Traceback
	if lines := strings.Count(trace, "\n") + 1; lines != 21 || !strings.Contains(trace, "... (180 more calls)") {
		t.Errorf("%d lines:\n%s", lines, trace)
	}
}

func TestTracebackGoesThroughCoroutines(t *testing.T) {
	_, err := run(t, newVM(t, withService), `
local function generate()
  coroutine.yield(1)
  service.connect()
end
for _ in coroutine.wrap(generate) do end`)
	trace := vm.AsError(err).Traceback
	for _, want := range []string{"test.lua:4: in function", "test.lua:6: in main chunk"} {
		if !strings.Contains(trace, want) {
			t.Errorf("%q is not in\n%s", want, trace)
		}
	}
	if e := vm.AsError(err); e.Line != 4 {
		t.Errorf("the error is reported at line %d", e.Line)
	}
}

func TestCaller(t *testing.T) {
	v := newVM(t, vm.Options{Modules: map[string]vm.Opener{"where": func(L *lua.LState) lua.LValue {
		return L.NewFunction(func(L *lua.LState) int {
			file, line := vm.Caller(L)
			L.Push(lua.LString(fmt.Sprint(file, " ", line)))
			return 1
		})
	}}})
	results, err := run(t, v, "local x\nlocal at = where()\nreturn at, select(2, pcall(where))")
	if err != nil || results[0] != lua.LString("test.lua 2") {
		t.Errorf("got %v, %v", results, err)
	}
}
