package task

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// tasks returns the entries of the top level maps of all documents.
func (u *unit) tasks(docs []*yaml.Node) []pair {
	if len(docs) == 0 {
		u.addText(&textError{message: "holds no task", hint: "expected a map of task names to their fields"})
	}
	var all []pair
	seen := map[string]pair{}
	twice := func(p, first pair, _ string) {
		u.add(Problem{Line: p.key.Line, Column: p.key.Column, Task: p.name,
			Message: fmt.Sprintf("defined twice in this file, first on line %d", first.key.Line), Hint: "rename one of the two"})
	}
	for _, doc := range docs {
		if err := wrongRoot(doc); err != nil {
			u.addText(err)
			continue
		}
		b := newBuilder(func(n *yaml.Node, _, message, hint string, warning bool) {
			u.add(Problem{Line: n.Line, Column: n.Column, Message: message, Hint: hint, Warning: warning})
		})
		b.twice = twice
		for _, p := range b.pairs(doc, "") {
			if strings.HasPrefix(p.name, ".") {
				continue
			}
			if first, again := seen[p.name]; again {
				twice(p, first, "")
			}
			seen[p.name] = p
			all = append(all, p)
		}
	}
	return all
}

// wrongRoot tells why the root of a document is no map of tasks.
func wrongRoot(root *yaml.Node) *textError {
	const expected = "expected a map of task names to their fields"
	e := &textError{line: root.Line, column: root.Column, hint: expected}
	switch root.Kind {
	case yaml.SequenceNode:
		e.message = "the top level is a list"
	case yaml.ScalarNode:
		e.message = "the top level is a single value"
		if strings.Contains(root.Value, "\n") {
			e.hint = expected + "; it looks like a block of text, remove the | before it"
		}
	case yaml.MappingNode:
		var bare []string
		for i := 0; i+1 < len(root.Content); i += 2 {
			if slices.Contains(fieldNames(), root.Content[i].Value) {
				bare = append(bare, root.Content[i].Value)
			}
		}
		if len(bare) < 2 {
			return nil
		}
		e.message = fmt.Sprintf("the fields of a task (%s) are at the top level", strings.Join(bare, ", "))
		e.hint = "put the name of the task above them, and indent them"
	default:
		e.message = "the top level is no map"
	}
	return e
}

var taskLine = regexp.MustCompile(`^[^\s#&*!|>%@{}\[\],-][^#]*?:(?:\s|$)`)

// salvage finds the tasks that are well in a text that is not: it takes the text apart at the lines that begin a task, and
// parses each part alone. whole is the error of the text as a whole; it is reported when no single part shows it. A task
// that uses an anchor of another part cannot be checked until the text is well.
func (u *unit) salvage(text string, whole *textError) []pair {
	if strings.Contains(text, "\n{%") || strings.HasPrefix(text, "{%") {
		u.addText(whole) // tags between the tasks: they cannot be told apart
		return nil
	}
	var docs []*yaml.Node
	found := false
	for _, part := range split(text) {
		some, err := u.parse(part)
		if err == nil {
			docs = append(docs, some...)
			continue
		}
		if strings.HasPrefix(err.message, "the alias") && whole.message != err.message {
			continue // its anchor is in another part
		}
		found = true
		name, _, _ := strings.Cut(strings.TrimLeft(part, "\n"), ":")
		u.add(Problem{Line: err.line, Column: err.column, Task: strings.Trim(name, `'" `), Message: err.message, Hint: err.hint})
	}
	if !found {
		u.addText(whole)
	}
	if len(docs) == 0 {
		return nil
	}
	return u.tasks(docs)
}

// split cuts a text at the lines that begin a task, and at those between documents. Each part is preceded by as many empty
// lines as were before it, so that its line numbers are right.
func split(text string) []string {
	var parts []string
	var part strings.Builder
	first := 0
	flush := func(next int) {
		if strings.TrimSpace(part.String()) != "" {
			parts = append(parts, strings.Repeat("\n", first)+part.String())
		}
		part.Reset()
		first = next
	}
	for i, line := range strings.SplitAfter(text, "\n") {
		switch {
		case strings.HasPrefix(line, "---"):
			flush(i + 1)
			continue
		case taskLine.MatchString(line):
			flush(i)
		}
		part.WriteString(line)
	}
	flush(0)
	return parts
}
