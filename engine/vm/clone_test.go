package vm_test

import (
	"bytes"
	"fmt"
	"sync"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

// session is a Go value that can cross: as a session of its own in the other VM.
type session struct {
	account string
	vm      *vm.VM
}

func (s *session) CrossTo(v *vm.VM) (lua.LValue, error) {
	if s.account == "" {
		return nil, fmt.Errorf("the session is closed")
	}
	return &lua.LUserData{Value: &session{s.account, v}, Metatable: lua.LNil}, nil
}

func cloneOptions(out *bytes.Buffer) vm.Options {
	return vm.Options{
		Stdout: out,
		Roots:  []vm.Root{files("scripts", map[string]string{"helper.lua": "local M = { calls = 0 }\nfunction M.double(x) M.calls = M.calls + 1; return 2 * x end\nreturn M"})},
		Modules: map[string]vm.Opener{"rucio": func(L *lua.LState) lua.LValue {
			module := L.SetFuncs(L.NewTable(), map[string]lua.LGFunction{
				"vm": func(L *lua.LState) int { // which VM runs this
					L.Push(&lua.LUserData{Value: vm.Of(L), Metatable: lua.LNil})
					return 1
				},
				"client": func(L *lua.LState) int {
					L.Push(&lua.LUserData{Value: &session{account: L.OptString(1, ""), vm: vm.Of(L)}, Metatable: lua.LNil})
					return 1
				},
				"owner": func(L *lua.LState) int {
					s := L.CheckUserData(1).Value.(*session)
					L.Push(lua.LString(s.account))
					L.Push(lua.LBool(s.vm == vm.Of(L)))
					return 2
				},
			})
			module.RawSetString("null", &lua.LUserData{Metatable: lua.LNil})
			return module
		}},
	}
}

// cloned runs a text that returns a function, and calls its clone in a second VM.
func cloned(t *testing.T, source string, args ...lua.LValue) (output string, results []lua.LValue, err error) {
	t.Helper()
	var out bytes.Buffer
	from := newVM(t, cloneOptions(&out))
	into := newVM(t, cloneOptions(&out))
	values, err := run(t, from, source)
	if err != nil {
		t.Fatal(err)
	}
	fn, err := vm.Clone(values[0].(*lua.LFunction), into)
	if err != nil {
		return "", nil, err
	}
	results, err = into.Call(t.Context(), fn, args...)
	return out.String(), results, err
}

func TestClone(t *testing.T) {
	for _, test := range []struct{ name, source, want string }{
		{"arguments", `return function(x) print(x) end`, "7\n"},
		{"variables", `local a, b, c = 1, "two", { 3, { four = 4 } }; return function() print(a, b, c[1], c[2].four) end`, "1\ttwo\t3\t4\n"},
		{"functions", `local function inner(x) return x + 1 end; local function outer(x) return inner(x) * 2 end; return function(x) print(outer(x)) end`, "16\n"},
		{"recursion", `local function fac(n) return n < 2 and 1 or n * fac(n - 1) end; return function() print(fac(5)) end`, "120\n"},
		{"mutual recursion", `local odd, even; function odd(n) return n > 0 and even(n - 1) end; function even(n) return n == 0 or odd(n - 1) end
			return function(n) print(odd(n)) end`, "true\n"},
		{"shared variable", `local n = 0; local function bump() n = n + 1 end; return function() bump(); bump(); print(n) end`, "2\n"},
		{"shared table", `local t = {}; local function add() t[#t + 1] = 1 end; return function() add(); print(#t) end`, "1\n"},
		{"cycle", `local t = { name = "t" }; t.self = t; return function() print(t.self.self.name) end`, "t\n"},
		{"metatable", `local t = setmetatable({}, { __index = function(_, k) return k .. "!" end }); return function() print(t.x) end`, "x!\n"},
		{"library function", `local insert, format = table.insert, string.format; return function() local t = {}; insert(t, 1); print(format("%d", #t)) end`, "1\n"},
		{"package", `local p = package; return function() print(p == package, p.loaded.string == string) end`, "true\ttrue\n"},
		{"library", `local str = string; return function() print(str == string, str.upper("x")) end`, "true\tX\n"},
		{"globals table", `local g = _G; return function() print(g == _G, rawequal(g.string, string)) end`, "true\ttrue\n"},
		{"module in a variable", `local r = rucio; return function() print(r == rucio, r.vm() ~= nil) end`, "true\ttrue\n"},
		{"module's function", `local which = rucio.vm; return function() print(which == rucio.vm) end`, "true\n"},
		{"module's value", `local null = rucio.null; return function() print(null == rucio.null) end`, "true\n"},
		{"required script", `local helper = require "helper"; helper.calls = 10; return function() print(helper.double(4), helper.calls) end`, "8\t11\n"},
		{"client", `local c = rucio.client("root"); return function() print(rucio.owner(c)) end`, "root\ttrue\n"},
		{"global function", `function shout(x) return prefix .. x end; prefix = ">"; return function() print(shout("x")) end`, ">x\n"},
		{"global in a nested function", `limit = 3; return function() local function f() return limit end; print(f()) end`, "3\n"},
		{"undefined global", `return function() print(nothing) end`, "nil\n"},
		{"variable of later", `local later; local f = function() print(later) end; later = "set"; return f`, "set\n"},
		{"varargs", `return function(...) print(select("#", ...)) end`, "1\n"},
		{"Go function", `return print`, "7\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, _, err := cloned(t, test.source, lua.LNumber(7))
			if err != nil || got != test.want {
				t.Errorf("printed %q (%v), want %q", got, err, test.want)
			}
		})
	}
}

func TestCloneRefuses(t *testing.T) {
	for _, test := range []struct{ source, want string }{
		{`local co = coroutine.create(print); return function() return co end`, "the variable 'co' is a coroutine, which another VM cannot use"},
		{`local list = { { co = coroutine.create(print) } }; return function() return list end`, "the variable 'list'.1.co is a coroutine, which another VM cannot use"},
		{`local c = rucio.client(); return function() return c end`, "the variable 'c': the session is closed"},
		{`local f = setfenv(function() end, {}); return function() return f end`, "the variable 'f' has an environment of its own (setfenv), which another VM cannot use"},
		{`local next_match = string.gmatch("a", "a"); return function() return next_match end`, "the variable 'next_match' is a Go function that another VM cannot use"},
		{`local r = rucio.vm(); return function() return r end`, "the variable 'r' is a userdata (*vm.VM), which another VM cannot use: make it inside the function"},
		{`job = coroutine.create(print); return function() return job end`, "the global 'job' is a coroutine, which another VM cannot use"},
	} {
		_, _, err := cloned(t, test.source)
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: got %v, want %s", test.source, err, test.want)
		}
	}
}

func TestCloneLeavesTheOriginalAlone(t *testing.T) {
	var out bytes.Buffer
	from, into := newVM(t, cloneOptions(&out)), newVM(t, cloneOptions(&out))
	values, err := run(t, from, `local list, n = { 1 }, 0; return function() n = n + 1; list[#list + 1] = n; return #list, n end`)
	if err != nil {
		t.Fatal(err)
	}
	fn := values[0].(*lua.LFunction)
	clone, err := vm.Clone(fn, into)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := into.Call(t.Context(), clone); err != nil {
			t.Fatal(err)
		}
	}
	results, err := from.Call(t.Context(), fn)
	if err != nil || results[0] != lua.LNumber(2) || results[1] != lua.LNumber(1) {
		t.Errorf("the original sees %v, %v", results, err)
	}
}

// TestClonesRunBesideEachOther is worth its while under the race detector.
func TestClonesRunBesideEachOther(t *testing.T) {
	from := newVM(t, vm.Options{})
	values, err := run(t, from, `
		local cache, factor = {}, 3
		local function work(n)
			for i = 1, 1000 do cache[i] = (cache[i] or 0) + n * factor end
			return cache[1000], #(("x"):rep(n)), (("a=1"):gsub("%w", "%0%0"))
		end
		return work`)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for n := 1; n <= 8; n++ {
		worker := from.Sibling()
		t.Cleanup(worker.Close)
		fn, err := vm.Clone(values[0].(*lua.LFunction), worker)
		if err != nil {
			t.Fatal(err)
		}
		group.Go(func() {
			for i := 1; i <= 10; i++ {
				results, err := worker.Call(t.Context(), fn, lua.LNumber(n))
				if want := lua.LNumber(3 * n * i); err != nil || results[0] != want {
					t.Errorf("worker %d got %v, %v", n, results, err)
				}
			}
		})
	}
	group.Wait()
}

func TestCopy(t *testing.T) {
	var out bytes.Buffer
	from, into := newVM(t, cloneOptions(&out)), newVM(t, cloneOptions(&out))
	values, err := run(t, from, `local t = { 1, "two", { three = 3, null = rucio.null } }; t.again = t[3]; return t`)
	if err != nil {
		t.Fatal(err)
	}
	copied, err := vm.Copy(values[0], from, into)
	if err != nil {
		t.Fatal(err)
	}
	check, err := into.Load("check.lua", `local t = ...; return t[1] == 1 and t[2] == "two" and t[3].three == 3 and t.again == t[3] and t[3].null == rucio.null`)
	if err != nil {
		t.Fatal(err)
	}
	if results, err := into.Call(t.Context(), check, copied); err != nil || results[0] != lua.LTrue {
		t.Errorf("got %v, %v", results, err)
	}
	if copied == values[0] {
		t.Error("the table itself crossed")
	}
}

func TestCopyFillsLazyTables(t *testing.T) {
	filled := map[*lua.LTable]bool{}
	options := vm.Options{Fill: func(table *lua.LTable) bool {
		if _, lazy := table.Metatable.(*lua.LTable); lazy {
			table.RawSetString("name", lua.LString("loaded"))
			filled[table] = true
		}
		return filled[table]
	}}
	from, into := newVM(t, options), newVM(t, options)
	row := from.State().NewTable()
	row.Metatable = from.State().NewTable()
	copied, err := vm.Copy(row, from, into)
	if err != nil {
		t.Fatal(err)
	}
	table := copied.(*lua.LTable)
	if table.RawGetString("name") != lua.LString("loaded") || table.Metatable != lua.LNil {
		t.Errorf("got %v with metatable %v", table.RawGetString("name"), table.Metatable)
	}
	if data, err := from.ToGo(row); err != nil || fmt.Sprint(data) != "map[name:loaded]" {
		t.Errorf("as Go: %v, %v", data, err)
	}
}

func TestConversion(t *testing.T) {
	v := newVM(t, vm.Options{})
	for source, want := range map[string]string{
		`nil`: `<nil>`, `true`: `true`, `1`: `1`, `1.5`: `1.5`, `1e300`: `1e+300`, `"s"`: `s`, `{1, 2}`: `[1 2]`, `{a = {1}}`: `map[a:[1]]`,
		`{}`: `map[]`, `{1, x = 2}`: `map[1:1 x:2]`, `{[3] = 1}`: `[<nil> <nil> 1]`,
	} {
		results, err := run(t, v, "return "+source)
		if err != nil {
			t.Fatal(err)
		}
		got, err := v.ToGo(results[0])
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s is %v (%v), want %s", source, got, err, want)
		}
		back, err := v.ToGo(vm.ToLua(v.State(), got))
		if err != nil || fmt.Sprint(back) != want {
			t.Errorf("%s and back is %v (%v)", source, back, err)
		}
	}
	for source, want := range map[string]string{
		`print`:                        "the value is a function, which is not data",
		`{ rows = { { f = print } } }`: "the value.rows.1.f is a function, which is not data",
		`(function() local t = {}; t.t = t; return t end)()`: "",
	} {
		results, err := run(t, v, "return "+source)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.ToGo(results[0]); err == nil || want != "" && err.Error() != want {
			t.Errorf("%s: got %v, want %s", source, err, want)
		}
	}
}
