package bind

import (
	"strings"

	lua "github.com/yuin/gopher-lua"
)

var didModule = module{
	name: "did",
	doc:  "Names of data identifiers.",
	functions: []function{
		{
			name: "parse", signature: "(text) -> did",
			doc: `Reads "scope:name" into a table with scope and name, as methods of Rucio take it. Without a colon, the ` +
				"scope is what Rucio's default convention makes of the name: its part before the first dot, or two parts " +
				"if it begins with user or group.",
			example: `print(did.parse("user.jdoe:data.1").name)
print(did.parse("user.jdoe.data.1").scope)`,
			call: func(c *call) int {
				scope, name := c.did(1)
				d := c.CreateTable(0, 2)
				d.RawSetString("scope", lua.LString(scope))
				d.RawSetString("name", lua.LString(name))
				return c.give(d)
			},
		},
		{
			name: "split", signature: "(text) -> scope, name",
			doc:     "As did.parse, with two results.",
			example: `local scope, name = did.split("user.jdoe:data.1")`,
			call: func(c *call) int {
				scope, name := c.did(1)
				return c.give(lua.LString(scope), lua.LString(name))
			},
		},
		{
			name: "format", signature: "(did) or (scope, name) -> text",
			doc:     `"scope:name".`,
			example: `print(did.format{ scope = "user.jdoe", name = "data.1" }, did.format("user.jdoe", "data.1"))`,
			call: func(c *call) int {
				if !c.given(2) {
					table := c.table("did")
					c.SetTop(0)
					c.Push(table.RawGetString("scope"))
					c.Push(table.RawGetString("name"))
				}
				return c.give(lua.LString(c.str(1, "scope") + ":" + c.str(2, "name")))
			},
		},
	},
}

// did reads argument n as extract_scope of rucio.common.utils does by default.
func (c *call) did(n int) (scope, name string) {
	text := c.str(n, "text")
	scope, name, found := strings.Cut(text, ":")
	if !found {
		parts := strings.SplitN(text, ".", 3)
		scope, name = parts[0], strings.TrimSuffix(text, "/")
		if len(parts) > 1 && (strings.HasPrefix(text, "user") || strings.HasPrefix(text, "group")) {
			scope = parts[0] + "." + parts[1]
		}
		return scope, name
	}
	if scope == "" || name == "" || strings.Contains(name, ":") {
		c.wrong("text", `a DID as "scope:name"`, c.Get(n))
	}
	return scope, name
}
