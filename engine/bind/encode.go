package bind

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
)

// Encode returns v as JSON without white space. Fields keep the order in which they were set. Bytes of a string that are not
// UTF-8 become U+FFFD. An error names the value that JSON has no form for (a function, NaN, a table that is neither list
// nor object, one that contains itself) by its path.
func Encode(v lua.LValue) (json.RawMessage, error) {
	w := writer{}
	err := w.value(v)
	return w.b, err
}

// A writer walks a value. It knows where it is, for errors, and which tables it is in, to notice one that contains itself.
type writer struct {
	b    []byte
	path []lua.LValue
	in   []*lua.LTable
}

func (w *writer) value(v lua.LValue) error {
	switch v := v.(type) {
	case *lua.LNilType, Null:
		w.b = append(w.b, "null"...)
	case lua.LBool:
		w.b = strconv.AppendBool(w.b, bool(v))
	case lua.LString:
		w.b = appendString(w.b, string(v))
	case Integer:
		w.b = append(w.b, v...)
	case lua.LNumber:
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return w.errorf("the number %v", float64(v))
		}
		w.b = appendNumber(w.b, float64(v))
	case *lua.LTable:
		if err := w.enter(v); err != nil {
			return err
		}
		defer w.leave()
		if z := lazyOf(v); z != nil && !z.filled {
			return w.unfilled(z)
		}
		return w.table(v)
	default:
		return w.errorf("%s", describe(v))
	}
	return nil
}

// unfilled writes a table from its document; only the nested tables that were asked for may have changed.
func (w *writer) unfilled(z *lazy) error {
	if len(z.kids) == 0 {
		w.b = appendCompact(w.b, z.doc)
		return nil
	}
	w.b = append(w.b, '{')
	for i, m := range z.members {
		key := m.key.of(z.doc)
		if z.find(key) != i {
			continue
		}
		w.comma('{')
		w.b = append(append(append(w.b, '"'), key...), '"', ':')
		if k := slices.IndexFunc(z.kids, func(k kid) bool { return k.member == i }); k >= 0 {
			w.path = append(w.path, lua.LString(key))
			if err := w.value(z.kids[k].table); err != nil {
				return err
			}
			w.path = w.path[:len(w.path)-1]
		} else {
			w.b = appendCompact(w.b, m.value.of(z.doc))
		}
	}
	w.b = append(w.b, '}')
	return nil
}

// table writes an ordinary table.
func (w *writer) table(t *lua.LTable) error {
	list, err := w.isList(t)
	if err != nil {
		return err
	}
	open, closing := byte('{'), byte('}')
	if list {
		open, closing = '[', ']'
	}
	w.b = append(w.b, open)
	for key, v := t.Next(lua.LNil); key != lua.LNil; key, v = t.Next(key) {
		w.comma(open)
		if !list {
			w.b = append(appendString(w.b, string(key.(lua.LString))), ':')
		}
		w.path = append(w.path, key)
		if err := w.value(v); err != nil {
			return err
		}
		w.path = w.path[:len(w.path)-1]
	}
	for _, key := range lazyOf(t).nulls() {
		w.comma(open)
		w.b = append(appendString(w.b, key), ":null"...)
	}
	w.b = append(w.b, closing)
	return nil
}

// isList tells a list from an object.
func (w *writer) isList(t *lua.LTable) (bool, error) {
	z := lazyOf(t)
	marked := z != nil && z.list
	items, fields := 0, false
	for key, _ := t.Next(lua.LNil); key != lua.LNil; key, _ = t.Next(key) {
		switch key := key.(type) {
		case lua.LNumber:
			if items++; key != lua.LNumber(items) {
				return false, w.errorf("a table with the key [%s] but without [%d] "+
					"(put json.null into a list's gaps; make the keys of an object strings)", key, items)
			}
		case lua.LString:
			if fields = true; items > 0 || marked {
				return false, w.errorf("a table that is a list and has the field %q", string(key))
			}
		default:
			return false, w.errorf("a table with a %s as a key", key.Type())
		}
	}
	if fields && items > 0 {
		return false, w.errorf("a table that has fields and list items")
	}
	return items > 0 || marked && !fields, nil
}

// comma writes what stands between two items.
func (w *writer) comma(open byte) {
	if w.b[len(w.b)-1] != open {
		w.b = append(w.b, ',')
	}
}

// goValue is value for values of Go: see ToGo.
func (w *writer) goValue(v lua.LValue) (any, error) {
	switch v := v.(type) {
	case *lua.LNilType, Null:
		return nil, nil
	case lua.LBool:
		return bool(v), nil
	case lua.LString:
		return string(v), nil
	case Integer:
		return json.Number(v), nil
	case lua.LNumber:
		if n, ok := integral(v); ok {
			return n, nil
		}
		return float64(v), nil
	case *lua.LTable:
		if err := w.enter(v); err != nil {
			return nil, err
		}
		defer w.leave()
		Fill(v)
		return w.goTable(v)
	}
	return nil, w.errorf("%s", describe(v))
}

func (w *writer) goTable(t *lua.LTable) (any, error) {
	list, err := w.isList(t)
	if err != nil {
		return nil, err
	}
	items, fields := []any{}, map[string]any{}
	for key, v := t.Next(lua.LNil); key != lua.LNil; key, v = t.Next(key) {
		w.path = append(w.path, key)
		item, err := w.goValue(v)
		if err != nil {
			return nil, err
		}
		w.path = w.path[:len(w.path)-1]
		if list {
			items = append(items, item)
		} else {
			fields[string(key.(lua.LString))] = item
		}
	}
	if list {
		return items, nil
	}
	for _, key := range lazyOf(t).nulls() {
		fields[key] = nil
	}
	return fields, nil
}

// enter notes that the walk goes into t.
func (w *writer) enter(t *lua.LTable) error {
	if slices.Contains(w.in, t) {
		return w.errorf("a table that contains itself")
	}
	if len(w.in) == maxDepth {
		return w.errorf("tables that nest deeper than %d", maxDepth)
	}
	w.in = append(w.in, t)
	return nil
}

func (w *writer) leave() { w.in = w.in[:len(w.in)-1] }

// A ValueError tells which part of a Lua value has no form in JSON.
type ValueError struct {
	Path string // ".files[3].done"; "" for the value itself
	What string // "a function"
}

// Error implements error.
func (e *ValueError) Error() string {
	if e.Path == "" {
		return "cannot write " + e.What + " as JSON"
	}
	return fmt.Sprintf("cannot write %s as JSON, at %s", e.What, e.Path)
}

func (w *writer) errorf(format string, args ...any) error {
	var path strings.Builder
	for i, key := range w.path {
		if i == 20 {
			path.WriteString("...")
			break
		}
		if name, ok := key.(lua.LString); ok {
			path.WriteString("." + string(name))
		} else {
			path.WriteString("[" + key.String() + "]")
		}
	}
	return &ValueError{Path: path.String(), What: fmt.Sprintf(format, args...)}
}

// describe names a value by its type, for messages: "a table", "nil", "json.null".
func describe(v lua.LValue) string {
	switch v.(type) {
	case *lua.LNilType:
		return "nil"
	case Null:
		return "json.null"
	case Integer:
		return "an integer beyond 2^53"
	}
	if streamOf(v) != nil {
		return "a stream (its :collect() makes a list of it)"
	}
	return "a " + v.Type().String()
}

// appendNumber writes integers plainly up to 21 digits, exactly, and other numbers in the shortest form that reads back the
// same, as encoding/json does.
func appendNumber(b []byte, f float64) []byte {
	if n, ok := integral(lua.LNumber(f)); ok {
		return strconv.AppendInt(b, n, 10)
	}
	switch abs := math.Abs(f); {
	case abs < 1e-6 || abs >= 1e21:
		return strconv.AppendFloat(b, f, 'e', -1, 64)
	case f == math.Trunc(f):
		return strconv.AppendFloat(b, f, 'f', 0, 64)
	}
	return strconv.AppendFloat(b, f, 'f', -1, 64)
}

// appendString writes a string with its quotes.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for s != "" {
		plain := plainEnd(s, 0)
		if utf8.ValidString(s[:plain]) {
			b = append(b, s[:plain]...)
		} else {
			for _, r := range s[:plain] { // a byte that is not UTF-8 is read as U+FFFD
				b = utf8.AppendRune(b, r)
			}
		}
		if s = s[plain:]; s != "" {
			b = appendEscape(b, s[0])
			s = s[1:]
		}
	}
	return append(b, '"')
}

func appendEscape(b []byte, c byte) []byte {
	if short := strings.IndexByte("\"\\\b\f\n\r\t", c); short >= 0 {
		return append(b, '\\', `"\bfnrt`[short])
	}
	return fmt.Appendf(b, `\u%04x`, c)
}

// appendCompact writes a checked document without the white space between its parts.
func appendCompact(b []byte, doc string) []byte {
	for i := 0; i < len(doc); {
		switch doc[i] {
		case '"':
			end := skipString(doc, i)
			b = append(b, doc[i:end]...)
			i = end
		case ' ', '\n', '\r', '\t':
			i++
		default:
			b = append(b, doc[i])
			i++
		}
	}
	return b
}
