package vm

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/suggest"
)

// undefinedName is a global that a script read, and that nobody set: most often a misspelt module.
type undefinedName struct {
	name string
	file string
	line int
}

// watchGlobals opens provided modules when their global is first read, and reports globals that scripts make.
func (v *VM) watchGlobals() {
	L := v.state
	meta := L.NewTable()
	meta.RawSetString(vmKey, &lua.LUserData{Value: v, Metatable: lua.LNil})
	meta.RawSetString("__metatable", lua.LString("globals"))
	meta.RawSetString("__index", L.NewFunction(func(L *lua.LState) int {
		name, ok := L.Get(2).(lua.LString)
		if !ok {
			return 0
		}
		if _, provided := v.options.Modules[string(name)]; provided {
			L.Push(v.Module(string(name)))
			return 1
		}
		file, line := Caller(L)
		v.undefined = undefinedName{string(name), file, line}
		return 0
	}))
	meta.RawSetString("__newindex", L.NewFunction(func(L *lua.LState) int {
		table, key, value := L.CheckTable(1), L.Get(2), L.Get(3)
		L.RawSet(table, key, value)
		if name, ok := key.(lua.LString); ok && value != lua.LNil && v.options.OnGlobal != nil {
			file, line := Caller(L)
			v.options.OnGlobal(string(name), file, line)
		}
		return 0
	}))
	v.globals().Metatable = meta
}

// undefinedHint says what may be meant by the undefined global that a line read, if it read one.
func (v *VM) undefinedHint(file string, line int) string {
	u := v.undefined
	if u.name == "" || u.file != file || u.line != line {
		return ""
	}
	var known []string
	for name := range v.options.Modules {
		known = append(known, name)
	}
	v.globals().ForEach(func(key, _ lua.LValue) { known = append(known, key.String()) })
	if near := suggest.Near(u.name, known, 1); len(near) > 0 {
		return fmt.Sprintf("there is no %q; did you mean %q?", u.name, near[0])
	}
	return fmt.Sprintf("there is no %q: is it a variable of another function, or is a require missing?", u.name)
}
