package bind

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

// newState returns the state of a VM without modules.
func newState(t testing.TB) *lua.LState {
	t.Helper()
	v := vm.New(vm.Options{Prepare: Prepare, Fill: Fill})
	t.Cleanup(v.Close)
	return v.State()
}

// decode returns a document's value, eager: with all tables in it filled.
func decode(t testing.TB, L *lua.LState, doc string, eager bool) lua.LValue {
	t.Helper()
	v, err := Decode(L, doc)
	if err != nil {
		t.Fatalf("Decode(%q): %v", doc, err)
	}
	if eager {
		fillAll(v)
	}
	return v
}

func fillAll(v lua.LValue) {
	if table, ok := v.(*lua.LTable); ok {
		Fill(table)
		table.ForEach(func(_, v lua.LValue) { fillAll(v) })
	}
}

// eval runs a chunk with its arguments and returns what it returns, as text.
func eval(t testing.TB, L *lua.LState, chunk string, args ...lua.LValue) string {
	t.Helper()
	results, err := run(t, L, chunk, args...)
	if err != nil {
		return "error: " + err.Error()
	}
	texts := make([]string, len(results))
	for i, result := range results {
		texts[i] = L.ToStringMeta(result).String()
	}
	return strings.Join(texts, " ")
}

// run runs a chunk with its arguments.
func run(t testing.TB, L *lua.LState, chunk string, args ...lua.LValue) ([]lua.LValue, error) {
	t.Helper()
	v := vm.Of(L)
	fn, err := v.Load("chunk", chunk)
	if err != nil {
		t.Fatalf("%s\n%v", chunk, err)
	}
	return v.Call(t.Context(), fn, args...)
}

// value returns the value of an expression.
func value(t testing.TB, L *lua.LState, expression string) lua.LValue {
	t.Helper()
	results, err := run(t, L, "return "+expression)
	if err != nil {
		t.Fatal(err)
	}
	return results[0]
}

func TestDecode(t *testing.T) {
	L := newState(t)
	for _, test := range []struct{ doc, chunk, want string }{
		{`"text"`, `return ..., type(...)`, "text string"},
		{`"a\"b\\c\/d\b\f\n\r\t\u0041\u00e9\u20ac"`, `return (...) == "a\"b\\c/d\b\f\n\r\tA\195\169\226\130\172"`, "true"},
		{`"\ud83d\ude00"`, `return (...) == "\240\159\152\128"`, "true"},
		{`"\ud83d!"`, `return (...) == "\239\191\189!"`, "true"}, // half a pair, as encoding/json
		{`"\ud83d\ud83d\ude00"`, `return (...) == "\239\191\189\240\159\152\128"`, "true"},
		{` true `, `return ...`, "true"},
		{`false`, `return ...`, "false"},
		{`null`, `return tostring(...), type(...)`, "null userdata"},
		{`0`, `return ...`, "0"},
		{`-17`, `return ...`, "-17"},
		{`1.5e3`, `return ...`, "1500"},
		{`-0.25`, `return ...`, "-0.25"},
		{`123456789012345`, `return string.format("%d", (...))`, "123456789012345"},
		{`9007199254740992`, `return type(...)`, "number"},
		{`9007199254740993`, `return type(...), tostring(...)`, "userdata 9007199254740993"},
		{`1152921504606846976`, `return type(...)`, "number"}, // 2^60: a float64 holds it
		{`1e999`, `return (...) == 1/0`, "true"},              // Python's Infinity, as package rucio gives it
		{`[]`, `return #(...), next(...)`, "0 nil"},
		{`{}`, `return next((...))`, "nil"},
		{`[1, [2, "x"], null, {"a": false}]`, `local l = ... return #l, l[1], l[2][2], tostring(l[3]), l[4].a`, "4 1 x null false"},
		{`{"a": null, "b": {"c": [10]}}`, `local o = ... return o.a, o.b.c[1], o.none, o[1]`, "nil 10 nil nil"},
		{`{"a": 1, "a": 2}`, `local n = 0 for k in pairs(...) do n = n + 1 end return (...).a, n`, "2 1"},
		{`{"a\u0062": 1}`, `return (...).ab`, "1"},
		{"{\"a\"\n:\t1 ,\r\n \"b\" : [ ] }", `return (...).a, #(...).b`, "1 0"},
	} {
		for _, eager := range []bool{false, true} {
			if got := eval(t, L, test.chunk, decode(t, L, test.doc, eager)); got != test.want {
				t.Errorf("%s (eager: %v): %s\n got %s\nwant %s", test.doc, eager, test.chunk, got, test.want)
			}
		}
	}
}

func TestDecodeManyMembers(t *testing.T) {
	var doc strings.Builder
	for i := range 3 * manyMembers {
		fmt.Fprintf(&doc, `,"k%d": [%d]`, i, i)
	}
	L := newState(t)
	v := decode(t, L, "{"+doc.String()[1:]+"}", false)
	if got := eval(t, L, `local o, n = ..., 0 for k, v in pairs(o) do n = n + v[1] end return n, o.k95[1]`, v); got != "4560 95" {
		t.Errorf("got %s", got)
	}
}

func TestDecodeErrors(t *testing.T) {
	L := newState(t)
	deep := strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1)
	for _, test := range []struct{ doc, want string }{
		{"", "invalid JSON: it ends too early, at line 1, column 1"},
		{"  {\n  \"a\": 1,\n  \"b\" 2\n}", `invalid JSON: unexpected "2" at line 3, column 7`},
		{`{"a": 1,}`, `unexpected "}" at line 1, column 9`},
		{`[1 2]`, `unexpected "2" at line 1, column 4`},
		{`[1,]`, `unexpected "]"`},
		{`{"a": tru}`, `unexpected "}" at line 1, column 10`},
		{`nul`, "ends too early"},
		{`{a: 1}`, `unexpected "a"`},
		{`"a` + "\n" + `"`, `unexpected "\n" at line 1, column 3`},
		{`"\x"`, `unexpected "x"`},
		{`"\u00g0"`, `unexpected "g"`},
		{`01`, `unexpected "1"`},
		{`1.`, "ends too early"},
		{`-`, "ends too early"},
		{`1e+`, "ends too early"},
		{`+1`, `unexpected "+"`},
		{`{"a": [1, {"b": "unfinished]}`, "ends too early"},
		{`{"a": 1} {}`, `unexpected "{" at line 1, column 10`},
		{`<html>`, `unexpected "<" at line 1, column 1`},
		{`ñ`, `unexpected "ñ"`},
		{deep, "nest deeper than 200"},
		{`{"a":` + deep + `}`, "nest deeper than 200"},
	} {
		v, err := Decode(L, test.doc)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Decode(%.40q) = %v, %v; want an error with %q", test.doc, v, err, test.want)
		}
		if json.Valid([]byte(test.doc)) && test.doc != deep && !strings.Contains(test.doc, deep) {
			t.Errorf("encoding/json takes %q", test.doc)
		}
	}
}

func TestEncode(t *testing.T) {
	L := newState(t)
	L.SetGlobal("null", Null{})
	L.SetGlobal("big", Integer("9007199254740993"))
	for _, test := range []struct{ value, want string }{
		{`nil`, `null`},
		{`null`, `null`},
		{`true`, `true`},
		{`1`, `1`}, {`-1.5`, `-1.5`}, {`2^53`, `9007199254740992`}, {`1e20`, `100000000000000000000`},
		{`1e21`, `1e+21`}, {`1e-7`, `1e-07`}, {`0.1`, `0.1`}, {`big`, `9007199254740993`},
		{`"a\"\\\n\1\226\130\172"`, `"a\"\\\n\u0001€"`},
		{`"\255x\254"`, `"` + "\uFFFDx\uFFFD" + `"`},
		{`{}`, `{}`},
		{`{1, "b", {}}`, `[1,"b",{}]`},
		{`{1, null, 3}`, `[1,null,3]`},
		{`{z = 1, a = {b = null}}`, `{"z":1,"a":{"b":null}}`}, // fields stay in order
		{`(function() local t = {1, 2} table.remove(t) table.remove(t) return t end)()`, `{}`},
	} {
		got, err := Encode(value(t, L, test.value))
		if err != nil || string(got) != test.want {
			t.Errorf("Encode(%s) = %s, %v; want %s", test.value, got, err, test.want)
		}
	}
}

func TestEncodeErrors(t *testing.T) {
	L := newState(t)
	for _, test := range []struct{ value, want string }{
		{`0/0`, "cannot write the number NaN as JSON"},
		{`{a = {1, {b = 1/0}}}`, "cannot write the number +Inf as JSON, at .a[2].b"},
		{`{f = print}`, "cannot write a function as JSON, at .f"},
		{`{coroutine.create(print)}`, "cannot write a thread as JSON, at [1]"},
		{`{1, 2, x = 3}`, `cannot write a table that is a list and has the field "x" as JSON`},
		{`{1, nil, 3}`, "a table with the key [3] but without [2] (put json.null into a list's gaps; make the keys of an object strings)"},
		{`{[0] = 1}`, "a table with the key [0] but without [1]"},
		{`{x = 1, [2.5] = 1}`, "a table with the key [2.5]"},
		{`{[true] = 1}`, "a table with a boolean as a key"},
		{`(function() local t = {} t.a = {{t}} return t end)()`, "cannot write a table that contains itself as JSON, at .a[1][1]"},
		{`(function() local t = {} for i = 1, 300 do t = {t} end return t end)()`, "tables that nest deeper than 200"},
	} {
		v := value(t, L, test.value)
		if got, err := Encode(v); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Encode(%s) = %s, %v; want an error with %q", test.value, got, err, test.want)
		}
		if got, err := ToGo(v); (err == nil || !strings.Contains(err.Error(), test.want)) && !strings.Contains(test.want, "the number") {
			t.Errorf("ToGo(%s) = %v, %v; want an error with %q", test.value, got, err, test.want)
		}
	}
}

// A table that appears twice, but not inside itself, is written twice.
func TestEncodeShared(t *testing.T) {
	L := newState(t)
	got, err := Encode(func() lua.LValue {
		inner, outer := L.NewTable(), L.NewTable()
		inner.Append(lua.LNumber(1))
		outer.RawSetString("a", inner)
		outer.RawSetString("b", inner)
		return outer
	}())
	if err != nil || string(got) != `{"a":[1],"b":[1]}` {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestGoValues(t *testing.T) {
	L := newState(t)
	at := time.Date(2026, 11, 23, 4, 56, 23, 784e6, time.UTC)
	for _, test := range []struct {
		in, out any
		lua     string
	}{
		{nil, nil, "nil"},
		{true, true, "true"},
		{int(3), int64(3), "3"}, {uint8(3), int64(3), "3"}, {int64(-4), int64(-4), "-4"},
		{1.5, 1.5, "1.5"}, {2.0, int64(2), "2"},
		{int64(math.MaxInt64), json.Number("9223372036854775807"), "9223372036854775807"},
		{json.Number("12"), int64(12), "12"},
		{"x", "x", "x"},
		{at, "2026-11-23T04:56:23.784Z", "2026-11-23T04:56:23.784Z"},
		{json.RawMessage(`"raw"`), "raw", "raw"},
	} {
		v, err := FromGo(L, test.in)
		if err != nil || L.ToStringMeta(v).String() != test.lua {
			t.Errorf("FromGo(%#v) = %v, %v; want %s", test.in, v, err, test.lua)
		}
		if got, err := ToGo(v); err != nil || !reflect.DeepEqual(got, test.out) {
			t.Errorf("ToGo(FromGo(%#v)) = %#v, %v; want %#v", test.in, got, err, test.out)
		}
	}
	tree := map[string]any{"list": []any{int64(1), nil, "x"}, "none": []any{}, "map": map[string]any{"n": 1.5}, "names": []any{"a"}}
	in := map[string]any{"list": []any{1, nil, "x"}, "none": []any{}, "map": map[string]any{"n": 1.5}, "names": []string{"a"}, "absent": nil}
	v, err := FromGo(L, in)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ToGo(v); err != nil || !reflect.DeepEqual(got, tree) {
		t.Errorf("got %#v, %v\nwant %#v", got, err, tree)
	}
	if _, err := FromGo(L, map[string]any{"a": []any{func() {}}}); err == nil || !strings.Contains(err.Error(), "a: [1]: a Go func() as a Lua value") {
		t.Errorf("FromGo of a function: %v", err)
	}
}

// equal compares JSON values with all digits of their numbers.
func equal(t *testing.T, a, b []byte) bool {
	t.Helper()
	parse := func(doc []byte) (v any) {
		d := json.NewDecoder(strings.NewReader(string(doc)))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%q: %v", doc, err)
		}
		return canonical(v)
	}
	return reflect.DeepEqual(parse(a), parse(b))
}

// canonical makes numbers that mean the same equal: integers keep their digits, others are floats.
func canonical(v any) any {
	switch v := v.(type) {
	case json.Number:
		if isInteger(string(v)) && v != "-0" {
			return string(v)
		}
		f, _ := v.Float64()
		return string(appendNumber(nil, f))
	case []any:
		for i := range v {
			v[i] = canonical(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = canonical(v[key])
		}
	}
	return v
}

// dropNulls removes the fields of maps that are nil.
func dropNulls(v any) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			dropNulls(item)
		}
	case map[string]any:
		for key, field := range v {
			if dropNulls(field); field == nil {
				delete(v, key)
			}
		}
	}
}

func toGo(t *testing.T, doc []byte) any {
	t.Helper()
	v, err := ToGo(decode(t, newState(t), string(doc), false))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// infinite tells whether a document has a number that is beyond float64.
func infinite(doc string) bool {
	var v any
	err := json.Unmarshal([]byte(doc), &v)
	return err != nil && strings.Contains(err.Error(), "cannot unmarshal number")
}

// FuzzJSON checks that Decode takes what encoding/json takes, and that a value comes back as it was: from tables that were not
// looked into, from such that were, and by way of Go values.
func FuzzJSON(f *testing.F) {
	for _, seed := range []string{
		`{"scope": "user.jdoe", "name": "f", "bytes": 10, "guid": null, "rses": {"X": ["a", "b"]}}`,
		`[1, -2.5e-3, 123456789012345678901234567890, 9007199254740993, true, false, null, "", [], {}]`,
		`{"a": 1, "a": null, "b": null, "b": {"c": [null]}, "": "\ud83d\ude00\ud83d \u0000\"\\\/"}`,
		"\"\xff\xc3\x28\"", ` [ ] `, `{`, `"\u12`, `-0`, `1e999`, `[1e-400]`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		L := newState(t)
		v, err := Decode(L, doc)
		var syntax *SyntaxError
		deep := errors.As(err, &syntax) && syntax.Deep
		if valid := json.Valid([]byte(doc)); valid != (err == nil) && !deep {
			t.Fatalf("encoding/json says valid: %v; Decode: %v", valid, err)
		}
		if err != nil {
			return
		}
		if infinite(doc) || !utf8.ValidString(doc) {
			return // such have no way back
		}
		untouched, err := Encode(v)
		if err != nil || !equal(t, untouched, []byte(doc)) {
			t.Fatalf("untouched: got %s, %v", untouched, err)
		}
		fillAll(v)
		filled, err := Encode(v)
		if err != nil || !equal(t, filled, []byte(doc)) {
			t.Fatalf("filled: got %s, %v", filled, err)
		}
		goValue, err := ToGo(v)
		if err != nil {
			t.Fatal(err)
		}
		back, err := FromGo(L, goValue)
		if err != nil {
			t.Fatal(err)
		}
		dropNulls(goValue) // in a map, Go's nil is Lua's nil: the field is absent
		if again, err := Encode(back); err != nil || !reflect.DeepEqual(toGo(t, again), goValue) {
			t.Fatalf("by way of Go: got %s, %v", again, err)
		}
	})
}

func TestInteger(t *testing.T) {
	L := newState(t)
	a, b := Integer("9007199254740993"), Integer("9007199254740995")
	for _, test := range []struct{ chunk, want string }{
		{`local a, b = ... return a < b, a <= b, a > b, a == b, a ~= b`, "true true false false true"},
		{`local a = ... return "x" .. a .. 1, a .. ""`, "x90071992547409931 9007199254740993"},
		{`local a = ... return type(a + 1), a / 1e15 > 9, a - a, -a < 0, 10 * a == 2 * a * 5, a % 10, a ^ 1 == tonumber(a), "1" + a > 1`,
			"number true 0 true true 2 true true"},
		{`local a = ... return string.format("%s", tostring(a))`, "9007199254740993"},
		{`local a, b = ... local t = {[a] = 1} return t[a], t[b]`, "1 nil"},
		{`local a = ... return a < 1`, "error: chunk:1: attempt to compare userdata with number"},
		{`local a = ... return a + {}`, "error: chunk:1: attempt to perform arithmetic on a table"},
		{`local a = ... return a .. {}`, "error: chunk:1: attempt to concatenate a table"},
	} {
		if got := eval(t, L, test.chunk, a, b); got != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.chunk, got, test.want)
		}
	}
	if got := eval(t, L, `local n = ... return n == n, n + 1`, Null{}); got != "error: chunk:1: attempt to perform arithmetic on json.null" {
		t.Errorf("null + 1: %s", got)
	}
	if got := eval(t, L, `local n, a = ... return n < a`, Null{}, a); got != "error: chunk:1: attempt to compare json.null with an integer beyond 2^53" {
		t.Errorf("null < a: %s", got)
	}
}
