package task

import (
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/nikolalohinski/gonja/v2/builtins"
	structures "github.com/nikolalohinski/gonja/v2/builtins/control_structures"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// outputNode is {{ expression [if condition [else alternative]] }}.
type outputNode struct {
	*nodes.Output
	t *templater
}

func parseOutput(t *templater, _, args *parser.Parser) (nodes.ControlStructure, error) {
	start := args.Current()
	expression, err := args.ParseExpression()
	if err != nil {
		return nil, err
	}
	condition, alternative, err := args.ParseCondition()
	if err != nil {
		return nil, err
	}
	if expression == nil || !args.End() {
		return nil, args.Error("expected an expression and then }}", start)
	}
	node := &nodes.Output{Start: start, Expression: expression, Condition: condition, Alternative: alternative}
	return &outputNode{node, t}, nil
}

// Execute writes the output as a placeholder.
func (o *outputNode) Execute(r *exec.Renderer, _ *nodes.ControlStructureBlock) error {
	expression := o.Expression
	if o.Condition != nil {
		condition := r.Eval(o.Condition)
		if condition.IsError() {
			return condition
		}
		if !condition.IsTrue() {
			expression = o.Alternative
		}
	}
	if expression == nil {
		return nil // {{ X if false }}: nothing, without an else
	}
	return o.t.emit(r, r.Eval(expression), o.t.mentionsSecret(expression))
}

// emit writes a value: text of a macro as it is (its outputs are placeholders already), all else as a placeholder.
func (t *templater) emit(r *exec.Renderer, value *exec.Value, secret bool) error {
	if value.IsError() {
		return value
	}
	if value.Safe && value.IsString() {
		_, err := io.WriteString(r.Output, value.String())
		return err
	}
	out := output{text: t.flatten(value.String())}
	switch {
	case value.IsList() || value.IsDict():
		data := value.ToGoSimpleType(false)
		if _, broken := data.(error); !broken {
			out.data, out.isData = t.flattenAll(data), true
		}
	case value.IsString():
		if text, ok := value.Interface().(jsonText); ok {
			var err error
			out.data, err = decodeJSON(string(text))
			out.isData = err == nil
		}
		if secret {
			t.keepSecret(out.text)
		}
	}
	if secret {
		t.keepSecrets(out.data)
	}
	t.outputs = append(t.outputs, out)
	_, err := io.WriteString(r.Output, t.placeholder("v", len(t.outputs)-1))
	return err
}

func (t *templater) flattenAll(data any) any {
	switch v := data.(type) {
	case string:
		return t.flatten(v)
	case []any:
		for i := range v {
			v[i] = t.flattenAll(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = t.flattenAll(v[key])
		}
	}
	return data
}

// filterBlock is {% filter name %}text{% endfilter %}. Its text is a value: what a filter makes of it is not trusted.
type filterBlock struct {
	t     *templater
	start *tokens.Token
	body  *nodes.Wrapper
	calls []*nodes.FilterCall
}

// Position returns the tag's first token.
func (f *filterBlock) Position() *tokens.Token { return f.start }

// String names the tag in the library's errors.
func (f *filterBlock) String() string { return "filter block" }

func parseFilter(t *templater, p, args *parser.Parser) (nodes.ControlStructure, error) {
	f := &filterBlock{t: t, start: args.Current()}
	for {
		call, err := args.ParseFilter()
		if err != nil {
			return nil, err
		}
		f.calls = append(f.calls, call)
		if args.Match(tokens.Pipe) == nil {
			break
		}
	}
	if !args.End() {
		return nil, args.Error("expected the end of the filter tag", args.Current())
	}
	body, _, err := p.WrapUntil("endfilter")
	f.body = body
	return f, err
}

// Execute writes the filtered text as a placeholder.
func (f *filterBlock) Execute(r *exec.Renderer, _ *nodes.ControlStructureBlock) error {
	sub := r.Inherit()
	text := &limited{limit: f.t.limit}
	sub.Output = text
	if err := sub.ExecuteWrapper(f.body); err != nil {
		return err
	}
	value := exec.AsValue(f.t.flatten(text.String()))
	for _, call := range f.calls {
		if value = r.Evaluator().ExecuteFilter(call, value); value.IsError() {
			return value
		}
	}
	return f.t.emit(r, &exec.Value{Val: value.Val}, false)
}

// callBlock is {% call macro() %}text{% endcall %}. The library writes what is called straight into the document, which is
// right for the text of a macro and for nothing else.
type callBlock struct {
	*structures.CallControlStructure
}

func parseCall(_ *templater, p, args *parser.Parser) (nodes.ControlStructure, error) {
	parse, _ := structures.All.Get("call")
	inner, err := parse(p, args)
	if err != nil {
		return nil, err
	}
	call, ok := inner.(*structures.CallControlStructure)
	if !ok {
		return nil, errors.New("call cannot be used here")
	}
	return &callBlock{call}, nil
}

// Execute writes the text of the macro.
func (c *callBlock) Execute(r *exec.Renderer, block *nodes.ControlStructureBlock) error {
	name, ok := c.Call.Func.(*nodes.Name)
	if ok {
		value, _ := r.Environment.Context.Get(name.Name.Val)
		_, ok = value.(exec.Macro)
	}
	if !ok {
		return errors.New("call needs a macro")
	}
	return c.CallControlStructure.Execute(r, block)
}

// jsonText is what tojson gives: text that is data when it stands alone and without quotes.
type jsonText string

// filters returns Jinja's filters, and from_json.
func (t *templater) filters() *exec.FilterSet {
	set := map[string]exec.FilterFunction{"from_json": fromJSON, "default": orDefault, "d": orDefault}
	for _, name := range strings.Fields(`abs attr batch capitalize center count dictsort e escape filesizeformat
		first float forceescape format groupby indent int items join last length list lower map max min pprint random reject
		rejectattr replace reverse round safe select selectattr slice sort string striptags sum title tojson trim truncate
		unique upper urlencode urlize wordcount wordwrap xmlattr`) {
		if f, ok := builtins.Filters.Get(name); ok {
			set[name] = t.filter(name, f)
		}
	}
	return exec.NewFilterSet(set)
}

// filter wraps a filter so that its result counts as a value, not as part of the document, even when the library calls it
// safe (for HTML). Only the text of a macro that was merely indented or trimmed stays what it is.
func (t *templater) filter(name string, f exec.FilterFunction) exec.FilterFunction {
	return func(e *exec.Evaluator, in *exec.Value, params *exec.VarArgs) *exec.Value {
		trusted := in.Safe && in.IsString() && (name == "indent" || name == "trim")
		switch {
		case trusted && name == "trim": // a line mark would hide the white space after it
			in = exec.AsValue(t.unmarked(in.String()))
		case !trusted:
			in = t.plain(in)
		}
		if name == "dictsort" && in.IsDict() { // the library knows maps only, not its own dicts
			in = exec.AsValue(in.ToGoSimpleType(false))
		}
		for i := range params.Args {
			params.Args[i] = t.plain(params.Args[i])
		}
		for key := range params.KwArgs {
			params.KwArgs[key] = t.plain(params.KwArgs[key])
		}
		out := f(e, in, params)
		if name == "tojson" && out.IsString() {
			return exec.AsValue(jsonText(out.String()))
		}
		return &exec.Value{Val: out.Val, Safe: trusted}
	}
}

func (t *templater) unmarked(text string) string {
	clean, _ := t.unmark(text)
	return clean
}

// plain returns a value with the text of macros in it made plain text.
func (t *templater) plain(v *exec.Value) *exec.Value {
	if v == nil || !v.Safe || !v.IsString() {
		return v
	}
	return exec.AsValue(t.flatten(v.String()))
}

// orDefault is Jinja's default(default_value=”, boolean=false).
func orDefault(_ *exec.Evaluator, in *exec.Value, params *exec.VarArgs) *exec.Value {
	args := []*exec.Value{exec.AsValue(""), exec.AsValue(false)}
	copy(args, params.Args)
	if value, ok := params.KwArgs["default_value"]; ok {
		args[0] = value
	}
	if value, ok := params.KwArgs["boolean"]; ok {
		args[1] = value
	}
	if in.IsError() || in.IsNil() || args[1].IsTrue() && !in.IsTrue() {
		return args[0]
	}
	return in
}

func fromJSON(_ *exec.Evaluator, in *exec.Value, _ *exec.VarArgs) *exec.Value {
	if in.IsError() || in.IsNil() {
		return in
	}
	data, err := decodeJSON(in.String())
	if err != nil {
		return exec.AsValue(errors.New("from_json: the value is not valid JSON"))
	}
	return exec.AsValue(data)
}

// decodeJSON reads one JSON value; whole numbers stay whole.
func decodeJSON(text string) (any, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var data any
	if err := decoder.Decode(&data); err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, errors.New("more than one value")
	}
	return numbers(data), nil
}

func numbers(data any) any {
	switch v := data.(type) {
	case json.Number:
		if n, err := strconv.Atoi(v.String()); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = numbers(v[key])
		}
	}
	return data
}
