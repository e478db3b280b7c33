package vm

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
)

// maxNested bounds protected calls and coroutines inside each other (Lua's own limit is 200). Lua functions that Go functions
// call, for instance gsub's callback, take Go stack, about 2 kB each; with nestedDepth this keeps it below the 500 MB at which
// Go ends the process.
const maxNested = 100

// failure is how a protected call failed.
type failure struct {
	value lua.LValue
	trace []Frame
}

// protect calls fn on a thread of its own and returns its results, or how it failed; with a traceback if traced.
//
// A thread of its own, because gopher-lua's PCall breaks closures: raising an error there detaches the variables of all
// functions that are running, also of those outside the pcall, from the closures that share them (gopher-lua issue 448).
// On a thread there is nothing outside. It is also how scripts cannot go on after they have been stopped.
func (v *VM) protect(ctx context.Context, fn lua.LValue, args []lua.LValue, traced bool) (results []lua.LValue, failed *failure) {
	if v.nested >= maxNested {
		return nil, &failure{value: lua.LString(fmt.Sprintf("stack overflow: more than %d protected calls or coroutines inside each other", maxNested))}
	}
	thread, depth := v.takeThread(ctx)
	v.nested++
	defer func() {
		v.nested--
		if r := recover(); r != nil {
			results, failed = nil, v.recovered(thread, depth, r, traced || ctx.Err() != nil)
		}
	}()
	thread.Push(fn)
	for _, arg := range args {
		thread.Push(arg)
	}
	thread.Call(len(args), lua.MultRet)
	results = make([]lua.LValue, thread.GetTop())
	for i := range results {
		results[i] = thread.Get(i + 1)
	}
	thread.SetTop(0)
	if depth == nestedDepth {
		v.idle = append(v.idle, thread)
	}
	return results, nil
}

// takeThread returns a thread whose scripts ctx stops, and how many calls it takes. protect gives it back when nothing failed
// on it.
func (v *VM) takeThread(ctx context.Context) (thread *lua.LState, depth int) {
	last := len(v.idle) - 1
	switch {
	case v.nested == 0:
		thread, depth = v.newThread(callDepth), callDepth
	case last >= 0:
		thread, v.idle, depth = v.idle[last], v.idle[:last], nestedDepth
	default:
		thread, depth = v.newThread(nestedDepth), nestedDepth
	}
	thread.SetContext(ctx)
	return thread, depth
}

func (v *VM) newThread(depth int) *lua.LState {
	v.state.Options.CallStackSize = depth
	thread, _ := v.state.NewThread()
	v.state.Options.CallStackSize = nestedDepth
	thread.Options.CallStackSize = nestedDepth // of its coroutines
	thread.Panic = raise
	return thread
}

// raise is how a thread raises an error: the value on top of its stack. Its calls are still there when protect recovers,
// which makes the traceback.
func raise(L *lua.LState) {
	panic(&lua.ApiError{Type: lua.ApiErrorRun, Object: L.Get(-1)})
}

// stackIsFull is what gopher-lua panics with when its call stack cannot grow.
const stackIsFull = "lua callstack overflow"

// recovered makes a failure of what protect recovered.
func (v *VM) recovered(thread *lua.LState, depth int, r any, traced bool) *failure {
	failed := &failure{}
	if traced {
		failed.trace = frames(thread)
	}
	switch r := r.(type) {
	case *lua.ApiError:
		failed.value = r.Object
		if text, ok := r.Object.(lua.LString); ok && !hasCaller(thread) {
			failed.value = lua.LString(withoutCaller(string(text)))
		}
		if v.lastTrace.value == r.Object {
			failed.trace = append(v.lastTrace.frames, failed.trace...)
		}
	default:
		if r == stackIsFull {
			failed.value = lua.LString(fmt.Sprintf("stack overflow: more than %d calls inside each other", depth))
			break
		}
		where := "the engine"
		if frame, ok := frameAt(thread, 0); ok {
			where = frame.Name
		}
		err := &PanicError{Value: r, Stack: string(debug.Stack())}
		failed.value = NewError(v.state, fail.With(fail.Internal, fmt.Errorf("internal error in %s: %w", where, err)), nil)
	}
	v.lastTrace = foreignTrace{}
	return failed
}

// hasCaller tells whether the function that runs on a thread was called by another one.
func hasCaller(thread *lua.LState) bool {
	_, ok := thread.GetStack(1)
	return ok
}

// withoutCaller mends the message of a Go function that pcall called directly, as in pcall(string.rep): gopher-lua begins it
// with an empty position and a blank, and calls the function the main chunk.
func withoutCaller(message string) string {
	return strings.Replace(strings.TrimPrefix(message, " "), " to main chunk (", " to the function (", 1)
}

// foreignTrace remembers the calls of another thread that led to an error, until the error that it handed on is caught.
type foreignTrace struct {
	value  lua.LValue
	frames []Frame
}

// PanicError is a Go panic in a function that a script called: a bug of ours.
type PanicError struct {
	Value any
	Stack string // Go's, for the debug log
}

func (e *PanicError) Error() string { return fmt.Sprint(e.Value) }

// PCall calls fn for a Go function that a script called, and returns the error value that was raised, or nil. Go functions use
// it instead of L.PCall, which breaks closures (see protect). When the script has been stopped, it does not return.
func PCall(L *lua.LState, fn lua.LValue, args ...lua.LValue) (results []lua.LValue, raised lua.LValue) {
	v := Of(L)
	results, failed := v.protect(L.Context(), fn, args, false)
	if failed == nil {
		return results, nil
	}
	v.letThrough(L, failed)
	return nil, failed.value
}

// letThrough raises again what no script may catch: that it has been stopped, or ends by Exit.
func (v *VM) letThrough(L *lua.LState, failed *failure) {
	var end *exit
	if errors.As(GoError(failed.value), &end) || L.Context().Err() != nil {
		v.lastTrace = foreignTrace{failed.value, failed.trace}
		L.Error(failed.value, 0)
	}
}

// exit marks an error that ends the whole Call.
type exit struct{ error }

func (e *exit) Unwrap() error { return e.error }

// Exit ends the running Call with err, as Raise does, but no pcall on the way catches it. It does not return.
func Exit(L *lua.LState, err error) {
	L.Error(NewError(L, &exit{err}, nil), 1)
}

func (v *VM) pcall(L *lua.LState) int {
	fn := L.CheckAny(1)
	results, raised := PCall(L, fn, arguments(L, 2)...)
	return pushOutcome(L, results, raised)
}

// xpcall calls its handler after the call has been unwound; debug.traceback in it tells where the error came from.
func (v *VM) xpcall(L *lua.LState) int {
	handler := L.CheckFunction(2)
	results, failed := v.protect(L.Context(), L.CheckAny(1), arguments(L, 3), true)
	if failed == nil {
		return pushOutcome(L, results, nil)
	}
	v.letThrough(L, failed)
	outer := v.handlingTrace
	v.handlingTrace = failed.trace
	defer func() { v.handlingTrace = outer }()
	results, failed = v.protect(L.Context(), handler, []lua.LValue{failed.value}, false)
	L.Push(lua.LFalse)
	if failed != nil {
		v.letThrough(L, failed)
		L.Push(failed.value)
		return 2
	}
	for _, result := range results {
		L.Push(result)
	}
	return 1 + len(results)
}

func arguments(L *lua.LState, from int) []lua.LValue {
	var args []lua.LValue
	for i := from; i <= L.GetTop(); i++ {
		args = append(args, L.Get(i))
	}
	return args
}

func pushOutcome(L *lua.LState, results []lua.LValue, raised lua.LValue) int {
	if raised != nil {
		L.Push(lua.LFalse)
		L.Push(raised)
		return 2
	}
	L.Push(lua.LTrue)
	for _, result := range results {
		L.Push(result)
	}
	return 1 + len(results)
}

// luaError is Lua's error: a string gets the position of the caller (level 1), or of its caller (2); 0 asks for none.
func luaError(L *lua.LState) int {
	value := L.Get(1)
	if value == lua.LNil {
		value = lua.LString("error called without a message")
	}
	if text, ok := value.(lua.LString); ok {
		if at := position(L, L.OptInt(2, 1)); at != "" {
			value = lua.LString(at + " " + string(text))
		}
	}
	L.Error(value, 0)
	return 0
}

// luaAssert raises its second argument as it is, so that assert(pcall(...)) keeps error values.
func luaAssert(L *lua.LState) int {
	L.CheckAny(1)
	if L.ToBool(1) {
		return L.GetTop()
	}
	switch message := L.Get(2).(type) {
	case *lua.LNilType:
		L.RaiseError("assertion failed!")
	case lua.LString, lua.LNumber:
		L.RaiseError("%s", message.String())
	default:
		L.Error(message, 0)
	}
	return 0
}
