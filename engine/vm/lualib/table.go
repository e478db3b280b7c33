package lualib

import (
	"sort"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// OpenTable replaces concat and sort in the table library: gopher-lua's concat fails on long lists, for it puts all of
// their elements on the stack, and its sort cannot be stopped.
func OpenTable(L *lua.LState, limits Limits) {
	library := L.GetGlobal(lua.TabLibName).(*lua.LTable)
	library.RawSetString("concat", L.NewFunction(func(L *lua.LState) int { return tableConcat(L, limits) }))
	library.RawSetString("sort", L.NewFunction(tableSort))
}

func tableConcat(L *lua.LState, limits Limits) int {
	list, separator := L.CheckTable(1), L.OptString(2, "")
	from, to := L.OptInt(3, 1), L.OptInt(4, list.Len())
	size := 0
	for i := from; i <= to; i++ {
		value := list.RawGetInt(i)
		if !lua.LVCanConvToString(value) {
			L.RaiseError("table.concat: element %d is a %s, not a string or a number", i, value.Type())
		}
		size += len(value.String()) + len(separator)
		limits.check(L, "table.concat", size-len(separator))
	}
	var out strings.Builder
	out.Grow(size)
	for i := from; i <= to; i++ {
		out.WriteString(list.RawGetInt(i).String())
		if i < to {
			out.WriteString(separator)
		}
	}
	L.Push(lua.LString(out.String()))
	return 1
}

// tableSort sorts a copy and puts it back: a comparison that fails leaves the list as it was.
func tableSort(L *lua.LState) int {
	list := L.CheckTable(1)
	var order *lua.LFunction
	if L.Get(2) != lua.LNil {
		order = L.CheckFunction(2)
	}
	values := make([]lua.LValue, list.Len())
	for i := range values {
		values[i] = list.RawGetInt(i + 1)
	}
	comparisons := 0
	sort.Slice(values, func(i, j int) bool {
		if comparisons++; comparisons%pollEvery == 0 {
			if err := stopped(L); err != nil {
				L.RaiseError("%s", err.Error())
			}
		}
		if order == nil {
			return L.LessThan(values[i], values[j])
		}
		L.Push(order)
		L.Push(values[i])
		L.Push(values[j])
		L.Call(2, 1)
		less := L.ToBool(-1)
		L.Pop(1)
		return less
	})
	for i, value := range values {
		list.RawSetInt(i+1, value)
	}
	return 0
}
