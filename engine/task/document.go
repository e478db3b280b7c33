package task

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// textError is a fault of a whole text: it cannot be parsed or rendered.
type textError struct {
	line, column  int
	message, hint string
}

func (e *textError) Error() string { return e.message }

// unit is one source under load.
type unit struct {
	file     string
	strict   bool
	t        *templater
	problems Problems
	floating []int // problems whose task is not known yet, see locate
	checked  []*Definition
	broken   map[*Definition]bool
}

func (u *unit) add(p Problem) {
	p.File = u.file
	u.problems = append(u.problems, p)
}

// addFloating adds a problem that is in some task, by its line.
func (u *unit) addFloating(p Problem) {
	u.floating = append(u.floating, len(u.problems))
	u.add(p)
}

func (u *unit) addText(err *textError) {
	u.add(Problem{Line: err.line, Column: err.column, Message: err.message, Hint: err.hint})
}

// load reads all tasks of a text and returns those that are sound, in order.
func (u *unit) load(text string) []*Definition {
	if err := u.strange(text); err != nil {
		u.addText(err)
		return nil
	}
	var tasks []pair
	docs, err := u.parse(text)
	if err == nil {
		tasks = u.tasks(docs)
	} else {
		tasks = u.salvage(text, err)
	}
	for _, e := range tasks {
		d, sound := u.define(e)
		u.checked = append(u.checked, d)
		u.broken[d] = u.broken[d] || !sound
	}
	u.locate()
	var sound []*Definition
	for _, d := range u.checked {
		if !u.broken[d] && !u.defined(d) {
			sound = append(sound, d)
		}
	}
	return sound
}

// defined tells whether a task of the same name is in the file, too.
func (u *unit) defined(d *Definition) bool {
	return slices.ContainsFunc(u.problems, func(p Problem) bool { return p.Task == d.Name && p.Field == "" && !p.Warning })
}

// strange tells why a text cannot be a file of definitions at all.
func (u *unit) strange(text string) *textError {
	trimmed := strings.TrimSpace(strings.TrimPrefix(text, "\uFEFF"))
	if trimmed == "" {
		return &textError{message: "is empty", hint: "expected a map of task names to their fields"}
	}
	start := strings.ToLower(trimmed[:min(len(trimmed), 100)])
	for _, sign := range []string{"<!doctype html", "<html", "<head", "<body"} {
		if strings.HasPrefix(start, sign) {
			return &textError{message: "looks like an HTML page, not YAML", hint: "give the address of the raw file, and check that it needs no login"}
		}
	}
	if strings.HasPrefix(text, "\xFF\xFE") || strings.HasPrefix(text, "\xFE\xFF") {
		return nil // UTF-16, which the parser reads
	}
	for i, r := range text {
		bad := ""
		if _, size := utf8.DecodeRuneInString(text[i:]); r == utf8.RuneError && size == 1 {
			bad = "is not text in UTF-8"
		} else if r < ' ' && r != '\t' && r != '\n' && r != '\r' {
			bad = fmt.Sprintf("has the control character %U", r)
		}
		if bad != "" {
			return &textError{line: strings.Count(text[:i], "\n") + 1, message: bad}
		}
	}
	return nil
}

// parse parses a text with its templates rendered. The way without whole-text rendering is preferred: it keeps positions,
// ignores templates in comments, and leaves a broken template to its own field.
func (u *unit) parse(text string) ([]*yaml.Node, *textError) {
	docs, err := parseYAML(text)
	if !hasTemplate(text) {
		return docs, err
	}
	if err == nil && onlyInScalars(text, docs) {
		for _, doc := range docs {
			walk(doc, "", u.renderScalar)
		}
		return docs, nil
	}
	rendered, failed := u.t.render(text, true)
	if failed != nil {
		u.t.missing = nil
		at := asTemplateError(failed)
		return nil, &textError{line: at.line, column: at.column, message: "template: " + at.message}
	}
	clean, lines := u.t.unmark(rendered)
	docs, err = parseYAML(clean)
	if err != nil {
		u.t.missing = nil
		if err.line > 0 && err.line <= len(lines) {
			err.line, err.column = lines[err.line-1], 0
		}
		err.message = u.t.mark.ReplaceAllString(err.message, "{{ }}")
		return nil, err
	}
	for _, doc := range docs {
		relocate(doc, lines)
		walk(doc, "", u.fill)
	}
	u.reportMissing(u.t.takeMissing(), func(line, column int) (int, int) { return line, column })
	return docs, nil
}

var definesForOthers = regexp.MustCompile(`\{%[-+]?\s*(?:set|macro|block)\b`)

// onlyInScalars tells whether all templates of a text are within its scalars, each complete in itself. An output without
// quotes, n: {{ N }}, is not: YAML takes it for a map whose key is a map.
func onlyInScalars(text string, docs []*yaml.Node) bool {
	if definesForOthers.MatchString(text) {
		return false
	}
	tags, comments, bare := 0, 0, false
	for _, doc := range docs {
		walk(doc, "", func(n *yaml.Node, _ string) {
			tags += strings.Count(n.Value, "{%")
			comments += strings.Count(n.Value, "{#")
		})
		bare = bare || hasBareOutput(doc)
	}
	return !bare && tags == strings.Count(text, "{%") && comments == strings.Count(text, "{#")
}

func hasBareOutput(n *yaml.Node) bool {
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && child.Kind == yaml.MappingNode || hasBareOutput(child) {
			return true
		}
	}
	return false
}

// walk visits every scalar below n, keys too, with the name of the closest key above it.
func walk(n *yaml.Node, key string, visit func(n *yaml.Node, key string)) {
	switch n.Kind {
	case yaml.ScalarNode:
		visit(n, key)
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			walk(n.Content[i], "", visit)
			walk(n.Content[i+1], n.Content[i].Value, visit)
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			walk(item, key, visit)
		}
	}
}

// relocate gives the nodes of a rendered text the lines of the source. Columns are lost.
func relocate(n *yaml.Node, lines []int) {
	if n.Line > 0 && n.Line <= len(lines) {
		n.Line, n.Column = lines[n.Line-1], 0
	}
	for _, child := range n.Content {
		relocate(child, lines)
	}
}

// parseYAML returns the root nodes of the documents in a text; those that are empty are left out.
func parseYAML(text string) (docs []*yaml.Node, fail *textError) {
	defer func() {
		if r := recover(); r != nil { // not known to happen; a bad file must not end the program
			docs, fail = nil, &textError{message: "cannot be parsed as YAML"}
		}
	}()
	decoder := yaml.NewDecoder(strings.NewReader(text))
	for {
		var doc yaml.Node
		err := decoder.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			return nil, yamlError(err, text)
		}
		for _, root := range doc.Content {
			if root.Kind != yaml.ScalarNode || root.Value != "" || !isPlain(root) {
				docs = append(docs, root)
			}
		}
	}
}

var (
	yamlErrorPattern = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)
	anchorPattern    = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// yamlHints says in other words what the parser's messages mostly mean.
var yamlHints = []struct{ message, hint string }{
	{"mapping values are not allowed", `put a value with ": " in it in quotes, and check the indentation`},
	{"did not find expected key", "check the indentation and the quotes of this line and the one before"},
	{"did not find expected '-' indicator", "check the indentation of the list"},
	{"cannot start any token", "indent with spaces, not tabs, and quote values that begin with @, % or `"},
	{"found a tab character", "indent with spaces, not tabs"},
	{"could not find expected ':'", "check that each key is followed by a colon and a space"},
	{"found unexpected end of stream", "a quote or bracket is not closed"},
	{"did not find expected ',' or", "a bracket is not closed, or a comma is missing"},
}

// yamlError makes the parser's error a fault with a line.
func yamlError(err error, text string) *textError {
	m := yamlErrorPattern.FindStringSubmatch(err.Error())
	e := &textError{message: "is not valid YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")}
	if m == nil {
		return e
	}
	message := err.Error()[len(m[0]):]
	e.message = "is not valid YAML: " + message
	e.line, _ = strconv.Atoi(m[1])
	if anchor := anchorPattern.FindStringSubmatch(message); anchor != nil {
		e.message = fmt.Sprintf("the alias *%s has no anchor &%s before it", anchor[1], anchor[1])
		if before, _, ok := strings.Cut(text, "*"+anchor[1]); ok {
			e.line = strings.Count(before, "\n") + 1
		}
	}
	switch {
	case strings.HasPrefix(message, "did not find expected key"), strings.HasPrefix(message, "did not find expected '-'"):
		e.line = firstBad(text, err.Error())
	case strings.HasPrefix(message, "did not find expected"):
		e.line++ // the parser counts this one from 0; it is where the bracket was opened
	}
	for _, known := range yamlHints {
		if strings.Contains(message, known.message) {
			e.hint = known.hint
			break
		}
	}
	return e
}

// firstBad returns the line at which an error in block style begins to show: the parser only tells where the map or list
// began. The lines before it are well by themselves.
func firstBad(text, message string) int {
	lines := strings.SplitAfter(text, "\n")
	return sort.Search(len(lines)-1, func(n int) bool {
		decoder := yaml.NewDecoder(strings.NewReader(strings.Join(lines[:n+1], "")))
		for {
			var doc yaml.Node
			if err := decoder.Decode(&doc); err != nil {
				return err.Error() == message
			}
		}
	}) + 1
}
