package task

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/rucio-task-manager/rucio-task-manager/engine/suggest"
)

// The fields of a task. All of required must be there, as the Python original had it; the others are this engine's own.
var (
	required = [...]string{"description", "module_name", "class_name", "enabled", "args", "kwargs"}
	optional = [...]string{"timeout", "retries"}
)

func fieldNames() []string { return append(required[:], optional[:]...) }

// fault is what is wrong with a value, and what to do about it.
type fault struct{ message, hint string }

func (f *fault) Error() string { return f.message }

// withHint is the fault as an error for messages without a place for hints.
func (f *fault) withHint() error {
	if f.hint == "" {
		return f
	}
	return fmt.Errorf("%w (%s)", f, f.hint)
}

func unknownField(name string, candidates []string) *fault {
	hint := suggest.Hint(name, candidates)
	if hint == "" {
		hint = "the fields of a task are " + strings.Join(candidates, ", ")
	}
	return &fault{"no such field", hint}
}

// define checks one task. It returns the definition, and whether it is sound.
func (u *unit) define(e pair) (d *Definition, sound bool) {
	d = &Definition{Name: e.name, File: u.file, Line: e.key.Line}
	sound = true
	report := func(n *yaml.Node, field, message, hint string, warning bool) {
		sound = sound && warning
		u.add(Problem{Line: n.Line, Column: n.Column, Task: d.Name, Field: field, Message: message, Hint: hint, Warning: warning})
	}
	b := newBuilder(report)
	d.places = b.places
	body := e.value
	if body.Kind == yaml.AliasNode {
		body = body.Alias
	}
	if body.Kind != yaml.MappingNode {
		report(e.key, "", "a task must be a map of fields, this is "+kindOf(b.value(body, "")), "its fields are "+strings.Join(required[:], ", "), false)
		return d, false
	}
	b.open[body] = true
	fields := map[string]pair{}
	for _, p := range b.pairs(body, "") {
		fields[p.name] = p
	}
	checkNames(e.key, fields, report)
	values := map[string]any{}
	for _, name := range fieldNames() {
		if p, ok := fields[name]; ok {
			b.places[name] = placeOf(p.key)
			values[name] = b.value(p.value, name)
		}
	}
	for _, name := range fieldNames() {
		if p, ok := fields[name]; ok {
			d.take(name, values, p.value, report)
		}
	}
	return d, sound
}

// checkNames reports fields that are missing and fields that nobody knows. An unknown one that looks like a missing one is
// taken for its misspelling, and reported once.
func checkNames(task *yaml.Node, fields map[string]pair, report reporter) {
	var unknown []string
	for name := range fields {
		if !slices.Contains(fieldNames(), name) {
			unknown = append(unknown, name)
		}
	}
	slices.SortFunc(unknown, func(a, b string) int { return fields[a].key.Line - fields[b].key.Line })
	for _, name := range required {
		if _, ok := fields[name]; ok {
			continue
		}
		if near := suggest.Near(name, unknown, 1); len(near) > 0 {
			report(fields[near[0]].key, name, "missing", fmt.Sprintf("did you mean %q by %q?", name, near[0]), false)
			unknown = slices.DeleteFunc(unknown, func(s string) bool { return s == near[0] })
			continue
		}
		report(task, name, "missing", missingHint(name), false)
	}
	for _, name := range unknown {
		var absent []string
		for _, known := range fieldNames() {
			if _, ok := fields[known]; !ok {
				absent = append(absent, known)
			}
		}
		f := unknownField(name, absent)
		if !strings.HasPrefix(f.hint, "did you mean") {
			f.hint = "what a script takes belongs under kwargs"
		}
		report(fields[name].key, name, f.message, f.hint, true)
	}
}

func missingHint(name string) string {
	switch name {
	case "module_name":
		return `name the script, e.g. module_name: "tasks.stubs"`
	case "class_name":
		return `name the class in the script, e.g. class_name: "StubHelloWorld"`
	case "enabled":
		return "add enabled: true"
	}
	return fmt.Sprintf("add %s:, it may be empty", name)
}

// take checks the value of one field and puts it into d. values holds all fields of the task.
func (d *Definition) take(name string, values map[string]any, n *yaml.Node, report reporter) {
	value, err := values[name], error(nil)
	switch name {
	case "description":
		d.Description, err = textOf(value)
	case "module_name", "class_name":
		if value == nil && !truth(values["enabled"]) {
			return // nobody will look for it
		}
		target := &d.Module
		if name == "class_name" {
			target = &d.Class
		}
		*target, err = nameOf(value)
	case "enabled":
		d.Enabled = truth(value)
		if s, ok := value.(string); ok && looksFalse(s) {
			report(n, name, fmt.Sprintf("the text %q counts as true, so the task is enabled", s), "for a boolean, drop the quotes", true)
		}
	case "args":
		d.Args = value
	case "kwargs":
		d.Kwargs, err = kwargsOf(value)
		if given, ok := d.Kwargs["task_name"]; ok && given != d.Name {
			report(n, "kwargs.task_name", fmt.Sprintf("is always the task's own name, %q", d.Name), "remove it", true)
		}
		if err == nil {
			d.Kwargs["task_name"] = d.Name
		}
	case "timeout":
		d.Timeout, err = durationOf(value)
	case "retries":
		d.Retries, err = countOf(value)
	}
	var f *fault
	if errors.As(err, &f) {
		report(n, name, f.message, f.hint, false)
	}
}

// looksFalse tells whether a text is one that people write for "no". As in the Python original it counts as true all the
// same: only the person who wrote it can tell what was meant.
func looksFalse(s string) bool {
	return slices.Contains([]string{"false", "no", "off", "n", "f", "0", "none", "null", "disabled"}, strings.ToLower(strings.TrimSpace(s)))
}

func textOf(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case []any, map[string]any, []byte:
		return "", &fault{"must be text, is " + kindOf(v), ""}
	case *big.Int:
		return v.String(), nil
	}
	return fmt.Sprint(v), nil
}

func nameOf(v any) (string, error) {
	s, ok := v.(string)
	switch {
	case v == nil || ok && strings.TrimSpace(s) == "":
		return "", &fault{"has no value", "give the name as text"}
	case !ok:
		return "", &fault{"must be text, is " + kindOf(v), "put it in quotes"}
	}
	return s, nil
}

func kwargsOf(v any) (map[string]any, error) {
	switch v := v.(type) {
	case nil:
		return map[string]any{}, nil
	case map[string]any:
		return v, nil
	}
	return nil, &fault{"must be a map, is " + kindOf(v), "write name: value on lines of their own, indented"}
}

func durationOf(v any) (time.Duration, error) {
	wrong := &fault{"must be a duration", "write seconds, or a text such as 90s, 10m or 1h30m"}
	var d time.Duration
	switch v := v.(type) {
	case nil:
		return 0, nil
	case int64:
		d = time.Duration(v) * time.Second
		if d/time.Second != time.Duration(v) {
			return 0, wrong
		}
	case float64:
		if !(v < (1 << 33)) { // far below what a time.Duration can hold; not for NaN either
			return 0, wrong
		}
		d = time.Duration(v * float64(time.Second))
	case string:
		var err error
		if d, err = time.ParseDuration(strings.ReplaceAll(v, " ", "")); err != nil {
			return 0, wrong
		}
	default:
		return 0, wrong
	}
	if d <= 0 {
		return 0, &fault{"must be more than 0", "leave it out for no limit"}
	}
	return d, nil
}

func countOf(v any) (int, error) {
	switch v := v.(type) {
	case nil:
		return 0, nil
	case int64:
		if v >= 0 && v <= 1000 {
			return int(v), nil
		}
	}
	return 0, &fault{"must be a whole number from 0 to 1000", ""}
}
