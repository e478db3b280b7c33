package task

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
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
	if err := strange(text); err != nil {
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
		if !u.broken[d] && !u.isRefused(d.Name) {
			sound = append(sound, d)
		}
	}
	return sound
}

// isRefused tells whether there is an error with a task as a whole: above all, two of the same name.
func (u *unit) isRefused(name string) bool {
	return slices.ContainsFunc(u.problems, func(p Problem) bool { return p.Task == name && p.Field == "" && !p.Warning })
}

// strange tells why a text cannot be a file of definitions at all.
func strange(text string) *textError {
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

// definesForOthers finds tags that define what another scalar can use.
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
			bare = bare || isPlain(n) && isCut(n.Value)
		})
		bare = bare || hasBareOutput(doc)
	}
	return !bare && tags == strings.Count(text, "{%") && comments == strings.Count(text, "{#")
}

// isCut tells whether a template lost its end to a YAML comment: a {# b #}.
func isCut(text string) bool {
	return slices.ContainsFunc([]string{"{{ }}", "{% %}", "{# #}"}, func(pair string) bool {
		return strings.Count(text, pair[:2]) > strings.Count(text, pair[3:])
	})
}

func hasBareOutput(n *yaml.Node) bool {
	for i, child := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && child.Kind == yaml.MappingNode || hasBareOutput(child) {
			return true
		}
	}
	return false
}
