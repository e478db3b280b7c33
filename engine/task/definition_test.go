package task

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFields(t *testing.T) {
	set, err := load(t, `
first:
  description: "What it does"
  module_name: "tasks.stubs"
  class_name: "StubHelloWorld"
  enabled: yes
  args: [1, two]
  kwargs:
    text: Hello
  timeout: 1:30
  retries: 2
second:
  description:
  module_name:
  class_name:
  enabled: 0
  args:
  kwargs:
`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	first, second := *set.Definitions[0], *set.Definitions[1]
	first.places, second.places = nil, nil
	file := first.File
	want := Definition{Name: "first", Description: "What it does", Module: "tasks.stubs", Class: "StubHelloWorld", Enabled: true,
		Args: []any{int64(1), "two"}, Kwargs: map[string]any{"text": "Hello", "task_name": "first"}, Timeout: 90 * time.Second, Retries: 2, File: file, Line: 2}
	if !reflect.DeepEqual(first, want) {
		t.Errorf("first is %+v, want %+v", first, want)
	}
	want = Definition{Name: "second", Kwargs: map[string]any{"task_name": "second"}, File: file, Line: 12}
	if !reflect.DeepEqual(second, want) {
		t.Errorf("second is %+v, want %+v", second, want)
	}
}

func TestAnchorsAndMergeKeys(t *testing.T) {
	set, err := load(t, `
.defaults: &defaults
  description: shared
  module_name: m
  class_name: c
  enabled: on
  args:
  kwargs: &kwargs
    scope: test
    sizes: [1, 2]
a: *defaults
b:
  <<: *defaults
  kwargs:
    <<: [{scope: first, x: 1}, *kwargs, {y: 2}]
    scope: own
c:
  <<: *defaults
  enabled: off
---
d: {description: flow, module_name: m, class_name: c, enabled: true, args: , kwargs: {"<<": 1}}
`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]map[string]any{}
	for _, d := range set.Definitions {
		got[d.Name] = d.Kwargs
	}
	want := map[string]map[string]any{
		"a": {"task_name": "a", "scope": "test", "sizes": []any{int64(1), int64(2)}},
		"b": {"task_name": "b", "scope": "own", "sizes": []any{int64(1), int64(2)}, "x": int64(1), "y": int64(2)},
		"c": {"task_name": "c", "scope": "test", "sizes": []any{int64(1), int64(2)}},
		"d": {"task_name": "d", "<<": int64(1)},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("kwargs are %v,\nwant %v", got, want)
	}
	if got := names(set); !slices.Equal(got, []string{"a", "b", "c", "d"}) {
		t.Errorf("order %q", got)
	}
	if set.Definitions[2].Enabled || !set.Definitions[1].Enabled {
		t.Error("a task's own field must win over a merged one")
	}
	if line := set.Definitions[1].LineOf("kwargs.sizes"); line != 10 {
		t.Errorf("line of a merged field is %d, want 10", line)
	}
	set.Definitions[0].Kwargs["sizes"].([]any)[0] = "changed"
	if set.Definitions[2].Kwargs["sizes"].([]any)[0] != int64(1) {
		t.Error("tasks that share an anchor share its value")
	}
}

func TestAliasesOfAliases(t *testing.T) {
	var text strings.Builder
	text.WriteString(".a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := '1'; i <= '9'; i++ {
		text.WriteString(".a" + string(i) + ": &a" + string(i) + " [" + strings.Repeat("*a"+string(i-1)+", ", 10) + "]\n")
	}
	text.WriteString("t:\n" + head + "    x: *a9\nu:\n" + head)
	set, _ := load(t, text.String(), Options{})
	if got := names(set); !slices.Equal(got, []string{"u"}) {
		t.Errorf("tasks %q", got)
	}
	if len(set.Problems) != 1 || set.Problems[0].Message != "the task grows to more than 200000 values" {
		t.Errorf("problems %v", set.Problems)
	}
	var merges strings.Builder
	merges.WriteString(".a0: &a0 {x: 1}\n")
	for i := '1'; i <= '9'; i++ {
		merges.WriteString(".a" + string(i) + ": &a" + string(i) + " {<<: [" + strings.Repeat("*a"+string(i-1)+", ", 10) + "]}\n")
	}
	merges.WriteString("t:\n" + head + "    <<: *a9\n")
	set, _ = load(t, merges.String(), Options{})
	if len(set.Definitions) != 0 || len(set.Problems) != 1 || set.Problems[0].Message != "the task grows to more than 200000 values" {
		t.Errorf("problems %v", set.Problems)
	}
}

func TestTruth(t *testing.T) {
	for text, want := range map[string]bool{
		"true": true, "yes": true, "on": true, "1": true, "0.1": true, "text": true, `"0"`: true, "[0]": true, "{a: }": true, "2024-01-02": true, "y": true, "-1": true,
		"false": false, "no": false, "off": false, "0": false, "0.0": false, `""`: false, "": false, "~": false, "[]": false, "{}": false, `!!binary ""`: false,
	} {
		set, err := load(t, "a:\n"+strings.Replace(head, "true", text, 1), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := set.Definitions[0].Enabled; got != want {
			t.Errorf("enabled: %s is %v, want %v", text, got, want)
		}
	}
}

func TestDurationsAndCounts(t *testing.T) {
	for text, want := range map[string]time.Duration{"90": 90 * time.Second, "1.5": 1500 * time.Millisecond, "1:30": 90 * time.Second, "2h": 2 * time.Hour, "1h 30m": 90 * time.Minute,
		`"45s"`: 45 * time.Second, "": 0, "1e+03": 1000 * time.Second} {
		set, err := load(t, "a:\n"+head+"  timeout: "+text+"\n", Options{})
		if err != nil || set.Definitions[0].Timeout != want {
			t.Errorf("timeout: %s is %v (%v), want %v", text, set.Definitions, err, want)
		}
	}
	for _, text := range []string{"timeout: -1", "timeout: 0s", "timeout: 9223372036854775807", "timeout: 1.0e+300", "timeout: .nan", "timeout: -.inf", "timeout: [1]", "timeout: yes", `timeout: ""`,
		"timeout: 2024-01-02", "retries: 1.5", "retries: 1001", "retries: two", "retries: [1]", "retries: 99999999999999999999"} {
		if set, err := load(t, "a:\n"+head+"  "+text+"\n", Options{}); err == nil || len(set.Definitions) != 0 {
			t.Errorf("%s is accepted", text)
		}
	}
	set, err := load(t, "a:\n"+head+"  retries:\n", Options{})
	if err != nil || set.Definitions[0].Retries != 0 {
		t.Errorf("empty retries: %v", err)
	}
}

func TestDescriptions(t *testing.T) {
	for text, want := range map[string]string{"12": "12", "1.5": "1.5", "yes": "true", "2024-01-02": "2024-01-02", "99999999999999999999": "99999999999999999999", "": "", "a b": "a b"} {
		set, err := load(t, "a:\n"+strings.Replace(head, "description: d", "description: "+text, 1), Options{})
		if err != nil || set.Definitions[0].Description != want {
			t.Errorf("description: %s is %q (%v), want %q", text, set.Definitions[0].Description, err, want)
		}
	}
}

func TestLineOf(t *testing.T) {
	set, err := load(t, "a:\n"+head+`    services:
      - name: x
        "odd.key": 1
      - {name: y,
         port: 1}
    empty:
`, Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := set.Definitions[0]
	for path, want := range map[string]int{
		"": 1, "module_name": 3, "kwargs": 7, "kwargs.services": 8, "kwargs.services[0]": 9, "kwargs.services[0].name": 9,
		`kwargs.services[0]["odd.key"]`: 10, "kwargs.services[1].port": 12, "kwargs.services[1].absent.deeper": 11,
		"kwargs.services[7].name": 8, `kwargs.services[0]["no.key"]`: 9, "kwargs.empty": 13, "kwargs.absent": 7, "absent": 1, "timeout": 1,
	} {
		if got := d.LineOf(path); got != want {
			t.Errorf("line of %q is %d, want %d", path, got, want)
		}
	}
}

func TestSet(t *testing.T) {
	tests := []struct {
		path, value string
		want        any
	}{
		{"kwargs.text", "Hi", "Hi"}, {"kwargs.text", "#general", "#general"}, {"kwargs.text", "a: b", "a: b"}, {"kwargs.text", "*", "*"},
		{"kwargs.text", "@x", "@x"}, {"kwargs.text", "", nil}, {"kwargs.text", `"3"`, "3"}, {"kwargs.text", "{{ X }} b", nil},
		{"kwargs.text", " spaced ", " spaced "}, {"kwargs.n", "3", int64(3)}, {"kwargs.n", "yes", true}, {"kwargs.n", "1e+12", int64(1000000000000)},
		{"kwargs.sizes", "[1, two]", []any{int64(1), "two"}}, {"kwargs.sizes[0]", "5", int64(5)}, {"kwargs.sizes[2]", "6", int64(6)},
		{"kwargs.new.deep[0].x", "1", int64(1)}, {"kwargs.map", "{a: {b: c}}", map[string]any{"a": map[string]any{"b": "c"}}},
		{`kwargs["a.b"]`, "1", int64(1)}, {"kwargs.text", "!!str 3", "3"}, {"kwargs.text", "2024-01-02", day(2024, 1, 2)},
	}
	for _, tt := range tests {
		d := definition(t)
		err := d.Set(tt.path, tt.value)
		if tt.value == "{{ X }} b" {
			if err == nil || err.Error() != `set kwargs.text of task "a": the value is not valid YAML: did not find expected <document start>` {
				t.Errorf("set to a broken flow map: %v", err)
			}
			continue
		}
		if err != nil {
			t.Errorf("set %s to %q: %v", tt.path, tt.value, err)
			continue
		}
		if got := at(t, d, tt.path); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s set to %q is %#v, want %#v", tt.path, tt.value, got, tt.want)
		}
	}
}

func TestSetFields(t *testing.T) {
	d := definition(t)
	for path, value := range map[string]string{"description": "new", "module_name": "m2", "class_name": "C2", "enabled": "off", "timeout": "2m", "retries": "4",
		"args": "[1]", "kwargs": "{x: 1}"} {
		if err := d.Set(path, value); err != nil {
			t.Error(err)
		}
	}
	d.places = nil
	want := &Definition{Name: "a", Description: "new", Module: "m2", Class: "C2", Timeout: 2 * time.Minute, Retries: 4,
		Args: []any{int64(1)}, Kwargs: map[string]any{"x": int64(1), "task_name": "a"}, File: d.File, Line: 1}
	if !reflect.DeepEqual(d, want) {
		t.Errorf("definition is %+v, want %+v", d, want)
	}
}

func TestSetRefuses(t *testing.T) {
	tests := []struct{ path, value, want string }{
		{"", "1", `set task "a": path "" has an empty part`},
		{"kwargs..x", "1", `set task "a": path "kwargs..x" has an empty part`},
		{"kwargs.", "1", `set task "a": path "kwargs." has an empty part`},
		{"kwargs[x]", "1", `set task "a": path "kwargs[x]": expected [number] or ["key"] at "[x]"`},
		{`kwargs["x`, "1", `set task "a": path "kwargs[\"x": expected [number] or ["key"] at "[\"x"`},
		{`kwargs["x"y`, "1", `set task "a": path "kwargs[\"x\"y": expected ] after "x"`},
		{"kwargs.sizes[0]x", "1", `set task "a": path "kwargs.sizes[0]x": expected a dot after ]`},
		{"kwargs.text.x", "1", `set kwargs.text.x of task "a": kwargs.text is text, so it has no "x"`},
		{"kwargs.text[0]", "1", `set kwargs.text[0] of task "a": kwargs.text is text, so it has no [0]`},
		{"kwargs.sizes[3]", "1", `set kwargs.sizes[3] of task "a": kwargs.sizes has 2 entries, so [3] can be neither changed nor added`},
		{"kwargs.sizes.x", "1", `set kwargs.sizes.x of task "a": kwargs.sizes is a list, so it has no "x"`},
		{"kwargs.task_name", "b", `set kwargs.task_name of task "a": it is always the task's own name`},
		{"kwargs", "3", `set kwargs of task "a": must be a map, is a number (write name: value on lines of their own, indented)`},
		{"kwarg.x", "3", `set kwarg.x of task "a": only args and kwargs have fields of their own`},
		{"kwarg", "3", `set kwarg of task "a": no such field (did you mean "kwargs"?)`},
		{"[0]", "3", `set [0] of task "a": no such field (the fields of a task are description, module_name, class_name, enabled, args, kwargs, timeout, retries)`},
		{"module_name", "3", `set module_name of task "a": must be text, is a number (put it in quotes)`},
		{"description", "[a]", `set description of task "a": must be text, is a list`},
		{"timeout", "-5", `set timeout of task "a": must be more than 0 (leave it out for no limit)`},
		{"retries", "many", `set retries of task "a": must be a whole number from 0 to 1000`},
		{"kwargs.x", "[1", `set kwargs.x of task "a": the value is not valid YAML: did not find expected ',' or ']'`},
		{"kwargs.x", "!foo 1", `set kwargs.x of task "a": the value is wrong: the tag !foo is not known`},
	}
	for _, tt := range tests {
		d, before := definition(t), definition(t)
		err := d.Set(tt.path, tt.value)
		if err == nil || err.Error() != tt.want {
			t.Errorf("set %s to %q: error %q, want %q", tt.path, tt.value, err, tt.want)
		}
		before.File = d.File
		if !reflect.DeepEqual(d, before) {
			t.Errorf("set %s to %q failed, and changed the definition to %+v", tt.path, tt.value, d)
		}
	}
}

func definition(t *testing.T) *Definition {
	t.Helper()
	set, err := load(t, "a:\n"+head+"    text: Hello\n    sizes: [1, 2]\n", Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set.Definitions[0]
}

func TestPaths(t *testing.T) {
	for _, keys := range [][]any{{"kwargs"}, {"kwargs", "a"}, {"kwargs", "a", 0, 3, "b"}, {"a.b", "c"}, {"x", `q"]["`}, {"x", ""}, {0}, {"x", "[1]", "é"}} {
		path := ""
		for i, key := range keys {
			before := path
			switch key := key.(type) {
			case string:
				path = Key(path, key)
			case int:
				path = Item(path, key)
			}
			if got := parent(path); got != before {
				t.Errorf("parent of %s (step %d) is %q, want %q", path, i, got, before)
			}
		}
		steps, err := parsePath(path)
		if err != nil || !reflect.DeepEqual(steps, keys) {
			t.Errorf("steps of %s are %v (%v), want %v", path, steps, err, keys)
		}
	}
}

// TestAsPyYAML compares whole files with what yaml.safe_load makes of them.
func TestAsPyYAML(t *testing.T) {
	set, err := Load(t.Context(), []string{"testdata/original", "testdata/dialect.yml"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	type fields struct {
		Description, Module, Class string
		Enabled                    bool
		Args                       any
		Kwargs                     map[string]any
	}
	got, files := map[string]any{}, []string{}
	for _, d := range set.Definitions {
		got[d.File+" "+d.Name] = fields{d.Description, d.Module, d.Class, d.Enabled, d.Args, d.Kwargs}
		if !slices.Contains(files, d.File) {
			files = append(files, d.File)
		}
	}
	const script = `
import datetime, json, sys, yaml
def text_keys(v):
    if isinstance(v, dict):
        return {str(k): text_keys(x) for k, x in v.items()}
    if isinstance(v, list):
        return [text_keys(x) for x in v]
    if isinstance(v, datetime.datetime):
        return v.isoformat().replace("+00:00", "") + "Z"
    if isinstance(v, datetime.date):
        return v.isoformat()
    return v
out = {}
for file in json.load(sys.stdin):
    for name, task in yaml.safe_load(open(file)).items():
        if name.startswith("."):
            continue
        kwargs = dict(task["kwargs"], task_name=name)
        out[file + " " + name] = text_keys({"Description": task["description"], "Module": task["module_name"], "Class": task["class_name"],
            "Enabled": bool(task["enabled"]), "Args": task["args"], "Kwargs": kwargs})
json.dump(out, sys.stdout)
`
	var want map[string]any
	python(t, "yaml", script, files, &want)
	data, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var ours map[string]any
	if err := json.Unmarshal(data, &ours); err != nil {
		t.Fatal(err)
	}
	if len(ours) != len(want) {
		t.Errorf("%d tasks, PyYAML has %d", len(ours), len(want))
	}
	for name := range want {
		if !reflect.DeepEqual(ours[name], want[name]) {
			t.Errorf("%s is\n%v, for PyYAML\n%v", name, ours[name], want[name])
		}
	}
}

func TestManyTasksStayInOrder(t *testing.T) {
	var text strings.Builder
	var want []string
	for i := range 300 {
		name := "task-" + strings.Repeat("z", 300-i)
		want = append(want, name)
		text.WriteString(name + ":\n" + head)
	}
	set, err := load(t, text.String(), Options{})
	if err != nil || !slices.Equal(names(set), want) {
		t.Errorf("order is lost: %v", err)
	}
}

func TestUTF16(t *testing.T) {
	data, err := os.ReadFile("testdata/original/ska/stubs.yml")
	if err != nil {
		t.Fatal(err)
	}
	wide := "\xff\xfe"
	for _, b := range data {
		wide += string([]byte{b, 0})
	}
	set, err := load(t, wide, Options{})
	if err != nil || len(set.Definitions) != 2 {
		t.Errorf("%d definitions, error %v", len(set.Definitions), err)
	}
}
