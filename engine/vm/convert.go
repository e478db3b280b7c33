package vm

import (
	"fmt"
	"math"
	"sort"
	"time"

	lua "github.com/yuin/gopher-lua"
)

// ToLua makes a Lua value of plain Go data, as a YAML document decodes to: nil, bool, numbers, string, time.Time (as RFC 3339
// text), []any and map[string]any. Anything else becomes its text.
func ToLua(L *lua.LState, value any) lua.LValue {
	switch value := value.(type) {
	case nil:
		return lua.LNil
	case lua.LValue:
		return value
	case bool:
		return lua.LBool(value)
	case int:
		return lua.LNumber(value)
	case int64:
		return lua.LNumber(value)
	case uint64:
		return lua.LNumber(value)
	case float64:
		return lua.LNumber(value)
	case string:
		return lua.LString(value)
	case time.Time:
		return lua.LString(value.Format(time.RFC3339Nano))
	case []any:
		list := L.CreateTable(len(value), 0)
		for i, element := range value {
			list.RawSetInt(i+1, ToLua(L, element))
		}
		return list
	case map[string]any:
		table := L.CreateTable(0, len(value))
		for _, key := range sortedKeys(value) { // so that pairs has the same order in every run
			table.RawSetString(key, ToLua(L, value[key]))
		}
		return table
	}
	return lua.LString(fmt.Sprint(value))
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// Each calls fn for the fields of a table, elements first and then in the order in which keys were set (LTable.ForEach has
// none), until fn returns an error.
func Each(table *lua.LTable, fn func(key, value lua.LValue) error) error {
	for key, value := table.Next(lua.LNil); key != lua.LNil; key, value = table.Next(key) {
		if err := fn(key, value); err != nil {
			return err
		}
	}
	return nil
}

// maxConverted bounds the nesting of tables that ToGo takes; deeper ones hold themselves.
const maxConverted = 100

// ToGo makes plain Go data of a Lua value: nil, bool, int64 for whole numbers, float64, string, []any for tables with
// elements from 1 on and nothing else, map[string]any for other tables. Functions, userdata and coroutines are errors, and
// so is a table that holds itself.
func ToGo(value lua.LValue) (any, error) { return toGo{}.value(value, "the value", 0) }

// ToGo is the function ToGo for values of this VM, whose tables may load their fields when asked for (see Options.Fill).
func (v *VM) ToGo(value lua.LValue) (any, error) {
	return toGo{v.options.Fill}.value(value, "the value", 0)
}

type toGo struct{ fill func(*lua.LTable) bool }

func (c toGo) value(value lua.LValue, where string, depth int) (any, error) {
	switch value := value.(type) {
	case *lua.LNilType:
		return nil, nil
	case lua.LBool:
		return bool(value), nil
	case lua.LString:
		return string(value), nil
	case lua.LNumber:
		if f := float64(value); f != math.Trunc(f) || math.Abs(f) > 1<<53 {
			return f, nil
		}
		return int64(value), nil
	case *lua.LTable:
		if depth == maxConverted {
			return nil, fmt.Errorf("%s is nested too deeply: does a table hold itself?", where)
		}
		if c.fill != nil {
			c.fill(value)
		}
		return c.table(value, where, depth)
	}
	return nil, fmt.Errorf("%s is a %s, which is not data", where, value.Type())
}

func (c toGo) table(table *lua.LTable, where string, depth int) (any, error) {
	list, fields := make([]any, table.Len()), map[string]any{}
	err := Each(table, func(key, element lua.LValue) error {
		converted, err := c.value(element, where+"."+key.String(), depth+1)
		if err != nil {
			return err
		}
		if n, ok := key.(lua.LNumber); ok && n >= 1 && int(n) <= len(list) && n == lua.LNumber(int(n)) {
			list[int(n)-1] = converted
		} else {
			fields[key.String()] = converted
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(list) > 0 && len(fields) == 0 {
		return list, nil
	}
	for i, element := range list {
		fields[fmt.Sprint(i+1)] = element
	}
	return fields, nil
}
