package main

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"
	"unicode"
)

// snake turns a Go parameter's name into Python's: ruleID is rule_id, rseExpression is rse_expression.
func snake(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if unicode.IsUpper(r) {
			if i > 0 && !unicode.IsUpper(runes[i-1]) {
				b.WriteByte('_')
			}
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

// camel turns Python's name into the one a Go parameter has.
func camel(name string) string {
	words := strings.Split(name, "_")
	for i, word := range words {
		switch {
		case i > 0 && slices.Contains([]string{"id", "did", "rse", "pfn", "lfn", "url"}, word):
			words[i] = strings.ToUpper(word)
		case i > 0 && word != "":
			words[i] = strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return strings.Join(words, "")
}

// typeText writes a type as code of another package does.
func (s *source) typeText(e ast.Expr) string {
	switch t := e.(type) {
	case *ast.Ident:
		if t.IsExported() {
			return s.name() + "." + t.Name
		}
		return t.Name
	case *ast.StarExpr:
		return "*" + s.typeText(t.X)
	case *ast.ArrayType:
		return "[]" + s.typeText(t.Elt)
	case *ast.MapType:
		return "map[" + s.typeText(t.Key) + "]" + s.typeText(t.Value)
	}
	return types.ExprString(e)
}

// kind says what people call a type.
func (s *source) kind(e ast.Expr) string {
	switch t := e.(type) {
	case *ast.StarExpr:
		return s.kind(t.X)
	case *ast.ArrayType:
		if element := s.kind(t.Elt); element != "any" {
			return "list of " + element + "s"
		}
		return "list"
	case *ast.MapType:
		return "map"
	case *ast.SelectorExpr:
		if t.Sel.Name == "Time" {
			return "datetime"
		}
		return "any"
	case *ast.Ident:
		return s.namedKind(t.Name)
	}
	return "any"
}

func (s *source) namedKind(name string) string {
	switch name {
	case "string":
		return "string"
	case "int", "int64":
		return "integer"
	case "float64":
		return "number"
	case "bool":
		return "boolean"
	case "Time":
		return "datetime"
	}
	decl := s.types[name]
	switch {
	case decl == nil:
		return "any"
	case decl.kind != "":
		return decl.kind
	}
	if _, ok := decl.expr.(*ast.StructType); ok {
		return "map"
	}
	return s.kind(decl.expr)
}

// commonDocs describe parameters that mean the same wherever they occur.
var commonDocs = map[string]string{
	"account":        "name of the account",
	"scope":          "scope of the DID",
	"name":           "name of the DID",
	"dids":           "DIDs, each with scope and name",
	"rse":            "name of the RSE",
	"rse_expression": "RSE expression, such as \"country=UK&type=DISK\"",
	"rule_id":        "id of the rule",
	"lifetime":       "seconds",
	"key":            "name of the attribute",
	"value":          "its value",
}
