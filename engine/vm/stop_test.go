package vm_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

// patience is far above how long a stop takes (milliseconds), for machines that are busy.
const patience = 10 * time.Second

// stopWithin runs a text that does not end by itself, cancels it once it says so, and returns the error.
func stopWithin(t *testing.T, source string) error {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	v := newVM(t, vm.Options{Modules: map[string]vm.Opener{"test": func(L *lua.LState) lua.LValue {
		return L.SetFuncs(L.NewTable(), map[string]lua.LGFunction{"cancel": func(*lua.LState) int {
			time.AfterFunc(10*time.Millisecond, func() { cancel(fail.Errorf(fail.Timeout, "took longer than 10ms")) })
			return 0
		}})
	}}})
	fn, err := v.Load("test.lua", "test.cancel()\n"+source)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := v.Call(ctx, fn)
		ended <- err
	}()
	select {
	case err := <-ended:
		return err
	case <-time.After(patience):
		t.Fatal("the script goes on after it was stopped")
		return nil
	}
}

func TestStop(t *testing.T) {
	for name, source := range map[string]string{
		"loop":                 `while true do end`,
		"repeat":               `repeat until false`,
		"goto":                 `::top:: goto top`,
		"pcall of error":       `while true do pcall(error) end`,
		"pcall of loop":        `while true do pcall(function() while true do end end) end`,
		"nested pcall":         `local function again() while true do pcall(function() pcall(again2) end) end end; function again2() while true do pcall(again) end end; again()`,
		"xpcall":               `while true do xpcall(function() while true do end end, function() while true do end end) end`,
		"handler":              `xpcall(error, function() while true do end end)`,
		"coroutine":            `coroutine.wrap(function() while true do end end)()`,
		"resume in a loop":     `while true do coroutine.resume(coroutine.create(function() while true do end end)) end`,
		"yields":               `local co = coroutine.wrap(function() while true do coroutine.yield() end end); while true do co() end`,
		"pcall in a coroutine": `coroutine.wrap(function() while true do pcall(error) end end)()`,
		"metamethod":           `local t = setmetatable({}, {__index = function() while true do end end}); return t.x`,
		"tostring":             `print(setmetatable({}, {__tostring = function() while true do end end}))`,
		"sort":                 `local t = {}; for i = 1, 1e5 do t[i] = i % 7 end; while true do table.sort(t, function(a, b) return a < b end) end`,
		"plain sort":           `local t = {}; for i = 1, 1e6 do t[i] = (i * 7919) % 1000003 end; while true do table.sort(t); t[1], t[#t] = t[#t], t[1] end`,
		"sort in a pcall":      `local t = {3, 2, 1}; while true do pcall(table.sort, t, function() error("x") end) end`,
		"pattern":              `return string.find(("a"):rep(5000), ("a*"):rep(30) .. "b")`,
		"lazy pattern":         `return string.match(("a"):rep(5000), (".-"):rep(30) .. "b")`,
		"pattern in a pcall":   `while true do pcall(string.gsub, ("a"):rep(5000), ("a*"):rep(30) .. "b", "") end`,
		"gmatch":               `for _ in string.gmatch(("a"):rep(5000), ("a*"):rep(30) .. "b") do end`,
		"gsub callback":        `while true do string.gsub("aaa", "a", function() end) end`,
		"strings":              `while true do local s = ("x"):rep(1e6):upper():reverse() end`,
		"concat":               `local t = {}; for i = 1, 1e5 do t[i] = "x" end; while true do table.concat(t, ",") end`,
		"load":                 `while true do load("return 1")() end`,
		"load of a reader":     `load(function() while true do end end)`,
		"module":               `package.preload.endless = function() while true do end end; require "endless"`,
	} {
		t.Run(name, func(t *testing.T) {
			err := stopWithin(t, source)
			if err == nil || !strings.Contains(err.Error(), "took longer than 10ms") {
				t.Errorf("ended with %v", err)
			}
			if code := fail.CodeOf(err); code != fail.Timeout {
				t.Errorf("exit code %v, want %v", code, fail.Timeout)
			}
		})
	}
}

func TestStopTellsWhere(t *testing.T) {
	err := stopWithin(t, `local function busy()
  while true do end
end
pcall(busy)`)
	if want := "test.lua:3: took longer than 10ms"; err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	trace := vm.AsError(err).Traceback
	for _, want := range []string{"test.lua:3: in function", "[Go]: in function 'pcall'", "test.lua:5: in main chunk"} {
		if !strings.Contains(trace, want) {
			t.Errorf("%q is not in the traceback\n%s", want, trace)
		}
	}
}

func TestAStoppedVMCanCleanUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	v := newVM(t, vm.Options{Modules: map[string]vm.Opener{"stop": func(L *lua.LState) lua.LValue {
		return L.NewFunction(func(*lua.LState) int { cancel(); return 0 })
	}}})
	results, err := run(t, v, `
		local kept, co = 1, coroutine.wrap(function() while true do coroutine.yield("still here") end end)
		co()
		return function() stop(); while true do end end, function() return kept, pcall(co) end`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Call(ctx, results[0]); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	results, err = v.Call(t.Context(), results[1])
	if err != nil || len(results) != 3 || results[0] != lua.LNumber(1) || results[2] != lua.LString("still here") {
		t.Errorf("cleaning up got %v, %v", results, err)
	}
}

func TestExitCannotBeCaught(t *testing.T) {
	v := newVM(t, vm.Options{Modules: map[string]vm.Opener{"exit": func(L *lua.LState) lua.LValue {
		return L.NewFunction(func(L *lua.LState) int {
			vm.Exit(L, fail.Errorf(fail.Auth, "done"))
			return 0
		})
	}}})
	for _, source := range []string{
		`exit()`,
		`while true do pcall(exit) end`,
		`pcall(pcall, pcall, exit); while true do end`,
		`xpcall(exit, function() end); while true do end`,
		`coroutine.resume(coroutine.create(exit)); while true do end`,
		`pcall(coroutine.wrap(function() pcall(exit) end)); while true do end`,
	} {
		_, err := run(t, v, source)
		if err == nil || vm.AsError(err).Message != "done" || fail.CodeOf(err) != fail.Auth {
			t.Errorf("%s: ended with %v", source, err)
		}
	}
}

func TestMemoryLimit(t *testing.T) {
	const limit = 64 << 20 // well above what the other tests leave behind
	for name, source := range map[string]string{
		"table":   `local t = {}; for i = 1, 1e9 do t[i] = { i } end`,
		"string":  `local s = "x"; while true do s = s .. s end`,
		"strings": `local t = {}; while true do t[#t + 1] = ("x"):rep(1e5) .. #t end`,
		"pcall":   `local t = {}; while true do pcall(function() while true do t[#t + 1] = ("x"):rep(1e5) .. #t end end) end`,
		"sparse":  `local t = {}; for i = 1, 1e9 do t[i] = {}; t[i][2000000] = 1 end`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := run(t, newVM(t, vm.Options{MemoryLimit: limit}), source)
			if want := "test.lua:1: memory limit of 64 MiB exceeded"; err == nil || err.Error() != want {
				t.Fatalf("got %v, want %s", err, want)
			}
			if hint := fail.HintOf(err); !strings.Contains(hint, "--memory-limit") {
				t.Errorf("hint %q", hint)
			}
		})
	}
}

func TestMemoryLimitCountsNoGarbage(t *testing.T) {
	v := newVM(t, vm.Options{MemoryLimit: 64 << 20})
	if _, err := run(t, v, `for i = 1, 5e4 do local s = ("x"):rep(1e4) .. i end`); err != nil {
		t.Errorf("500 MB of garbage, none of it kept: %v", err)
	}
}

func TestSizesAreRefusedUpFront(t *testing.T) {
	v := newVM(t, vm.Options{MemoryLimit: 64 << 20})
	for source, want := range map[string]string{
		`("x"):rep(1e9)`:            "string.rep: a result of 953.7 MiB exceeds the limit of 64 MiB",
		`("x"):rep(2^62)`:           "string.rep: a result of 4 EiB exceeds the limit of 64 MiB",
		`("%999999999d"):format(1)`: "string.format: width or precision too long in '%999999999d'",
	} {
		_, err := run(t, v, source)
		if err == nil || vm.AsError(err).Message != want {
			t.Errorf("%s: got %v, want %s", source, err, want)
		}
	}
	v = newVM(t, vm.Options{})
	for source, want := range map[string]string{
		`("x"):rep(1e12)`:           "string.rep: a result of 931.3 GiB exceeds the limit of 2 GiB",
		`return unpack({}, 1, 1e8)`: "stack overflow: too many values at once",
	} {
		if _, err := run(t, v, source); err == nil || vm.AsError(err).Message != want {
			t.Errorf("%s: got %v, want %s", source, err, want)
		}
	}
}

// TestDeepNestingIsNoCrash: a Go stack overflow would end the test binary.
func TestDeepNestingIsNoCrash(t *testing.T) {
	v := newVM(t, vm.Options{})
	for name, source := range map[string]string{
		"parentheses": `return load(("("):rep(2^20 - 20) .. "1")`,
		"tables":      `return load("return " .. ("{"):rep(2^19 - 20) .. ("}"):rep(2^19 - 20))`,
		"unary":       `return load("return " .. ("-"):rep(2^10) .. ("- "):rep(2^18) .. "1")`,
		"not":         `return load("return " .. ("not "):rep(2^18 - 20) .. "1")`,
		"concat":      `return load("return 1" .. (".. 1"):rep(2^17))`,
		"power":       `return load("return 1" .. ("^1"):rep(2^18))`,
		"functions":   `return load(("function() "):rep(2^16))`,
		"blocks":      `return load(("do "):rep(2^18) .. ("end "):rep(2^18 - 1))`,
		"callbacks":   `local function f() return (string.gsub("a", "a", f)) end; return pcall(f)`,
		"metamethods": `local t = setmetatable({}, {}); getmetatable(t).__index = function(t, k) return t[k + 1] end; return pcall(function() return t[1] end)`,
		"both": `local function f(n)
			if n > 500 then return (select(2, pcall(f, 0))) end
			return (string.gsub("a", "a", function() return f(n + 4) end))
		end; return pcall(f, 0)`,
		"tostring": `local t = setmetatable({}, {}); getmetatable(t).__tostring = function(t) return tostring(t) end; return pcall(tostring, t)`,
		"captures": `return pcall(string.find, ("a"):rep(1e6), ("(a?)"):rep(40))`,
		"pattern":  `return pcall(string.find, ("a"):rep(1e6), ("a?"):rep(1e5))`,
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			fn, err := v.Load("test.lua", source)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := v.Call(ctx, fn); errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("does not end: %v", err)
			}
		})
	}
}
