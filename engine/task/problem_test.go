package task

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestProblems asserts every message about a text that is not quite right, and which tasks survive.
func TestProblems(t *testing.T) {
	tests := []struct {
		name, text string
		tasks      []string
		problems   []string
	}{
		{"misspelt fields", "a:\n  description: d\n  modul_name: m\n  class_name: c\n  enabled: true\n  args:\n  kwargs:\n  timout: 3\n  colour: 1\nb:\n" + head,
			[]string{"b"}, []string{
				`x.yml:3:3: task "a": module_name: missing (did you mean "module_name" by "modul_name"?)`,
				`x.yml:8:3: warning: task "a": timout: no such field (did you mean "timeout"?)`,
				`x.yml:9:3: warning: task "a": colour: no such field (what a script takes belongs under kwargs)`}},
		{"all fields missing", "a: {}\nb:\n" + head, []string{"b"}, []string{
			`x.yml:1:1: task "a": description: missing (add description:, it may be empty)`,
			`x.yml:1:1: task "a": module_name: missing (name the script, e.g. module_name: "tasks.stubs")`,
			`x.yml:1:1: task "a": class_name: missing (name the class in the script, e.g. class_name: "StubHelloWorld")`,
			`x.yml:1:1: task "a": enabled: missing (add enabled: true)`,
			`x.yml:1:1: task "a": args: missing (add args:, it may be empty)`,
			`x.yml:1:1: task "a": kwargs: missing (add kwargs:, it may be empty)`}},
		{"wrong values", "a:\n  description: [1]\n  module_name: 3\n  class_name:\n  enabled: true\n  args: {a: 1}\n  kwargs: [1]\n  timeout: soon\n  retries: -1\n", nil, []string{
			`x.yml:2:16: task "a": description: must be text, is a list`,
			`x.yml:3:16: task "a": module_name: must be text, is a number (put it in quotes)`,
			`x.yml:4:14: task "a": class_name: has no value (give the name as text)`,
			`x.yml:7:11: task "a": kwargs: must be a map, is a list (write name: value on lines of their own, indented)`,
			`x.yml:8:12: task "a": timeout: must be a duration (write seconds, or a text such as 90s, 10m or 1h30m)`,
			`x.yml:9:12: task "a": retries: must be a whole number from 0 to 1000`}},
		{"timeout of nothing", "a:\n" + head + "  timeout: 0\n", nil, []string{
			`x.yml:8:12: task "a": timeout: must be more than 0 (leave it out for no limit)`}},
		{"enabled as text", "a:\n" + strings.Replace(head, "true", `"False"`, 1), []string{"a"}, []string{
			`x.yml:5:12: warning: task "a": enabled: the text "False" counts as true, so the task is enabled (for a boolean, drop the quotes)`}},
		{"task_name is lost", "a:\n" + head + "    task_name: b\n", []string{"a"}, []string{
			`x.yml:8:5: warning: task "a": kwargs.task_name: is always the task's own name, "a" (remove it)`}},
		{"no maps", "a: 1\nb: [1]\nc:\nd: 2024-01-02\n", nil, []string{
			`x.yml:1:1: task "a": a task must be a map of fields, this is a number (its fields are description, module_name, class_name, enabled, args, kwargs)`,
			`x.yml:2:1: task "b": a task must be a map of fields, this is a list (its fields are description, module_name, class_name, enabled, args, kwargs)`,
			`x.yml:3:1: task "c": a task must be a map of fields, this is empty (its fields are description, module_name, class_name, enabled, args, kwargs)`,
			`x.yml:4:1: task "d": a task must be a map of fields, this is a date (its fields are description, module_name, class_name, enabled, args, kwargs)`}},
		{"task twice", "a:\n" + head + "a:\n" + head + "b:\n" + head, []string{"b"}, []string{
			`x.yml:8:1: task "a": defined twice in this file, first on line 1 (rename one of the two)`}},
		{"task twice in two documents", "a:\n" + head + "---\na:\n" + head + "    x: 1\n", nil, []string{
			`x.yml:9:1: task "a": defined twice in this file, first on line 1 (rename one of the two)`}},
		{"kwarg twice", "a:\n" + head + "    x: 1\n    y: 2\n    x: 3\n", []string{"a"}, []string{
			`x.yml:10:5: warning: task "a": kwargs.x: given twice, first on line 8; the last one counts`}},
		{"field twice", "a:\n" + head + "  enabled: false\n", []string{"a"}, []string{
			`x.yml:8:3: warning: task "a": enabled: given twice, first on line 5; the last one counts`}},
		{"empty", " \n\n", nil, []string{`x.yml: is empty (expected a map of task names to their fields)`}},
		{"comments only", "# nothing\n---\n", nil, []string{`x.yml: holds no task (expected a map of task names to their fields)`}},
		{"list", "- a\n", nil, []string{`x.yml:1:1: the top level is a list (expected a map of task names to their fields)`}},
		{"scalar", "\nhello\n", nil, []string{`x.yml:2:1: the top level is a single value (expected a map of task names to their fields)`}},
		{"block of text", "|\n  a:\n    b: 1\n", nil, []string{
			`x.yml:1:1: the top level is a single value (expected a map of task names to their fields; it looks like a block of text, remove the | before it)`}},
		{"fields at top level", "description: d\nmodule_name: m\nkwargs:\n", nil, []string{
			`x.yml:1:1: the fields of a task (description, module_name, kwargs) are at the top level (put the name of the task above them, and indent them)`}},
		{"HTML", "\n<!DOCTYPE html>\n<html></html>", nil, []string{
			`x.yml: looks like an HTML page, not YAML (give the address of the raw file, and check that it needs no login)`}},
		{"not UTF-8", "a:\n  b: \xff\n", nil, []string{`x.yml:2: is not text in UTF-8`}},
		{"control character", "a:\n  b: \x00\n", nil, []string{`x.yml:2: has the control character U+0000`}},
		{"unknown tags", "a:\n" + head + "    x: !foo bar\n    y: !!set {q}\n    z: !!int abc\n    b: !!binary '!'\n", nil, []string{
			`x.yml:8:8: task "a": kwargs.x: the tag !foo is not known (remove it, or quote the text)`,
			`x.yml:9:8: task "a": kwargs.y: the tag !!set is not known (write a plain list or map)`,
			`x.yml:10:8: task "a": kwargs.z: the tag !!int does not fit the value`,
			`x.yml:11:8: task "a": kwargs.b: !!binary without valid base64 text`}},
		{"keys that are no text", "a:\n" + head + "    [1]: x\n    ? \n    : y\n", nil, []string{
			`x.yml:8:5: task "a": kwargs: a key is not text (a key is a word or a quoted text)`,
			`x.yml:9:6: task "a": kwargs: a key is not text (a key is a word or a quoted text)`}},
		{"anchor in itself", "a: &x\n" + head + "    x: *x\nb: &y\n" + head + "    <<: *y\n", nil, []string{
			`x.yml:8:8: task "a": kwargs.x: the anchor is used within itself`,
			`x.yml:16:9: task "b": kwargs: the anchor is merged into itself`}},
		{"merge of no map", "a:\n" + head + "    <<: 3\n", nil, []string{
			`x.yml:8:9: task "a": kwargs: a merge key (<<) needs a map or a list of maps`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set, err := load(t, tt.text, Options{})
			wantProblems(t, set.Problems, tt.problems...)
			if got := names(set); !slices.Equal(got, tt.tasks) {
				t.Errorf("tasks %q, want %q", got, tt.tasks)
			}
			if errs := set.Problems.Errors(); (err != nil) != (len(errs) > 0) {
				t.Errorf("error %v with %d errors among the problems", err, len(errs))
			}
		})
	}
}

func names(set *Set) []string {
	var all []string
	for _, d := range set.Definitions {
		all = append(all, d.Name)
	}
	return all
}

// TestBrokenYAML asserts that a syntax error has its line and a hint, and that the tasks around it are found.
func TestBrokenYAML(t *testing.T) {
	const key = " (check the indentation and the quotes of this line and the one before)"
	tests := []struct{ name, lines, problem string }{
		{"tab", "\tx: 1", "8: %found character that cannot start any token (indent with spaces, not tabs, and quote values that begin with @, % or `)"},
		{"at sign", "    x: @y", "8: %found character that cannot start any token (indent with spaces, not tabs, and quote values that begin with @, % or `)"},
		{"colon", "    x: y: z", `8: %mapping values are not allowed in this context (put a value with ": " in it in quotes, and check the indentation)`},
		{"open quote", `    x: "y`, "8: %found unexpected end of stream (a quote or bracket is not closed)"},
		{"open bracket", "    x: [1, 2\n    y: 1", "8: %did not find expected ',' or ']' (a bracket is not closed, or a comma is missing)"},
		{"open brace", "    x: {a: 1, b", "8: %did not find expected ',' or '}' (a bracket is not closed, or a comma is missing)"},
		{"indentation", "    x: 1\n    z: 3\n   y: 2", "10: %did not find expected key" + key},
		{"list indentation", "    x:\n    - 1\n    y: 1\n    - 2", "11: %did not find expected key" + key},
		{"text after a quote", "    x: 1\n    y: 'a' b", "9: %did not find expected key" + key},
		{"no colon", "    x: 1\n    y\n", "9: %could not find expected ':' (check that each key is followed by a colon and a space)"},
		{"alias", "    x: *there", "8: the alias *there has no anchor &there before it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set, _ := load(t, "a:\n"+head+tt.lines+"\nb:\n"+head+"    x: 1\n\n\"c d\":\n"+head, Options{})
			line, message, _ := strings.Cut(tt.problem, ": ")
			wantProblems(t, set.Problems, "x.yml:"+line+`: task "a": `+strings.Replace(message, "%", "is not valid YAML: ", 1))
			if got := names(set); !slices.Equal(got, []string{"b", "c d"}) {
				t.Errorf("tasks %q", got)
			}
		})
	}
}

func TestProblemsAsError(t *testing.T) {
	_, err := load(t, "a: 1\nb:\n"+head+"    x: 1\n    x: 2\n", Options{})
	var problems Problems
	if !errors.As(err, &problems) || len(problems) != 1 {
		t.Fatalf("error is %v", err)
	}
	if p := problems[0]; p.Task != "a" || p.Line != 1 || p.Warning {
		t.Errorf("problem is %+v", p)
	}
	if want := problems[0].String(); err.Error() != want {
		t.Errorf("error prints %q, want %q", err, want)
	}
}

func TestSalvage(t *testing.T) {
	text := "# a comment\n.shared: &shared {x: 1}\n\"quoted name\": # comment\n" + head + "# broken from here: [\nbroken:\n" + head + "    x: [\n---\nuses-anchor:\n" + head +
		"    y: *shared\nlast:\n" + head
	set, err := load(t, text, Options{})
	wantProblems(t, set.Problems, `x.yml:19: task "broken": is not valid YAML: did not find expected node content`)
	if got := names(set); err == nil || !slices.Equal(got, []string{"quoted name", "last"}) {
		t.Errorf("tasks %q, error %v", got, err)
	}
	if last := set.Definitions[1]; last.Line != 28 || last.LineOf("class_name") != 31 {
		t.Errorf("last task is on line %d", last.Line)
	}
}
