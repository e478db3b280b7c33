package task

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Definition is one task as its file defines it.
type Definition struct {
	Name        string         // the key of the task in its file
	Description string         // for people
	Module      string         // module_name, e.g. "tasks.stubs"; empty only when the task is disabled
	Class       string         // class_name, e.g. "StubHelloWorld"; empty only when the task is disabled
	Enabled     bool           // a disabled task is listed, and not run
	Args        any            // passed on as it is; nil when there are none
	Kwargs      map[string]any // never nil; "task_name" holds Name
	Timeout     time.Duration  // 0: none of its own
	Retries     int            // how often a failed task is started again

	File string // where it was read from: see Problem.File
	Line int    // of the key

	places map[string]place
}

// LineOf returns the line of a field, given as path: "module_name", "kwargs.services[0].name" (see Key and Item). Of a
// field that is not there, it is the line of the closest thing around it.
func (d *Definition) LineOf(path string) int {
	for ; path != ""; path = parent(path) {
		if p, ok := d.places[path]; ok {
			return p.line
		}
	}
	return d.Line
}

// Set changes a field, given as path, e.g. "kwargs.sizes[0]" or "enabled". The value is read like one in the file: what
// begins with [, {, a quote, !, | or > as YAML, anything else as a plain scalar ("3" is a number, "#data" and "a: b" are
// text); templates are not rendered. Missing maps on the way are made, and a list may grow by one entry at its end. The
// definition is unchanged when there is an error.
func (d *Definition) Set(path, value string) error {
	steps, err := parsePath(path)
	if err != nil {
		return fmt.Errorf("set task %q: %w", d.Name, err)
	}
	v, err := parseValue(value)
	if err != nil {
		return fmt.Errorf("set %s of task %q: %w", path, d.Name, err)
	}
	changed := *d
	if err := changed.set(steps, v); err != nil {
		var f *fault
		if errors.As(err, &f) {
			err = f.withHint()
		}
		return fmt.Errorf("set %s of task %q: %w", path, d.Name, err)
	}
	*d = changed
	return nil
}

func (d *Definition) set(steps []any, v any) error {
	field, _ := steps[0].(string)
	if field != "args" && field != "kwargs" && len(steps) > 1 {
		return fmt.Errorf("only args and kwargs have fields of their own")
	}
	var err error
	switch field {
	case "description":
		d.Description, err = textOf(v)
	case "module_name":
		d.Module, err = nameOf(v)
	case "class_name":
		d.Class, err = nameOf(v)
	case "enabled":
		d.Enabled = truth(v)
	case "timeout":
		d.Timeout, err = durationOf(v)
	case "retries":
		d.Retries, err = countOf(v)
	case "args":
		d.Args, err = assign(d.Args, field, steps[1:], v)
	case "kwargs":
		err = d.setKwargs(steps[1:], v)
	default:
		err = unknownField(fmt.Sprint(steps[0]), fieldNames())
	}
	return err
}

func (d *Definition) setKwargs(steps []any, v any) error {
	if len(steps) > 0 && steps[0] == "task_name" {
		return fmt.Errorf("it is always the task's own name")
	}
	root, err := assign(d.Kwargs, "kwargs", steps, v)
	if err != nil {
		return err
	}
	kwargs, err := kwargsOf(root)
	if err != nil {
		return err
	}
	d.Kwargs = kwargs
	d.Kwargs["task_name"] = d.Name
	return nil
}

// parseValue reads a value given on the command line.
func parseValue(text string) (any, error) {
	trimmed := strings.TrimSpace(text)
	if trimmed == "" || !strings.ContainsAny(trimmed[:1], `[{"'!|>`) {
		if v := resolvePlain(trimmed); v == nil || kindOf(v) != "text" {
			return v, nil
		}
		return text, nil
	}
	docs, err := parseYAML(text)
	if err != nil {
		return nil, fmt.Errorf("the value %w", err)
	}
	if len(docs) != 1 {
		return nil, fmt.Errorf("the value holds %d YAML documents", len(docs))
	}
	var wrong error
	b := newBuilder(func(_ *yaml.Node, _, message, _ string, warning bool) {
		if !warning && wrong == nil {
			wrong = fmt.Errorf("the value is wrong: %s", message)
		}
	})
	v := b.value(docs[0], "")
	return v, wrong
}

// place is where a field stands: at its key, or at the entry of a list.
type place struct{ line, column int }

func placeOf(n *yaml.Node) place { return place{n.Line, n.Column} }

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.line, q.line), cmp.Compare(p.column, q.column))
}

// fieldAt returns the field that a place belongs to: the last one that begins there or before; of several, the outermost.
func (d *Definition) fieldAt(at place) string {
	if at.column == 0 {
		at.column = math.MaxInt
	}
	best := ""
	for path, p := range d.places {
		if path == "" || p.compare(at) > 0 {
			continue
		}
		if best == "" || cmp.Or(p.compare(d.places[best]), cmp.Compare(len(best), len(path)), strings.Compare(best, path)) > 0 {
			best = path
		}
	}
	return best
}
