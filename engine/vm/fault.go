package vm

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
)

// newError makes the *Error of a failed call.
func (v *VM) newError(ctx context.Context, failed *failure) error {
	at := innermost(failed.trace)
	e := &Error{Value: failed.value, Traceback: formatTrace(failed.trace)}
	if ctx.Err() != nil {
		e.Cause = context.Cause(ctx)
		e.Message, e.File, e.Line = e.Cause.Error(), at.File, at.Line
		return e
	}
	e.Cause = GoError(failed.value)
	var end *exit
	if errors.As(e.Cause, &end) {
		e.Cause = end.error
	}
	if inner := AsError(e.Cause); inner != nil && inner.Value == nil { // a syntax error: it knows its place
		e.Message, e.File, e.Line, e.Cause = inner.Message, inner.File, inner.Line, inner.Cause
		return e
	} else if inner != nil { // of another VM that works for this one
		e.Traceback = strings.TrimSpace(inner.Traceback + "\n" + e.Traceback)
	}
	text := v.describe(failed.value)
	if e.File, e.Line, e.Message = splitPosition(text, failed.trace); e.File == "" && e.Cause != nil {
		e.File, e.Line = at.File, at.Line
	}
	e.Message = readable(e.Message)
	if hint := v.undefinedHint(e.File, e.Line); e.Cause == nil && hint != "" {
		e.Cause = fail.Hint(errors.New(e.Message), "%s", hint)
	}
	return e
}

// describeTime is how long an error's __tostring may take.
const describeTime = time.Second

// describe returns the text of an error value: a string, what __tostring says, or a plain table's message.
func (v *VM) describe(value lua.LValue) string {
	table, ok := value.(*lua.LTable)
	if err := GoError(value); !ok && err != nil {
		return err.Error()
	}
	if !ok {
		return value.String()
	}
	if v.state.GetMetaField(table, "__tostring") != lua.LNil {
		tostring := v.state.NewFunction(func(L *lua.LState) int {
			L.Push(L.ToStringMeta(table))
			return 1
		})
		ctx, cancel := context.WithTimeout(v.ctx, describeTime)
		defer cancel()
		if results, failed := v.protect(ctx, tostring, nil, false); failed == nil && len(results) == 1 {
			return lua.LVAsString(results[0])
		}
	}
	for _, key := range []lua.LValue{lua.LString("message"), lua.LString("msg"), lua.LString("error"), lua.LNumber(1)} {
		if text := table.RawGet(key); lua.LVCanConvToString(text) {
			return text.String()
		}
	}
	return "the error is a table without a message"
}

var (
	indexed = regexp.MustCompile(`^attempt to index a non-table object\((\w+)\) with key '(.*)'`)
	unary   = regexp.MustCompile(`^cannot perform (\w+) operation between (\w+) and (\w+)`)
)

// readable says in Lua's words what gopher-lua says in its own.
func readable(message string) string {
	switch {
	case strings.HasPrefix(message, "attempt to call a non-function object"):
		return "attempt to call a value that is not a function"
	case strings.HasPrefix(message, "registry overflow"):
		return "stack overflow: too many values at once"
	}
	if match := indexed.FindStringSubmatch(message); match != nil {
		return "attempt to index a " + match[1] + " value (field '" + match[2] + "')"
	}
	if match := unary.FindStringSubmatch(message); match != nil {
		if match[1] == "concat" {
			return "attempt to concatenate a " + match[2] + " and a " + match[3]
		}
		return "attempt to " + match[1] + " a " + match[2] + " and a " + match[3]
	}
	return message
}
