package bind

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
)

func TestParallel(t *testing.T) {
	b := newLab(t, withMethods(streamMethod("rows", 100)))
	b.check(t, []example{
		{`local r = parallel.map({1, 2, 3, 4, 5}, function(n) return n * n end) return table.concat(r, " "), #r`, `1 4 9 16 25 5`},
		{`local l = {} for i = 1, 500 do l[i] = i end local r = parallel.map(l, function(n, i) return {n = n, i = i} end, {workers = 16})
		  for i = 1, 500 do assert(r[i].n == i and r[i].i == i) end return #r`, `500`},
		{`return #parallel.map({}, function() end), (parallel.each({}, function() end))`, `0 0`},
		{`local factor, add = 3, {n = 1} local r = parallel.map({1, 2}, function(n) add.n = add.n + 1 return n * factor + add.n end, {workers = 2}) return add.n, r[1] >= 5`, `1 true`},
		{`local seen = parallel.map({{a = {1, "x"}, b = json.null}, "text", 1.5, true, "\0\255"}, function(v)
		    return type(v) == "table" and v.a[2] .. tostring(v.b) .. #v.a or v end) return seen[1], seen[2], seen[3], seen[4], seen[5] == "\0\255"`, `xnil2 text 1.5 true true`},
		{`local r = parallel.map({1, 2, 3}, function(n) if n ~= 2 then return n end end) return r[1], r[2], r[3]`, `1 nil 3`},
		// streams
		{`local r = parallel.map(rucio.rows(), function(row) return row.n end, {workers = 3}) local s = 0 for i, n in ipairs(r) do assert(n == i) s = s + n end return s`, `5050`},
		{`return (parallel.each(rucio.rows(), function(row) assert(row.name == "row " .. row.n) end))`, `100`},
		{`return parallel.map({1, 2}, function(n) return rucio.rows():count() + n end)[2]`, `102`}, // the client is there too
		// progress
		{`local calls, last = 0 parallel.map({1, 2, 3}, function(n) assert(n ~= 2) end, {errors = "return", progress = function(done, failed) calls, last = calls + 1, done .. "/" .. failed end}) return calls, last`, `3 3/1`},
		{`parallel.map({1, 2, 3}, function() end, {progress = function() error("enough") end})`, `error: ...enough`},
		// nested
		{`return parallel.map({1, 2}, function(n) return parallel.map({1, 2}, function(m) return 10 * n + m end)[2] end)[2]`, `22`},
		// errors
		{`parallel.map({1, 2, 3}, function(n) if n > 1 then error("no " .. n) end end)`, `error: parallel.map: 2 of 3 failed; item 2: chunk:1: no 2`},
		{`local ok, e = pcall(parallel.map, {1, 2, 3}, function(n) if n > 1 then error("no " .. n) end end) return tostring(e.errors[2]), e.errors[1], tostring(e.errors[3])`,
			`chunk:1: no 2 nil chunk:1: no 3`},
		{`local r, e = parallel.map({1, 2, 3}, function(n) if n == 2 then error("no") end return n end, {errors = "return"}) return r[1], r[2], r[3], tostring(e[2]), e[1]`, `1 nil 3 chunk:1: no nil`},
		{`local n, e = parallel.each({1, 2, 3}, function(n) if n == 2 then error({message = "m"}) end end, {errors = "return"}) return n, tostring(e[2])`, `3 m`},
		{`parallel.map({1}, function() return print end)`, `error: parallel.map: 1 of 1 failed; item 1: its result: cannot write a function as JSON`},
		{`local c = coroutine.create(print) parallel.map({1}, function() return c end)`, `error: ...the variable 'c' is a coroutine, which another VM cannot use`},
		{`parallel.map({print}, function() end)`, `error: parallel.map: item 1: cannot write a function as JSON`},
		{`parallel.map({1}, function() end, {errors = "ignore"})`, `error: parallel.map: errors must be "raise", "stop" or "return", not the string "ignore"`},
		{`parallel.map({1}, function() end, {workers = 0})`, `error: parallel.map: workers must be an integer from 1 on, not 0`},
		{`parallel.map({1}, function() end, {workers = 1000})`, `error: parallel.map: workers must be at most 256, not 1000`},
		{`parallel.map({1}, function() end, {progress = 1})`, `error: parallel.map: progress must be a function, not 1`},
		{`parallel.map({1}, function() end, {worker = 1})`, `error: parallel.map: unknown option "worker"`},
		{`parallel.map(1, print)`, `error: parallel.map: list must be a table, not 1`},
		{`parallel.map({1}, 2)`, `error: parallel.map: function must be a function, not 2`},
		{`parallel.each({"a"}, print)`, ``},
	})
	if got := b.out.String(); got != "a\t1\n" {
		t.Errorf("printed %q", got)
	}
}

// Errors of Rucio keep what they are on their way out of a worker.
func TestParallelKeepsErrors(t *testing.T) {
	b := newLab(t, withMethods(catalog.Method{Name: "refused", Call: func(context.Context, *rucio.Client, catalog.Args) (catalog.Result, error) {
		return catalog.Result{}, &rucio.Error{Class: "AccessDenied", Message: "no", Status: 403, Method: "refused"}
	}}))
	b.check(t, []example{{`local _, e = parallel.map({1}, function() return rucio.refused() end, {errors = "return"}) return e[1].class, e[1].status, e[1].method`, `AccessDenied 403 refused`}})
	run, err := vmLoad(b, "chunk", `parallel.each({1}, function() rucio.refused() end)`)
	if err != nil {
		t.Fatal(err)
	}
	if err := run(); !errors.Is(err, rucio.Exception("AccessDenied")) {
		t.Errorf("Go gets %v", err)
	}
}

// Workers work at the same time, and no more of them than asked for.
func TestParallelWorkers(t *testing.T) {
	var now, most atomic.Int32
	meet := make(chan struct{})
	b := newLab(t, withMethods(catalog.Method{Name: "meet", Call: func(ctx context.Context, _ *rucio.Client, _ catalog.Args) (catalog.Result, error) {
		n := now.Add(1)
		defer now.Add(-1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		select { // two meet, or nobody goes on
		case meet <- struct{}{}:
		case <-meet:
		case <-ctx.Done():
		}
		return catalog.Result{}, nil
	}}))
	if got := b.eval(t, `return (parallel.each({1, 2, 3, 4, 5, 6}, function() rucio.meet() end, {workers = 2}))`); got != "6" || most.Load() != 2 {
		t.Errorf("got %s with %d workers", got, most.Load())
	}
}

// With errors = "stop" nothing is begun after an error; a stopped script leaves no worker behind.
func TestParallelStops(t *testing.T) {
	var begun atomic.Int32
	endless := catalog.Method{Name: "endless", Call: func(context.Context, *rucio.Client, catalog.Args) (catalog.Result, error) {
		return catalog.Result{Rows: func(yield func(json.RawMessage, error) bool) {
			for yield(json.RawMessage(`1`), nil) {
				begun.Add(1)
			}
		}}, nil
	}}
	broken := catalog.Method{Name: "broken", Call: func(context.Context, *rucio.Client, catalog.Args) (catalog.Result, error) {
		return catalog.Result{Rows: func(yield func(json.RawMessage, error) bool) {
			if yield(json.RawMessage(`1`), nil) {
				yield(nil, fmt.Errorf("cut off"))
			}
		}}, nil
	}}
	b := newLab(t, withMethods(endless, broken))
	before := runtime.NumGoroutine()
	b.check(t, []example{
		{`parallel.each(rucio.endless(), function() error("x") end, {errors = "stop", workers = 2})`, `error: ...failed; item 1: chunk:1: x`},
		{`parallel.each(rucio.broken(), function() end)`, `error: ...item 2: reading item 2: cut off`},
	})
	if n := begun.Load(); n > 10 {
		t.Errorf("%d items were begun", n)
	}
	v := vm.Of(b.L)
	fn, err := v.Load("chunk", `parallel.each(rucio.endless(), function() end)`)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := v.Call(ctx, fn); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	eventually(t, func() bool { return runtime.NumGoroutine() <= before })
}

func BenchmarkParallel(b *testing.B) {
	l := newLab(b)
	l.L.SetGlobal("n", lua.LNumber(b.N))
	if got := l.eval(b, `local l = {} for i = 1, n do l[i] = {i = i} end return (parallel.each(l, function(x) return x.i end))`); !strings.HasPrefix(got, fmt.Sprint(b.N)) {
		b.Fatal(got)
	}
}
