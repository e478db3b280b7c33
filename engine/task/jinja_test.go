package task

import (
	"testing"
)

// jinjaEnv is the environment of the table below.
var jinjaEnv = map[string]string{
	"X":        "a: b\n\"c\"",
	"N":        "3",
	"EMPTY":    "",
	"L":        "a,b,c",
	"J":        `{"a": [1,2.5,"x"]}`,
	"PASSWORD": "s3cr3t",
	"HOST":     "h.org",
	"W":        "  two  words\t",
	"LINES":    "one\ntwo\nthree\n",
	"NUM":      "12.5",
	"F":        "false",
	"U":        "ünï",
}

// jinja has templates and what Jinja 3.1 makes of them.
var jinja = []struct{ template, want string }{
	{"{{ HOST }}", "h.org"},
	{"{{ HOST | upper }}", "H.ORG"},
	{"{{ W.rsplit() }}{{ ' a b c '.rsplit(None, 1) }}{{ 'a b c'.split(None, 1) }}{{ 'a  b c'.split(maxsplit=1) }}", "['two', 'words'][' a b', 'c']['a', 'b c']['a', 'b c']"},
	{"{{ L.replace(',', ';', 1) }} {{ 'xaxx'.rstrip('x') }} {{ 'xaxx'.lstrip('x') }} {{ ' a'.strip(None) }}", "a;b,c xa axx a"},
	{"{% macro m() %}b{% endmacro %}{{ 'ab' | replace('b', m()) }}{{ m() ~ HOST }}{{ [m()] | join }}{{ m() | upper }}", "abbh.orgbB"},
	{"{% macro m() %}{{ HOST }}{% endmacro %}{{ 'ab' | replace('b', m()) }}{{ m() | length }}{{ m() | replace('h', 'g') }}", "ah.org5g.org"},
	{"{% macro m(x) %}{{ x }}{% endmacro %}{% macro n(x) %}<{{ m(x) }}>{% endmacro %}{{ n(n(HOST)) }}", "<<h.org>>"},
	{"{% for i in range(5) %}{% if i is odd %}{{ i }}{% endif %}{% endfor %}", "13"},
	{"{% for i in range(10, 0, -3) %}{{ i }} {% endfor %}", "10 7 4 1 "},
	{"{{ 'a' if UNSET is defined }}{{ 1 if N == '3' else 2 }}", "1"},
	{"{{ HOST.upper() }}", "H.ORG"},
	{"{{ HOST | default('x') }}", "h.org"},
	{"{{ UNSET | default('x') }}", "x"},
	{"{{ UNSET | d('x') }}", "x"},
	{"{{ EMPTY | default('x') }}", ""},
	{"{{ EMPTY | default('x', true) }}", "x"},
	{"{{ EMPTY or 'x' }}", "x"},
	{"{{ L.split(',') }}", "['a', 'b', 'c']"},
	{"{{ L.split(',') | length }}", "3"},
	{"{{ L.split(',')[0] }}", "a"},
	{"{{ L.split(',')[-1] }}", "c"},
	{"{{ L.split(',', 1) }}", "['a', 'b,c']"},
	{"{{ L.rsplit(',', 1) }}", "['a,b', 'c']"},
	{"{{ L.split(',') | join('-') }}", "a-b-c"},
	{"{{ L.split(',') | first }}{{ L.split(',') | last }}", "ac"},
	{"{{ L.split(',') | map('upper') | join(',') }}", "A,B,C"},
	{"{{ L.split(',') | sort(reverse=true) | join(',') }}", "c,b,a"},
	{"{{ L.split(',') | reverse | join(',') }}", "c,b,a"},
	{"{{ L.split(',') | select('ne', 'b') | join(',') }}", "a,c"},
	{"{{ L.split(',') | reject('equalto', 'b') | list }}", "['a', 'c']"},
	{"{{ HOST | tojson }}", `"h.org"`},
	{"{{ X | tojson }}", `"a: b\n\"c\""`},
	{"{{ W.split() }}", "['two', 'words']"},
	{"{{ W.strip() }}|{{ W.lstrip() }}|{{ W.rstrip() }}", "two  words|two  words\t|  two  words"},
	{"{{ W | trim }}", "two  words"},
	{"{{ LINES.splitlines() }}", "['one', 'two', 'three']"},
	{"{{ LINES.strip().split('\\n') }}", "['one', 'two', 'three']"},
	{"{{ LINES | indent(2, true) }}", "  one\n  two\n  three\n"},
	{"{{ HOST.replace('.', '-') }}", "h-org"},
	{"{{ HOST | replace('.', '-') }}", "h-org"},
	{"{{ HOST.startswith('h') }} {{ HOST.endswith('org') }}", "True True"},
	{"{{ HOST[0] }} {{ HOST[-1] }} {{ HOST[1:3] }} {{ HOST[:2] }} {{ HOST[::-1] }}", "h g .o h. gro.h"},
	{"{{ HOST | length }}", "5"},
	{"{{ N | int }}", "3"},
	{"{{ N | int + 1 }}", "4"},
	{"{{ N | int * 2 }}", "6"},
	{"{{ N | int / 2 }}", "1.5"},
	{"{{ N | int // 2 }}", "1"},
	{"{{ N | int % 2 }}", "1"},
	{"{{ N | float }}", "3.0"},
	{"{{ NUM | float * 2 }}", "25.0"},
	{"{{ NUM | int }}", "12"},
	{"{{ NUM | float | round(0, 'floor') | int }}", "12"},
	{"{{ 1000000000000 * 1 }}", "1000000000000"},
	{"{{ 10 / 2 }}", "5.0"},
	{"{{ 0.1 + 0.2 }}", "0.30000000000000004"},
	{"{{ 1e3 }}", "1000.0"},
	{"{{ 'a' ~ 1 ~ N }}", "a13"},
	{"{{ 'a' + N }}", "a3"},
	{"{{ N == '3' }} {{ N == 3 }} {{ N != '3' }}", "True False False"},
	{"{{ 'yes' if N == '3' else 'no' }}", "yes"},
	{"{{ 'yes' if N == '4' }}", ""},
	{"{{ 'yes' if N | int > 2 and HOST else 'no' }}", "yes"},
	{"{{ not HOST }} {{ not EMPTY }}", "False True"},
	{"{{ HOST in ['h.org', 'x'] }} {{ 'h' in HOST }} {{ 'q' not in HOST }}", "True True True"},
	{"{{ HOST is defined }} {{ UNSET is defined }} {{ UNSET is undefined }} {{ UNSET is not defined }}", "True False True True"},
	{"{{ HOST is string }} {{ 3 is number }} {{ N | int is odd }} {{ 3 is divisibleby 3 }}", "True True True True"},
	{"{{ true }} {{ false }} {{ True }} {{ [1, 'a', true] }}", "True False True [1, 'a', True]"},
	{"{{ {'a': 1, 'b': 'x'} }}", "{'a': 1, 'b': 'x'}"},
	{"{{ {'a': 1}['a'] }} {{ {'a': 1}.a }}", "1 1"},
	{"{{ [1, 2] + [3] }}", "[1, 2, 3]"},
	{"{{ range(3) | list }}", "[0, 1, 2]"},
	{"{{ range(1, 10, 3) | join(',') }}", "1,4,7"},
	{"{{ [3,1,2] | sort | join(' ') }} {{ [3,1,2] | max }} {{ [3,1,2] | min }} {{ [3,1,2] | sum }}", "1 2 3 3 1 6"},
	{"{{ ['a','b','a'] | unique | join }}", "ab"},
	{"{{ HOST | capitalize }} {{ HOST | title }} {{ 'two words' | title }}", "H.org H.org Two Words"},
	{"{{ HOST | center(11) }}|", "   h.org   |"},
	{"{{ 'x' * 3 }}", "xxx"},
	{"{{ HOST | e }} {{ '<a>' | e }}", "h.org &lt;a&gt;"},
	{"{{ 'a b/c' | urlencode }}", "a%20b/c"},
	{"{{ 'two words here' | wordcount }}", "3"},
	{"{{ 'two words here' | truncate(9) }}", "two words here"},
	{"{{ '%s-%s' | format(HOST, N) }}", "h.org-3"},
	{"{{ '%03d' | format(N | int) }}", "003"},
	{"{{ '{}:{}'.format(HOST, N) }}", "h.org:3"},
	{"{{ [1,2,3,4] | batch(2) | list }}", "[[1, 2], [3, 4]]"},
	{"{{ U | upper }} {{ U | length }}", "ÜNÏ 3"},
	{"{{ F == 'true' }} {{ F | lower == 'false' }}", "False True"},
	{"{{ [HOST, N] | join(':') }}", "h.org:3"},
	{"{{ 12345 | filesizeformat }}", "12.3 kB"},
	{"{{ -3 | abs }} {{ (-3) | abs }}", "3 3"},
	{"{{ 1 < 2 < 3 }}", "True"},
	{"{{ HOST | list }}", "['h', '.', 'o', 'r', 'g']"},
	{"{{ [['a', 1], ['b', 2]] | map(attribute=1) | list }}", "[1, 2]"},
	{"{{ [{'n': 'a'}, {'n': 'b'}] | map(attribute='n') | join(',') }}", "a,b"},
	{"{{ [{'n': 'a', 'e': true}, {'n': 'b', 'e': false}] | selectattr('e') | map(attribute='n') | join }}", "a"},
	{"{{ {'b': 1, 'a': 2} | dictsort }}", "[('a', 2), ('b', 1)]"},
	{"{% if HOST %}a{% endif %}", "a"},
	{"{% if EMPTY %}a{% else %}b{% endif %}", "b"},
	{"{% if N == '1' %}1{% elif N == '3' %}3{% else %}x{% endif %}", "3"},
	{"{% if HOST is defined and HOST == 'h.org' %}y{% endif %}", "y"},
	{"{% if not UNSET %}n{% endif %}", "n"},
	{"{% for i in L.split(',') %}{{ i }}{% if not loop.last %},{% endif %}{% endfor %}", "a,b,c"},
	{"{% for i in L.split(',') if i != 'b' %}{{ loop.index }}{{ i }}{% endfor %}", "1a2c"},
	{"{% for i in [] %}x{% else %}none{% endfor %}", "none"},
	{"{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %}", "a=1;b=2;"},
	{"{% for i in range(3) %}{{ loop.index0 }}{{ loop.first }}{{ loop.length }}{{ loop.revindex }} {% endfor %}", "0True33 1False32 2False31 "},
	{"{% for i in L.split(',') %}{% if i == 'b' %}B{% else %}{{ i }}{% endif %}{% endfor %}", "aBc"},
	{"{% for i in 'abc' %}{{ loop.cycle('x','y') }}{% endfor %}", "xyx"},
	{"{% set a = 'x' %}{{ a }}", "x"},
	{"{% set a = N | int + 1 %}{{ a }}", "4"},
	{"{% set a %}{{ HOST }}-{{ N }}{% endset %}{{ a }} {{ a | length }} {{ a == 'h.org-3' }}", "h.org-3 7 True"},
	{"{% set ns = namespace(n=0) %}{% for i in range(4) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}", "6"},
	{"{% set x = 1 %}{% for i in range(2) %}{% set x = 5 %}{% endfor %}{{ x }}", "1"},
	{"{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}", "2"},
	{"{% macro m(a, b='q') %}[{{ a }}{{ b }}]{% endmacro %}{{ m(HOST) }}{{ m(1, b=2) }}", "[h.orgq][12]"},
	{"{% macro m(x) %}<{{ x }}{{ caller() }}>{% endmacro %}{% call m(1) %}body{{ HOST }}{% endcall %}", "<1bodyh.org>"},
	{"{% with a = 1 %}{{ a }}{% endwith %}", "1"},
	{"{% filter upper %}{{ HOST }} x{% endfilter %}", "H.ORG X"},
	{"{% raw %}{{ X }}{% endraw %}", "{{ X }}"},
	{"{% raw %}{% endraw %}", ""},
	{"{# c #}a{# {{ UNSET }} #}", "a"},
	{"a {%- if true %} b {%- endif %} c", "a b c"},
	{"a {% if true -%} b {% endif -%} c", "a b c"},
	{"a {{- HOST -}} b", "ah.orgb"},
	{"a {{ HOST -}} b", "a h.orgb"},
	{"{{ '{{' }} {{ '{%' }}", "{{ {%"},
	{`{{ "a\nb" }} {{ 'it\'s' }} {{ "tab\t" }}`, "a\nb it's tab\t"},
	{"{{ 'a' if none else 'b' }}", "b"},
	{"{{ cycler('a','b').next() }}", "a"},
	{"{% set c = cycler('a','b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}", "aba"},
	{"{% set j = joiner(',') %}{{ j() }}a{{ j() }}b", "a,b"},
	{"{{ dict(a=1, b=2) }}", "{'a': 1, 'b': 2}"},
	{"{{ UNSET }}", ""},
	{"{{ UNSET ~ 'a' }}", "a"},
	{"{{ UNSET | upper }}", ""},
	{"{{ UNSET | length }}", "0"},
	{"{{ UNSET | list }}", "[]"},
	{"{{ HOST.foo }}", ""},
	{"{{ 1 + 1.5 }} {{ 3 * 1.0 }}", "2.5 3.0"},
	{"{{ 'abc'[1] }} {{ 'abc' | first }} {{ 'abc' | last }}", "b a c"},
	{"{{ HOST.split('.')[1] | upper }}", "ORG"},
	{"{{ ' a ' | trim }}|", "a|"},
	{"{{ 'aXbX' | replace('X', '-', 1) }}", "a-bX"},
	{"{{ HOST | string }}", "h.org"},
	{"{{ 3.0 | int }} {{ '3.7' | int }} {{ 'abc' | int }} {{ 'abc' | int(9) }} {{ '0x1F' | int(0, 16) }} {{ '12' | int(base=8) }}", "3 3 0 9 31 10"},
	{"{{ 'abc' | float }} {{ 'true' | int }}", "0.0 0"},
	{"{{ HOST.title() }} {{ HOST.capitalize() }} {{ 'AbC'.lower() }} {{ 'AbC'.swapcase() }}", "H.Org H.org abc aBc"},
	{"{{ ','.join(['a','b']) }} {{ ','.join(L.split(',')) }}", "a,b a,b,c"},
	{"{{ 'xxaxx'.strip('x') }} {{ 'prefix-a'.removeprefix('prefix-') }}", "a a"},
}

func TestJinja(t *testing.T) {
	for _, tt := range jinja {
		r := newTemplater(t.Context(), func(name string) (string, bool) { v, ok := jinjaEnv[name]; return v, ok }, 1<<20, func(string) {})
		got, err := r.render(tt.template, false)
		if err != nil {
			t.Errorf("%s: %v", tt.template, err)
		} else if got = r.flatten(got); got != tt.want {
			t.Errorf("%s\ngives %q,\nwant  %q", tt.template, got, tt.want)
		}
	}
}

// TestJinjaAsPython asks Jinja itself for the table's right side.
func TestJinjaAsPython(t *testing.T) {
	const script = `
import jinja2, json, sys
given = json.load(sys.stdin)
json.dump([jinja2.Environment().from_string(t).render(**given["env"]) for t in given["templates"]], sys.stdout)
`
	var templates, answers []string
	for _, tt := range jinja {
		templates = append(templates, tt.template)
	}
	python(t, "jinja2", script, map[string]any{"env": jinjaEnv, "templates": templates}, &answers)
	for i, tt := range jinja {
		if answers[i] != tt.want {
			t.Errorf("%s\ngives %q in Python, the table says %q", tt.template, answers[i], tt.want)
		}
	}
}
