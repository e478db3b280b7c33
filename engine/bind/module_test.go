package bind

import (
	"context"
	"slices"
	"strings"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/report"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
)

func TestJSON(t *testing.T) {
	newLab(t).check(t, []example{
		{`local v = json.decode('{"a": [1, {"b": null}], "c": null}') return v.a[2].b, v.c, json.encode(v)`, `nil nil {"a":[1,{"b":null}],"c":null}`},
		{`return json.encode{rses = {"A", "B"}, none = json.null, empty = {}, list = json.array{}}`, `{"rses":["A","B"],"none":null,"empty":{},"list":[]}`},
		{`return json.encode(json.array{}), json.encode(json.array()), json.encode(json.array{1}), json.encode(json.decode("[]"))`, `[] [] [1] []`},
		{`local l = json.array{} l[1] = "x" return json.encode(l), getmetatable(l)`, `["x"] nil`},
		{`return json.encode(json.array(json.decode("{}")))`, `[]`},
		{`return json.null == json.decode("[null]")[1], type(json.null), tostring(json.null)`, `true userdata null`},
		{`return json.pretty{1, {}}`, "[\n  1,\n  {}\n]"},
		{`json.array{x = 1}`, `error: json.array: list must be a list, not a table with other keys than 1, 2, 3`},
		{`json.array(setmetatable({}, {}))`, `error: json.array: list must be a list without a metatable, not a table`},
		{`for x in json.decode("[1]") do end`, `error: this is a list, which cannot be called`},
		{`local l = json.decode("[1]") l[2] = 2 local ok, e = pcall(function() for x in l do end end) return e.hint`, `loop over it with ipairs: for _, item in ipairs(list) do`},
		{`json.decode("{")`, `error: json.decode: invalid JSON: it ends too early, at line 1, column 2`},
		{`json.decode({})`, `error: json.decode: text must be a string, not a table`},
		{`json.encode{f = print}`, `error: json.encode: cannot write a function as JSON, at .f`},
		{`json.encoed{}`, `error: json has no function "encoed"`},
		{`local ok, e = pcall(function() json.encoed{} end) return e.hint`, `did you mean "encode"?`},
	})
}

func TestYAML(t *testing.T) {
	newLab(t).check(t, []example{
		{`local v = yaml.decode("rses: [XRD1, XRD2]\nn: 1.5\non: true\nnone: ~\n1: one\nwhen: 2024-01-02") return v.rses[2], v.n, v.on, v.none, v["1"], v.when`,
			`XRD2 1.5 true nil one 2024-01-02T00:00:00Z`},
		{`return yaml.decode(""), json.encode(yaml.decode("- ~\n- []"))`, `nil [null,[]]`},
		{`return yaml.decode("9007199254740993"), yaml.encode{big = yaml.decode("9007199254740993")}`, "9007199254740993 big: 9007199254740993\n"},
		{`return #yaml.decode_all("a: 1\n---\na: 2\n"), yaml.decode_all("a: 1\n---\na: 2\n")[2].a, #yaml.decode_all("")`, `2 2 0`},
		{`return yaml.encode{b = {1, "x", true}, a = {c = {}}}`, "a:\n  c: {}\nb:\n  - 1\n  - x\n  - true\n"},
		{`local t = {s = "yes: no\n", n = 0.5, l = {{k = "1"}}} return json.encode(yaml.decode(yaml.encode(t)))`, `{"l":[{"k":"1"}],"n":0.5,"s":"yes: no\n"}`},
		{`yaml.decode("a: 1\n---\na: 2\n")`, `error: yaml.decode: the text has 2 documents: yaml.decode_all reads them`},
		{`yaml.decode("a: [")`, `error: ...yaml.decode: yaml: line 1: did not find expected node content`},
		{`return yaml.decode("a: !!python/object/apply:os.system [x]").a[1]`, `x`},
		{`yaml.encode{1, x = 2}`, `error: ...yaml.encode: cannot write a table that is a list and has the field "x"`},
	})
	b := newLab(t)
	bomb := "a: &a [x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += string(c) + ": &" + string(c) + " [" + strings.TrimSuffix(strings.Repeat("*"+string(c-1)+", ", 9), ", ") + "]\n"
	}
	v, err := FromGo(b.L, bomb)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.eval(t, `yaml.decode(...)`, v); !strings.Contains(got, "excessive aliasing") {
		t.Errorf("an alias bomb: %.200s", got)
	}
}

func TestLog(t *testing.T) {
	b := newLab(t)
	b.eval(t, `log.debug("hidden") log.info("a", 1, {x = {1}}, nil, true) log.warn() log.warning("w") log.error("e")
local l = log.with{rse = "X", n = {1}}
l:info("with") l:with{more = 2}:error("further")`)
	for i, want := range []string{
		`level=INFO msg="a 1 {\"x\":[1]} nil true"`, `level=WARN msg=""`, `level=WARN msg=w`, `level=ERROR msg=e`,
		`level=INFO msg=with rse=X n=[1]`, `level=ERROR msg=further rse=X n=[1] more=2`,
	} {
		want = strings.Replace(want, " rse", "  rse", 1)
		line := strings.Split(b.logged.String(), "\n")[i]
		fields := strings.Fields(line)
		for _, field := range strings.Fields(want) {
			if !slices.Contains(fields, field) {
				t.Errorf("line %d is %s, want %s", i, line, want)
			}
		}
	}
	b.check(t, []example{
		{`log.wran("x")`, `error: log has no function "wran"`},
		{`log.with("x")`, `error: log.with: fields must be a table, not the string "x"`},
		{`log.with{}:inof("x")`, `error: a logger has no method "inof"`},
		{`return tostring(getmetatable(log.with{})), type(log.with{})`, `logger userdata`},
		{`local l = log.with{} l.x = 1`, `error: a logger has no fields to set`},
		{`return -log.with{}`, `error: ...unm`},
		{`return log.with{} ^ log.with{}`, `error: ...pow`},
	})
}

func TestLogNamesTheScript(t *testing.T) {
	b := newLab(t)
	fn, err := vmLoad(b, "tasks/stubs.lua", "\nlog.info('x')")
	if err != nil {
		t.Fatal(err)
	}
	if err := fn(); err != nil {
		t.Fatal(err)
	}
	if got := b.logged.String(); got != "level=INFO msg=x module=stubs\n" {
		t.Errorf("got %s", got)
	}
}

func TestEnv(t *testing.T) {
	b := newLab(t)
	b.env = map[string]string{"SITE": "CERN", "API_TOKEN": "tok-12345", "DB_PASSWORD": "pw-12345", "TOKEN_ENDPOINT": "https://x", "EMPTY": "", "MY_KEY": "key-12345", "MONKEY": "banana"}
	b.check(t, []example{
		{`return env.get("SITE"), env.get("NONE"), env.get("NONE", "d"), env.get("EMPTY", "e"), env.get("NONE", 5)`, `CERN nil d e 5`},
		{`return env.get("API_TOKEN"), env.require("DB_PASSWORD"), env.get("TOKEN_ENDPOINT"), env.get("MY_KEY"), env.get("MONKEY")`, `tok-12345 pw-12345 https://x key-12345 banana`},
		{`env.require("NONE")`, `error: env.require: the environment variable NONE is not set`},
		{`env.get()`, `error: env.get: name must be a string, not nil`},
	})
	if got := b.Redactor.String("tok-12345 pw-12345 https://x key-12345 CERN banana"); got != "[redacted] [redacted] https://x [redacted] CERN banana" {
		t.Errorf("redacted: %s", got)
	}
}

func TestDID(t *testing.T) {
	newLab(t).check(t, []example{
		{`return did.split("user.jdoe:data.1")`, `user.jdoe data.1`},
		{`return did.split("user.jdoe.data.1")`, `user.jdoe user.jdoe.data.1`}, // the name keeps its scope, as in Python
		{`return did.split("group.top.data/")`, `group.top group.top.data`},
		{`return did.split("data18.periodA.x")`, `data18 data18.periodA.x`},
		{`return did.split("user")`, `user user`},
		{`local d = did.parse("s:n") return d.scope, d.name, did.format(d), did.format("a", "b")`, `s n s:n a:b`},
		{`did.parse("a:b:c")`, `error: did.parse: text must be a DID as "scope:name", not the string "a:b:c"`},
		{`did.parse(":n")`, `error: ...must be a DID as "scope:name"`},
		{`did.format{scope = "s"}`, `error: did.format: name must be a string, not nil`},
	})
}

func TestUUID(t *testing.T) {
	b := newLab(t)
	const v4 = `^%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$`
	b.check(t, []example{
		{`return #uuid(), uuid():find("` + v4 + `"), uuid() ~= uuid()`, `36 1 true`},
		{`local u = require("uuid") return #u()`, `36`},
	})
}

func TestRandom(t *testing.T) {
	b := newLab(t)
	b.check(t, []example{
		{`for i = 1, 200 do local n = random.int(3) assert(n >= 1 and n <= 3 and n % 1 == 0) n = random.int(-2, -1) assert(n == -2 or n == -1) end return random.int(5, 5)`, `5`},
		{`for i = 1, 100 do local n = random.number() assert(n >= 0 and n < 1) end`, ``},
		{`local seen = {} for i = 1, 200 do seen[random.choice{"a", "b", "c"}] = true end return seen.a, seen.b, seen.c`, `true true true`},
		{`local l = {1, 2, 3, 4, 5} local s = random.shuffle(l) table.sort(s) return table.concat(s, ","), table.concat(l, ",")`, `1,2,3,4,5 1,2,3,4,5`},
		{`return #random.string(20), random.string(5, "x"), #random.bytes(1000), random.string(0), random.string(20):match("[^a-z0-9]")`, `20 xxxxx 1000  nil`},
		{`random.seed(7) local a = {random.int(1000), random.number(), random.string(5), random.bytes(3)}
		  random.seed(7) local b = {random.int(1000), random.number(), random.string(5), random.bytes(3)}
		  for i = 1, 4 do assert(a[i] == b[i]) end random.seed(8) return random.int(1, 1e9) ~= a[1]`, `true`},
		{`return random.int(9007199254740993 - 9007199254740993 + 2) <= 2`, `true`},
		{`random.int(0)`, `error: random.int: max must be an integer not below min, not 0`},
		{`random.int(1.5)`, `error: random.int: max must be an integer, not 1.5`},
		{`random.int(-9e18, 9e18)`, `error: ...max must be an integer not below min`},
		{`random.choice{}`, `error: random.choice: list must be a list that is not empty, not a table`},
		{`random.choice{x = 1}`, `error: random.choice: list must be a list, not a table with other keys than 1, 2, 3`},
		{`random.string(-1)`, `error: random.string: length must be an integer from 0 on, not -1`},
		{`random.bytes(1e9)`, `error: random.bytes: length must be at most 67108864, not 1000000000`},
	})
}

func TestMetric(t *testing.T) {
	b := newLab(t)
	b.check(t, []example{
		{`metric.counter("uploads") metric.counter("uploads", 2, {tags = {rse = "X", n = 1}}) metric.gauge("free", 1e12, {unit = "bytes"}) metric.trend("t", 0.5)`, ``},
		{`metric.counter("x", -1)`, `error: metric.counter: value must be a number from 0 on, not -1`},
		{`metric.gauge("x")`, `error: metric.gauge: value must be a number, not nil`},
		{`metric.gauge("x", 0/0)`, `error: ...metric.gauge: value must be a number`},
		{`metric.trend("x", 1, {tag = {}})`, `error: metric.trend: unknown option "tag"`},
		{`metric.trend("x", 1, {tags = {a = {}, b = print}})`, `error: metric.trend: tags.b must be a string, not a function`},
		{`metric.trend("", 1)`, `error: metric.trend: name must not be empty`},
	})
	want := []report.Metric{
		{Name: "uploads", Kind: "counter", Value: 1},
		{Name: "uploads", Kind: "counter", Value: 2, Tags: map[string]string{"rse": "X", "n": "1"}},
		{Name: "free", Kind: "gauge", Value: 1e12, Unit: "bytes"},
		{Name: "t", Kind: "trend", Value: 0.5},
	}
	if !slices.EqualFunc(b.metrics, want, func(a, b report.Metric) bool {
		return a.Name == b.Name && a.Kind == b.Kind && a.Value == b.Value && a.Unit == b.Unit && len(a.Tags) == len(b.Tags) && a.Tags["rse"] == b.Tags["rse"] && a.Tags["n"] == b.Tags["n"]
	}) {
		t.Errorf("recorded %+v", b.metrics)
	}
}

// The reference documents every function that is there, and no other; its examples compile, and those that need nothing
// of the world run.
func TestReference(t *testing.T) {
	b := newLab(t, withStorage, func(h *Host) {
		h.Methods = append(slices.Clone(catalog.Methods), streamMethod("stream_for_test", 3))
		h.Client = func(context.Context) (*rucio.Client, error) { return nil, nil }
	})
	objects := map[string]string{
		"logger": `log.with{}`, "timer": `time.timer()`, "handle": `file.open(file.random(1))`, "session": `http.session{}`,
		"stream": `rucio.stream_for_test()`,
	}
	var documented []string
	for _, m := range Reference() {
		if m.Doc == "" || len(m.Functions) == 0 {
			t.Errorf("module %s is not documented", m.Name)
		}
		module := b.value(t, m.Name)
		for _, f := range m.Functions {
			documented = append(documented, m.Name+"."+f.Name)
			if f.Doc == "" || !strings.HasSuffix(f.Doc, ".") {
				t.Errorf("%s: the documentation %q is no sentence", f.Signature, f.Doc)
			}
			object, method, isMethod := strings.Cut(f.Name, ":")
			switch {
			case isMethod:
				if got := b.eval(t, `local o = `+objects[object]+` return type(o.`+method+`)`); got != "function" {
					t.Errorf("%s: there is no such method: %s", f.Signature, got)
				}
			case f.Name == m.Name:
			case module.(*lua.LTable).RawGetString(f.Name) == lua.LNil:
				t.Errorf("%s is documented, but not there", f.Signature)
			}
			b.runExample(t, m.Name, f)
		}
		module.(*lua.LTable).ForEach(func(key, _ lua.LValue) {
			if _, isMethod := catalog.Lookup(key.String()); !isMethod && key.String() != "stream_for_test" && !slices.Contains(documented, m.Name+"."+key.String()) {
				t.Errorf("%s.%s is there, but not documented", m.Name, key)
			}
		})
	}
}

func (b *lab) value(t testing.TB, expression string) lua.LValue {
	t.Helper()
	return value(t, b.L, expression)
}

func (b *lab) runExample(t *testing.T, module string, f FunctionDoc) {
	t.Helper()
	if f.Example == "" {
		if !strings.Contains(f.Name, ":") && f.Name != "null" {
			t.Errorf("%s has no example", f.Signature)
		}
		return
	}
	needsWorld := module == "http" || module == "rucio"
	got := "compiles"
	if needsWorld {
		if _, err := vmLoad(b, "example", f.Example); err != nil {
			got = "error: " + err.Error()
		}
	} else {
		got = b.eval(t, f.Example)
	}
	if strings.HasPrefix(got, "error:") {
		t.Errorf("the example of %s: %s\n%s", f.Signature, got, f.Example)
	}
}
