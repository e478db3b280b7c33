package cli

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
)

// printCSV prints rows as RFC 4180 has it, one column for each field, with a line of their names first. The first rows decide
// on the columns; a later row with a field of its own ends it, since it would lose the field.
func printCSV(w io.Writer, rows iter.Seq2[json.RawMessage, error]) error {
	t := &csvTable{out: csv.NewWriter(w)}
	for row, err := range rows {
		if err == nil {
			err = t.add(membersOf(row))
		}
		if err != nil {
			return errors.Join(err, t.end())
		}
	}
	return t.end()
}

// csvTable writes rows; the first ones wait until the columns are known.
type csvTable struct {
	out     *csv.Writer
	columns []string
	block   [][]member
}

func (t *csvTable) add(row []member) error {
	if t.columns != nil {
		return t.write(row)
	}
	t.block = append(t.block, row)
	if len(t.block) < tableBlock {
		return nil
	}
	return t.begin()
}

// begin writes the columns and the rows that waited for them.
func (t *csvTable) begin() error {
	t.columns = []string{}
	for _, row := range t.block {
		for _, m := range row {
			if !slices.Contains(t.columns, m.name) {
				t.columns = append(t.columns, m.name)
			}
		}
	}
	if err := t.out.Write(t.columns); err != nil {
		return err
	}
	for _, row := range t.block {
		if err := t.write(row); err != nil {
			return err
		}
	}
	t.block = nil
	return nil
}

func (t *csvTable) write(row []member) error {
	cells := make([]string, len(t.columns))
	for _, m := range row {
		i := slices.Index(t.columns, m.name)
		if i < 0 {
			return fmt.Errorf("a row has the field %q, which none of the first %d has: --output jsonl shows all", m.name, tableBlock)
		}
		cells[i] = csvCell(m.value)
	}
	return t.out.Write(cells)
}

func (t *csvTable) end() error {
	var err error
	if len(t.block) > 0 {
		err = t.begin()
	}
	t.out.Flush()
	return errors.Join(err, t.out.Error())
}

// csvCell is text as it is, null as nothing, and everything else as JSON.
func csvCell(value json.RawMessage) string {
	var text string
	switch {
	case string(value) == "null":
		return ""
	case json.Unmarshal(value, &text) == nil:
		return text
	}
	return string(oneLine(value))
}
