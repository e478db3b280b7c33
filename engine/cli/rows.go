package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tableBlock is how many rows decide on the columns and widths of a table; further rows come in blocks of their own.
const tableBlock = 1000

// buffered returns a writer for many rows. People see each row as it comes.
func (p *program) buffered() *bufio.Writer {
	size := 64 << 10
	if p.StdoutTTY {
		size = 16
	}
	return bufio.NewWriterSize(p.Stdout, size)
}

// rowsOf makes rows of one value: the elements of a list, else the value alone.
func rowsOf(value json.RawMessage) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		var list []json.RawMessage
		if json.Unmarshal(value, &list) != nil {
			yield(value, nil)
			return
		}
		for _, row := range list {
			if !yield(row, nil) {
				return
			}
		}
	}
}

// printArray prints rows as one JSON array, as they come. When they end early, the array is closed all the same.
func printArray(w io.Writer, rows iter.Seq2[json.RawMessage, error]) error {
	before, end := "[", "]\n"
	var broken error
	for row, err := range rows {
		if broken = err; broken != nil {
			break
		}
		if _, err := io.WriteString(w, before); err != nil {
			return err
		}
		if _, err := w.Write(oneLine(row)); err != nil {
			return err
		}
		before = ",\n "
	}
	if before == "[" {
		end = "[]\n"
	}
	_, err := io.WriteString(w, end)
	return errors.Join(broken, err)
}

// printTable prints rows in columns, one for each field; what is no object goes into a column "value".
func printTable(w io.Writer, rows iter.Seq2[json.RawMessage, error]) error {
	t := &rowTable{w: w}
	for row, err := range rows {
		if err != nil {
			return errors.Join(err, t.flush())
		}
		t.block = append(t.block, fieldsOf(row))
		if len(t.block) < tableBlock {
			continue
		}
		if err := t.flush(); err != nil {
			return err
		}
	}
	return t.flush()
}

// rowTable prints blocks of rows; the first block decides on the columns.
type rowTable struct {
	w       io.Writer
	columns []string
	block   [][]field
}

func (t *rowTable) flush() error {
	if len(t.block) == 0 {
		return nil
	}
	var lines [][]string
	if t.columns == nil {
		t.columns = columnsOf(t.block)
		lines = append(lines, t.columns)
	}
	for _, row := range t.block {
		cells := make([]string, len(t.columns))
		for i, name := range t.columns {
			cells[i] = cellOf(row, name)
		}
		lines = append(lines, cells)
	}
	t.block = t.block[:0]
	return writeColumns(t.w, lines)
}

// writeColumns prints lines of cells, each column as wide as its widest cell.
func writeColumns(w io.Writer, lines [][]string) error {
	widths := make([]int, len(lines[0]))
	for _, cells := range lines {
		for i, cell := range cells {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var line strings.Builder
	for _, cells := range lines {
		line.Reset()
		for i, cell := range cells {
			line.WriteString(cell + strings.Repeat(" ", widths[i]+2-utf8.RuneCountInString(cell)))
		}
		if _, err := io.WriteString(w, strings.TrimRight(line.String(), " ")+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// field is a member of a row, in the row's order.
type field struct{ name, text string }

// columnsOf are the fields that have a value in any of the rows.
func columnsOf(rows [][]field) (names []string) {
	for _, row := range rows {
		for _, f := range row {
			if f.text != "" && !slices.Contains(names, f.name) {
				names = append(names, f.name)
			}
		}
	}
	return names
}

func cellOf(row []field, name string) string {
	for _, f := range row {
		if f.name == name {
			return f.text
		}
	}
	return ""
}

// fieldsOf are the members of an object as cells of a table.
func fieldsOf(row json.RawMessage) (fields []field) {
	for _, m := range membersOf(row) {
		fields = append(fields, field{m.name, plain(m.value)})
	}
	return fields
}

// member is a member of an object.
type member struct {
	name  string
	value json.RawMessage
}

// membersOf reads the members of an object in their order; anything else is one member, "value".
func membersOf(row json.RawMessage) []member {
	dec := json.NewDecoder(bytes.NewReader(row))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') {
		return []member{{"value", row}}
	}
	var members []member
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			break
		}
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			break
		}
		key, _ := name.(string)
		members = append(members, member{key, value})
	}
	return members
}

// plain is a value as a cell of a table shows it: text without quotes, null as nothing, lists and maps as JSON.
func plain(value json.RawMessage) string {
	var text string
	switch {
	case string(value) == "null":
		return ""
	case json.Unmarshal(value, &text) == nil:
		return strings.Map(func(r rune) rune { // nothing that a server sends steers the terminal
			if unicode.IsControl(r) {
				return ' '
			}
			return r
		}, text)
	}
	return string(oneLine(value))
}
