package vm

import (
	"errors"
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
)

// carrierKey is the field of an error value's metatable that keeps the Go error. The metatable is protected
// (__metatable), so that a script sees the error's fields and nothing of ours.
const carrierKey = "__goerror"

// Raise raises err in L as an error value (see NewError); it does not return. Every Go function that scripts call
// reports its failures with it, so that the error keeps its exit code and its hint on the way through Lua.
func Raise(L *lua.LState, err error) {
	L.Error(NewError(L, err, nil), 1)
}

// NewError returns err as a Lua error value: a table with the fields message, hint (when there is one, see fail.Hint) and
// the given ones, which prints and concatenates as its message. GoError finds err in it again. Raise it with L.Error.
func NewError(L *lua.LState, err error, fields map[string]lua.LValue) *lua.LTable {
	value := L.CreateTable(0, 4)
	value.RawSetString("message", lua.LString(err.Error()))
	if hint := fail.HintOf(err); hint != "" {
		value.RawSetString("hint", lua.LString(hint))
	}
	for name, field := range fields {
		value.RawSetString(name, field)
	}
	meta := L.CreateTable(0, 4)
	meta.RawSetString("__tostring", L.NewFunction(errorToString))
	meta.RawSetString("__concat", L.NewFunction(errorConcat))
	meta.RawSetString("__metatable", lua.LString("error"))
	meta.RawSetString(carrierKey, &lua.LUserData{Value: err, Metatable: lua.LNil})
	value.Metatable = meta
	return value
}

// errorToString is __tostring of error values: the message as it is now, for scripts may add to it.
func errorToString(L *lua.LState) int {
	L.Push(lua.LString(lua.LVAsString(L.CheckTable(1).RawGetString("message"))))
	return 1
}

// errorConcat is __concat of error values, for "upload: " .. err.
func errorConcat(L *lua.LState) int {
	left, right := L.ToStringMeta(L.Get(1)), L.ToStringMeta(L.Get(2))
	L.Push(lua.LString(left.String() + right.String()))
	return 1
}

// GoError returns the Go error inside a Lua error value that Raise or NewError made (or inside a userdata that holds an
// error), else nil.
func GoError(value lua.LValue) error {
	switch v := value.(type) {
	case *lua.LUserData:
		err, _ := v.Value.(error)
		return err
	case *lua.LTable:
		meta, ok := v.Metatable.(*lua.LTable)
		if !ok {
			return nil
		}
		if carrier, ok := meta.RawGetString(carrierKey).(*lua.LUserData); ok {
			err, _ := carrier.Value.(error)
			return err
		}
	}
	return nil
}

// Error is how a script ended that did not end well.
type Error struct {
	Message   string     // without the position
	Value     lua.LValue // what was raised: a string, an error value (see GoError), or any other; nil for a syntax error
	File      string     // the script, as tracebacks show it; "" when not known
	Line      int        // 0 when not known
	Traceback string     // a line for each call, innermost first; "" for a syntax error
	Cause     error      // the Go error behind it: GoError(Value), or why the VM was stopped; may be nil
}

// Error returns the message after its position, as Lua does: "tasks/stubs.lua:3: no such site".
func (e *Error) Error() string {
	if e.File == "" {
		return e.Message
	}
	if e.Line == 0 {
		return e.File + ": " + e.Message
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message)
}

// Unwrap returns the Go error behind e, so that fail.CodeOf and errors.As see it.
func (e *Error) Unwrap() error { return e.Cause }

// AsError returns the *Error in err's chain, or nil.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}
