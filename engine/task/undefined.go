package task

import (
	structures "github.com/nikolalohinski/gonja/v2/builtins/control_structures"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// check looks for variables that are not set in the expressions of a tag that is about to be executed, and marks the
// variables that it sets from secrets.
func (g *tag) check(r *exec.Renderer) error {
	switch inner := g.ControlStructure.(type) {
	case *outputNode:
		g.checkOutput(r, inner)
	case *structures.IfControlStructure:
		for _, condition := range inner.Conditions {
			g.expression(r, condition)
			if r.Eval(condition).IsTrue() {
				break // the others are not looked at
			}
		}
	case *structures.ForControlStructure:
		g.expression(r, inner.ObjectEvaluator)
		g.t.taint(inner.ObjectEvaluator, inner.Key, inner.Value)
	case *structures.SetControlStructure, *structures.WithControlStructure:
		return g.checkAssignments(r)
	case *callBlock:
		g.expression(r, inner.Call)
	case *filterBlock:
		for _, call := range inner.calls {
			g.arguments(r, call.Args, call.Kwargs)
		}
	}
	return nil
}

func (g *tag) checkOutput(r *exec.Renderer, o *outputNode) {
	if o.Condition != nil {
		g.expression(r, o.Condition)
		if !r.Eval(o.Condition).IsTrue() {
			g.expression(r, o.Alternative)
			return
		}
	}
	g.expression(r, o.Expression)
}

// checkAssignments looks at the expressions of {% set a = X %} and {% with a = X, b = Y %}. The library does not show them,
// so they are parsed again.
func (g *tag) checkAssignments(r *exec.Renderer) error {
	p := parser.NewParser("", tokens.NewStream(g.args), r.Config, r.Loader, g.t.setup.ControlStructures)
	for !p.End() {
		target := p.Next()
		if p.Match(tokens.Assign) == nil {
			continue // a step in the path of the target, or the comma before it
		}
		expression, err := p.ParseExpression()
		if err != nil {
			return err
		}
		condition, alternative, err := p.ParseCondition()
		if err != nil {
			return err
		}
		if condition != nil {
			g.expression(r, condition)
			if !r.Eval(condition).IsTrue() {
				expression = alternative
			}
		}
		g.expression(r, expression)
		g.t.taint(expression, target.Val)
	}
	return nil
}

// expression reports the variables that an expression would use and that are not set. What Jinja would not evaluate (the
// right side of "X and Y" when X is false) is not looked at; "X is defined" and X | default(...) are not uses.
func (g *tag) expression(r *exec.Renderer, n nodes.Node) {
	switch n := n.(type) {
	case *nodes.Name:
		if !r.Environment.Context.Has(n.Name.Val) {
			g.t.report(g, n.Name)
		}
	case *nodes.FilteredExpression:
		if name := n.Filters[0].Name; name != "default" && name != "d" {
			g.expression(r, n.Expression)
		}
		for _, call := range n.Filters {
			g.arguments(r, call.Args, call.Kwargs)
		}
	case *nodes.TestExpression:
		if name := n.Test.Name; name != "defined" && name != "undefined" {
			g.expression(r, n.Expression)
		}
		g.arguments(r, n.Test.Args, n.Test.Kwargs)
	case *nodes.BinaryExpression:
		g.expression(r, n.Left)
		operator := n.Operator.Token.Type
		if decided := operator == tokens.And || operator == tokens.Or; !decided || r.Eval(n.Left).IsTrue() == (operator == tokens.And) {
			g.expression(r, n.Right)
		}
	case *nodes.Call:
		if _, plain := n.Func.(*nodes.Name); !plain { // a function that is not there is an error of its own
			g.expression(r, n.Func)
		}
		g.arguments(r, n.Args, n.Kwargs)
	default:
		for _, part := range parts(n) {
			g.expression(r, part)
		}
	}
}

func (g *tag) arguments(r *exec.Renderer, args []nodes.Expression, kwargs map[string]nodes.Expression) {
	for _, arg := range args {
		g.expression(r, arg)
	}
	for _, arg := range kwargs {
		g.expression(r, arg)
	}
}

// parts returns the expressions within one that are always evaluated with it.
func parts(n nodes.Node) []nodes.Node {
	var all []nodes.Node
	switch n := n.(type) {
	case *nodes.Negation:
		all = append(all, n.Term)
	case *nodes.UnaryExpression:
		all = append(all, n.Term)
	case *nodes.GetAttribute:
		all = append(all, n.Node)
	case *nodes.GetItem:
		all = append(all, n.Node, n.Arg)
	case *nodes.GetSlice:
		all = append(all, n.Node, n.Start, n.End, n.Step)
	case *nodes.List:
		for _, item := range n.Val {
			all = append(all, item)
		}
	case *nodes.Tuple:
		for _, item := range n.Val {
			all = append(all, item)
		}
	case *nodes.Dict:
		for _, p := range n.Pairs {
			all = append(all, p.Key, p.Value)
		}
	}
	return all
}

// report keeps a variable that is not set, once for each place.
func (t *templater) report(g *tag, name *tokens.Token) {
	m := missing{name: name.Val, line: name.Line, column: name.Col, output: -1}
	if _, ok := g.ControlStructure.(*outputNode); ok {
		m.output = len(t.outputs) // the one that comes next
	}
	for _, known := range t.missing {
		if known.name == m.name && known.line == m.line && known.column == m.column {
			return
		}
	}
	t.missing = append(t.missing, m)
}

// takeMissing returns the variables that were not set since the last call. Those of outputs that no scalar took stood in
// comments of the YAML, and do not count.
func (t *templater) takeMissing() []missing {
	var all []missing
	for _, m := range t.missing {
		if m.output < 0 || m.output >= len(t.outputs) || t.outputs[m.output].used {
			all = append(all, m)
		}
	}
	t.missing = nil
	return all
}
