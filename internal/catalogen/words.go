package main

import (
	"regexp"
	"strings"
)

// word is a name in a doc comment: a letter, then letters and digits.
var word = regexp.MustCompile(`\b[A-Za-z][A-Za-z0-9]*\b`)

// inPythonsWords puts Python's names into what doc comments say of Go: those of methods, of the method's own parameters and
// options, of exceptions (ErrRuleNotFound), and null for nil.
func inPythonsWords(methods []*method) {
	names := map[string]string{"nil": "null"}
	for _, m := range methods {
		if hasHump(m.Go) { // "Touch" and "Upload" are words as well
			names[m.Go] = m.Name
		}
	}
	for _, m := range methods {
		own := map[string]string{}
		for _, p := range m.Params {
			if name := strings.TrimPrefix(p.Var, "o."); hasHump(name) {
				own[name] = p.Name
			}
		}
		translate := func(text string) string {
			return word.ReplaceAllStringFunc(text, func(name string) string {
				exception, isError := strings.CutPrefix(name, "Err")
				switch {
				case own[name] != "":
					return own[name]
				case names[name] != "":
					return names[name]
				case isError && hasHump(name):
					return exception
				}
				return name
			})
		}
		m.Doc = translate(m.Doc)
		for i := range m.Params {
			m.Params[i].Doc = translate(m.Params[i].Doc)
		}
	}
}

// hasHump tells whether a name has a capital after its first letter, as no plain word has.
func hasHump(name string) bool {
	return len(name) > 1 && strings.ToLower(name[1:]) != name[1:]
}
