package bind

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/suggest"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

// A module is what scripts know by one name. Its functions carry their own documentation, so that the reference cannot
// tell of what is not there.
type module struct {
	name, doc string
	functions []function
	// extend, if set, adds what is not a function to the table that scripts see.
	extend func(L *lua.LState, h *Host, table *lua.LTable)
}

// A function of a module, or ("session:get") a method of an object that the module makes; those have no call.
type function struct {
	name      string
	signature string // what goes in and comes out, without the name: "(path, text)", "([size]) -> string"
	doc       string
	example   string // runs as it stands, where the rest of the world allows
	call      func(c *call) int
}

// ModuleDoc documents a module: for the reference in the docs, and the help of the REPL.
type ModuleDoc struct {
	Name      string
	Doc       string
	Functions []FunctionDoc
}

// FunctionDoc documents a function of a module, a value ("null"), or a method of an object that one of the module's
// functions returns ("session:get").
type FunctionDoc struct {
	Name      string // without the module
	Signature string // with the module: "file.write(path, text)"
	Doc       string
	Example   string // Lua
}

// Reference documents all modules, in the order in which to read of them. The methods of Rucio's client, which are functions
// of module rucio too, are documented by package catalog.
func Reference() []ModuleDoc {
	var docs []ModuleDoc
	for _, m := range modules() {
		doc := ModuleDoc{Name: m.name, Doc: m.doc}
		for _, f := range m.functions {
			doc.Functions = append(doc.Functions, FunctionDoc{f.name, m.title(f) + f.signature, f.doc, f.example})
		}
		docs = append(docs, doc)
	}
	return docs
}

// title returns a function's name as a script writes it.
func (m module) title(f function) string {
	switch {
	case f.name == m.name: // the module itself can be called
		return m.name
	case strings.Contains(f.name, ":"):
		return f.name
	}
	return m.name + "." + f.name
}

// table makes the module in a VM. Reading a name that it does not have is an error, since it is a misspelling.
func (m module) table(L *lua.LState, h *Host) *lua.LTable {
	table := L.CreateTable(0, len(m.functions))
	meta := L.CreateTable(0, 2)
	for _, f := range m.functions {
		switch {
		case f.call == nil:
		case f.name == m.name:
			meta.RawSetString("__call", L.NewFunction(func(L *lua.LState) int {
				L.Remove(1) // the module
				return f.run(L, h, m.title(f))
			}))
		default:
			table.RawSetString(f.name, L.NewFunction(func(L *lua.LState) int { return f.run(L, h, m.title(f)) }))
		}
	}
	if m.extend != nil {
		m.extend(L, h, table)
	}
	meta.RawSetString("__index", L.NewFunction(func(L *lua.LState) int {
		key := L.Get(2).String()
		vm.Raise(L, unknown(m.name+" has no function "+quote(key), key, names(table)))
		return 0
	}))
	table.Metatable = meta
	return table
}

func (f function) run(L *lua.LState, h *Host, title string) int {
	return f.call(&call{LState: L, host: h, name: title})
}

// names returns the string keys of a table.
func names(table *lua.LTable) []string {
	var all []string
	table.ForEach(func(key, _ lua.LValue) { all = append(all, key.String()) })
	return all
}

// unknown is the error of a name that is not known.
func unknown(message, name string, known []string) error {
	return hint(message, suggest.Hint(name, known))
}
