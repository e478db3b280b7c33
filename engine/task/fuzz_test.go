package task

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// loadInline loads a text as TASK_FILE_YAML does, with the value of the variable X.
func loadInline(t testing.TB, text, value string) *Set {
	t.Helper()
	set, err := Load(t.Context(), nil, Options{MaxBytes: 1 << 20, Env: func(name string) (string, bool) {
		switch name {
		case "TASK_FILE_YAML":
			return text, true
		case "X":
			return value, true
		}
		return "", false
	}})
	if (err != nil) != (len(set.Problems.Errors()) > 0) {
		t.Errorf("error %v, problems %v", err, set.Problems)
	}
	return set
}

// FuzzDecode: no text makes the loader panic, and whatever it reports is at a place in the text.
func FuzzDecode(f *testing.F) {
	for _, pattern := range []string{"testdata/*.yml", "testdata/original/ska/*.yml", "testdata/original/ska/*/*/*.yml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text), "value")
		}
	}
	for _, lines := range []string{"x: {{ X }}", "{% for i in [1,2] %}\n    k{{ i }}: {{ X }}\n{% endfor %}", "x: &a [*a]", "x: [", "\tx", "x: |\n  {{ X }}\n  {{ U }}", "<<: *y", "x: !t"} {
		f.Add("a: &y\n"+head+indent(lines)+"b:\n"+head, "a: b")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		set := loadInline(t, text, value)
		last := strings.Count(text, "\n") + strings.Count(text, "\r") + strings.Count(text, "\u0085") + strings.Count(text, "\u2028") + strings.Count(text, "\u2029") + 2
		for _, p := range set.Problems {
			if p.Line < 0 || p.Line > last || p.Column < 0 || p.Message == "" || p.String() == "" {
				t.Errorf("problem %+v in a text of %d lines", p, last)
			}
		}
		for _, d := range set.Definitions {
			if d.Line < 1 || d.Line > last || d.Kwargs["task_name"] != d.Name {
				t.Errorf("definition %+v in a text of %d lines", d, last)
			}
			for path := range d.places {
				if line := d.LineOf(path); line < 1 || line > last {
					t.Errorf("%s is on line %d of %d", path, line, last)
				}
			}
		}
	})
}

// FuzzTemplate: whatever a variable holds, the definitions have the shape that they have with a harmless value.
func FuzzTemplate(f *testing.F) {
	for _, value := range nasty {
		f.Add(value)
	}
	const fields = "  description: \"{{ X }}\"\n  module_name: m\n  class_name: 'c{{ X }}'\n  enabled: true\n  args: [\"{{ X }}\", a]\n  kwargs:\n"
	const inScalars = "\"t-{{ X }}\":\n" + fields + `    plain: a {{ X }} b
    single: '{{ X }}'
    double: "{{ X }}{{ X | upper }}{{ X | replace('a', X) }}"
    literal: |
      {{ X }}
      x {{ X | indent(2) }}
    folded: >-
      {{ X }}
      b
    "k-{{ X }}": 1
    flow: {a: "{{ X }}", 'b-{{ X }}': [c, "{{ X }}"]}
`
	const whole = "{% macro m(v) %}{{ v }}: 1{% endmacro %}\n" + inScalars + `    bare: {{ X }}
    upper: {{ X | upper }}
    escaped: {{ X | safe }}
    html: {{ X | e }}
    json: {{ X | tojson }}
    filtered: {% filter upper %}{{ X }}{% endfilter %}
    list: [{{ X }}, {{ X | e | safe }}, b]
    map: {a: {{ X }}, b: 2}
    other: {{ X }} # {{ X }}
    ? m-{{ X }}
    : 1
    {{ m('n-' ~ X) }}
    {% set y %}{{ X }}{% endset %}
    set: {{ y }}
    {%- for i in [1, 2] %}
    loop{{ i }}: {{ X ~ i }}
    {%- endfor %}
` + "b:\n" + fields
	want := []string{shapes(f, inScalars, "v"), shapes(f, whole, "v")}
	f.Fuzz(func(t *testing.T, value string) {
		for i, text := range []string{inScalars, whole} {
			if got := shapes(t, text, value); got != want[i] {
				t.Errorf("with %q the definitions are\n%s, want\n%s", value, got, want[i])
			}
		}
	})
}

// shapes tells how many tasks there are and which maps and lists they hold, and nothing of keys' and scalars' text.
func shapes(t testing.TB, text, value string) string {
	set := loadInline(t, text, value)
	var all []string
	for _, d := range set.Definitions {
		all = append(all, fmt.Sprint(d.Line, d.Enabled, d.Module, shape(d.Args), shape(d.Kwargs)))
	}
	return strings.Join(append(all, set.Problems.Errors().Error()), "\n")
}

func shape(v any) string {
	var parts []string
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			parts = append(parts, shape(item))
		}
		return "[" + strings.Join(parts, " ") + "]"
	case map[string]any:
		for _, item := range v {
			parts = append(parts, shape(item))
		}
		slices.Sort(parts)
		return "{" + strings.Join(parts, " ") + "}"
	}
	return "."
}

// FuzzRender: no template gets a value of the environment into the text that is parsed as YAML; placeholders are all that
// is there. Nor does any make the renderer panic or run for ever.
func FuzzRender(f *testing.F) {
	const canary = "qzj7xk"
	for _, tt := range jinja {
		f.Add(tt.template)
	}
	for _, template := range []string{
		"{% macro m(a) %}{{ a }}{{ caller() }}{% endmacro %}{% call m(X) %}{{ X }}{% endcall %}{{ m(X) | safe | upper | trim | indent(2) }}",
		"{% filter replace('a', X) %}a{% endfilter %}{% filter indent(2) | safe %}{{ X }}{% endfilter %}", "{% call X.upper() %}{% endcall %}",
		"{% set a %}{{ X }}{% endset %}{{ a | safe }}{% block b %}{{ X }}{% endblock %}{{ self.b() | safe }}", "{% for a in X recursive %}{{ loop([X]) }}{% endfor %}",
		"{{ X | urlize }}{{ X | e | safe }}{{ {'a': X} | xmlattr }}{{ X | tojson | safe }}{{ [X] | join | safe }}", "{{ dict(a=X) }}{{ namespace(a=X) }}{{ cycler(X).next() }}{{ joiner(X)() }}",
		"{% call dict(a=X) %}{% endcall %}", "{{ X.x.y() }}", "{{ loop }}{{ self }}{{ caller }}", "{% with a = X %}{{ a }}{% endwith %}{% do X %}{% autoescape true %}{{ X }}{% endautoescape %}",
	} {
		f.Add(template)
	}
	f.Fuzz(func(t *testing.T, template string) {
		r := newTemplater(t.Context(), func(string) (string, bool) { return canary, true }, 1<<16, func(string) {})
		out, err := r.render(template, true)
		if err == nil && strings.Contains(strings.ToLower(out), canary) && !strings.Contains(strings.ToLower(template), canary) {
			t.Errorf("%q puts the value itself into the text: %q", template, out)
		}
	})
}
