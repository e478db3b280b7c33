package bind

import (
	"bytes"
	"encoding/json"

	lua "github.com/yuin/gopher-lua"
)

var jsonModule = module{
	name: "json",
	doc: "JSON. A null field of an object is nil in Lua (and is null again when the object is written); elsewhere null is json.null. " +
		"An integer beyond 2^53, which a Lua number cannot hold, keeps its digits: tonumber(x) rounds it.",
	functions: []function{
		{
			name: "decode", signature: "(text) -> value",
			doc: "Reads JSON.",
			example: `local v = json.decode('{"rse": "XRD1", "bytes": [1, 2]}')
print(v.rse, v.bytes[2])`,
			call: func(c *call) int {
				v, err := Decode(c.LState, c.str(1, "text"))
				c.check(err)
				return c.give(v)
			},
		},
		{
			name: "encode", signature: "(value) -> text",
			doc: "Writes JSON, in one line. An empty table is {}; see json.array. NaN, functions, tables that are neither " +
				"list nor map, and tables that contain themselves are errors.",
			example: `print(json.encode{ rses = { "XRD1", "XRD2" }, none = json.null })`,
			call: func(c *call) int {
				return c.give(lua.LString(c.encode(1)))
			},
		},
		{
			name: "pretty", signature: "(value) -> text",
			doc:     "Writes JSON with a line for each value, for people.",
			example: `print(json.pretty{ rses = { "XRD1", "XRD2" } })`,
			call: func(c *call) int {
				var out bytes.Buffer
				c.check(json.Indent(&out, c.encode(1), "", "  "))
				return c.give(lua.LString(out.String()))
			},
		},
		{
			name: "array", signature: "([list]) -> list",
			doc:     "Marks a table as a list, so that it is written as [] when it is empty.",
			example: `print(json.encode{ rses = json.array{} })`,
			call:    jsonArray,
		},
		{
			name: "null",
			doc: "JSON's null, to be written as an item of a list, or as a field. It is true in conditions; compare it " +
				"with ==.",
			example: `print(json.encode{ 1, json.null, 3 })`,
		},
	},
	extend: func(L *lua.LState, _ *Host, table *lua.LTable) { table.RawSetString("null", Null{}) },
}

// encode returns argument n as JSON.
func (c *call) encode(n int) json.RawMessage {
	doc, err := Encode(c.Get(n))
	c.check(err)
	return doc
}

func jsonArray(c *call) int {
	if !c.given(1) {
		c.SetTop(0)
		c.Push(c.NewTable())
	}
	list := c.table("list")
	if c.list(); list.Metatable != lua.LNil && !Fill(list) {
		c.wrong("list", "a list without a metatable", list)
	}
	codecOf(c.LState).markList(list)
	return c.give(list)
}
