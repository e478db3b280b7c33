package bind

import (
	lua "github.com/yuin/gopher-lua"
)

// Prepare adapts a fresh VM's library to tables that came from JSON, and makes print show tables as JSON. It is what a VM's
// Options.Prepare calls; without it, the first module that needs it does it.
func Prepare(L *lua.LState) { codecOf(L) }

// adaptLibrary makes those functions of Lua's library that look into a table without its metatable know lazy tables. Each
// function is changed in place, so that a script that has taken hold of one before has the adapted one as well.
func adaptLibrary(L *lua.LState) {
	base := L.G.Global
	for _, name := range []string{"rawget", "rawset", "unpack", "setmetatable", "ipairs"} {
		adapt(base, name, fillFirst)
	}
	adapt(base, "ipairs", numbered)
	adapt(base, "pairs", numbered)
	if library, ok := base.RawGetString("table").(*lua.LTable); ok {
		library.ForEach(func(name, _ lua.LValue) { adapt(library, name.String(), fillFirst) })
	}
	if library, ok := base.RawGetString("os").(*lua.LTable); ok {
		adapt(library, "time", fillFirst)
	}
	adapt(base, "next", func(lua.LGFunction) lua.LGFunction { return luaNext })
	if pairs, ok := base.RawGetString("pairs").(*lua.LFunction); ok && len(pairs.Upvalues) > 0 {
		if iterator, ok := pairs.Upvalues[0].Value().(*lua.LFunction); ok && iterator.IsG {
			iterator.GFunction = luaNext
		}
	}
	adapt(base, "getmetatable", luaGetMetatable)
	adapt(base, "tonumber", luaToNumber)
	adapt(base, "print", luaPrint)
}

// adapt replaces what the Go function called name in library does.
func adapt(library *lua.LTable, name string, by func(old lua.LGFunction) lua.LGFunction) {
	if fn, ok := library.RawGetString(name).(*lua.LFunction); ok && fn.IsG {
		fn.GFunction = by(fn.GFunction)
	}
}

// fillFirst fills the tables among a function's arguments.
func fillFirst(old lua.LGFunction) lua.LGFunction {
	return func(L *lua.LState) int {
		for i := range L.GetTop() {
			if table, ok := L.Get(i + 1).(*lua.LTable); ok {
				Fill(table)
			}
		}
		return old(L)
	}
}

// luaNext is next, and the iterator that pairs returns.
func luaNext(L *lua.LState) int {
	key, v := next(L.CheckTable(1), L.Get(2))
	if key == lua.LNil {
		L.Push(lua.LNil)
		return 1
	}
	L.Push(key)
	L.Push(v)
	return 2
}

// luaGetMetatable hides the metatables of tables that came from JSON.
func luaGetMetatable(old lua.LGFunction) lua.LGFunction {
	return func(L *lua.LState) int {
		if lazyOf(L.Get(1)) != nil {
			L.Push(lua.LNil)
			return 1
		}
		return old(L)
	}
}

// luaToNumber makes numbers of Integers.
func luaToNumber(old lua.LGFunction) lua.LGFunction {
	return func(L *lua.LState) int {
		if n, ok := L.Get(1).(Integer); ok {
			L.Push(lua.LNumber(n.float()))
			return 1
		}
		return old(L)
	}
}

// luaPrint prints tables as JSON, unless they have a text of their own or no JSON.
func luaPrint(old lua.LGFunction) lua.LGFunction {
	return func(L *lua.LState) int {
		for i := range L.GetTop() {
			L.Replace(i+1, printable(L, L.Get(i+1)))
		}
		return old(L)
	}
}

// printable returns a table as its JSON, if it has one and does not say by __tostring how it prints.
func printable(L *lua.LState, v lua.LValue) lua.LValue {
	if table, ok := v.(*lua.LTable); ok && L.GetMetaField(table, "__tostring") == lua.LNil {
		if doc, err := Encode(table); err == nil {
			return lua.LString(doc)
		}
	}
	return v
}
