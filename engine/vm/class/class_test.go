package class_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm/class"
)

func root(name string, scripts map[string]string) vm.Root {
	files := fstest.MapFS{}
	for path, text := range scripts {
		files[path] = &fstest.MapFile{Data: []byte(text)}
	}
	return vm.Root{Name: name, FS: files}
}

// load loads class C of a module with this text.
func load(t *testing.T, text string) (*class.Class, error) {
	t.Helper()
	v := vm.New(vm.Options{Roots: []vm.Root{root("scripts", map[string]string{"tasks/x.lua": text})}})
	t.Cleanup(v.Close)
	return class.Load(t.Context(), v, "tasks.x", "C")
}

// withSchema returns a class whose kwargs are these.
func withSchema(t *testing.T, kwargs string) *class.Class {
	t.Helper()
	c, err := load(t, "return { C = { run = function() end, kwargs = { "+kwargs+" } } }")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLoad(t *testing.T) {
	c, err := load(t, `
local C = { doc = " Says hello. ", kwargs = { text = { "string", required = true, doc = "what to say" }, n = "integer", a = "any" } }
function C.setup() end
function C.run(task, kwargs) end
function C.teardown() end
return { C = C }`)
	if err != nil {
		t.Fatal(err)
	}
	if c.Module != "tasks.x" || c.Name != "C" || c.Doc != "Says hello." || c.File != "scripts/tasks/x.lua" || c.Line != 4 || c.Open {
		t.Errorf("got %+v", c)
	}
	if c.Run == nil || c.Setup == nil || c.Teardown == nil {
		t.Error("a function is missing")
	}
	var names []string
	for _, k := range c.Kwargs {
		names = append(names, k.Name)
	}
	if got := strings.Join(names, " "); got != "text n a" {
		t.Errorf("kwargs are in the order %s", got)
	}
}

func TestLoadFunctionClass(t *testing.T) {
	c, err := load(t, "return { C = function(task, kwargs) end }")
	if err != nil || !c.Open || c.Run == nil || c.Setup != nil {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestLoadInheritedClass(t *testing.T) {
	c, err := load(t, `
local Base = { doc = "base", kwargs = { a = "string" }, run = function() end }
return { C = setmetatable({ doc = "derived" }, { __index = Base }) }`)
	if err != nil || c.Doc != "derived" || len(c.Kwargs) != 1 {
		t.Errorf("got %+v, %v", c, err)
	}
}

func TestLoadErrors(t *testing.T) {
	schema := func(kwargs string) string {
		return "return { C = { run = function() end, kwargs = { " + kwargs + " } } }"
	}
	const inC = "class C of module tasks.x: "
	const knownTypes = "string, integer, number, boolean, list, map, any, duration, bytes"
	for _, test := range []struct{ name, text, want, hint string }{
		{"nothing", `local C = {}`, `module "tasks.x" returns nothing instead of a table of classes`, "end it with: return { MyClass = MyClass }"},
		{"string", `return "C"`, `module "tasks.x" returns a string instead of a table of classes`, "end it with: return { MyClass = MyClass }"},
		{"other class", `return { CC = function() end, Dd = { run = function() end }, helper = function() end }`, `module "tasks.x" has no class "C"; it has CC, Dd`, `did you mean "CC"?`},
		{"no class", `return {}`, `module "tasks.x" has no class "C"; it has none at all`, ""},
		{"number", `return { C = 1 }`, `class C of module tasks.x is a number; a class is a table with a function run, or a function`, ""},
		{"Go function", `return { C = print }`, `class C of module tasks.x is a function; a class is a table with a function run, or a function`, ""},
		{"no run", `return { C = { kwargs = {} } }`, `class C of module tasks.x has no function run`, "add function C.run(task, kwargs, args) ... end"},
		{"run is no function", `return { C = { run = 1 } }`, `class C of module tasks.x: run must be a function, not a number`, ""},
		{"teardown is no function", `return { C = { run = function() end, teardown = "x" } }`, `class C of module tasks.x: teardown must be a function, not a string`, ""},
		{"kwargs is no table", `return { C = { run = function() end, kwargs = "x" } }`, inC + `kwargs must be a table, not a string`, ""},
		{"syntax", "return {", "scripts/tasks/x.lua:1: syntax error: the script ends too early", "is an 'end', a ')' or a '}' missing?"},
		{"failing", "error('no luck')", "scripts/tasks/x.lua:1: no luck", ""},

		{"unknown type", schema(`a = { "int" }`), inC + `kwarg "a": unknown type "int"; the types are ` + knownTypes, "write integer"},
		{"misspelt type", schema(`a = "strnig"`), inC + `kwarg "a": unknown type "strnig"; the types are ` + knownTypes, "did you mean string?"},
		{"no type", schema(`a = { required = true }`), inC + `kwarg "a": its type is missing; write { "string", ... } with one of ` + knownTypes, ""},
		{"no name", schema(`{ "string" }`), inC + `a kwarg needs a name; write name = { "string" }`, ""},
		{"unknown field", schema(`a = { "string", requierd = true }`), inC + `kwarg "a": unknown field "requierd"; a schema has type, doc, required, secret, pattern, min, max, enum, aliases, default, of, fields`, "did you mean required?"},
		{"required and default", schema(`a = { "string", required = true, default = "x" }`), inC + `kwarg "a": it is required, so its default is never used`, ""},
		{"required is no flag", schema(`a = { "string", required = "yes" }`), inC + `kwarg "a": required: must be true or false, not a string`, ""},
		{"default", schema(`a = { "integer", default = "x" }`), inC + `kwarg "a": default must be an integer, not the string "x"`, ""},
		{"default out of range", schema(`a = { "integer", default = 0, min = 1 }`), inC + `kwarg "a": default must be at least 1, not 0`, ""},
		{"default in a list", schema(`a = { "list", of = "integer", default = { 1, "x" } }`), inC + `kwarg "a": default[1] must be an integer, not the string "x"`, ""},
		{"min above max", schema(`a = { "integer", min = 3, max = 1 }`), inC + `kwarg "a": min 3 is greater than max 1`, ""},
		{"min of a flag", schema(`a = { "boolean", min = 3 }`), inC + `kwarg "a": the type boolean has no min or max`, ""},
		{"min is no number", schema(`a = { "integer", min = "x" }`), inC + `kwarg "a": min: must be a number, not the string "x"`, ""},
		{"pattern of a number", schema(`a = { "integer", pattern = "%d" }`), inC + `kwarg "a": the type integer has no pattern`, ""},
		{"broken pattern", schema(`a = { "string", pattern = "[a" }`), inC + `kwarg "a": pattern: missing ']' in pattern`, ""},
		{"enum", schema(`a = { "string", enum = "x" }`), inC + `kwarg "a": enum: must be a list that is not empty`, ""},
		{"enum of another type", schema(`a = { "integer", enum = { 1, "x" } }`), inC + `kwarg "a": enum: entry 2 must be an integer, not the string "x"`, ""},
		{"enum of a list", schema(`a = { "list", enum = { "x" } }`), inC + `kwarg "a": the type list has no enum; give one to what is in it: of = { "string", enum = { ... } }`, ""},
		{"of of a string", schema(`a = { "string", of = "string" }`), inC + `kwarg "a": the type string has no of`, ""},
		{"nested", schema(`a = { "list", of = { "map", of = "strng" } }`), inC + `kwarg "a": of: of: unknown type "strng"; the types are ` + knownTypes, "did you mean string?"},
		{"nested field", schema(`a = { "map", fields = { b = { "list", of = 1 } } }`), inC + `kwarg "a": fields: field "b": of: its type is missing; write { "string", ... } with one of ` + knownTypes, ""},
		{"alias taken", schema(`a = { "string", aliases = { "b" } }, b = "string"`), inC + `kwarg "a": its alias "b" is also a name of "b"`, ""},
		{"alias twice", schema(`a = { "string", aliases = { "x" } }, b = { "string", aliases = "x" }`), inC + `kwarg "b": its alias "x" is also a name of "a"`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := load(t, test.text)
			if err == nil || err.Error() != test.want {
				t.Fatalf("got  %v\nwant %s", err, test.want)
			}
			if hint := fail.HintOf(err); hint != test.hint {
				t.Errorf("hint %q, want %q", hint, test.hint)
			}
			if code := fail.CodeOf(err); code != fail.Definition {
				t.Errorf("exit code %v", code)
			}
		})
	}
}

func TestDoubts(t *testing.T) {
	c, err := load(t, `return { C = { run = function() end, teardwon = function() end, kwarg = {}, retries = 3, runner = 1 } }`)
	if err != nil {
		t.Fatal(err)
	}
	want := "field kwarg has no meaning; is it kwargs?, field teardwon has no meaning; is it teardown?"
	if got := strings.Join(c.Doubts, ", "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCheckAccepts(t *testing.T) {
	day := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		schema string
		given  any
		want   any
	}{
		{`"string"`, "x", "x"},
		{`"string"`, day, "2026-11-23"},
		{`"string"`, day.Add(time.Hour), "2026-11-23T01:00:00Z"},
		{`"integer"`, int64(5), int64(5)},
		{`"integer"`, 1e12, int64(1e12)},
		{`"number"`, 1.5, 1.5},
		{`"number"`, int64(2), int64(2)},
		{`"boolean"`, true, true},
		{`"list"`, []any{int64(1), "x"}, []any{int64(1), "x"}},
		{`"list"`, []any{}, []any{}},
		{`{ "list", of = "integer" }`, []any{int64(1), 2.0}, []any{int64(1), int64(2)}},
		{`{ "map", of = "bytes" }`, map[string]any{"a": "1kB"}, map[string]any{"a": int64(1000)}},
		{`{ "map", fields = { a = "integer", b = { "string", default = "x" } } }`, map[string]any{"a": int64(1)}, map[string]any{"a": int64(1), "b": "x"}},
		{`"any"`, []any{nil}, []any{nil}},
		{`"duration"`, int64(90), int64(90)},
		{`"duration"`, 0.5, 0.5},
		{`"duration"`, "90s", int64(90)},
		{`"duration"`, "5m", int64(300)},
		{`"duration"`, "1h 30m", int64(5400)},
		{`"duration"`, "2d", int64(172800)},
		{`"duration"`, "1w", int64(604800)},
		{`"duration"`, "250ms", 0.25},
		{`"bytes"`, int64(100000), int64(100000)},
		{`"bytes"`, 1e12, int64(1e12)},
		{`"bytes"`, "100000", int64(100000)},
		{`"bytes"`, "10MB", int64(10e6)},
		{`"bytes"`, "1GiB", int64(1 << 30)},
		{`"bytes"`, "1.5 kB", int64(1500)},
		{`"bytes"`, "5G", int64(5e9)},
		{`"bytes"`, "0", int64(0)},
		{`{ "string", enum = { "a", "b" } }`, "b", "b"},
		{`{ "number", enum = { 1, 2.5 } }`, 1.0, 1.0},
		{`{ "bytes", enum = { "1kB", "1MB" } }`, int64(1000), int64(1000)},
		{`{ "string", pattern = "%u[%w_-]*" }`, "XRD1", "XRD1"},
		{`{ "string", min = 1, max = 2 }`, "éé", "éé"},
		{`{ "bytes", min = "1kB", max = "1MB" }`, "1MB", int64(1e6)},
		{`{ "duration", max = "1h" }`, "60m", int64(3600)},
		{`{ "string", default = "d" }`, nil, "d"},
		{`{ "duration", default = "5m" }`, nil, int64(300)},
		{`{ "bytes", default = "1kB" }`, nil, int64(1000)},
		{`{ "boolean", default = false }`, nil, false},
		{`{ "list", default = {} }`, nil, []any{}},
		{`{ "map", default = {} }`, nil, map[string]any{}},
		{`"string"`, nil, nil},
	} {
		c := withSchema(t, "k = "+test.schema)
		got, problems := c.Check(map[string]any{"k": test.given}, nil)
		if len(problems) > 0 || fmt.Sprintf("%#v", got["k"]) != fmt.Sprintf("%#v", test.want) {
			t.Errorf("%s: %#v gave %#v %v, want %#v", test.schema, test.given, got["k"], problems, test.want)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	for _, test := range []struct {
		schema     string
		given      any
		want, hint string
		field      string // where it is not the kwarg itself
	}{
		{schema: `{ "string", required = true, doc = "RSE to upload to" }`, given: nil, want: "is required", hint: "RSE to upload to"},
		{schema: `"string"`, given: int64(1), want: "must be a string, not 1", hint: `put it in quotes: "1"`},
		{schema: `"string"`, given: 1.29, want: "must be a string, not 1.29", hint: `put it in quotes: "1.29"`},
		{schema: `"string"`, given: true, want: "must be a string, not true", hint: `put it in quotes: "true"`},
		{schema: `"string"`, given: []any{}, want: "must be a string, not a list"},
		{schema: `"integer"`, given: "100", want: `must be an integer, not the string "100"`, hint: "drop the quotes"},
		{schema: `"integer"`, given: "many", want: `must be an integer, not the string "many"`},
		{schema: `"integer"`, given: 1.5, want: "must be an integer, not 1.5"},
		{schema: `"integer"`, given: 1e300, want: "must be an integer of at most 2^53, beyond which Lua loses digits, not 1e+300"},
		{schema: `"integer"`, given: true, want: "must be an integer, not true"},
		{schema: `"number"`, given: "1.5", want: `must be a number, not the string "1.5"`, hint: "drop the quotes"},
		{schema: `"number"`, given: map[string]any{}, want: "must be a number, not a map"},
		{schema: `"boolean"`, given: "yes", want: `must be true or false, not the string "yes"`, hint: "drop the quotes"},
		{schema: `"boolean"`, given: int64(1), want: "must be true or false, not 1", hint: "write true"},
		{schema: `"boolean"`, given: "maybe", want: `must be true or false, not the string "maybe"`},
		{schema: `"list"`, given: "a, b", want: `must be a list, not the string "a, b"`, hint: `write a list: each entry on a line of its own after "- ", or [a, b]`},
		{schema: `"map"`, given: []any{}, want: "must be a map, not a list", hint: "write key: value pairs, indented"},
		{schema: `{ "list", of = "integer" }`, given: []any{int64(1), "x", int64(2)}, want: `must be an integer, not the string "x"`, field: "kwargs.k[1]"},
		{schema: `{ "list", of = "string" }`, given: []any{nil}, want: "must be a string, not null", field: "kwargs.k[0]"},
		{schema: `{ "map", of = { "list", of = "integer" } }`, given: map[string]any{"a.b": []any{"x"}}, want: `must be an integer, not the string "x"`, field: `kwargs.k["a.b"][0]`},
		{schema: `{ "map", fields = { url = { "string", required = true } } }`, given: map[string]any{}, want: "is required", field: "kwargs.k.url"},
		{schema: `"duration"`, given: "5 minutes", want: `must be a duration, not the string "5 minutes"`, hint: "write seconds, or a number with its unit: 90s, 5m, 1h30m, 2d"},
		{schema: `"duration"`, given: "90", want: `must be a duration, not the string "90"`, hint: "write seconds, or a number with its unit: 90s, 5m, 1h30m, 2d"},
		{schema: `"duration"`, given: int64(-1), want: "must not be negative", hint: "write seconds, or a number with its unit: 90s, 5m, 1h30m, 2d"},
		{schema: `"bytes"`, given: "10 megs", want: `must be a size in bytes, not the string "10 megs"`, hint: "write a number, or one with its unit: 10MB (ten million), 1GiB (1024 x 1024 x 1024)"},
		{schema: `"bytes"`, given: int64(-1), want: "must not be negative", hint: "write a number, or one with its unit: 10MB (ten million), 1GiB (1024 x 1024 x 1024)"},
		{schema: `"bytes"`, given: 1.5, want: "must be a whole number of bytes, not 1.5", hint: "write a number, or one with its unit: 10MB (ten million), 1GiB (1024 x 1024 x 1024)"},
		{schema: `"bytes"`, given: "9EB", want: "must be at most 2^53 bytes (8 PiB), not 9EB"},
		{schema: `{ "string", enum = { "gsiftp", "davs" } }`, given: "davz", want: `must be one of gsiftp, davs, not the string "davz"`, hint: `did you mean "davs"?`},
		{schema: `{ "any", enum = { 1, "x" } }`, given: []any{}, want: `must be one of 1, x, not a list`},
		{schema: `{ "string", pattern = "%u+" }`, given: "xrd", want: `must match the Lua pattern %u+, as the string "xrd" does not`},
		{schema: `{ "integer", min = 1 }`, given: int64(0), want: "must be at least 1, not 0"},
		{schema: `{ "number", max = 0.5 }`, given: 0.6, want: "must be at most 0.5, not 0.6"},
		{schema: `{ "string", min = 1 }`, given: "", want: "must have at least 1 character, not 0"},
		{schema: `{ "list", max = 2 }`, given: []any{1, 2, 3}, want: "must have at most 2 entries, not 3"},
		{schema: `{ "duration", max = "1h" }`, given: "2h", want: "must be at most 3600 seconds, not 7200"},
		{schema: `{ "bytes", min = "1kB" }`, given: int64(1), want: "must be at least 1000 bytes, not 1"},
		{schema: `{ "integer", secret = true }`, given: "hunter2", want: "must be an integer, and is not"},
		{schema: `{ "string", secret = true, pattern = "%d+" }`, given: "hunter2", want: "must match the Lua pattern %d+, as its value does not"},
		{schema: `{ "string", secret = true, enum = { "a" } }`, given: "hunter2", want: "must be one of a, not its value"},
	} {
		c := withSchema(t, "k = "+test.schema)
		_, problems := c.Check(map[string]any{"k": test.given}, func(field string) int { return len(field) })
		field := test.field
		if field == "" {
			field = "kwargs.k"
		}
		want := class.Problem{Field: field, Line: len(field), Message: test.want, Hint: test.hint}
		if len(problems) != 1 || problems[0] != want {
			t.Errorf("%s: %#v gave\n%+v, want\n%+v", test.schema, test.given, problems, want)
		}
	}
}

func TestCheckNames(t *testing.T) {
	c := withSchema(t, `rse = { "string", required = true, aliases = { "rse_name", "site" } }, size = "bytes"`)
	for _, test := range []struct {
		name  string
		given map[string]any
		want  string
	}{
		{"alias", map[string]any{"site": "A"}, `{kwargs.site 0 is now called "rse"  true}`},
		{"alias and name", map[string]any{"rse": "A", "site": "B"}, `{kwargs.site 0 is the old name of "rse", which is given too remove it false}`},
		{"two aliases", map[string]any{"rse_name": "A", "site": "B"}, `{kwargs.rse_name 0 is now called "rse"  true} {kwargs.site 0 is the old name of "rse", which is given too remove it false}`},
		{"wrong value under an alias", map[string]any{"site": int64(1)}, `{kwargs.site 0 is now called "rse"  true} {kwargs.site 0 must be a string, not 1 put it in quotes: "1" false}`},
		{"unknown", map[string]any{"rse": "A", "sise": int64(1)}, `{kwargs.sise 0 class C has no kwarg "sise" did you mean "size"? true}`},
		{"unknown altogether", map[string]any{"rse": "A", "zzz": int64(1)}, `{kwargs.zzz 0 class C has no kwarg "zzz" its kwargs: rse, size true}`},
		{"always known", map[string]any{"rse": "A", "task_name": "t", "output": map[string]any{}, "databases": []any{}}, ``},
		{"null", map[string]any{"rse": nil}, `{kwargs.rse 0 is required  false}`},
	} {
		_, problems := c.Check(test.given, nil)
		if got := strings.Trim(fmt.Sprint(problems), "[]"); got != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", test.name, got, test.want)
		}
	}
	checked, _ := c.Check(map[string]any{"site": "A", "zzz": "kept", "task_name": "t"}, nil)
	if fmt.Sprint(checked) != "map[rse:A task_name:t zzz:kept]" {
		t.Errorf("run gets %v", checked)
	}
}

func TestOpenClassTakesAnything(t *testing.T) {
	c, err := load(t, "return { C = function() end }")
	if err != nil {
		t.Fatal(err)
	}
	given := map[string]any{"a": []any{1}, "b": nil}
	checked, problems := c.Check(given, nil)
	if len(problems) > 0 || fmt.Sprint(checked) != fmt.Sprint(given) {
		t.Errorf("got %v, %v", checked, problems)
	}
}

func TestCheckLeavesTheDefinitionAlone(t *testing.T) {
	c := withSchema(t, `sizes = { "list", of = "bytes" }, fts = { "map", fields = { n = { "integer", default = 3 } } }`)
	given := map[string]any{"sizes": []any{"1kB"}, "fts": map[string]any{}}
	before := fmt.Sprint(given)
	if _, problems := c.Check(given, nil); len(problems) > 0 {
		t.Fatal(problems)
	}
	if fmt.Sprint(given) != before {
		t.Errorf("the definition became %v", given)
	}
}

func TestSecrets(t *testing.T) {
	c := withSchema(t, `user = "string", password = { "string", secret = true }, tokens = { "list", of = { "string", secret = true } },
		es = { "map", fields = { uri = "string", auth = { "map", secret = true } } }`)
	kwargs := map[string]any{"user": "ddmlab", "password": "hunter2", "tokens": []any{"t1", "t2"},
		"es": map[string]any{"uri": "https://es", "auth": map[string]any{"key": "k1"}}}
	if got := strings.Join(c.Secrets(kwargs), " "); got != "hunter2 t1 t2 k1" {
		t.Errorf("secrets are %s", got)
	}
}

func TestModules(t *testing.T) {
	roots := []vm.Root{
		root("/site", map[string]string{
			"tasks/stubs.lua":    `return { Mine = function() end }`,
			"tasks/broken.lua":   `return {`,
			"tasks/half.lua":     `return { Good = function() end, Bad = { kwargs = { a = "int" } , run = function() end } }`,
			"tasks/helpers.lua":  `return { join = function() end }`,
			"mine/special.lua":   `return { Special = { doc = "One.", run = function() end } }`,
			"common/strings.lua": `return { Trim = function() end }`,
		}),
		root(vm.EmbeddedRoot, map[string]string{"tasks/stubs.lua": `return { Theirs = function() end }`}),
	}
	modules, err := class.Modules(t.Context(), roots, func() *vm.VM { return vm.New(vm.Options{Roots: roots}) })
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range modules {
		line := m.Name + " " + m.File + " hides=" + strings.Join(m.Hides, ",")
		for _, c := range m.Classes {
			line += " " + c.Name
		}
		if m.Err != nil {
			line += " error: " + m.Err.Error()
		}
		got = append(got, line)
	}
	want := []string{
		`mine.special /site/mine/special.lua hides= Special`,
		`tasks.broken /site/tasks/broken.lua hides= error: /site/tasks/broken.lua:1: syntax error: the script ends too early`,
		`tasks.half /site/tasks/half.lua hides= Good error: class Bad of module tasks.half: kwarg "a": unknown type "int"; the types are string, integer, number, boolean, list, map, any, duration, bytes`,
		`tasks.stubs /site/tasks/stubs.lua hides=embedded:tasks/stubs.lua Mine`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
