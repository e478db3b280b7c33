package vm

import (
	lua "github.com/yuin/gopher-lua"
)

// openCoroutine replaces gopher-lua's coroutine functions by ones around them that keep what gopher-lua loses: which
// coroutine runs, when one fails inside another or inside pcall; a stopped script's stop; and memory, for its
// coroutines stay registered with the context until the context ends.
func (v *VM) openCoroutine() {
	v.open(lua.CoroutineLibName, lua.OpenCoroutine)
	library := v.state.GetGlobal(lua.CoroutineLibName).(*lua.LTable)
	create := library.RawGetString("create").(*lua.LFunction).GFunction
	resume := library.RawGetString("resume").(*lua.LFunction).GFunction
	set := func(name string, fn lua.LGFunction) { library.RawSetString(name, v.state.NewFunction(fn)) }

	newThread := func(L *lua.LState) *lua.LState {
		L.CheckFunction(1)
		ctx := L.RemoveContext() // else the thread would get, and never release, a child of it
		create(L)
		L.SetContext(ctx)
		thread := L.Get(-1).(*lua.LState)
		L.Pop(1)
		return thread
	}
	set("create", func(L *lua.LState) int {
		L.Push(newThread(L))
		return 1
	})
	set("resume", func(L *lua.LState) int { return v.resume(L, resume) })
	set("wrap", func(L *lua.LState) int {
		thread := newThread(L)
		L.Push(L.NewFunction(func(L *lua.LState) int {
			L.Insert(thread, 1)
			n := v.resume(L, resume)
			if L.ToBool(-n) {
				return n - 1
			}
			raised := L.Get(-1)
			v.lastTrace = foreignTrace{raised, frames(thread)}
			L.Error(raised, 0)
			return 0
		}))
		return 1
	})
	set("yield", func(L *lua.LState) int {
		if L.Parent == nil {
			L.RaiseError("coroutine.yield: not inside a coroutine (a pcall within one counts as outside)")
		}
		for level := 1; ; level++ {
			frame, ok := frameAt(L, level)
			if !ok {
				return -1 // gopher-lua's sign for a yield
			}
			if frame.File == "" {
				L.RaiseError("coroutine.yield: cannot leave %s, which is not a Lua function", frame.Name)
			}
		}
	})
	set("running", func(L *lua.LState) int {
		if len(v.active) == 0 {
			L.Push(lua.LNil)
		} else {
			L.Push(v.active[len(v.active)-1])
		}
		return 1
	})
	set("status", func(L *lua.LState) int {
		L.Push(lua.LString(v.status(L.CheckThread(1))))
		return 1
	})
}

func (v *VM) status(thread *lua.LState) string {
	if thread.Dead {
		return "dead"
	}
	for i, active := range v.active {
		if active == thread && i == len(v.active)-1 {
			return "running"
		}
		if active == thread {
			return "normal"
		}
	}
	return "suspended"
}

// resume runs the coroutine that is L's first argument until it yields, returns or fails, and leaves on the stack what
// coroutine.resume returns.
func (v *VM) resume(L *lua.LState, resume lua.LGFunction) int {
	thread := L.CheckThread(1)
	problem := ""
	if status := v.status(thread); status != "suspended" {
		problem = "cannot resume a " + status + " coroutine"
	} else if v.nested >= maxNested {
		problem = "stack overflow: too many coroutines or protected calls inside each other"
	}
	if problem != "" {
		L.Push(lua.LFalse)
		L.Push(lua.LString(problem))
		return 2
	}
	current := L.G.CurrentThread
	v.nested++
	v.active = append(v.active, thread)
	thread.SetContext(L.Context())
	n := resume(L)
	v.active = v.active[:len(v.active)-1]
	v.nested--
	L.G.CurrentThread = current
	if !L.ToBool(-n) {
		v.letThrough(L, &failure{value: L.Get(-1), trace: frames(thread)})
	}
	return n
}
