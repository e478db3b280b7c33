package task

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	structures "github.com/nikolalohinski/gonja/v2/builtins/control_structures"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// outputTag is the name under which the library sees an output; no template can write it.
const outputTag = "=output"

// rewrite makes the tokens of a template ours: an output becomes a tag, comments go, white space next to a "-" goes, and
// each stretch of text begins with a mark of its line when lines is true. It also returns the names that are mentioned.
func (t *templater) rewrite(stream *tokens.Stream, text string, lines bool) (list []*tokens.Token, names []string, err error) {
	seen := map[string]bool{}
	tags, size, comment := 0, 0, false
	var begin *tokens.Token
	for previous := (*tokens.Token)(nil); !stream.End(); previous = stream.Next() {
		token := *stream.Current()
		size++
		switch token.Type {
		case tokens.CommentBegin, tokens.CommentEnd:
			comment = token.Type == tokens.CommentBegin
			continue
		case tokens.Data:
			if comment {
				continue
			}
			t.trim(&token, previous, stream.Peek(), lines)
		case tokens.VariableBegin, tokens.BlockBegin:
			tags, size = tags+1, 0
			begin = &tokens.Token{Type: tokens.BlockBegin, Val: "{%", Pos: token.Pos, Line: token.Line, Col: token.Col}
			list = append(list, begin)
			if token.Type == tokens.BlockBegin {
				continue
			}
			token.Type, token.Val = tokens.Name, outputTag
		case tokens.VariableEnd, tokens.BlockEnd:
			if begin != nil {
				t.sources[begin] = text[begin.Pos : token.Pos+len(token.Val)]
			}
			begin = nil
			token.Type, token.Val = tokens.BlockEnd, "%}"
		case tokens.Name:
			if !seen[token.Val] {
				seen[token.Val] = true
				names = append(names, token.Val)
			}
		}
		if emptyRaw(list, token) { // the library stumbles over it
			list = slices.Insert(list, len(list)-1, &tokens.Token{Type: tokens.Data, Line: token.Line, Col: token.Col})
		}
		if tags > maxTags || size > maxSize {
			return nil, nil, &templateError{token.Line, token.Col, "the template is too large"}
		}
		list = append(list, &token)
	}
	if stream.IsError() {
		broken := stream.Current()
		before := text[:min(broken.Pos, len(text))]
		return nil, nil, &templateError{strings.Count(before, "\n") + 1, 0, plainWords(broken.Val)}
	}
	if begin != nil {
		return nil, nil, &templateError{begin.Line, begin.Col, fmt.Sprintf("the %q is not closed", text[begin.Pos:begin.Pos+2])}
	}
	return list, names, nil
}

// trim does Jinja's white space control for a stretch of text between the tokens previous and next.
func (t *templater) trim(data, previous, next *tokens.Token, lines bool) {
	const space = " \r\n\t"
	line := data.Line
	if previous != nil && strings.HasPrefix(previous.Val, "-") && ends(previous.Type) {
		rest := strings.TrimLeft(data.Val, space)
		line += strings.Count(data.Val[:len(data.Val)-len(rest)], "\n")
		data.Val = rest
	}
	if next != nil && strings.HasSuffix(next.Val, "-") && begins(next.Type) {
		data.Val = strings.TrimRight(data.Val, space)
	}
	if lines {
		data.Val = t.placeholder("l", line) + data.Val
	}
}

// emptyRaw tells whether token is the endraw of {% raw %}{% endraw %}.
func emptyRaw(list []*tokens.Token, token tokens.Token) bool {
	n := len(list)
	return token.Type == tokens.Name && token.Val == "endraw" && n >= 4 && list[n-2].Type == tokens.BlockEnd && list[n-3].Val == "raw"
}

func ends(t tokens.Type) bool {
	return t == tokens.VariableEnd || t == tokens.BlockEnd || t == tokens.CommentEnd
}

func begins(t tokens.Type) bool {
	return t == tokens.VariableBegin || t == tokens.BlockBegin || t == tokens.CommentBegin
}

// tags returns the tags of Jinja that a definition can use. Those that load other templates are refused.
func (t *templater) tags() *exec.ControlStructureSet {
	set := map[string]parser.ControlStructureParser{outputTag: t.guard(parseOutput), "filter": t.guard(parseFilter), "call": t.guard(parseCall)}
	for _, name := range []string{"if", "for", "set", "with", "macro", "raw", "block", "do", "break", "continue"} {
		parse, ok := structures.All.Get(name)
		if ok {
			set[name] = t.guard(func(_ *templater, p, args *parser.Parser) (nodes.ControlStructure, error) { return parse(p, args) })
		}
	}
	for _, name := range []string{"include", "import", "from", "extends"} {
		set[name] = func(_, args *parser.Parser) (nodes.ControlStructure, error) {
			return nil, args.Error(name+" is not possible here: a definition cannot load other templates", args.Current())
		}
	}
	return exec.NewControlStructureSet(set)
}

// tag is a tag in a template: one of the library's with our checks around it, or one of ours.
type tag struct {
	exec.ControlStructure
	t    *templater
	args []*tokens.Token
}

type tagParser func(t *templater, p, args *parser.Parser) (nodes.ControlStructure, error)

// guard wraps a tag so that it is counted, reports variables that are not set, and gives its errors a position.
func (t *templater) guard(parse tagParser) parser.ControlStructureParser {
	return func(p, args *parser.Parser) (nodes.ControlStructure, error) {
		start := args.Current()
		var list []*tokens.Token
		for !args.End() {
			list = append(list, args.Next())
		}
		again := parser.NewParser("", tokens.NewStream(list), args.Config, args.Loader, t.setup.ControlStructures)
		again.Template = p.Template
		parsed, err := parse(t, p, again)
		var at *parser.SyntaxError
		if errors.As(err, &at) && (at.Line == 0 || at.Raw == "") && start.Line > 0 { // the end of the text is no place
			return nil, &parser.SyntaxError{Message: at.Message, Raw: start.Val, Line: start.Line, Column: start.Col}
		}
		if err != nil {
			return nil, err
		}
		inner, ok := parsed.(exec.ControlStructure)
		if !ok {
			return nil, args.Error("this tag cannot be used here", start)
		}
		return &tag{inner, t, list}, nil
	}
}

// Execute runs the tag within the bounds of its template.
func (g *tag) Execute(r *exec.Renderer, block *nodes.ControlStructureBlock) (err error) {
	at, missing := block.Location, len(g.t.missing)
	g.t.depth++
	g.t.steps++
	defer func() {
		g.t.depth--
		if recover() != nil { // the library divides by zero, for one
			err = g.wrap(errors.New("not possible"), at, missing)
		}
	}()
	switch {
	case g.t.ctx.Err() != nil:
		return g.t.ctx.Err()
	case g.t.depth > maxDepth:
		return g.wrap(&templateError{at.Line, at.Col, "the template calls itself without end"}, at, missing)
	case g.t.steps > maxSteps:
		return g.wrap(&templateError{at.Line, at.Col, "the template does not come to an end"}, at, missing)
	}
	if err := g.check(r); err != nil {
		return g.wrap(err, at, missing)
	}
	if err := g.ControlStructure.Execute(r, block); err != nil {
		return g.wrap(err, at, missing)
	}
	if _, ok := g.ControlStructure.(*structures.SetControlStructure); ok {
		g.settle(r)
	}
	return nil
}

// settle makes what a {% set %} block captured a plain text, so that it can be compared and filtered.
func (g *tag) settle(r *exec.Renderer) {
	if len(g.args) == 0 || g.args[0].Type != tokens.Name {
		return
	}
	name := g.args[0].Val
	if value, ok := r.Environment.Context.Get(name); ok {
		if s, ok := value.(string); ok {
			r.Environment.Context.Set(name, g.t.flatten(s))
		}
	}
}

// wrap gives an error the tag's position. The first error is kept: on its way through macros the library loses it. known
// is how many variables were missing before this tag; one more is the most likely cause.
func (g *tag) wrap(err error, at *tokens.Token, known int) error {
	if loopControl(err) {
		return err
	}
	if g.t.failed == nil && !errors.As(err, &g.t.failed) {
		message := "cannot evaluate " + brief(g.t.sources[at])
		if len(g.t.missing) > known {
			message += ": the variable " + g.t.missing[known].name + " is not set"
			g.t.missing = g.t.missing[:known]
		} else if reason := g.t.harmless(rootCause(err), g.args); reason != "" {
			message += ": " + reason
		}
		g.t.failed = &templateError{at.Line, at.Col, message}
	}
	return g.t.failed
}

// brief returns a tag on one line, shortened.
func brief(tag string) string {
	runes := []rune(strings.Join(strings.Fields(tag), " "))
	if len(runes) > 100 {
		return string(runes[:97]) + "..."
	}
	return string(runes)
}

// rootCause returns the innermost message of the library's chain of errors, in which values wrap errors, too.
func rootCause(err error) string {
	var value *exec.Value
	for errors.As(err, &value) && value.IsError() {
		inner, ok := value.Interface().(error)
		if !ok {
			break
		}
		err = inner
	}
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err.Error()
}

// loopControl tells whether an error is the library's way to leave a loop.
func loopControl(err error) bool {
	var stop *structures.LoopBreakError
	var next *structures.LoopContinueError
	return errors.As(err, &stop) || errors.As(err, &next)
}
