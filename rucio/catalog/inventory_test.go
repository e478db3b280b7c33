package catalog_test

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
)

// pythonMethod is a line of testdata/rucio-client-methods.jsonl: a public method of rucio-clients 41.5.1.
type pythonMethod struct {
	Client, Method string
	Params         []struct {
		Name, Default string
		Required      bool
	}
}

// TestInventory compares the catalog with the methods of the Python client: names, parameters, their order, which of them
// are required, and the defaults of the others.
func TestInventory(t *testing.T) {
	python := readInventory(t)
	found := 0
	for _, m := range catalog.Methods {
		i := slices.IndexFunc(python, func(p pythonMethod) bool { return p.Method == m.Name && p.Client == m.Client })
		if i < 0 {
			t.Errorf("%s.%s is no method of the Python client", m.Client, m.Name)
			continue
		}
		found++
		compareParams(t, m, python[i])
	}
	t.Logf("inventory %d/%d", found, len(python))
	if found < len(python) {
		t.Errorf("the catalog has %d of the Python client's %d methods", found, len(python))
	}
}

func compareParams(t *testing.T, m catalog.Method, p pythonMethod) {
	t.Helper()
	params := slices.DeleteFunc(slices.Clone(m.Params), func(p catalog.Param) bool { return p.Variadic }) // the list has none
	if len(params) != len(p.Params) {
		t.Errorf("%s takes %d parameters, Python's %d", m.Signature(), len(params), len(p.Params))
		return
	}
	for i, want := range p.Params {
		got := params[i]
		if got.Name != want.Name || got.Required != want.Required || got.Default != want.Default {
			t.Errorf("%s: parameter %d is %s required=%v default=%s, Python's is %s required=%v default=%s",
				m.Signature(), i+1, got.Name, got.Required, got.Default, want.Name, want.Required, want.Default)
		}
	}
}

func readInventory(t *testing.T) []pythonMethod {
	f, err := os.Open("testdata/rucio-client-methods.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var methods []pythonMethod
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var m pythonMethod
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		if m.Method != "preferred_impl" { // a helper of both transfer clients that tells which of Python's plugins is installed
			methods = append(methods, m)
		}
	}
	return methods
}
