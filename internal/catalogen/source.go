package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// source is a package whose functions are Rucio's methods.
type source struct {
	path string // below the module's root: "rucio"

	fset  *token.FileSet
	types map[string]*typeDecl
}

// typeDecl is a type that parameters may have.
type typeDecl struct {
	expr ast.Expr
	kind string // from a //rucio:kind directive: what people call it
}

// name is the package's name in generated code.
func (s *source) name() string { return path.Base(s.path) }

// methods reads the package.
func (s *source) methods(root string) ([]*method, error) {
	files, err := s.parse(filepath.Join(root, s.path))
	if err != nil {
		return nil, err
	}
	s.types = map[string]*typeDecl{}
	for _, file := range files {
		s.collectTypes(file)
	}
	var methods []*method
	for _, file := range files {
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Doc == nil {
				continue
			}
			directives := directivesOf(f.Doc)
			if _, ok := directives["method"]; !ok {
				continue
			}
			m, err := s.method(f, directives)
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", s.fset.Position(f.Pos()), f.Name.Name, err)
			}
			methods = append(methods, m)
		}
	}
	return methods, nil
}

// parse reads the package's files but its tests; none when the folder is not there.
func (s *source) parse(dir string) ([]*ast.File, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s.fset = token.NewFileSet()
	var files []*ast.File
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(s.fset, filepath.Join(dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

func (s *source) collectTypes(file *ast.File) {
	for _, decl := range file.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.TYPE {
			continue
		}
		for _, spec := range group.Specs {
			t := spec.(*ast.TypeSpec)
			doc := t.Doc
			if doc == nil {
				doc = group.Doc
			}
			d := &typeDecl{expr: t.Type}
			if kinds := directivesOf(doc)["kind"]; len(kinds) > 0 {
				d.kind = kinds[0]
			}
			s.types[t.Name.Name] = d
		}
	}
}

// directivesOf returns the //rucio: lines of a comment by their first word.
func directivesOf(doc *ast.CommentGroup) map[string][]string {
	found := map[string][]string{}
	if doc == nil {
		return found
	}
	for _, c := range doc.List {
		if line, ok := strings.CutPrefix(c.Text, "//rucio:"); ok {
			word, rest, _ := strings.Cut(line, " ")
			found[word] = append(found[word], strings.TrimSpace(rest))
		}
	}
	return found
}
