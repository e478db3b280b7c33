package cli

import (
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
)

func TestArgument(t *testing.T) {
	for _, c := range []struct{ kind, text, want, wrong string }{
		{"string", "root", `"root"`, ""},
		{"string", "007", `"007"`, ""},
		{"string", "null", `"null"`, ""},
		{"string", "[a]", `"[a]"`, ""},
		{"integer", "12", "12", ""},
		{"integer", "123456789012345678901", "123456789012345678901", ""},
		{"integer", "-1", "-1", ""},
		{"integer", "None", "null", ""},
		{"integer", "1.5", "", `"1.5" is no integer`},
		{"integer", "many", "", `"many" is no integer`},
		{"number", "1.5", "1.5", ""},
		{"number", "x", "", `"x" is no number`},
		{"boolean", "yes", "true", ""},
		{"boolean", "False", "false", ""},
		{"boolean", "maybe", "", `"maybe" is no boolean: write true or false`},
		{"map", "{a: 1, b: [x]}", `{"a":1,"b":["x"]}`, ""},
		{"map", "a=1", "", `"a=1" is no map: write {key: value}`},
		{"list of strings", "a,b", `["a","b"]`, ""},
		{"list of strings", "[a, 'b c']", `["a","b c"]`, ""},
		{"list of integers", "1,2", `[1,2]`, ""},
		{"list of integers", "1,x", "", `"x" is no integer`},
		{"list of DIDs", "s:a, s:b", `[{"name":"a","scope":"s"},{"name":"b","scope":"s"}]`, ""},
		{"list of DIDs", "[{scope: s, name: a}]", `[{"name":"a","scope":"s"}]`, ""},
		{"list of DIDs", "nonsense", "", `"nonsense" is no DID: write scope:name`},
		{"list of maps", "a", "", `"a" is no list of maps: write [{key: value}]`},
		{"list of replicas", "a", "", `"a" is no list of replicas: write [{key: value}]`},
		{"map or list of maps", "[{a: 1}]", `[{"a":1}]`, ""},
		{"datetime", "2026-01-02 10:11:12", `"2026-01-02 10:11:12"`, ""},
		{"datetime", "None", "null", ""},
		{"any", "3", "3", ""},
		{"any", "text", `"text"`, ""},
		{"any", "true", "true", ""},
		{"any", "{", "", "not valid YAML"},
	} {
		got, err := argument(catalog.Param{Type: c.kind}, c.text)
		switch {
		case c.wrong != "":
			if err == nil || !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("%s %q: error %v, want %q", c.kind, c.text, err, c.wrong)
			}
		case err != nil:
			t.Errorf("%s %q: %v", c.kind, c.text, err)
		case string(got) != c.want:
			t.Errorf("%s %q = %s, want %s", c.kind, c.text, got, c.want)
		}
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1000000": 1000000, "512MiB": 512 << 20, "2GB": 2e9, "1.5 GiB": 3 << 29, "1k": 1024, "5 kB": 5000,
	} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("parseSize(%q) = %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "big", "12 parsecs", "-1", "1e400", "MiB"} {
		if n, err := parseSize(text); err == nil {
			t.Errorf("parseSize(%q) = %d, want an error", text, n)
		}
	}
}

// Every type of the catalog can be written on a command line.
func TestEveryTypeOfTheCatalogHasASample(t *testing.T) {
	for _, m := range catalog.Methods {
		for _, param := range m.Params {
			sample := strings.NewReplacer("'", "", "...", "").Replace(shellSample(param))
			if _, err := argument(param, sample); err != nil && !param.Variadic {
				t.Errorf("%s: the example %s=%s: %v", m.Name, param.Name, sample, err)
			}
		}
	}
}
