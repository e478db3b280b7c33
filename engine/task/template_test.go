package task

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// nasty values try to break out of the scalar that they are put in.
var nasty = []string{
	`a: b`, `a: b # c`, "one\ntwo", "x\n    evil: 1", "x\nevil:\n  module_name: m", `quote " and ' both`, `"`, `'`, "\\", `\n`, "tab\there", "#", "# c", "- a", "? a",
	"[1, 2]", "{a: b}", "]", "}", "*alias", "&anchor", "!!str 1", "!tag", "|", ">", "%TAG", "@a", "`", "<<", "=", "~x", "---", "...", "--- a", "\r\n", "\u2028", "\u0085",
	"{{ OTHER }}", "{% raw %}", "{# c #}", "\uE000" + "1v0\uE001", "\x01", "\xff", "$(id)", "é", "a\n\n  b: c\n", " lead", "trail ", "  ",
}

// TestValuesStayScalars puts each nasty value into every kind of place: nothing else in the definition may change.
func TestValuesStayScalars(t *testing.T) {
	const inScalars = `
"name-{{ X }}":
  description: "{{ X }}"
  module_name: m
  class_name: c
  enabled: true
  args: ['{{ X }}']
  kwargs:
    double: "a {{ X }} b"
    single: 'a {{ X }} b'
    plain: a {{ X }} b
    literal: |
      a
      {{ X }}
    folded: >
      a {{ X }}
    "key {{ X }}": 1
    flow: {k: "{{ X }}"}
    after: end
`
	whole := strings.NewReplacer("after: end", "after: end\n{% for i in [1] %}\n    bare: {{ X }}\n    list: [{{ X }}, b]\n    map: {k: {{ X }}, l: 1}\n"+
		"    items:\n      - {{ X }}\n      - {{ X }} # {{ X }}\n{% endfor %}").Replace(inScalars)
	for _, value := range nasty {
		for name, text := range map[string]string{"in scalars": inScalars, "whole": whole} {
			set, err := load(t, text, Options{Env: env("X", value)})
			if err != nil || len(set.Definitions) != 1 {
				t.Errorf("%s, value %q: %d definitions, error %v", name, value, len(set.Definitions), err)
				continue
			}
			d := set.Definitions[0]
			if d.Name != "name-"+value || d.Description != value || d.Module != "m" || !reflect.DeepEqual(d.Args, []any{value}) {
				t.Errorf("%s, value %q: definition %+v", name, value, d)
			}
			want := map[string]any{"task_name": d.Name, "double": "a " + value + " b", "single": "a " + value + " b", "plain": "a " + value + " b",
				"literal": "a\n" + value + "\n", "folded": "a " + value + "\n", "key " + value: int64(1), "flow": map[string]any{"k": value}, "after": "end"}
			if name == "whole" {
				bare := any(strings.TrimSpace(value))
				if bare == "" {
					bare = nil
				}
				want["bare"], want["list"], want["map"] = bare, []any{bare, "b"}, map[string]any{"k": bare, "l": int64(1)}
				want["items"] = []any{bare, bare}
			}
			if !reflect.DeepEqual(d.Kwargs, want) {
				t.Errorf("%s, value %q: kwargs\n%#v, want\n%#v", name, value, d.Kwargs, want)
			}
		}
	}
}

func TestTemplateTypes(t *testing.T) {
	vars := env("N", "3", "BIG", "1e+12", "YES", "yes", "OCT", "010", "DATE", "2024-01-02", "EMPTY", "", "L", "a,b", "J", `{"a": [1, 2.5, null, true, 12345678901234567], "b": {}}`,
		"LINE", "secret\n", "NULL", "null", "SPACED", " 3 ", "QUOTED", `"010"`, "VERSION", "1.29.0", "M", "<<")
	tests := []struct {
		text string
		want any
	}{
		{"{{ N }}", int64(3)}, {`"{{ N }}"`, "3"}, {"'{{ N }}'", "3"}, {"{{ N }}{{ N }}", int64(33)}, {"{{ N }}.5", 3.5}, {"{{ N | int + 1 }}", int64(4)},
		{"{{ BIG }}", int64(1000000000000)}, {"{{ YES }}", true}, {"{{ OCT }}", int64(8)}, {"{{ DATE }}", day(2024, 1, 2)}, {"{{ EMPTY }}", nil}, {`"{{ EMPTY }}"`, ""},
		{"{{ NULL }}", nil}, {"{{ NULL }} ", nil}, {"{{ SPACED }}", int64(3)}, {`"{{ SPACED }}"`, " 3 "}, {"{{ LINE }}", "secret"}, {"|\n  {{ LINE }}", "secret\n\n"}, {"{{ QUOTED }}", `"010"`}, {"{{ VERSION }}", "1.29.0"},
		{"{{ true }}", true}, {"{{ N == '3' }}", true}, {"!!str {{ N }}", "3"}, {"!!int {{ N }}", int64(3)},
		{"{{ L.split(',') }}", []any{"a", "b"}}, {"[{{ L.split(',') }}]", []any{[]any{"a", "b"}}}, {"{{ L.split(',') | tojson }}", []any{"a", "b"}},
		{`"{{ L.split(',') | tojson }}"`, `["a","b"]`}, {"x {{ L.split(',') }}", "x ['a', 'b']"}, {"{{ range(3) }}", []any{int64(0), int64(1), int64(2)}},
		{"{{ N | tojson }}", "3"}, {"{{ LINE | tojson }}", "secret\n"}, {"{{ J | from_json }}", map[string]any{"a": []any{int64(1), 2.5, nil, true, int64(12345678901234567)}, "b": map[string]any{}}},
		{"{{ (J | from_json).a[1] }}", 2.5}, {"{{ dict(a=N) }}", map[string]any{"a": "3"}}, {"{{ {'k': [1]} }}", map[string]any{"k": []any{int64(1)}}},
		{"{{ [1.0, 2] }}", []any{1.0, int64(2)}}, {"{% if N == '3' %}yes{% else %}no{% endif %}", true}, {"{{ M }}", "<<"},
		{"x{# comment #}y", "xy"}, {"\"{% raw %}{{ N }}{% endraw %}\"", "{{ N }}"},
		{"{% set x %}{{ N }}{{ N }}{% endset %}{{ x }}", int64(33)}, {"{% filter upper %}a{{ L }}{% endfilter %}", "AA,B"},
	}
	for _, tt := range tests {
		set, err := load(t, "t:\n"+head+"    x: "+strings.ReplaceAll(tt.text, "\n", "\n    ")+"\n", Options{Env: vars})
		if err != nil || len(set.Definitions) != 1 {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if got := set.Definitions[0].Kwargs["x"]; !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s gives %#v, want %#v", tt.text, got, tt.want)
		}
	}
}

func TestTemplatesMakeStructure(t *testing.T) {
	const text = `
{# two sites, and what they share #}
{% macro common(scope) %}
module_name: tasks.tests.upload
class_name: TestUpload
enabled: true
args:
kwargs:
  scope: {{ scope }}
{%- endmacro %}
{% for site in SITES.split(',') %}
upload-{{ site }}:
  description: "to {{ site | lower }}"
  {{ common(SCOPE) | trim | indent(2) }}
    rse: {{ site }}
    {%- if site == LARGE %}
    size: {{ SIZE }}
    {%- endif %}
    {%- for key, value in {'a': 1, 'b': 2}.items() %}
    {{ key }}: {{ value }}
    {%- endfor %}
{% endfor %}
last:
` + head
	set, err := load(t, text, Options{Env: env("SITES", "CERN,DESY: X\ny", "SCOPE", "test\nmodule_name: evil", "LARGE", "CERN", "SIZE", "1000")})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := names(set), []string{"upload-CERN", "upload-DESY: X\ny", "last"}; !slices.Equal(got, want) {
		t.Fatalf("tasks %q, want %q", got, want)
	}
	cern, desy := set.Definitions[0], set.Definitions[1]
	want := map[string]any{"task_name": "upload-CERN", "scope": "test\nmodule_name: evil", "rse": "CERN", "size": int64(1000), "a": int64(1), "b": int64(2)}
	if !reflect.DeepEqual(cern.Kwargs, want) || cern.Module != "tasks.tests.upload" {
		t.Errorf("first task is %+v, want kwargs %v", cern, want)
	}
	want = map[string]any{"task_name": "upload-DESY: X\ny", "scope": "test\nmodule_name: evil", "rse": "DESY: X\ny", "a": int64(1), "b": int64(2)}
	if !reflect.DeepEqual(desy.Kwargs, want) || desy.Description != "to desy: x\ny" {
		t.Errorf("second task is %+v, want kwargs %v", desy, want)
	}
	for path, line := range map[string]int{"": 12, "description": 13, "kwargs.rse": 15, "kwargs.a": 20} {
		if cern.LineOf(path) != line || desy.LineOf(path) != line {
			t.Errorf("lines of %q are %d and %d, want %d", path, cern.LineOf(path), desy.LineOf(path), line)
		}
	}
	if last := set.Definitions[2]; last.Line != 23 || last.LineOf("kwargs") != 29 {
		t.Errorf("last task is on line %d, its kwargs on %d", last.Line, last.LineOf("kwargs"))
	}
}

func TestUndefined(t *testing.T) {
	const hint = ", and stands for nothing here (set it, or write %s | default(''))"
	tests := []struct {
		name, lines string
		kwargs      map[string]any
		problems    []string // place, task, field and variable
	}{
		{"quoted", `x: "a{{ UNSET }}b"`, map[string]any{"x": "ab"}, []string{`8:13 kwargs.x UNSET`}},
		{"plain", `x: a{{ UNSET }}b`, map[string]any{"x": "ab"}, []string{`8:12 kwargs.x UNSET`}},
		{"bare", `x: {{ UNSET }}`, map[string]any{"x": nil}, []string{`8:11 kwargs.x UNSET`}},
		{"block of text", "x: |\n  a\n  {{ UNSET }}", map[string]any{"x": "a\n\n"}, []string{`10 kwargs.x UNSET`}},
		{"list", "x:\n- a\n- \"{{ UNSET }}\"", map[string]any{"x": []any{"a", ""}}, []string{`10:11 kwargs.x[1] UNSET`}},
		{"key", "\"k{{ UNSET }}\": 1", map[string]any{"k": int64(1)}, []string{`8:10 kwargs.k UNSET`}},
		{"twice in a scalar", `x: "{{ A }}{{ B }}{{ A }}"`, map[string]any{"x": ""}, []string{`8:12 kwargs.x A`, `8:19 kwargs.x B`, `8:26 kwargs.x A`}},
		{"default", `x: "{{ UNSET | default('d') }}{{ UNSET | d }}{{ EMPTY | default('e', true) }}{{ EMPTY | d(boolean=true, default_value='f') }}"`, map[string]any{"x": "def"}, nil},
		{"tested", `x: "{% if UNSET is defined %}{{ UNSET }}{% endif %}{{ UNSET is undefined }}"`, map[string]any{"x": "True"}, nil},
		{"tested together", `x: "{% if UNSET is defined and UNSET == 'a' %}a{% endif %}{{ SET or UNSET }}"`, map[string]any{"x": "s"}, nil},
		{"asked", `x: "{% if UNSET %}a{% else %}b{% endif %}"`, map[string]any{"x": "b"}, []string{`8:15 kwargs.x UNSET`}},
		{"alternative", `x: "{{ SET if SET else UNSET }}{{ UNSET if UNSET is defined }}"`, map[string]any{"x": "s"}, nil},
		{"in a loop", `x: "{% for i in UNSET %}{{ i }}{% endfor %}"`, map[string]any{"x": ""}, []string{`8:21 kwargs.x UNSET`}},
		{"set", `x: "{% set y = UNSET %}{{ y }}"`, map[string]any{"x": ""}, []string{`8:20 kwargs.x UNSET`}},
		{"set by a condition", `x: "{% set y = UNSET if false else SET %}{{ y }}{% set z = 1 if UNSET else 2 %}{{ z }}"`, map[string]any{"x": "s2"}, []string{`8:69 kwargs.x UNSET`}},
		{"over several lines", "x: \"a\n\n  {{ UNSET }}\"", map[string]any{"x": "a\n"}, []string{`9 kwargs.x UNSET`}},
		{"sum, index and slice", `x: "{{ SET[N | int:] }}{{ {'a': -(UNSET | int)} }}"`, map[string]any{"x": "s{'a': 0}"}, []string{`8:16 kwargs.x N`, `8:39 kwargs.x UNSET`}},
		{"with", `x: "{% with y = UNSET, z = SET %}{{ y }}{{ z }}{% endwith %}"`, map[string]any{"x": "s"}, []string{`8:21 kwargs.x UNSET`}},
		{"argument of a filter", `x: "{{ SET | replace('s', UNSET) }}"`, map[string]any{"x": ""}, []string{`8:31 kwargs.x UNSET`}},
		{"in a flow list", `x: [a, "{{ UNSET }}", {b: "{{ UNSET }}"}]`, map[string]any{"x": []any{"a", "", map[string]any{"b": ""}}}, []string{`8:16 kwargs.x[1] UNSET`, `8:35 kwargs.x[2].b UNSET`}},
		{"in a list", `x: "{{ [SET, UNSET] | length }}"`, map[string]any{"x": "2"}, []string{`8:18 kwargs.x UNSET`}},
		{"joined", `x: "{{ UNSET ~ 'a' }}"`, map[string]any{"x": "a"}, []string{`8:12 kwargs.x UNSET`}},
		{"YAML comment", "x: 1 # {{ UNSET }}", map[string]any{"x": int64(1)}, nil},
		{"YAML comment of a text rendered as a whole", "x: {{ SET }} # {{ UNSET }}", map[string]any{"x": "s"}, nil},
		{"Jinja comment", `x: "a{# {{ UNSET }} #}"`, map[string]any{"x": "a"}, nil},
		{"not reached", `x: "{% if false %}{{ UNSET }}{% endif %}"`, map[string]any{"x": ""}, nil},
		{"macro", `x: "{% macro m(a) %}{{ a }}{{ UNSET }}{% endmacro %}{{ m(1) }}"`, map[string]any{"x": "1"}, []string{`8:35 kwargs.x UNSET`}},
		{"empty is set", `x: "{{ EMPTY }}"`, map[string]any{"x": ""}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			opts := Options{Env: env("SET", "s", "EMPTY", "")}
			kwargs, set := loadKwargs(t, tt.lines, opts)
			if !reflect.DeepEqual(kwargs, tt.kwargs) {
				t.Errorf("kwargs %#v, want %#v", kwargs, tt.kwargs)
			}
			var warnings, errs []string
			for _, p := range tt.problems {
				part := strings.Fields(p)
				prefix := "x.yml:" + part[0] + ": %stask \"t\": " + part[1] + ": the variable " + part[2] + " is not set"
				warnings = append(warnings, strings.Replace(prefix, "%s", "warning: ", 1)+strings.Replace(hint, "%s", part[2], 1))
				errs = append(errs, strings.Replace(prefix, "%s", "", 1)+" (set it, or write "+part[2]+" | default(''))")
			}
			wantProblems(t, set.Problems, warnings...)
			opts.Strict = true
			strict, err := load(t, "t:\n"+head+indent(tt.lines), opts)
			wantProblems(t, strict.Problems, errs...)
			if (err != nil) != (len(errs) > 0) || len(strict.Definitions) != 1-min(1, len(errs)) {
				t.Errorf("strict: %d definitions, error %v", len(strict.Definitions), err)
			}
		})
	}
}

func TestStrictDropsOnlyTheTaskInQuestion(t *testing.T) {
	text := "a:\n" + head + "    x: \"{{ UNSET }}\"\nb:\n" + head + "    x: 1\n"
	set, err := load(t, text, Options{Strict: true})
	if err == nil || !slices.Equal(names(set), []string{"b"}) {
		t.Errorf("tasks %q, error %v", names(set), err)
	}
	text = "{% for i in [1, 2] %}\na{{ i }}:\n" + head + "    x: {{ UNSET }}\n{% endfor %}\nb:\n" + head + "    x: 1\n"
	set, err = load(t, text, Options{Strict: true})
	if err == nil || !slices.Equal(names(set), []string{"b"}) {
		t.Errorf("tasks %q, error %v", names(set), err)
	}
	wantProblems(t, set.Problems, `x.yml:9:11: the variable UNSET is not set (set it, or write UNSET | default(''))`)
}

func TestBrokenTemplates(t *testing.T) {
	vars := env("HOST", "h.org", "PASSWORD", "s3cr3t-value", "N", "3")
	tests := []struct{ name, template, quoted, bare string }{ // the problem in a quoted scalar, and without quotes
		{"unknown filter", "{{ HOST | nope }}", "8:9|cannot evaluate {{ HOST | nope }}: filter 'nope' not found", "8:8|"},
		{"attribute of what is not set", "{{ UNSET.x }}", "8:9|cannot evaluate {{ UNSET.x }}: the variable UNSET is not set", "8:8|"},
		{"method that is not there", "{{ HOST.nope() }}", "8:9|cannot evaluate {{ HOST.nope() }}: unknown method 'nope' for 'HOST'", "8:8|"},
		{"value of a secret in the message", "{{ PASSWORD.nope() }}", "8:9|cannot evaluate {{ PASSWORD.nope() }}", "8:8|"},
		{"not closed", "{{ HOST", `8:9|the "{{" is not closed`, "8:8|"},
		{"block not closed", "{% if HOST %}a", "8:15|expected elif or else or endif before the end", "8:14|"},
		{"nothing to close", "{% endif %}", `8:12|there is no tag "endif", or nothing that it could close`, "8:11|"},
		{"empty", "{{ }}", "8:8|expected either a number, string, keyword or identifier", ""},
		{"division by zero", "{{ 1 % 0 }}", "8:9|cannot evaluate {{ 1 % 0 }}: not possible", "8:8|"},
		{"sum of what cannot be added", "{{ range('a') }}", "8:9|cannot evaluate {{ range('a') }}: range takes whole numbers; make one of text by | int", "8:8|"},
		{"range of nothing", "{{ range() }}", "8:9|cannot evaluate {{ range() }}: range takes one to three numbers", "8:8|"},
		{"range without a step", "{{ range(1, 2, 0) }}", "8:9|cannot evaluate {{ range(1, 2, 0) }}: the step of a range cannot be 0", "8:8|"},
		{"replace by nothing", "{{ HOST.replace('a') }}", "8:9|cannot evaluate {{ HOST.replace('a') }}: replace takes what to replace, what by, and how often", "8:8|"},
		{"strip too much", "{{ HOST.strip('a', 'b') }}", "8:9|cannot evaluate {{ HOST.strip('a', 'b') }}: strip takes one argument, the characters to remove", "8:8|"},
		{"JSON twice", "{{ '1 2' | from_json }}", "8:9|cannot evaluate {{ '1 2' | from_json }}: from_json: the value is not valid JSON", "8:8|"},
		{"a loop without end tag", "{% for i in HOST %}{{ i }}", "8:16|expected else or endfor before the end", "8:15|"},
		{"arguments that are none", "{{ HOST HOST }}", "8:12|expected an expression and then }}", "8:11|"},
		{"filter block of an unknown filter", "{% filter nope %}a{% endfilter %}", "8:9|cannot evaluate {% filter nope %}: filter 'nope' not found", "8:8|"},
		{"include", "{% include '/etc/passwd' %}", "8:20|include is not possible here: a definition cannot load other templates", "8:19|"},
		{"include that may be missing", "{% include 'a' ignore missing %}", "8:20|include is not possible here: a definition cannot load other templates", "8:19|"},
		{"import", "{% import 'a' as b %}", "8:19|import is not possible here: a definition cannot load other templates", "8:18|"},
		{"from", "{% from 'a' import b %}", "8:17|from is not possible here: a definition cannot load other templates", "8:16|"},
		{"extends", "{% extends 'a' %}", "8:20|extends is not possible here: a definition cannot load other templates", "8:19|"},
		{"endless macro", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "", "8:23|the template calls itself without end"},
		{"endless range", "{{ range(100000000) | length }}", "8:9|cannot evaluate {{ range(100000000) | length }}: range gives more than 100000 numbers", "8:8|"},
		{"endless loop", "{% for i in range(1000) %}{% for j in range(1001) %}{% if false %}{% endif %}{% endfor %}{% endfor %}", "8:61|the template does not come to an end", "8:60|"},
		{"call of no macro", "{% call HOST.upper() %}{% endcall %}", "8:9|cannot evaluate {% call HOST.upper() %}: call needs a macro", "8:8|"},
		{"broken JSON", "{{ HOST | from_json }}", "8:9|cannot evaluate {{ HOST | from_json }}: from_json: the value is not valid JSON", "8:8|"},
		{"split by nothing", "{{ HOST.split('') }}", "8:9|cannot evaluate {{ HOST.split('') }}: split needs a separator that is not empty", "8:8|"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, form := range []struct{ text, field, want string }{{`"` + tt.template + `"`, "kwargs.x: ", tt.quoted}, {tt.template, "", tt.bare}} {
				if form.want == "" {
					continue
				}
				set, err := load(t, "a:\n"+head+"    x: "+form.text+"\nb:\n"+head, Options{Env: vars})
				if form.want == "" {
					continue
				}
				place, message, _ := strings.Cut(form.want, "|")
				if message == "" {
					_, message, _ = strings.Cut(tt.quoted, "|")
				}
				wantProblems(t, set.Problems, "x.yml:"+place+`: task "a": `+form.field+"template: "+message)
				if err == nil || !slices.Equal(names(set), []string{"b"}) {
					t.Errorf("tasks %q, error %v", names(set), err)
				}
				if strings.Contains(err.Error(), "s3cr3t") {
					t.Error("the message shows the secret")
				}
			}
		})
	}
}

func TestTemplateTooLarge(t *testing.T) {
	for name, text := range map[string]string{
		"many tags":      `"` + strings.Repeat("{{ 1 }}", maxTags+1) + `"`,
		"deep brackets":  `"{{ ` + strings.Repeat("(", 100_000) + `1 }}"`,
		"nested blocks":  `"` + strings.Repeat("{% if true %}", 100_000) + `"`,
		"many negations": `"{{ ` + strings.Repeat("not ", 100_000) + `1 }}"`,
	} {
		set, _ := load(t, "a:\n"+head+"    x: "+text+"\n", Options{})
		if len(set.Problems) != 1 || set.Problems[0].Message != "template: the template is too large" {
			t.Errorf("%s: %.200v", name, set.Problems)
		}
	}
	set, _ := load(t, "a:\n"+head+"    x: \"{% for i in range(1000) %}0123456789{% endfor %}\"\n", Options{MaxBytes: 5000})
	if len(set.Problems) != 1 || set.Problems[0].Message != "template: the rendered text is larger than 5000 bytes" {
		t.Errorf("large output: %v", set.Problems)
	}
}

func TestRenderingStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	opts := Options{Env: func(name string) (string, bool) {
		if name == "STOP" {
			cancel(why)
		}
		return "- " + name, name == "TASK_FILE_YAML"
	}}
	inline := opts.Env
	opts.Env = func(name string) (string, bool) {
		if name == "TASK_FILE_YAML" {
			return "a:\n" + head + "    x: \"{{ STOP }}{% for i in range(1000) %}{{ i }}{% endfor %}\"\n", true
		}
		return inline(name)
	}
	set, err := Load(ctx, nil, opts)
	if !errors.Is(err, why) || len(set.Definitions) != 0 {
		t.Errorf("error %v, %d definitions", err, len(set.Definitions))
	}
}

func TestLooksLikeData(t *testing.T) {
	kwargs, set := loadKwargs(t, "x: {{ L }}\ny: \"{{ L }}\"", Options{Env: env("L", `["A", "B"]`)})
	if kwargs["x"] != `["A", "B"]` || kwargs["y"] != `["A", "B"]` {
		t.Errorf("kwargs %v", kwargs)
	}
	wantProblems(t, set.Problems, `x.yml:8: warning: task "t": kwargs.x: the value looks like a list or map, and is taken as text (to have it as data write {{ VARIABLE | from_json }})`)
}

func TestLineEndsOfWindows(t *testing.T) {
	for name, lines := range map[string]string{"in scalars": `x: "{{ N }}"`, "whole": `x: {{ N }}`} {
		text := strings.ReplaceAll("# comment\na:\n"+head+indent(lines)+"    y: \"{{ UNSET }}\"\n    z: |\n      one\n      two\n", "\n", "\r\n")
		set, err := load(t, text, Options{Env: env("N", "3")})
		if err != nil || len(set.Definitions) != 1 {
			t.Fatalf("%s: %v", name, err)
		}
		d := set.Definitions[0]
		if d.Line != 2 || d.LineOf("kwargs.y") != 10 || d.Kwargs["z"] != "one\ntwo\n" {
			t.Errorf("%s: line %d, y on %d, kwargs %q", name, d.Line, d.LineOf("kwargs.y"), d.Kwargs)
		}
		wantProblems(t, set.Problems, `x.yml:10:12: warning: task "a": kwargs.y: the variable UNSET is not set, and stands for nothing here (set it, or write UNSET | default(''))`)
	}
}

func TestBrokenYAMLWithTemplates(t *testing.T) {
	const loop = "    l:\n{%- for i in [1, 2, 3] %}\n      - {{ i }}\n{%- endfor %}\n"
	tests := []struct{ name, lines, problem string }{
		{"after a loop", loop + "    x: y: {{ N }}\n", `x.yml:12: is not valid YAML: mapping values are not allowed in this context (put a value with ": " in it in quotes, and check the indentation)`},
		{"with a quoted template", "    x: \"{{ N }}\"\n    y: @{{ N }}\n", "x.yml:9: task \"a\": is not valid YAML: found character that cannot start any token (indent with spaces, not tabs, and quote values that begin with @, % or `)"},
		{"an alias that a template names", "    x: *{{ N }}\n", `x.yml:8: task "a": is not valid YAML: did not find expected alphabetic or numeric character`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set, _ := load(t, "a:\n"+head+tt.lines+"b:\n"+head, Options{Env: env("N", "n")})
			wantProblems(t, set.Problems, tt.problem)
		})
	}
}

func TestLongTemplatesAreShortenedInMessages(t *testing.T) {
	set, _ := load(t, "a:\n"+head+"    x: \"{{ 'ä"+strings.Repeat("ä\n      ", 200)+"' | nope }}\"\n", Options{})
	want := "template: cannot evaluate {{ '" + strings.Repeat("ä ", 46) + "ä...: filter 'nope' not found"
	if len(set.Problems) != 1 || len([]rune(set.Problems[0].Message)) > 160 || !strings.HasPrefix(set.Problems[0].Message, "template: cannot evaluate {{ 'ä") {
		t.Errorf("problems %v, want something like %q", set.Problems, want)
	}
}
