package cli

import (
	"encoding/json"
	"iter"
	"strings"
	"testing"
)

func rowsOfText(rows ...string) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		for _, row := range rows {
			if !yield(json.RawMessage(row), nil) {
				return
			}
		}
	}
}

func TestCSV(t *testing.T) {
	for _, c := range []struct{ name, rows, want string }{
		{"no rows", ``, ""},
		{"text, null, numbers, nested", `{"a": "x, \"y\"\nz", "b": null, "c": 9007199254740993, "d": [1, {"e": true}]}`,
			"a,b,c,d\n\"x, \"\"y\"\"\nz\",,9007199254740993,\"[1, {\"\"e\"\": true}]\"\n"},
		{"fields of later rows", `{"a": 1}|{"b": 2, "a": 3}`, "a,b\n1,\n3,2\n"},
		{"no objects", `"x"|3`, "value\nx\n3\n"},
	} {
		var rows []string
		if c.rows != "" {
			rows = strings.Split(c.rows, "|")
		}
		var out strings.Builder
		if err := printCSV(&out, rowsOfText(rows...)); err != nil || out.String() != c.want {
			t.Errorf("%s: got %q, %v; want %q", c.name, out.String(), err, c.want)
		}
	}
}

// TestCSVLosesNothing holds that a field which comes too late for a column ends the table.
func TestCSVLosesNothing(t *testing.T) {
	rows := strings.Split(strings.Repeat(`{"a": 1}|`, tableBlock)+`{"a": 2}|{"b": 3}`, "|")
	var out strings.Builder
	err := printCSV(&out, rowsOfText(rows...))
	if err == nil || !strings.Contains(err.Error(), `a row has the field "b", which none of the first 1000 has: --output jsonl shows all`) {
		t.Errorf("got %v", err)
	}
	if want := "a\n" + strings.Repeat("1\n", tableBlock) + "2\n"; out.String() != want {
		t.Errorf("%d bytes before the error, want %d", out.Len(), len(want))
	}
}
