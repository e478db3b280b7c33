package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"reflect"
	"strconv"
	"strings"
)

// method is a row of the catalog.
type method struct {
	Name, Client, Go, Doc, Verb, Path string
	Returns                           string // of catalog: None, Value or Stream
	Finish                            string // the helper of package catalog that makes a Result
	Params                            []param
	Options                           string // the type of the options struct, qualified
	Call                              string // the Go call up to its context: "c.Raw().GetDID(ctx"
	Package                           string // of the source
}

// param is a parameter of Python's method.
type param struct {
	Name, Kind, Default, Doc string
	Required, Variadic       bool
	Filled                   bool   // a pointer to a list, to which the method adds
	Var, Type                string // the Go variable and its type, qualified; a field of the options has no type
}

// method reads one function.
func (s *source) method(f *ast.FuncDecl, directives map[string][]string) (*method, error) {
	words := strings.Fields(directives["method"][0])
	if len(words) != 3 {
		return nil, fmt.Errorf("write //rucio:method Client.python_name VERB /path, not %q", directives["method"][0])
	}
	m := &method{Go: f.Name.Name, Package: s.name()}
	if words[1] != "-" { // "- -" is a method that makes no request
		m.Verb, m.Path = words[1], words[2]
	}
	var ok bool
	if m.Client, m.Name, ok = strings.Cut(words[0], "."); !ok {
		return nil, fmt.Errorf("%q does not name a client and a method: write RuleClient.add_replication_rule", words[0])
	}
	if !strings.EqualFold(strings.ReplaceAll(m.Name, "_", ""), m.Go) {
		return nil, fmt.Errorf("implements %s, but is not named after it", m.Name)
	}
	m.Doc = docText(f)
	if err := checkRequest(f, m); err != nil {
		return nil, err
	}
	if err := s.returns(f, m, directives); err != nil {
		return nil, err
	}
	return m, s.params(f, m, directives["param"])
}

// docText is the doc comment without directives, its first word being Python's name.
func docText(f *ast.FuncDecl) string {
	text := strings.TrimSpace(f.Doc.Text())
	if rest, ok := strings.CutPrefix(text, f.Name.Name+" "); ok && rest != "" {
		return strings.ToUpper(rest[:1]) + rest[1:]
	}
	return text
}

// checkRequest compares the directive with the request in the function's body, if it makes one itself.
func checkRequest(f *ast.FuncDecl, m *method) (err error) {
	verbs := map[string]string{"get": "GET", "post": "POST", "put": "PUT", "del": "DELETE"}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || err != nil || len(call.Args) < 2 {
			return true
		}
		fn, ok := call.Fun.(*ast.Ident)
		if !ok || verbs[fn.Name] == "" {
			return true
		}
		if name := literal(call.Args[0]); name != m.Name {
			err = fmt.Errorf("its request is named %q, the directive says %s", name, m.Name)
		}
		path := literal(call.Args[1])
		if holes := strings.Count(path, "{"); path != "" && holes != len(call.Args)-2 {
			err = fmt.Errorf("path %s takes %d values, got %d", path, holes, len(call.Args)-2)
		}
		return true
	})
	return err
}

func literal(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	s, _ := strconv.Unquote(lit.Value)
	return s
}

// returns reads what the function returns.
func (s *source) returns(f *ast.FuncDecl, m *method, directives map[string][]string) error {
	results := f.Type.Results.List
	first := s.typeText(results[0].Type)
	switch {
	case len(results) == 1 && strings.HasPrefix(first, "iter.Seq2["):
		m.Returns, m.Finish = "Stream", "rows"
	case len(results) == 2:
		m.Returns, m.Finish = "Value", "value"
	case first == "error" && len(directives["none"]) > 0:
		m.Returns, m.Finish = "None", "nothing"
	case first == "error":
		m.Returns, m.Finish = "Value", "done"
	default:
		return fmt.Errorf("returns %s: a method returns iter.Seq2[*T, error], (T, error) or error", first)
	}
	return nil
}

// params reads the parameters: first those of the function after its context, then the fields of its options.
func (s *source) params(f *ast.FuncDecl, m *method, directives []string) error {
	list := f.Type.Params.List[1:]
	m.Call = "c.Raw()." + m.Go + "(ctx"
	if f.Recv == nil {
		list = list[1:]
		m.Call = s.name() + "." + m.Go + "(ctx, c"
	}
	notes, err := parseNotes(directives)
	if err != nil {
		return err
	}
	for _, field := range list {
		if options, ok := s.options(field.Type); ok {
			m.Options = s.name() + "." + options
			if err := s.optionParams(m, options); err != nil {
				return err
			}
			continue
		}
		for _, name := range field.Names {
			p := param{Required: true, Var: name.Name, Type: s.typeText(field.Type), Kind: s.kind(field.Type), Name: snake(name.Name)}
			if note, ok := notes[p.Var]; ok {
				p.Name, p.Doc = note.python, note.doc
				delete(notes, p.Var)
			}
			if p.Name, p.Variadic = strings.CutPrefix(p.Name, "**"); p.Variadic {
				p.Required = false
			}
			m.Params = append(m.Params, p)
		}
	}
	for _, note := range notes {
		return fmt.Errorf("//rucio:param %s is about no parameter: write python_name=goName if the names differ", note.python)
	}
	for i := range m.Params {
		if m.Params[i].Doc == "" {
			m.Params[i].Doc = commonDocs[m.Params[i].Name]
		}
	}
	return nil
}

// options tells whether a parameter is an options struct.
func (s *source) options(e ast.Expr) (string, bool) {
	star, ok := e.(*ast.StarExpr)
	if !ok {
		return "", false
	}
	ident, ok := star.X.(*ast.Ident)
	if !ok || !strings.HasSuffix(ident.Name, "Options") {
		return "", false
	}
	return ident.Name, true
}

func (s *source) optionParams(m *method, options string) error {
	decl := s.types[options]
	if decl == nil {
		return fmt.Errorf("there is no type %s", options)
	}
	fields, ok := decl.expr.(*ast.StructType)
	if !ok {
		return fmt.Errorf("%s is not a struct", options)
	}
	for _, field := range fields.Fields.List {
		if len(field.Names) != 1 || field.Tag == nil {
			return fmt.Errorf("%s: each field has a line of its own with a tag `py:\"name=default\"`", options)
		}
		tag, _ := strconv.Unquote(field.Tag.Value)
		name, def, ok := strings.Cut(reflect.StructTag(tag).Get("py"), "=")
		p := param{Name: name, Default: def, Var: "o." + field.Names[0].Name, Kind: s.kind(field.Type), Doc: commentText(field), Filled: isListPointer(field.Type)}
		if p.Name, p.Variadic = strings.CutPrefix(name, "**"); !ok && !p.Variadic {
			return fmt.Errorf("%s.%s: write its tag as `py:\"name=default\"`", options, field.Names[0].Name)
		}
		m.Params = append(m.Params, p)
	}
	return nil
}

// isListPointer tells whether a type is *[]T: Python's lists that a method adds to.
func isListPointer(e ast.Expr) bool {
	star, ok := e.(*ast.StarExpr)
	if !ok {
		return false
	}
	_, ok = star.X.(*ast.ArrayType)
	return ok
}

func commentText(field *ast.Field) string {
	text := strings.TrimSpace(field.Doc.Text())
	if text == "" {
		text = strings.TrimSpace(field.Comment.Text())
	}
	return strings.Join(strings.Fields(text), " ")
}

// note is a //rucio:param line: "python_name=goName what it is"; the Go name may be left out when it follows from
// Python's.
type note struct{ python, doc string }

func parseNotes(directives []string) (map[string]note, error) {
	notes := map[string]note{}
	for _, line := range directives {
		names, doc, _ := strings.Cut(line, " ")
		python, goName, ok := strings.Cut(names, "=")
		if python == "" {
			return nil, fmt.Errorf("write //rucio:param python_name=goName what it is, not %q", line)
		}
		if !ok {
			goName = camel(python)
		}
		notes[goName] = note{python: python, doc: strings.TrimSpace(doc)}
	}
	return notes, nil
}
