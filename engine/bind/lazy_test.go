package bind

import (
	"strings"
	"testing"
	"unsafe"

	lua "github.com/yuin/gopher-lua"
)

// row is a document with everything that a row of Rucio may have.
const row = `{"scope": "user.jdoe", "name": "f1", "bytes": 10, "guid": null, "rses": {"A": ["a1", "a2"], "B": []},
  "states": {"A": "OK"}, "list": [3, 1, 2, {"x": null, "y": "z"}], "empty": {}, "big": 9007199254740993, "escaped": "a\"b",
  "date": {"year": 2026, "month": 1, "day": 2, "hour": 3}}`

// Whatever a script does with a table that was not looked into, it sees and leaves behind what it would with a table
// that was filled at once.
func TestLazyBehavesAsTable(t *testing.T) {
	show := `local function show(t, seen)
  if type(t) ~= "table" then return tostring(t) end
  local parts = {}
  for k, v in pairs(t) do parts[#parts + 1] = tostring(k) .. "=" .. show(v) end
  return "{" .. table.concat(parts, " ") .. "}"
end
`
	for _, chunk := range []string{
		// reading
		`return type(r), type(r.rses), type(r.list), type(r.guid), type(r.none)`,
		`return r.scope, r["name"], r.bytes + 1, r.guid, r.escaped, r.big, r[1], r[true]`,
		`return r.rses.A[1], #r.rses.A, #r.rses.B, r.list[4].y, r.list[4].x, r.list[5], r.list[0], r.list.x, r.list[-1]`,
		`return r.rses == r.rses, r.rses ~= r.states, r.rses.A == r.rses["A"], rawequal(r.list, r.list), r == r, r == {}`,
		`return #r, #r.list, #r.empty, #r.rses`,
		`return show(r)`,
		`return show(r.rses), show(r.list), show(r.empty)`,
		`local n = 0 for k in next, r do n = n + 1 end return n`,
		`return next(r)`,
		`return next(r, "scope")`,
		`return (next(r, "escaped"))`,
		`return next(r.empty), next(r.rses.B), next(r.list)`,
		`local t = {} for i, v in ipairs(r.list) do t[#t + 1] = i .. type(v) end return table.concat(t, ",")`,
		`local t = {} for i = 1, #r.rses.A do t[i] = r.rses.A[i] end return table.concat(t, ",")`,
		`return rawget(r, "name"), rawget(r.list, 2), rawget(r, "guid")`,
		`return unpack(r.rses.A)`,
		`return select("#", unpack(r.list)), (unpack(r.list))`,
		`return table.concat(r.rses.A, "+"), table.maxn(r.list), table.getn(r.list)`,
		`local f = {} for k in pairs(r.list) do f[#f + 1] = k end return #f`,
		`return ("$name/$bytes"):gsub("%$(%w+)", r)`,
		`return getmetatable(r), getmetatable(r.rses), getmetatable(r.list)`,
		`return os.time(r.date)`,
		// as a key
		`local t = {[r] = 1, [r.rses] = 2} return t[r], t[r.rses], t[r.states]`,
		// writing
		`r.bytes = 20 return r.bytes, r.name, show(r)`,
		`r.new = {1} return r.new[1], r.scope, show(r)`,
		`r.scope = nil return r.scope, show(r)`,
		`r.guid = "g" return r.guid, show(r)`,
		`r[1] = "one" return r[1], #r, r.name`,
		`r.rses.C = {"c"} return show(r.rses), r.rses.C[1]`,
		`r.rses.A[3] = "a3" return show(r.rses), #r.rses.A`,
		`r.rses.A[1] = nil return show(r.rses)`,
		`r.list[#r.list + 1] = "end" return #r.list, show(r.list)`,
		`local rses = r.rses r.rses.X = 1 r.new = 2 return rses == r.rses, r.rses.X`,
		`local l = r.list l[5] = 0 return r.list[5], l == r.list`,
		`rawset(r, "bytes", 5) rawset(r.rses.A, 1, "z") return r.bytes, show(r)`,
		`table.insert(r.list, 1, 0) table.insert(r.list, "e") return show(r.list)`,
		`return table.remove(r.list, 1), table.remove(r.list).y, table.remove(r.rses.B), show(r)`,
		`table.remove(r.list) table.sort(r.list) return show(r.list)`,
		`table.remove(r.list) table.sort(r.list, function(a, b) return a > b end) return show(r.list)`,
		`for k in pairs(r) do r[k] = nil end return next(r), show(r)`,
		`for k, v in pairs(r) do r[k] = tostring(type(v)) end return show(r)`,
		`for i, v in ipairs(r.list) do r.list[i] = i end return show(r.list)`,
		`r[0/0] = 1`,
		`r[nil] = 1`,
		// metatables of scripts
		`setmetatable(r, {__index = function(_, k) return "?" .. k end}) return r.name, r.none, r.rses.A[2]`,
		`setmetatable(r, {__len = function() return 7 end, __call = function(self, x) return self.name .. x end}) return #r, r("!")`,
		`local o = setmetatable({}, {__index = r}) return o.name, o.rses.A[1], rawget(o, "name")`,
		`r.__index = r local o = setmetatable({}, r) return o.name`,
		`local o = setmetatable({}, {__newindex = r}) o.added = 1 return r.added, rawget(o, "added")`,
		`r.__tostring = function(x) return "I am " .. x.name end setmetatable(r, r) return tostring(r)`,
		`setfenv(function() name = scope .. "!" end, r)() return r.name`,
		// what tables cannot do
		`return r + 1`,
		`return r .. "x"`,
		`return r < r`,
		`return r()`,
		`return r.name.first.second`,
		`return -r.rses`,
		// by way of functions
		`local function f(t) t.bytes = t.bytes * 2 return t end return f(r).bytes, r.bytes`,
		`return pcall(next, r, "no such key")`,
		`return coroutine.wrap(function() coroutine.yield(r.list[2]) end)()`,
		`local t = {} for k, v in pairs(r.states) do t[v] = k end return t.OK`,
	} {
		L := newState(t)
		run := func(eager bool) string {
			return eval(t, L, show+"local r = ... "+chunk, decode(t, L, row, eager))
		}
		if lazyOf(decode(t, L, row, false)).filled {
			t.Fatal("the row is not lazy")
		}
		if got, want := run(false), run(true); got != want {
			t.Errorf("%s\nlazy  %s\neager %s", chunk, got, want)
		}
	}
}

// What Go sees of a table is the same as well, whatever a script has done before.
func TestLazyEncodes(t *testing.T) {
	const all = `{"scope":"user.jdoe","name":"f1","bytes":10,"guid":null,"rses":{"A":["a1","a2"],"B":[]},` +
		`"states":{"A":"OK"},"list":[3,1,2,{"x":null,"y":"z"}],"empty":{},"big":9007199254740993,"escaped":"a\"b","date":{"year":2026,"month":1,"day":2,"hour":3}}`
	const nullsLast = `{"scope":"user.jdoe","name":"f1","bytes":10,"rses":{"A":["a1","a2"],"B":[]},` +
		`"states":{"A":"OK"},"list":[3,1,2,{"x":null,"y":"z"}],"empty":{},"big":9007199254740993,"escaped":"a\"b","date":{"year":2026,"month":1,"day":2,"hour":3},"guid":null}`
	for _, test := range []struct{ chunk, want string }{
		{`return r.name`, all},
		{`return r.rses.A[1]`, all},
		{`r.bytes = 11 r.bytes = 10`, nullsLast}, // what was null is written last
		{`r.guid = "g"`, `{"scope":"user.jdoe","name":"f1","bytes":10,"rses":{"A":["a1","a2"],"B":[]},` +
			`"states":{"A":"OK"},"list":[3,1,2,{"x":null,"y":"z"}],"empty":{},"big":9007199254740993,"escaped":"a\"b","date":{"year":2026,"month":1,"day":2,"hour":3},"guid":"g"}`},
		{`for k in pairs(r) do if k ~= "rses" then r[k] = nil end end r.rses.B[1] = 5`, `{"rses":{"A":["a1","a2"],"B":[5]},"guid":null}`},
		{`for k in pairs(r) do if k ~= "list" then r[k] = nil end end while #r.list > 0 do table.remove(r.list) end`, `{"list":[],"guid":null}`},
		{`r.rses.A = nil r.rses.B[1] = r.states`, `{"scope":"user.jdoe","name":"f1","bytes":10,"guid":null,"rses":{"B":[{"A":"OK"}]},` +
			`"states":{"A":"OK"},"list":[3,1,2,{"x":null,"y":"z"}],"empty":{},"big":9007199254740993,"escaped":"a\"b","date":{"year":2026,"month":1,"day":2,"hour":3}}`},
	} {
		L := newState(t)
		v := decode(t, L, row, false)
		eval(t, L, "local r = ... "+test.chunk, v)
		if got, err := Encode(v); err != nil || string(got) != test.want {
			t.Errorf("%s\n got %s, %v\nwant %s", test.chunk, got, err, test.want)
		}
	}
}

func TestLazyStaysLazy(t *testing.T) {
	L := newState(t)
	for _, test := range []struct {
		chunk  string
		filled bool
	}{
		{`return r.name, r.rses.A[1], #r.list`, false},
		{`for k, v in pairs(r) do local _ = k .. type(v) end`, false},
		{`return next(r)`, false},
		{`return #r`, false},
		{`r.x = 1`, true},
		{`return rawget(r, "name")`, true},
	} {
		v := decode(t, L, `{"name": "f", "rses": {"A": ["a"]}, "list": [1]}`, false)
		if got := eval(t, L, "local r = ... "+test.chunk, v); len(got) > 6 && got[:6] == "error:" {
			t.Fatalf("%s: %s", test.chunk, got)
		}
		if got := lazyOf(v).filled; got != test.filled {
			t.Errorf("%s: filled is %v, want %v", test.chunk, got, test.filled)
		}
	}
}

func TestFill(t *testing.T) {
	L := newState(t)
	table := decode(t, L, `{"a": {"b": 1}}`, false).(*lua.LTable)
	if !Fill(table) || table.RawGetString("a").Type() != lua.LTTable {
		t.Errorf("Fill left %v", table.RawGetString("a"))
	}
	plain := L.NewTable()
	if Fill(plain) {
		t.Error("Fill took an ordinary table for its own")
	}
	eval(t, L, `setmetatable(..., {})`, table)
	if Fill(table) {
		t.Error("Fill took a script's metatable for its own")
	}
}

func TestPrintShowsTables(t *testing.T) {
	L := newState(t)
	for _, test := range []struct{ value, want string }{
		{`{1, {a = "b"}}`, `[1,{"a":"b"}]`},
		{`setmetatable({}, {__tostring = function() return "mine" end})`, "mine"},
		{`"text"`, "text"},
	} {
		v := eval(t, L, `local out = ... `+"local t = "+test.value+` return out(t)`, L.NewFunction(func(L *lua.LState) int {
			L.Push(printable(L, L.Get(1)))
			return 1
		}))
		if v != test.want {
			t.Errorf("%s prints as %s, want %s", test.value, v, test.want)
		}
	}
}

// A part of a large document that is kept does not keep the document; rows and their fields share memory.
func TestPartsOfLargeDocuments(t *testing.T) {
	inside := func(part, doc string) bool {
		p, d := uintptr(unsafe.Pointer(unsafe.StringData(part))), uintptr(unsafe.Pointer(unsafe.StringData(doc)))
		return p >= d && p < d+uintptr(len(doc))
	}
	L := newState(t)
	large := `{"hits": [{"name": "x"}, {"name": "` + strings.Repeat("y", sharedText) + `"}], "title": "z"}`
	for _, test := range []struct {
		doc, chunk string
		shared     bool
	}{
		{row, `return (...).name`, true},
		{row, `return (...).rses.A[1]`, true},
		{large, `return (...).title`, false},
		{large, `return (...).hits[1].name`, false},
		{large, `return (next((...)))`, false},
	} {
		results, err := run(t, L, test.chunk, decode(t, L, test.doc, false))
		if err != nil {
			t.Fatal(err)
		}
		if got := inside(string(results[0].(lua.LString)), test.doc); got != test.shared {
			t.Errorf("%s of %.20s...: shares memory: %v, want %v", test.chunk, test.doc, got, test.shared)
		}
	}
}
