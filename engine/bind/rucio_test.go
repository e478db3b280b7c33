package bind

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testclient"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
)

// vmLoad compiles a chunk and returns how to run it.
func vmLoad(b *lab, name, chunk string) (func() error, error) {
	v := vm.Of(b.L)
	fn, err := v.Load(name, chunk)
	return func() error {
		_, err := v.Call(context.Background(), fn)
		return err
	}, err
}

// streamMethod is a method whose result is a stream of n rows. They share a buffer, as those of package rucio do.
func streamMethod(name string, n int) catalog.Method {
	return catalog.Method{Name: name, Returns: catalog.Stream, Call: func(context.Context, *rucio.Client, catalog.Args) (catalog.Result, error) {
		return catalog.Result{Rows: func(yield func(json.RawMessage, error) bool) {
			buffer := make([]byte, 0, 100)
			for i := range n {
				buffer = fmt.Appendf(buffer[:0], `{"n": %d, "name": "row %[1]d"}`, i+1)
				if !yield(buffer, nil) {
					return
				}
			}
		}}, nil
	}}
}

// withMethods gives a lab methods of its own, and a client that they need not.
func withMethods(methods ...catalog.Method) func(*Host) {
	return func(h *Host) {
		h.Methods = methods
		h.Client = func(context.Context) (*rucio.Client, error) { return nil, nil }
	}
}

// How arguments reach a method: by name, by position, or both.
func TestMethodArguments(t *testing.T) {
	var got catalog.Args
	method := func(name string, params ...catalog.Param) catalog.Method {
		return catalog.Method{Name: name, Params: params, Call: func(_ context.Context, _ *rucio.Client, args catalog.Args) (catalog.Result, error) {
			got = args
			return catalog.Result{Value: json.RawMessage("true")}, nil
		}}
	}
	text := func(name string) catalog.Param { return catalog.Param{Name: name, Type: "string"} }
	b := newLab(t, withMethods(
		method("get_did", text("scope"), text("name"), catalog.Param{Name: "dynamic", Type: "boolean"}),
		method("add_rule", catalog.Param{Name: "dids", Type: "list of DIDs"}, catalog.Param{Name: "copies", Type: "integer"}, text("rse_expression")),
		method("add_did", text("scope"), text("name"), catalog.Param{Name: "meta", Type: "map"}, catalog.Param{Name: "lifetime", Type: "integer"}),
		method("import_data", catalog.Param{Name: "data", Type: "map"}),
		method("list_dids", text("scope"), catalog.Param{Name: "filters", Type: "map or list of maps"}),
		method("set", text("key"), catalog.Param{Name: "value", Type: "any"}),
		method("anything", text("key"), catalog.Param{Name: "kwargs", Variadic: true}),
		method("nothing"),
	))
	for _, test := range []struct{ call, want string }{
		// by name
		{`get_did{scope = "s", name = "n"}`, `{"name":"n","scope":"s"}`},
		{`get_did{scope = "s", name = "n", dynamic = false}`, `{"dynamic":false,"name":"n","scope":"s"}`},
		{`get_did{}`, `{}`},
		{`nothing{}`, `{}`},
		{`nothing()`, `{}`},
		{`get_did(json.decode('{"scope": "s", "name": null}'))`, `{"scope":"s"}`},
		{`get_did{scope = rucio.null}`, `{"scope":null}`},
		{`add_rule{dids = {{scope = "s", name = "n"}}, copies = 1}`, `{"copies":1,"dids":[{"scope":"s","name":"n"}]}`},
		// by position
		{`get_did("s", "n")`, `{"name":"n","scope":"s"}`},
		{`get_did("s", nil, true)`, `{"dynamic":true,"scope":"s"}`},
		{`get_did("s", "n", nil)`, `{"name":"n","scope":"s"}`},
		{`add_rule({{scope = "s", name = "n"}}, 2, "X")`, `{"copies":2,"dids":[{"scope":"s","name":"n"}],"rse_expression":"X"}`},
		{`add_rule{{scope = "s", name = "n"}}`, `{"dids":[{"scope":"s","name":"n"}]}`},
		{`add_rule{}`, `{"dids":[]}`},
		{`import_data{rses = {}}`, `{"data":{"rses":{}}}`},
		{`import_data{}`, `{"data":{}}`},
		{`import_data{data = {x = 1}}`, `{"data":{"x":1}}`},
		{`set("k", {a = 1})`, `{"key":"k","value":{"a":1}}`},
		// both
		{`get_did("s", {name = "n", dynamic = true})`, `{"dynamic":true,"name":"n","scope":"s"}`},
		{`get_did("s", {})`, `{"scope":"s"}`},
		{`add_did("s", "n", {lifetime = 5})`, `{"meta":{"lifetime":5},"name":"n","scope":"s"}`}, // meta stands there
		{`add_did("s", "n", nil, {lifetime = 5})`, `{"lifetime":5,"name":"n","scope":"s"}`},
		{`add_did("s", {lifetime = 5})`, `{"lifetime":5,"scope":"s"}`},
		{`list_dids("s", {name = "x*"})`, `{"filters":{"name":"x*"},"scope":"s"}`},
		{`list_dids("s", {filters = {name = "x"}})`, `{"filters":{"filters":{"name":"x"}},"scope":"s"}`},
		{`anything("k", {other = 1})`, `{"key":"k","other":1}`},
		{`anything{other = 1}`, `{"other":1}`},
		// empty tables are what their parameter takes
		{`add_rule{dids = {}}`, `{"dids":[]}`},
		{`add_rule{dids = json.decode("{}")}`, `{"dids":[]}`},
		{`add_did{meta = {}}`, `{"meta":{}}`},
		{`add_did{meta = json.array{}}`, `{"meta":{}}`},
		{`set{value = {}}`, `{"value":{}}`},
		{`set{value = json.array{}}`, `{"value":[]}`},
	} {
		got = nil
		if result := b.eval(t, "return rucio."+test.call); result != "true" {
			t.Errorf("%s: %s", test.call, result)
			continue
		}
		if doc, err := json.Marshal(got); err != nil || string(doc) != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.call, doc, test.want)
		}
	}
	b.check(t, []example{
		{`rucio.get_did("s", {scope = "t"})`, `error: get_did: kwarg scope: given twice, by position and by name`},
		{`rucio.get_did{scop = "s"}`, `error: get_did: kwarg scop: unknown; get_did takes scope, name, dynamic`},
		{`local ok, e = pcall(rucio.get_did, {scop = "s"}) return e.hint, e.class`, `did you mean "scope"? TypeError`},
		{`rucio.nothing{x = 1}`, `error: nothing: kwarg x: unknown; nothing takes no arguments`},
		{`rucio.get_did("s", "n", true, 4)`, `error: get_did: takes at most 3 positional arguments (scope, name, dynamic), got 4`},
		{`rucio.get_did{scope = print}`, `error: get_did: kwarg scope: cannot write a function as JSON`},
		{`rucio.add_rule{dids = {{scope = "s", name = 0/0}}}`, `error: add_rule: kwarg dids: cannot write the number NaN as JSON, at [1].name`},
		{`rucio.get_di{}`, `error: rucio has no function "get_di"`},
		{`local ok, e = pcall(function() return rucio.get_di end) return e.hint`, `did you mean "get_did"?`},
		{`local ok, e = pcall(rucio.get_did, "s", "n", true, 4) return e.class, e.method, e.status`, `TypeError get_did nil`},
	})
}

// TestListsAreFilledInPlace holds that a list which Python's client adds to is the script's own table, after a failure too.
func TestListsAreFilledInPlace(t *testing.T) {
	items, traces := catalog.Param{Name: "items", Type: "list of maps"}, catalog.Param{Name: "traces_copy_out", Type: "list of maps"}
	method := catalog.Method{Name: "upload", Params: []catalog.Param{items, traces}, Call: func(_ context.Context, _ *rucio.Client, args catalog.Args) (catalog.Result, error) {
		result := catalog.Result{Value: json.RawMessage("true")}
		if args["traces_copy_out"] != nil {
			result.Out = map[string]json.RawMessage{"traces_copy_out": json.RawMessage(`[{"old": 1}, {"new": {"deep": 2}}]`)}
		}
		return result, errors.New("no such file")
	}}
	b := newLab(t, withMethods(method))
	b.check(t, []example{
		{`local t = {} local ok = pcall(rucio.upload, {items = {}, traces_copy_out = t}) return ok, #t, t[1].old, t[2].new.deep`, "false 2 1 2"},
		{`local t = {{old = 1}} pcall(rucio.upload, {{path = "x"}}, t) return #t, t[2].new.deep`, "2 2"},
		{`local t = {} pcall(rucio.upload, {{path = "x"}}, {traces_copy_out = t}) return #t`, "2"},
		{`local ok, e = pcall(rucio.upload, {items = {}}) return tostring(e)`, "upload: no such file"},
	})
}

// perFile is an error that tells of several files.
type perFile struct{ error }

func (perFile) PerFile() any { return []map[string]string{{"state": "DONE"}, {"state": "FAILED"}} }

func (e perFile) Unwrap() error { return e.error }

func TestMethodResults(t *testing.T) {
	method := func(name, value string, err error) catalog.Method {
		return catalog.Method{Name: name, Call: func(context.Context, *rucio.Client, catalog.Args) (catalog.Result, error) {
			return catalog.Result{Value: json.RawMessage(value)}, err
		}}
	}
	b := newLab(t, withMethods(
		method("none", "", nil), method("nix", "null", nil), method("yes", "true", nil), method("text", `"x"`, nil),
		method("object", `{"a": null, "b": [1, {"c": 2}]}`, nil), method("broken", `{"a"`, nil),
		method("refused", "", &rucio.Error{Class: "AccessDenied", Message: "no", Status: 403, Method: "refused", Verb: "GET", URL: "http://h/x"}),
		method("down", "", &rucio.Error{Class: "ServerConnectionException", Message: "refused", Method: "down", Verb: "GET", URL: "http://h/x"}),
		method("other", "", fail.Hint(errors.New("no configuration"), "set rucio_host")),
		method("upload", "", perFile{&rucio.Error{Class: "NotAllFilesUploaded", Message: "1 of 2", Method: "upload"}}),
	))
	b.check(t, []example{
		{`return rucio.none(), rucio.nix() == nil`, `nil true`},
		{`return select("#", rucio.none()), rucio.yes(), rucio.text(), rucio.object().a, rucio.object().b[2].c`, `1 true x nil 2`},
		{`rucio.broken()`, `error: broken: invalid JSON: it ends too early, at line 1, column 5`},
		{`local ok, e = pcall(rucio.refused) return e.class, e.message, e.status, e.method, tostring(e)`,
			`AccessDenied no 403 refused refused: AccessDenied: no (HTTP 403 from GET http://h/x)`},
		{`local ok, e = pcall(rucio.refused) return "it failed: " .. e`, `it failed: refused: AccessDenied: no (HTTP 403 from GET http://h/x)`},
		{`local ok, e = pcall(rucio.down) return e.class, e.status, e.method`, `ServerConnectionException nil down`},
		{`local ok, e = pcall(rucio.other) return e.class, e.message, e.hint, e.method`, `nil other: no configuration set rucio_host other`},
		{`local ok, e = pcall(rucio.upload) return e.class, #e.results, e.results[2].state, tostring(e)`,
			`NotAllFilesUploaded 2 FAILED upload: NotAllFilesUploaded: 1 of 2`},
		{`rucio.refused()`, `error: refused: AccessDenied: no (HTTP 403 from GET http://h/x)`},
		{`return rucio.null == json.null, rucio.null == require("rucio").null`, `true true`},
	})
	run, err := vmLoad(b, "chunk", "\nrucio.refused()")
	if err != nil {
		t.Fatal(err)
	}
	var refused *rucio.Error
	if err := run(); !errors.As(err, &refused) || vm.AsError(err).Line != 2 || !errors.Is(err, rucio.Exception("AccessDenied")) {
		t.Errorf("Go gets %v", err)
	}
	nobody := newLab(t, func(h *Host) { h.Methods = []catalog.Method{method("yes", "true", nil)} })
	nobody.check(t, []example{
		{`rucio.yes()`, `error: yes: there is no Rucio client here`},
		{`rucio.client{account = "root"}`, `error: rucio.client: there is no Rucio here`},
	})
	late := newLab(t, func(h *Host) {
		h.Methods = []catalog.Method{method("yes", "true", nil)}
		h.Client = func(context.Context) (*rucio.Client, error) {
			return nil, &rucio.Error{Class: "CannotAuthenticate", Message: "wrong password"}
		}
	})
	late.check(t, []example{{`local r = rucio local ok, e = pcall(r.yes) return e.class, e.method`, `CannotAuthenticate yes`}})
}

func TestStream(t *testing.T) {
	failing := catalog.Method{Name: "failing", Call: func(context.Context, *rucio.Client, catalog.Args) (catalog.Result, error) {
		return catalog.Result{Rows: func(yield func(json.RawMessage, error) bool) {
			if yield(json.RawMessage(`{"n": 1}`), nil) {
				yield(nil, &rucio.Error{Class: "ReadTimeout", Message: "silence", Method: "failing"})
			}
		}}, nil
	}}
	broken := catalog.Method{Name: "broken", Call: func(context.Context, *rucio.Client, catalog.Args) (catalog.Result, error) {
		return catalog.Result{Rows: func(yield func(json.RawMessage, error) bool) {
			_ = yield(json.RawMessage(`"fine"`), nil) && yield(json.RawMessage(`<html>`), nil)
		}}, nil
	}}
	b := newLab(t, withMethods(streamMethod("rows", 5), streamMethod("empty", 0), failing, broken))
	b.check(t, []example{
		{`local s = 0 for r in rucio.rows() do s = s + r.n end return s`, `15`},
		{`local t = {} for r in rucio.rows() do t[#t + 1] = r end return t[1].n, t[1].name, t[5].name, #t`, `1 row 1 row 5 5`}, // rows own their bytes
		{`for r in rucio.empty() do error("a row") end return rucio.empty():first(), rucio.empty():count(), #rucio.empty():collect()`, `nil 0 0`},
		{`local l = rucio.rows():collect() return #l, l[5].n, json.encode(l[1]), json.encode(rucio.empty():collect())`, `5 5 {"n":1,"name":"row 1"} []`},
		{`return rucio.rows():first().n, rucio.rows():count()`, `1 5`},
		{`local s = rucio.rows() s() s() return s:count()`, `3`},
		{`local s = rucio.rows() s() local l = s:collect() return #l, l[1].n`, `4 2`},
		{`local s = rucio.rows() local n = 0 while true do local r = s() if not r then break end n = n + 1 end return n`, `5`},
		{`local t = {} for i, r in ipairs(rucio.rows()) do t[#t + 1] = i .. "=" .. r.n end return table.concat(t, " ")`, `1=1 2=2 3=3 4=4 5=5`},
		{`local n = 0 for i, r in pairs(rucio.rows()) do n = n + r.n end return n`, `15`},
		{`local s = rucio.rows() s() return tostring(s), type(s), getmetatable(s)`, `stream of rows, 1 rows read userdata stream`},
		// once
		{`local s = rucio.rows() for r in s do end for r in s do end`, `error: rows: this stream has been read or closed; call the method again, or keep its rows with :collect()`},
		{`local s = rucio.rows() s:first() return s()`, `error: rows: this stream has been read or closed; call the method again, or keep its rows with :collect()`},
		{`local s = rucio.rows() s:close() s:close() s:count()`, `error: rows: this stream has been read or closed; call the method again, or keep its rows with :collect()`},
		// errors
		{`local n, e = 0 local ok = pcall(function() for r in rucio.failing() do n = n + 1 end end) return ok, n`, `false 1`},
		{`rucio.failing():collect()`, `error: failing: ReadTimeout: silence`},
		{`local ok, e = pcall(function() return rucio.failing():count() end) return e.class, e.method`, `ReadTimeout failing`},
		{`rucio.broken():collect()`, `error: broken: row 2 of the answer: invalid JSON: unexpected "<" at line 1, column 1`},
		// misuse
		{`return #rucio.rows()`, `error: a stream has no length`},
		{`return rucio.rows()[1]`, `error: a stream has no field "1"`},
		{`return rucio.rows():colect()`, `error: a stream has no field "colect"`},
		{`local ok, e = pcall(function() return rucio.rows():colect() end) return e.hint`, `did you mean "collect"?`},
		{`return rucio.rows().collect()`, `error: a stream's methods are called with a colon: rows:collect()`},
		{`json.encode{rucio.rows()}`, `error: json.encode: cannot write a stream (its :collect() makes a list of it) as JSON, at [1]`},
	})
}

// A stream ends its request when it is closed, when its script ends, and when the script has dropped it.
func TestStreamEnds(t *testing.T) {
	ended := make(chan string, 10)
	endless := catalog.Method{Name: "endless", Call: func(ctx context.Context, _ *rucio.Client, args catalog.Args) (catalog.Result, error) {
		return catalog.Result{Rows: func(yield func(json.RawMessage, error) bool) {
			for yield(json.RawMessage(`{}`), nil) {
			}
			ended <- "ended"
		}}, nil
	}}
	for _, test := range []struct{ name, chunk string }{
		{"first", `rucio.endless():first() io.write("here")`},
		{"close", `local s = rucio.endless() s() s:close() io.write("here")`},
		{"end of the script", `kept = rucio.endless() kept()`},
		{"an error", `for r in rucio.endless() do error("x") end`},
	} {
		b := newLab(t, withMethods(endless))
		b.eval(t, test.chunk)
		if got := <-ended; got != "ended" {
			t.Errorf("%s: %s", test.name, got)
		}
	}
	b := newLab(t, withMethods(endless))
	b.L.SetGlobal("collected", b.L.NewFunction(func(L *lua.LState) int {
		for range 1000 {
			runtime.GC()
			select {
			case <-ended:
				return 0
			default:
			}
		}
		L.RaiseError("a stream that was left in the middle is not closed")
		return 0
	}))
	if got := b.eval(t, `local function leave() for r in rucio.endless() do break end end leave() for i = 1, 10 do leave() end collected() return "closed"`); got != "closed" {
		t.Error(got)
	}
}

func TestSecondClient(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"account": %q}`, r.Header.Get("X-Rucio-Account"))
	}))
	defer server.Close()
	newClient := func(settings map[string]any) (*rucio.Client, error) {
		account, _ := settings["account"].(string)
		return rucio.New(rucio.Options{Hosts: []string{server.URL}, Account: account})
	}
	var asked map[string]any
	b := newLab(t, func(h *Host) {
		h.Client = func(context.Context) (*rucio.Client, error) { return newClient(map[string]any{"account": "first"}) }
		h.NewClient = func(_ context.Context, settings map[string]any) (*rucio.Client, error) {
			if asked = settings; settings["fail"] != nil {
				return nil, errors.New("no such setting")
			}
			return newClient(settings)
		}
	})
	b.check(t, []example{
		{`local c = rucio.client{account = "second", auth_type = "userpass"} return type(c.get_rse), getmetatable(c)`, `function rucio.client`},
	})
	if !maps.Equal(asked, map[string]any{"account": "second", "auth_type": "userpass"}) {
		t.Errorf("asked for %v", asked)
	}
	b.check(t, []example{
		{`local c = rucio.client{account = "second"} return c.whoam`, `error: a Rucio client has no method "whoam"`},
		{`rucio.client{fail = 1}`, `error: rucio.client: no such setting`},
		{`rucio.client()`, `error: rucio.client: settings must be a table, not nil`},
		{`rucio.client{"root"}`, `error: rucio.client: settings must be a table of settings by name, such as { account = "root" }, not a table`},
		{`local c = rucio.client{account = "second"} return parallel.map({1}, function() return type(c.get_rse) end)[1]`, `function`},
	})
}

// liveLab speaks to the testbed.
func liveLab(t *testing.T) *lab {
	env := testbed.Require(t)
	client := testclient.New(t, nil)
	return newLab(t, func(h *Host) {
		h.Client = func(context.Context) (*rucio.Client, error) { return client, nil }
		h.NewClient = func(_ context.Context, settings map[string]any) (*rucio.Client, error) {
			return testclient.New(t, func(o *rucio.Options) {
				o.Account = settings["account"].(string)
				o.Credentials = &testclient.Userpass{Host: env.HTTPURL, Account: o.Account, Username: env.Username, Password: env.Password}
			}), nil
		}
	})
}

// A script against a real server.
func TestRucioLive(t *testing.T) {
	b := liveLab(t)
	scope := testbed.Unique("lua")
	b.L.SetGlobal("scope", lua.LString(scope))
	b.check(t, []example{
		{`return rucio.whoami().account, rucio.add_scope("root", scope)`, `root true`},
		{`return rucio.add_did{scope = scope, name = "ds", did_type = "DATASET", meta = {project = "data25"}, lifetime = 3600}`, `true`},
		{`local files = {} for i = 1, 20 do files[i] = {scope = scope, name = "f" .. i, bytes = i, adler32 = "0cc737eb"} end
		  return rucio.attach_dids(scope, "ds", files, {rse = "MOCK1"})`, `true`},
		{`local n, sum, last = 0, 0 for f in rucio.list_files(scope, "ds") do n, sum, last = n + 1, sum + f.bytes, f end return n, sum, last.adler32, last.guid`, `20 210 0cc737eb nil`},
		{`local d = rucio.get_did(scope, "ds", {dynamic_depth = "FILE"}) return d.type, d.open, d.length, d.bytes`, `DATASET true 20 210`},
		{`local r = rucio.list_replicas{dids = {{scope = scope, name = "f1"}}}:first() return r.name, #r.rses.MOCK1, r.states.MOCK1, r.pfns[r.rses.MOCK1[1]].rse`, `f1 1 AVAILABLE MOCK1`},
		{`return rucio.list_content(scope, "ds"):count(), #rucio.list_content(scope, "ds"):collect(), rucio.list_content(scope, "ds"):first().type`, `20 20 FILE`},
		{`local found = false for r in rucio.list_rses() do found = found or r.rse == "MOCK1" end return found, rucio.list_rses("MOCK1|MOCK2"):count()`, `true 2`},
		{`local ids = rucio.add_replication_rule{dids = {did.parse(scope .. ":ds")}, copies = 1, rse_expression = "MOCK1", lifetime = 600}
		  local rule = rucio.get_replication_rule(ids[1]) return #ids, rule.state, rule.copies, rule.locks_ok_cnt, rucio.delete_replication_rule(ids[1])`, `1 OK 1 20 true`},
		{`local ok, e = pcall(rucio.get_did, scope, "none") return ok, e.class, e.status, e.method, e.message`,
			`false DataIdentifierNotFound 404 get_did Data identifier '` + scope + `:none' not found`},
		{`local ok, e = pcall(rucio.add_scope, "root", scope) return e.class`, `Duplicate`},
		{`local ok, e = pcall(function() return rucio.list_files(scope, "none"):count() end) return e.class`, `DataIdentifierNotFound`},
		{`local ok, e = pcall(rucio.get_did, {scope = scope, nam = "ds"}) return e.class, tostring(e):match("^[^;]*"), e.hint`, `TypeError get_did: kwarg nam: unknown did you mean "name"?`},
		{`local c = rucio.client{account = "root"} return c.whoami().account, c.list_files(scope, "ds"):count()`, `root 20`},
		{`local sizes = parallel.map(rucio.list_files(scope, "ds"), function(f) return rucio.get_did(f.scope, f.name).bytes end, {workers = 4})
		  local sum = 0 for _, n in ipairs(sizes) do sum = sum + n end return #sizes, sum`, `20 210`},
	})
}

// Whatever is a row of the real server is seen from Lua as Python's client sees it.
func TestRowsLive(t *testing.T) {
	b := liveLab(t)
	for _, method := range []string{"list_rses", "list_accounts", "list_replication_rules"} {
		m, _ := catalog.Lookup(method)
		client, err := b.Client(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		result, err := m.Call(t.Context(), client, nil)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for row, err := range result.Rows {
			if err != nil {
				t.Fatal(err)
			}
			v := decode(t, b.L, string(row), n%2 == 0)
			if doc, err := Encode(v); err != nil || !equal(t, doc, row) {
				t.Errorf("%s: %s became %s, %v", method, row, doc, err)
			}
			if n++; n == 200 {
				break
			}
		}
		if n == 0 {
			t.Errorf("%s: no rows", method)
		}
	}
}
