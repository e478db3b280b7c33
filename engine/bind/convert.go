package bind

import (
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"strconv"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// How values cross between Lua, JSON and Go. There is this one way; every module uses it.
//
//	JSON                          Lua
//	null, field of an object      nil: the field is absent (but written again with its object, unless it is set)
//	null, elsewhere               json.null (Null)
//	true, false                   boolean
//	number                        number; an integer that it cannot hold exactly is an Integer
//	string                        string
//	list, object                  table
//
// A table is a list if its keys are 1, 2, ... n; an object if they are strings. Anything else is refused, by its path. An
// empty table is an object, unless it came from a JSON list or is made by json.array.

// codecKey is where a VM's registry keeps its codec.
const codecKey = "rucio-task-manager.codec"

// A codec makes Lua values of JSON in one VM.
type codec struct {
	newTable func(items, fields int) *lua.LTable
	// What the metatables of lazy tables are copies of, before and after they are filled.
	objectMeta, listMeta, filledObjectMeta, filledListMeta lua.LTable
}

// codecOf returns the VM's codec. The first call adapts the VM's library to lazy tables.
func codecOf(L *lua.LState) *codec {
	if known, ok := L.G.Registry.RawGetString(codecKey).(*lua.LUserData); ok {
		return known.Value.(*codec)
	}
	c := &codec{newTable: L.CreateTable}
	meta := func(functions map[string]lua.LGFunction) lua.LTable {
		return *L.SetFuncs(L.CreateTable(0, len(functions)), functions)
	}
	c.objectMeta = meta(map[string]lua.LGFunction{"__index": objectIndex, "__newindex": newIndex})
	c.listMeta = meta(map[string]lua.LGFunction{"__index": listIndex, "__newindex": newIndex, "__len": listLen, "__call": listCall})
	c.filledObjectMeta = meta(nil)
	c.filledListMeta = meta(map[string]lua.LGFunction{"__call": listCall})
	setOperators(L)
	adaptLibrary(L)
	L.G.Registry.RawSetString(codecKey, &lua.LUserData{Value: c, Metatable: lua.LNil})
	return c
}

// Decode returns the Lua value of a JSON document. Lists and objects become tables that are filled when they are looked
// into: see Fill. An error is a *SyntaxError.
func Decode(L *lua.LState, doc string) (lua.LValue, error) {
	return codecOf(L).decode(doc)
}

func (c *codec) decode(doc string) (lua.LValue, error) {
	if uint64(len(doc)) > math.MaxUint32 {
		return nil, fmt.Errorf("invalid JSON: the document is larger than 4 GiB")
	}
	text := doc[space(doc, 0):]
	var v lua.LValue
	var end int
	if text != "" && text[0] == '{' {
		v, end = c.object(text)
	} else if end = skip(text, 0, 0); end >= 0 {
		v = c.value(text[:end])
	}
	if rest := space(text, max(end, 0)); end >= 0 && rest < len(text) {
		end = failed(rest)
	}
	if end < 0 {
		return nil, syntaxError(doc, len(doc)-len(text), end)
	}
	return v, nil
}

// value returns the value of a part of a document that was checked.
func (c *codec) value(doc string) lua.LValue {
	switch doc[0] {
	case '{':
		v, _ := c.object(doc)
		return v
	case '[':
		return c.listOf(doc)
	case '"':
		return lua.LString(unquote(doc[1 : len(doc)-1]))
	case 't':
		return lua.LTrue
	case 'f':
		return lua.LFalse
	case 'n':
		return Null{}
	}
	return number(doc)
}

// number returns the value of a JSON number.
func number(text string) lua.LValue {
	if n, ok := shortInteger(text); ok {
		return lua.LNumber(n)
	}
	f, _ := strconv.ParseFloat(text, 64) // beyond float64 it is infinite, as in Python
	if isInteger(text) && string(appendNumber(nil, f)) != text {
		return Integer(text) // it would not be written as it was read
	}
	return lua.LNumber(f)
}

// shortInteger parses integers of at most 15 digits: all of them fit a float64, and most numbers are such.
func shortInteger(text string) (n int64, ok bool) {
	digits := text
	if text[0] == '-' {
		digits = text[1:]
	}
	if len(digits) > 15 {
		return 0, false
	}
	for i := range len(digits) {
		d := digits[i] - '0'
		if d > 9 {
			return 0, false
		}
		n = 10*n + int64(d)
	}
	if len(digits) < len(text) {
		n = -n
	}
	return n, true
}

func isInteger(number string) bool {
	for i := range len(number) {
		if c := number[i]; c == '.' || c == 'e' || c == 'E' {
			return false
		}
	}
	return true
}

// FromGo returns the Lua value of a Go value: nil (Lua's nil; as an item of a list, Null), bool, any integer or float,
// string, time.Time (as RFC 3339 text), json.Number, json.RawMessage, lua.LValue (itself), and maps with string keys, and
// slices, of those.
func FromGo(L *lua.LState, v any) (lua.LValue, error) {
	c := codecOf(L)
	switch v := v.(type) {
	case nil:
		return lua.LNil, nil
	case lua.LValue:
		return v, nil
	case bool:
		return lua.LBool(v), nil
	case float64:
		return lua.LNumber(v), nil
	case string:
		return lua.LString(v), nil
	case time.Time:
		return lua.LString(v.Format(time.RFC3339Nano)), nil
	case json.RawMessage:
		return c.decode(string(v))
	case map[string]any:
		return c.fromMap(L, v)
	case []any:
		return c.fromSlice(L, v)
	}
	// Everything else is what JSON makes of it: integers of all kinds, json.Number, []string, structs.
	doc, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("a Go %T as a Lua value: %w", v, err)
	}
	return c.decode(string(doc))
}

func (c *codec) fromMap(L *lua.LState, m map[string]any) (lua.LValue, error) {
	table := c.newTable(0, len(m))
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys) // pairs shows fields in the order in which they were set
	for _, key := range keys {
		v, err := FromGo(L, m[key])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		table.RawSetString(key, v)
	}
	return table, nil
}

func (c *codec) fromSlice(L *lua.LState, items []any) (lua.LValue, error) {
	table := c.newTable(len(items), 0)
	for i, item := range items {
		v, err := FromGo(L, item)
		if err != nil {
			return nil, fmt.Errorf("[%d]: %w", i+1, err)
		}
		if v == lua.LNil {
			v = Null{}
		}
		table.RawSetInt(i+1, v)
	}
	c.markList(table)
	return table, nil
}

// ToGo returns the Go value of a Lua value: nil (of nil and Null), bool, int64 (an integral number), float64, json.Number
// (an Integer), string, []any or map[string]any. It refuses what Encode refuses.
func ToGo(v lua.LValue) (any, error) {
	w := writer{}
	return w.goValue(v)
}

// integral returns a number as an int64, if it is one.
func integral(v lua.LNumber) (int64, bool) {
	n := int64(v)
	return n, lua.LNumber(n) == v && -1<<63 < v && v < 1<<63
}
