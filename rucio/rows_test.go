package rucio

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

// readRows reads rows to their end.
func readRows(r io.Reader) (rows []string, err error) {
	for reader := newRowReader(r); ; {
		row, err := reader.next()
		if err != nil {
			return rows, err
		}
		rows = append(rows, string(row))
	}
}

func TestRowsLongerThanTheBuffer(t *testing.T) {
	long := `"` + strings.Repeat("x", 3*bufferSize) + `"`
	rows, err := readRows(iotest.OneByteReader(strings.NewReader("1\n" + long + "\n2\n" + long)))
	if !errors.Is(err, io.EOF) || len(rows) != 4 || rows[1] != long || rows[2] != "2" || rows[3] != long {
		t.Errorf("got %d rows, %v", len(rows), err)
	}
}

func TestPureJSON(t *testing.T) {
	for text, want := range map[string]string{
		`{"a": Infinity, "b": -Infinity, "c": NaN, "d": [Infinity]}`: `{"a": 1e999, "b": -1e999, "c": null, "d": [1e999]}`,
		`{"Infinity": "NaN \" Infinity", "a": "\\", "b": NaN}`:       `{"Infinity": "NaN \" Infinity", "a": "\\", "b": null}`,
		`{"name": "Infinity"}`: `{"name": "Infinity"}`,
	} {
		if got := pureJSON([]byte(text)); string(got) != want || !json.Valid(got) {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestWholeNumbers(t *testing.T) {
	for text, want := range map[string]string{
		`{"a": 9007199254740992.0, "b":-2.0,"c": [1e+16, 0.5, 12]}`: `{"a": 9007199254740992, "b":-2,"c": [10000000000000000, 0.5, 12]}`,
		`{"a 1.0, \" 2.0": "3.0", "b": 9007199254740993}`:           `{"a 1.0, \" 2.0": "3.0", "b": 9007199254740993}`,
		`[1e999, 1e19, -0.0]`: `[1e999, 1e19, 0]`,
		`7.0`:                 `7`,
	} {
		if got := wholeNumbers([]byte(text)); string(got) != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// FuzzRows sees that rows are the lines that are not empty, however the stream is cut into reads, and that pure JSON stays
// as it is.
func FuzzRows(f *testing.F) {
	for _, seed := range []string{"", "\n", "{}\n[]\n", "{}", "{", "{\"a\":\n", "\r\n\"Infinity\"\n", "Infinity\nNaN", "\x00\xff\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		rows, err := readRows(bytes.NewReader(stream))
		cut, cutErr := readRows(iotest.HalfReader(bytes.NewReader(stream)))
		if strings.Join(rows, "\n") != strings.Join(cut, "\n") || !errors.Is(cutErr, err) {
			t.Errorf("%q read in one go: %q, %v; in pieces: %q, %v", stream, rows, err, cut, cutErr)
		}
		if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q: %v", stream, err)
		}
		lines := bytes.Split(stream, []byte("\n"))
		for i, n := 0, 0; n < len(rows); i++ {
			line := bytes.TrimRight(lines[i], "\r\n")
			if len(line) == 0 {
				continue
			}
			if json.Valid(line) && rows[n] != string(line) {
				t.Errorf("row %d is %q, the line %q", n, rows[n], line)
			}
			n++
		}
	})
}

// FuzzResponseError sees that any failed answer makes an error that has a class and text.
func FuzzResponseError(f *testing.F) {
	f.Add("RSENotFound", "no", "application/json", []byte(`{"ExceptionClass": "RSENotFound", "ExceptionMessage": "x"}`))
	f.Add("", "", "text/html", []byte("<html><title>Bad gateway</title>"))
	f.Add("", "", "", []byte{0xff, 0})
	f.Fuzz(func(t *testing.T, class, message, kind string, body []byte) {
		e := ResponseError("m", &http.Response{
			StatusCode: 500, Body: io.NopCloser(bytes.NewReader(body)),
			Header: http.Header{"Exceptionclass": {class}, "Exceptionmessage": {message}, "Content-Type": {kind}},
		})
		if e.Class == "" || e.Message == "" || !bytes.Equal(e.Body, body) {
			t.Errorf("got %+v", e)
		}
	})
}
