package task

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"sort"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

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
	// fromZero finds the errors whose line the parser counts from 0.
	fromZero      = regexp.MustCompile(`^did not find expected (?:node content|',' or|<)`)
	anchorPattern = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
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
	case fromZero.MatchString(message):
		e.line++ // of a list or map in brackets it is where the bracket was opened
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
