package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"
)

func rowsWith(err error, rows ...string) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		for _, row := range rows {
			if !yield(json.RawMessage(row), nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

func TestPrintTable(t *testing.T) {
	var out strings.Builder
	err := printTable(&out, rowsWith(nil, `{"name": "a", "size": 12345678901234567890, "ok": true}`, `{"name": "b\nc", "more": [1, 2]}`, `"text"`))
	if err != nil {
		t.Fatal(err)
	}
	want := `name  size                  ok    more    value
a     12345678901234567890  true
b c                               [1, 2]
                                          text
`
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
}

// A stream that is longer than a block goes on with the columns of the first one.
func TestPrintTableOfManyRows(t *testing.T) {
	rows := make([]string, tableBlock+1)
	for i := range rows {
		rows[i] = fmt.Sprintf(`{"n": %d}`, i)
	}
	var out strings.Builder
	if err := printTable(&out, rowsWith(nil, rows...)); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out.String(), "\n"); lines != len(rows)+1 || strings.Count(out.String(), "n\n") != 1 {
		t.Errorf("%d lines for %d rows and one line of names", lines, len(rows))
	}
}

func TestPrintArray(t *testing.T) {
	var out strings.Builder
	if err := printArray(&out, rowsWith(nil, `{"a": 1}`, "{\n\"b\": 2}")); err != nil {
		t.Fatal(err)
	}
	if want := "[{\"a\": 1},\n {\"b\":2}]\n"; out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
	out.Reset()
	if err := printArray(&out, rowsWith(nil)); err != nil || out.String() != "[]\n" {
		t.Errorf("printed %q, %v for no rows", out.String(), err)
	}
}

// What came before a stream broke is printed, and the error is not lost.
func TestRowsOfABrokenStream(t *testing.T) {
	broken := errors.New("connection lost")
	var out strings.Builder
	if err := printTable(&out, rowsWith(broken, `{"a": 1}`)); !errors.Is(err, broken) || !strings.Contains(out.String(), "1") {
		t.Errorf("printTable printed %q and returned %v", out.String(), err)
	}
	out.Reset()
	if err := printArray(&out, rowsWith(broken, `{"a": 1}`)); !errors.Is(err, broken) {
		t.Errorf("printArray returned %v", err)
	}
}
