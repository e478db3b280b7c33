package rucio

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"mime"
	"net/http"
	"strconv"
)

// rowReader splits a stream into its lines (application/x-json-stream: a JSON value a line). It never copies a line that
// fits its buffer, so a row is valid until the next one is read.
type rowReader struct {
	r    *bufio.Reader
	long []byte // holds a line that is longer than the buffer
}

func newRowReader(r io.Reader) *rowReader {
	return &rowReader{r: bufio.NewReaderSize(r, bufferSize)}
}

// next returns the next row, or io.EOF. A last line without its newline counts only when it is complete JSON: a server
// that breaks off is never taken for one that has finished.
func (r *rowReader) next() ([]byte, error) {
	for {
		line, err := r.line()
		row := bytes.TrimRight(line, "\r\n")
		switch {
		case errors.Is(err, io.EOF) && len(row) > 0 && !json.Valid(row):
			return nil, io.ErrUnexpectedEOF
		case err != nil && (!errors.Is(err, io.EOF) || len(row) == 0):
			return nil, err
		case len(row) > 0:
			return pureJSON(row), nil
		}
	}
}

// line returns a line with its newline; with io.EOF, what came after the last newline.
func (r *rowReader) line() ([]byte, error) {
	line, err := r.r.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line, err
	}
	r.long = append(r.long[:0], line...)
	for errors.Is(err, bufio.ErrBufferFull) {
		line, err = r.r.ReadSlice('\n')
		r.long = append(r.long, line...)
	}
	return r.long, err
}

// Python's json module writes these words, which JSON does not have. Rucio sends the first for unlimited quotas.
var infinity, notANumber = []byte("Infinity"), []byte("NaN")

// pureJSON turns Python's Infinity into 1e999, which every JSON reader accepts and most read as infinity, and NaN into
// null. It returns row itself when, as nearly always, there is nothing to do.
func pureJSON(row []byte) []byte {
	if !bytes.Contains(row, infinity) && !bytes.Contains(row, notANumber) {
		return row
	}
	out := make([]byte, 0, len(row))
	inString := false
	for i := 0; i < len(row); i++ {
		switch rest := row[i:]; {
		case inString && row[i] == '\\' && len(rest) > 1:
			out = append(out, row[i])
			i++
		case row[i] == '"':
			inString = !inString
		case !inString && bytes.HasPrefix(rest, infinity):
			out = append(out, "1e999"...)
			i += len(infinity) - 1
			continue
		case !inString && bytes.HasPrefix(rest, notANumber):
			out = append(out, "null"...)
			i += len(notANumber) - 1
			continue
		}
		out = append(out, row[i])
	}
	return out
}

// wholeNumbers writes numbers such as 12.0 and 1e+16 as the integers they are. A server on PostgreSQL sends sums of bytes
// like that.
func wholeNumbers(row []byte) []byte {
	out := make([]byte, 0, len(row))
	inString := false
	for i := 0; i < len(row); i++ {
		switch {
		case inString && row[i] == '\\' && i+1 < len(row):
			out = append(out, row[i])
			i++
		case row[i] == '"':
			inString = !inString
		case !inString && (row[i] == '-' || '0' <= row[i] && row[i] <= '9'):
			number := row[i:]
			if end := bytes.IndexAny(number, ",]} \t\r\n"); end > 0 {
				number = number[:end]
			}
			i += len(number) - 1
			out = append(out, wholeNumber(number)...)
			continue
		}
		out = append(out, row[i])
	}
	return out
}

// wholeNumber returns a number as an integer if it is one.
func wholeNumber(number []byte) []byte {
	f, err := strconv.ParseFloat(string(number), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) >= 1<<63 || !bytes.ContainsAny(number, ".eE") {
		return number
	}
	return strconv.AppendInt(nil, int64(f), 10)
}

// rowsOf returns a function that gives the rows of an answer one by one and io.EOF after the last, as the Python client's
// _load_json_data does: the lines of a stream; any other JSON as one row; other text as one row that is a string. Servers
// label some of their JSON text/html, so an object or a list counts whatever its label.
func rowsOf(resp *http.Response) func() ([]byte, error) {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch kind {
	case "application/x-json-stream", "application/x-ndjson":
		return newRowReader(resp.Body).next
	}
	read := false
	return func() ([]byte, error) {
		if read {
			return nil, io.EOF
		}
		read = true
		body, err := io.ReadAll(resp.Body)
		switch {
		case err != nil:
			return nil, err
		case kind == "application/json":
			return validJSON(resp.Header, body)
		case len(body) == 0:
			return nil, io.EOF
		case body[0] == '{' || body[0] == '[':
			if row, err := validJSON(resp.Header, body); err == nil {
				return row, nil
			}
		case isHTML(resp.Header, body):
			return nil, notJSON(resp.Header, body)
		}
		return jsonText(string(body))
	}
}

// jsonText is a text as a JSON string that people can read: a metalink keeps its angle brackets.
func jsonText(s string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(s)
	return bytes.TrimSpace(b.Bytes()), err
}

// validJSON returns body if it is JSON; a page of a proxy that answers 200 is told as what it is.
func validJSON(header http.Header, body []byte) ([]byte, error) {
	body = pureJSON(bytes.TrimSpace(body))
	if !json.Valid(body) {
		return nil, notJSON(header, body)
	}
	return body, nil
}
