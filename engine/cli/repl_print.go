package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/bind"
)

// shownRows is how many rows of a stream are printed; who wants all loops over it.
const shownRows = 100

// print shows a value: data as JSON, a stream by its rows, anything else by what it is.
func (r *repl) print(ctx context.Context, cancel context.CancelCauseFunc, value lua.LValue) error {
	if isStream(value) {
		return r.printStream(ctx, cancel, value)
	}
	text, err := r.show(ctx, cancel, value)
	if err == nil {
		_, err = fmt.Fprintln(r.p.Stdout, text)
	}
	return err
}

// printStream prints the next rows of a stream.
func (r *repl) printStream(ctx context.Context, cancel context.CancelCauseFunc, stream lua.LValue) error {
	for range shownRows {
		row, err := r.vm.CallIn(ctx, cancel, stream)
		if err != nil {
			return err
		}
		if len(row) == 0 || row[0] == lua.LNil {
			return nil
		}
		text, err := bind.Encode(row[0])
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(r.p.Stdout, "%s\n", text); err != nil {
			return err
		}
	}
	_, err := io.WriteString(r.p.Stdout, "... there may be more; to go on, keep a stream in a variable: rows = rucio.list_dids{...}\n")
	return err
}

func isStream(value lua.LValue) bool {
	ud, ok := value.(*lua.LUserData)
	if !ok {
		return false
	}
	meta, ok := ud.Metatable.(*lua.LTable)
	return ok && meta.RawGetString("__metatable") == lua.LString("stream")
}

// show returns a value as people read it.
func (r *repl) show(ctx context.Context, cancel context.CancelCauseFunc, value lua.LValue) (string, error) {
	switch value := value.(type) {
	case lua.LString:
		return quoted(string(value)), nil
	case *lua.LTable:
		if text, ok := r.showTable(value); ok {
			return text, nil
		}
	case *lua.LUserData:
		if meta, ok := value.Metatable.(*lua.LTable); ok && meta.RawGetString("__tostring") == lua.LNil {
			if kind, ok := meta.RawGetString("__metatable").(lua.LString); ok {
				return string(kind), nil
			}
		}
	}
	results, err := r.vm.CallIn(ctx, cancel, r.vm.State().GetGlobal("tostring"), value)
	if err != nil {
		return "", err
	}
	return results[0].String(), nil
}

// quoted returns a text of one line in quotes, so that "3" is not 3; a longer one, which is there to be read, as it is.
func quoted(text string) string {
	if strings.ContainsRune(text, '\n') {
		return strings.Map(func(c rune) rune {
			if unicode.IsControl(c) && c != '\n' && c != '\t' {
				return ' '
			}
			return c
		}, text)
	}
	return strconv.Quote(text)
}

// showTable returns data as indented JSON, and a module or an object as its names; false when a table prints itself.
func (r *repl) showTable(table *lua.LTable) (string, bool) {
	if meta, ok := table.Metatable.(*lua.LTable); ok && meta.RawGetString("__tostring") != lua.LNil {
		return "", false
	}
	if data, err := bind.Encode(table); err == nil {
		var text bytes.Buffer
		if json.Indent(&text, data, "", "  ") == nil {
			return text.String(), true
		}
	}
	var lines []string
	table.ForEach(func(key, value lua.LValue) {
		text := value.String()
		switch value := value.(type) {
		case *lua.LTable, *lua.LFunction, *lua.LUserData:
			text = value.Type().String()
		case lua.LString:
			text = quoted(string(value))
		}
		lines = append(lines, fmt.Sprintf("  %s = %s\n", key, text))
	})
	slices.Sort(lines)
	return "{\n" + strings.Join(lines, "") + "}", true
}
