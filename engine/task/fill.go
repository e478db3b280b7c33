package task

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// renderScalar renders the template in one scalar.
func (u *unit) renderScalar(n *yaml.Node, key string) {
	if !hasTemplate(n.Value) {
		return
	}
	text, err := u.t.render(n.Value, false)
	if err != nil {
		at := asTemplateError(err)
		line, column := within(n, at.line, at.column)
		u.addFloating(Problem{Line: line, Column: column, Message: "template: " + at.message})
		n.Value, n.Style, n.Tag = "", yaml.DoubleQuotedStyle, "!!str"
	} else {
		n.Value = text
		u.fill(n, key)
	}
	u.reportMissing(u.t.takeMissing(), func(line, column int) (int, int) { return within(n, line, column) })
}

// within returns the place in the file of a place in a scalar. Lines of a quoted text that is folded may be off.
func within(n *yaml.Node, line, column int) (int, int) {
	switch {
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return n.Line + max(line, 1), 0
	case line > 1:
		return n.Line + line - 1, 0
	case column == 0:
		return n.Line, n.Column
	case isPlain(n):
		return n.Line, n.Column + column - 1
	}
	return n.Line, n.Column + column
}

// reportMissing reports variables that are not set, as warnings, or as errors when strict.
func (u *unit) reportMissing(all []missing, where func(line, column int) (int, int)) {
	for _, m := range all {
		line, column := where(m.line, m.column)
		p := Problem{Line: line, Column: column, Warning: !u.strict}
		p.Message = fmt.Sprintf("the variable %s is not set", m.name)
		if p.Warning {
			p.Message += ", and stands for nothing here"
		}
		p.Hint = fmt.Sprintf("set it, or write %s | default('')", m.name)
		u.addFloating(p)
	}
}

// fill puts values in the place of the placeholders in a scalar. A plain scalar is resolved afterwards as if the value had
// been written there; no text can make it more than a scalar.
func (u *unit) fill(n *yaml.Node, key string) {
	marks := u.t.mark.FindAllStringSubmatchIndex(n.Value, -1)
	if len(marks) == 0 {
		return
	}
	plain := isPlain(n) && n.Style&yaml.TaggedStyle == 0
	alone := len(marks) == 1 && strings.TrimSpace(n.Value) == n.Value[marks[0][0]:marks[0][1]]
	text := u.t.flatten(n.Value)
	for _, m := range marks {
		i, err := strconv.Atoi(n.Value[m[4]:m[5]])
		if err != nil || i >= len(u.t.outputs) {
			continue
		}
		out := u.t.outputs[i]
		if isSecretName(key) {
			u.t.keepSecret(out.text)
			u.t.keepSecrets(out.data)
		}
		if plain && alone && out.isData {
			*n = *dataNode(out.data, n)
			return
		}
	}
	if !plain {
		n.Value = text
		return
	}
	n.Value, n.Tag = strings.TrimSpace(text), ""
	if n.Value == "<<" { // from a value: the text, not a merge key
		n.Tag, n.Style = "!!str", yaml.DoubleQuotedStyle
	}
	if alone && looksLikeData(n.Value) {
		u.addFloating(Problem{Line: n.Line, Column: n.Column, Warning: true, Message: "the value looks like a list or map, and is taken as text",
			Hint: "to have it as data write {{ VARIABLE | from_json }}"})
	}
}

func looksLikeData(text string) bool {
	return strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") || strings.HasPrefix(text, "{") && strings.HasSuffix(text, "}")
}

// dataNode returns the node of a value that a template computed, at the place of another node.
func dataNode(v any, at *yaml.Node) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Line: at.Line, Column: at.Column}
	switch v := v.(type) {
	case nil:
	case string:
		n.Value, n.Tag, n.Style = v, "!!str", yaml.DoubleQuotedStyle
	case bool:
		n.Value = strconv.FormatBool(v)
	case float64:
		n.Value, n.Tag, n.Style = strconv.FormatFloat(v, 'g', -1, 64), "!!float", yaml.TaggedStyle
	case []any:
		n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		for _, item := range v {
			n.Content = append(n.Content, dataNode(item, at))
		}
	case map[string]any:
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
		for _, key := range slices.Sorted(maps.Keys(v)) {
			n.Content = append(n.Content, dataNode(key, at), dataNode(v[key], at))
		}
	default:
		n.Value = fmt.Sprint(v)
	}
	return n
}

// locate names the task and field of problems that were found before tasks were, and drops the tasks that have errors of
// that kind. Tasks that a loop made stand on the same lines: such a problem is of all of them.
func (u *unit) locate() {
	for _, i := range u.floating {
		p := &u.problems[i]
		start := 0
		for _, d := range u.checked {
			if d.Line <= p.Line {
				start = max(start, d.Line)
			}
		}
		var owners []*Definition
		for _, d := range u.checked {
			if d.Line == start {
				owners = append(owners, d)
				u.broken[d] = u.broken[d] || !p.Warning
			}
		}
		if len(owners) == 1 {
			p.Task, p.Field = owners[0].Name, owners[0].fieldAt(place{p.Line, p.Column})
		}
	}
}
