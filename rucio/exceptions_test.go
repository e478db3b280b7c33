package rucio

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestEveryExceptionIsKnown compares the constants with the classes of rucio.common.exception of rucio-clients 41.5.1.
func TestEveryExceptionIsKnown(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "exceptions.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	constants := map[string]string{} // by name of the class
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok {
			class, _ := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			constants[class] = spec.Names[0].Name
		}
		return true
	})
	data, err := os.ReadFile("testdata/exceptions.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	classes := 0
	for line := range strings.Lines(string(data)) {
		var class struct{ Name, Base string }
		if err := json.Unmarshal([]byte(line), &class); err != nil {
			t.Fatal(err)
		}
		classes++
		if constants[class.Name] != "Err"+class.Name {
			t.Errorf("no constant for %s", class.Name)
		}
		if base := Exception(class.Base); base != "Exception" && !Exception(class.Name).Belongs(base) {
			t.Errorf("%s does not belong to %s", class.Name, base)
		}
	}
	if classes != 124 {
		t.Errorf("%d classes in the list", classes)
	}
}

func TestFamilies(t *testing.T) {
	for _, test := range []struct {
		class  string
		family Exception
		want   bool
	}{
		{"DataIdentifierNotFound", ErrDataIdentifierNotFound, true},
		{"DataIdentifierNotFound", ErrRSENotFound, false},
		{"DataIdentifierNotFound", ErrNotFound, true},
		{"OfTomorrowNotFound", ErrNotFound, true},
		{"OfTomorrow", Exception("OfTomorrow"), true},
		{"OfTomorrow", ErrRucioException, true},
		{"ValueError", ErrRucioException, false},
		{"Duplicate", ErrAlreadyExists, true},
		{"FileReplicaAlreadyExists", ErrAlreadyExists, true},
		{"DuplicateCriteriaInDIDFilter", ErrAlreadyExists, false},
		{"OpenDataInvalidState", ErrOpenDataError, true},
		{"PolicyPackageNotFound", ErrPolicyPackageBaseException, true},
	} {
		err := fmt.Errorf("a task: %w", &Error{Class: test.class})
		if got := errors.Is(err, test.family); got != test.want {
			t.Errorf("%s is %s: got %v", test.class, test.family, got)
		}
	}
}
