package bind

import (
	"encoding/json"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
)

// methodArgs reads the arguments of a call of a Rucio method. As in Python they are positional, named, or both; names come
// as a table at the end:
//
//	rucio.add_rule{dids = ..., copies = 1}
//	rucio.add_rule(dids, 1, "X", {lifetime = 60})
//
// isNamed tells such a table from one that is a positional value. A nil is an argument that is not given.
func methodArgs(L *lua.LState, method *catalog.Method) (catalog.Args, error) {
	n := L.GetTop()
	for n > 0 && L.Get(n) == lua.LNil {
		n--
	}
	var named *lua.LTable
	if table, ok := L.Get(n).(*lua.LTable); ok && n > 0 {
		if Fill(table); isNamed(method, n-1, table) {
			named = table
			n--
		}
	}
	positional := make([]json.RawMessage, n)
	args, err := method.Bind(positional)
	if err != nil {
		return nil, err
	}
	for i := range n {
		param := method.Params[i]
		delete(args, param.Name)
		if err := setArg(args, method, param.Name, L.Get(i+1)); err != nil {
			return nil, err
		}
	}
	if named == nil {
		return args, nil
	}
	for key, v := named.Next(lua.LNil); key != lua.LNil; key, v = named.Next(key) {
		name := key.String()
		if _, twice := args[name]; twice {
			return nil, wrongArg(method, name, "given twice, by position and by name")
		}
		if !hasParam(method, name) { // said before anything that is missing: it may be the same thing, misspelt
			return nil, unknownArg(method, name)
		}
		if err := setArg(args, method, name, v); err != nil {
			return nil, err
		}
	}
	return args, nil
}

func wrongArg(method *catalog.Method, name, message string) error {
	return &catalog.ArgumentError{Method: method.Name, Param: name, Class: "TypeError", Message: message}
}

func unknownArg(method *catalog.Method, name string) error {
	known := make([]string, len(method.Params))
	for i, param := range method.Params {
		known[i] = param.Name
	}
	takes := "takes no arguments"
	if len(known) > 0 {
		takes = "takes " + strings.Join(known, ", ")
	}
	return &catalog.ArgumentError{Method: method.Name, Param: name, Class: "TypeError", Known: known,
		Message: "unknown; " + method.Name + " " + takes}
}

// setArg sets an argument. An empty table is what its parameter takes, a list or a map.
func setArg(args catalog.Args, method *catalog.Method, name string, v lua.LValue) error {
	if v == lua.LNil {
		return nil
	}
	doc, err := Encode(v)
	if err != nil {
		return wrongArg(method, name, err.Error())
	}
	if empty := string(doc); empty == "{}" || empty == "[]" {
		switch lists, maps := takes(method, name); {
		case lists && !maps:
			doc = json.RawMessage("[]")
		case maps && !lists:
			doc = json.RawMessage("{}")
		}
	}
	args[name] = doc
	return nil
}

// fillArgs puts what a method has added to its arguments into the script's own tables, as Python's client does.
func fillArgs(L *lua.LState, method *catalog.Method, out map[string]json.RawMessage) {
	for name, raw := range out {
		table := argTable(L, method, name)
		list, err := Decode(L, string(raw))
		filled, ok := list.(*lua.LTable)
		if table == nil || err != nil || !ok {
			continue
		}
		Fill(filled)
		for i := 1; i <= filled.Len(); i++ {
			table.RawSetInt(i, filled.RawGetInt(i))
		}
	}
}

// argTable returns the table that a script gave as an argument, nil when it gave none.
func argTable(L *lua.LState, method *catalog.Method, name string) *lua.LTable {
	n := L.GetTop()
	if named, ok := L.Get(n).(*lua.LTable); ok && isNamed(method, n-1, named) {
		if table, ok := named.RawGetString(name).(*lua.LTable); ok {
			return table
		}
	}
	for i, param := range method.Params {
		if param.Name == name {
			table, _ := L.Get(i + 1).(*lua.LTable)
			return table
		}
	}
	return nil
}

// isNamed tells whether a table that stands at the end, in the place of parameter i, holds arguments by name:
//
//   - one with list items, or with keys that are no names, is a value;
//   - an empty one is a value where a list or a map is taken, else it names nothing;
//   - in another than the first place it is a value if the parameter there takes maps;
//   - else it is named, except in the place of a first parameter that takes maps, where all its keys must be parameters.
func isNamed(method *catalog.Method, i int, table *lua.LTable) bool {
	var lists, maps bool
	if i < len(method.Params) {
		lists, maps = takes(method, method.Params[i].Name)
	}
	fields, known := 0, true
	for key, _ := table.Next(lua.LNil); key != lua.LNil; key, _ = table.Next(key) {
		name, ok := key.(lua.LString)
		if !ok {
			return false
		}
		fields++
		known = known && hasParam(method, string(name))
	}
	switch {
	case fields == 0:
		return !lists && !maps
	case i > 0:
		return !maps
	}
	return known || !maps
}

// takes tells whether a parameter takes lists and whether it takes maps.
func takes(method *catalog.Method, name string) (lists, maps bool) {
	for _, param := range method.Params {
		if param.Name != name {
			continue
		}
		for kind := range strings.SplitSeq(param.Type, " or ") {
			lists = lists || strings.HasPrefix(kind, "list") || kind == "any"
			maps = maps || strings.HasPrefix(kind, "map") || kind == "any"
		}
	}
	return lists, maps
}

// hasParam tells whether a method takes an argument of that name.
func hasParam(method *catalog.Method, name string) bool {
	for _, param := range method.Params {
		if param.Name == name || param.Variadic {
			return true
		}
	}
	return false
}
