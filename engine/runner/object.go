package runner

import (
	"errors"
	"log/slog"

	"github.com/google/uuid"
	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/report"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

// taskModule is the name of the task object: it is run's first argument, and a module, so that shared scripts have it and
// functions that use it can run in parallel.
const taskModule = "task"

// open makes the task object in a VM: the task's own, or one that works for it (see package bind's parallel).
func (a *attempt) open(L *lua.LState) lua.LValue {
	d := a.definition
	object := L.SetFuncs(L.NewTable(), map[string]lua.LGFunction{
		"check": a.check, "fail": a.failCheck, "skip": a.skip, "emit": a.emit, "defer": a.deferCall,
	})
	for name, text := range map[string]string{"name": d.Name, "description": d.Description, "module": d.Module, "class": d.Class} {
		object.RawSetString(name, lua.LString(text))
	}
	return object
}

// check is task.check(name, ok [, detail]): it notes a check and returns whether it holds. The task goes on.
func (a *attempt) check(L *lua.LState) int {
	ok := L.ToBool(2)
	a.addCheck(L, report.Check{Name: a.text(L, 1), OK: ok, Detail: a.text(L, 3)})
	L.Push(lua.LBool(ok))
	return 1
}

// failCheck is task.fail(text): the task goes on, and has failed at its end.
func (a *attempt) failCheck(L *lua.LState) int {
	a.addCheck(L, report.Check{Name: a.text(L, 1)})
	return 0
}

func (a *attempt) addCheck(L *lua.LState, c report.Check) {
	if c.Name == "" {
		c.Name = "unnamed check"
	}
	level, message := slog.LevelInfo, "check passed: "+c.Name
	if c.OK {
		c.Detail = "" // it says why a check failed
	} else {
		level, message = slog.LevelError, "check failed: "+describeCheck(c)
	}
	a.log.Log(L.Context(), level, message)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.checks = append(a.checks, c)
}

func describeCheck(c report.Check) string {
	if c.Detail == "" {
		return c.Name
	}
	return c.Name + ": " + c.Detail
}

// text returns an argument as text; nil is none.
func (a *attempt) text(L *lua.LState, n int) string {
	if L.Get(n) == lua.LNil {
		return ""
	}
	return L.ToStringMeta(L.Get(n)).String()
}

// skip is task.skip([text]): the task ends here, as skipped. No pcall of the script stops it.
func (a *attempt) skip(L *lua.LState) int {
	vm.Exit(L, &skipError{a.text(L, 1)})
	return 0
}

// skipError is how a task ends that was skipped.
type skipError struct{ reason string }

func (e *skipError) Error() string { return "skipped: " + e.reason }

func isSkip(err error) bool {
	var skip *skipError
	return errors.As(err, &skip)
}

// emit is task.emit(document [, {id =}]): it hands a document to the databases of the definition, and returns its id.
func (a *attempt) emit(L *lua.LState) int {
	document, err := a.Values.ToJSON(L.CheckTable(1))
	if err != nil {
		vm.Raise(L, fail.Errorf(fail.Task, "task.emit: %w", err))
	}
	id := ""
	if options := L.OptTable(2, nil); options != nil {
		id = lua.LVAsString(options.RawGetString("id"))
	}
	if id == "" {
		id = uuid.NewString()
	}
	if a.emitter != nil {
		if err := a.emitter.Emit(L.Context(), id, document); err != nil {
			vm.Raise(L, fail.Errorf(fail.Output, "task.emit: %w", err))
		}
	}
	a.mu.Lock()
	a.emitted++
	a.mu.Unlock()
	L.Push(lua.LString(id))
	return 1
}

// deferCall is task.defer(fn): fn is called when the task has ended, however it ends.
func (a *attempt) deferCall(L *lua.LState) int {
	fn := L.CheckFunction(1)
	if vm.Of(L) != a.vm {
		vm.Raise(L, fail.Hint(fail.Errorf(fail.Task, "task.defer: a function that runs in parallel cannot defer"),
			"its VM is gone when the task ends: defer in run itself"))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.deferred = append(a.deferred, fn)
	return 0
}
