package bind

import (
	"reflect"

	lua "github.com/yuin/gopher-lua"
	luar "layeh.com/gopher-luar"

	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

// object gives scripts a Go value with behaviour: a pointer to a struct whose exported methods, by their names in lower case,
// are func(*luar.LState) int. That form matters: luar's other way of calling methods makes 1.5 the integer 1 and tables
// map[any]any, and does not raise errors. The struct's fields stay out of reach.
func object(L *lua.LState, v any, kind string) lua.LValue {
	config := luar.GetConfig(L)
	if config.FieldNames == nil {
		config.FieldNames = func(reflect.Type, reflect.StructField) []string { return nil }
		config.MethodNames = func(_ reflect.Type, m reflect.Method) []string { return methodNames(m) }
	}
	ud := luar.New(L, v)
	meta := luar.MT(L, v).LTable
	if meta.RawGetString("__metatable") == lua.LString(kind) {
		return ud
	}
	meta.RawSetString("__metatable", lua.LString(kind))
	meta.RawSetString("__pow", lua.LNil) // luar's operators for pointers
	meta.RawSetString("__unm", lua.LNil)
	methods := meta.RawGetString("methods").(*lua.LTable)
	methods.ForEach(func(name, method lua.LValue) {
		adapt(methods, name.String(), func(old lua.LGFunction) lua.LGFunction { return withColon(old, meta, kind, name.String()) })
	})
	meta.RawSetString("__newindex", L.NewFunction(func(L *lua.LState) int {
		vm.Raise(L, hint("a "+kind+" has no fields to set", ""))
		return 0
	}))
	meta.RawSetString("__index", L.NewFunction(func(L *lua.LState) int {
		key := L.Get(2)
		method := methods.RawGet(key)
		if method == lua.LNil {
			vm.Raise(L, unknown("a "+kind+" has no method "+quote(key.String()), key.String(), names(methods)))
		}
		L.Push(method)
		return 1
	}))
	return ud
}

// methodNames returns the name under which scripts know a Go method; none for those that are there for Go.
func methodNames(m reflect.Method) []string {
	if m.Type.NumIn() != 2 || m.Type.In(1) != reflect.TypeFor[*luar.LState]() {
		return nil
	}
	name := []byte(m.Name)
	name[0] += 'a' - 'A'
	return []string{string(name)}
}

// withColon makes sure that a method is called on its object, which luar would say in terms of Go.
func withColon(old lua.LGFunction, meta *lua.LTable, kind, name string) lua.LGFunction {
	return func(L *lua.LState) int {
		if ud, ok := L.Get(1).(*lua.LUserData); !ok || ud.Metatable != meta {
			vm.Raise(L, hint("the methods of a "+kind+" are called with a colon", "write object:"+name+"(...) instead of object."+name+"(...)"))
		}
		return old(L)
	}
}
