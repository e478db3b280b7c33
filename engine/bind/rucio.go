package bind

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/suggest"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
)

var rucioModule = module{
	name: "rucio",
	doc: "Every method of Python's Rucio clients, by its name and with its keyword arguments, or positional in Python's order. " +
		"What Python returns comes back as plain values and tables; null is nil. A method that is a generator in Python returns a " +
		"stream, to be looped over once: for r in rucio.list_rses() do ... end. It is read as the server sends it. " +
		"The first call logs in. An error is a table with class (Rucio's exception), message, status and method; that of an upload " +
		"or download has results too, what became of each file.",
	functions: []function{
		{
			name: "client", signature: "(settings) -> client",
			doc: "Makes a second client, for another account or another Rucio; it has all methods. Settings are the " +
				"keyword arguments of Python's Client; what is not given is as in the configuration.",
			example: `local root = rucio.client{ account = "root" }
print(root.whoami().account)`,
			call: rucioClient,
		},
		{
			name: "null",
			doc: "JSON's null, Python's None: where an argument shall be None although its default is something else, or " +
				"in a list. The same as json.null.",
		},
		{
			name: "stream:collect", signature: "() -> list",
			doc: "The rows that are left, as a list.",
			example: `local rses = rucio.list_rses():collect()
print(#rses)`,
		},
		{
			name: "stream:first", signature: "() -> row",
			doc:     "The next row, or nil; the rest is given up.",
			example: `local first = rucio.list_rses():first()`,
		},
		{
			name: "stream:count", signature: "() -> integer",
			doc:     "How many rows are left; they are read and dropped.",
			example: `print(rucio.list_rses():count())`,
		},
		{
			name: "stream:close", signature: "()",
			doc: "Gives up the rows that are left. A stream that is left in the middle is closed when the task ends.",
			example: `local rses = rucio.list_rses()
rses:close()`,
		},
	},
	extend: func(L *lua.LState, h *Host, table *lua.LTable) {
		table.RawSetString("null", Null{})
		addMethods(L, h, table, h.client)
	},
}

// client returns the client of the run.
func (h *Host) client(ctx context.Context) (*rucio.Client, error) {
	if h.Client == nil {
		return nil, errors.New("there is no Rucio client here")
	}
	return h.Client(ctx)
}

// addMethods puts a function for each method of the catalog into table.
func addMethods(L *lua.LState, h *Host, table *lua.LTable, client func(context.Context) (*rucio.Client, error)) {
	methods := h.Methods
	if methods == nil {
		methods = catalog.Methods
	}
	for i := range methods {
		method := &methods[i]
		table.RawSetString(method.Name, L.NewFunction(func(L *lua.LState) int { return callMethod(L, method, client) }))
	}
}

// callMethod calls a method with the arguments on the stack.
func callMethod(L *lua.LState, method *catalog.Method, client func(context.Context) (*rucio.Client, error)) int {
	ctx := contextOf(L)
	args, err := methodArgs(L, method)
	if err != nil {
		raiseMethod(L, method.Name, err)
	}
	c, err := client(ctx)
	if err != nil {
		raiseMethod(L, method.Name, err)
	}
	result, err := method.Call(ctx, c, args)
	fillArgs(L, method, result.Out)
	if err != nil {
		raiseMethod(L, method.Name, err)
	}
	if result.Rows != nil {
		L.Push(newStream(L, method.Name, result.Rows))
		return 1
	}
	if len(result.Value) == 0 {
		L.Push(lua.LNil)
		return 1
	}
	v, err := Decode(L, string(result.Value))
	if err != nil {
		raiseMethod(L, method.Name, err)
	}
	if v == (Null{}) {
		v = lua.LNil
	}
	L.Push(v)
	return 1
}

// raiseMethod raises an error of a method.
func raiseMethod(L *lua.LState, method string, err error) {
	var failed *rucio.Error
	var argument *catalog.ArgumentError
	if !errors.As(err, &failed) && !errors.As(err, &argument) { // these name the method
		err = fmt.Errorf("%s: %w", method, err)
	}
	value := errorValue(L, err)
	value.RawSetString("method", lua.LString(method))
	L.Error(value, 1)
}

// errorValue returns err as a Lua error value; one of Rucio has class (the exception's), message (the server's words), status
// (if there was an answer) and method; one of a transfer has results, what became of each file. Whatever its message is, it
// prints as the whole error.
func errorValue(L *lua.LState, err error) *lua.LTable {
	fields := map[string]lua.LValue{}
	var transfer interface{ PerFile() any }
	if errors.As(err, &transfer) {
		if text, failed := json.Marshal(transfer.PerFile()); failed == nil {
			if results, failed := Decode(L, string(text)); failed == nil {
				fields["results"] = results
			}
		}
	}
	var failed *rucio.Error
	var argument *catalog.ArgumentError
	var login interface{ Class() rucio.Exception }
	switch {
	case errors.As(err, &failed):
		fields["class"], fields["method"] = lua.LString(failed.Class), lua.LString(failed.Method)
		fields["message"] = lua.LString(failed.Message)
		if failed.Status != 0 {
			fields["status"] = lua.LNumber(failed.Status)
		}
	case errors.As(err, &argument):
		fields["class"], fields["method"] = lua.LString(argument.Class), lua.LString(argument.Method)
		if advice := suggest.Hint(argument.Param, argument.Known); advice != "" && fail.HintOf(err) == "" {
			err = fail.Hint(err, "%s", advice)
		}
	case errors.As(err, &login): // which failed before there was a client
		fields["class"] = lua.LString(login.Class())
	}
	return newError(L, err, fields)
}

// newError is vm.NewError for an error with fields: whatever its message is, it prints as the whole error.
func newError(L *lua.LState, err error, fields map[string]lua.LValue) *lua.LTable {
	value := vm.NewError(L, err, fields)
	value.Metatable.(*lua.LTable).RawSetString("__tostring", L.NewFunction(func(L *lua.LState) int {
		L.Push(lua.LString(err.Error()))
		return 1
	}))
	return value
}

// A session is what rucio.client returns.
type session struct {
	host   *Host
	client *rucio.Client
}

func rucioClient(c *call) int {
	if c.host.NewClient == nil {
		c.raise(errors.New("there is no Rucio here"))
	}
	settings, err := ToGo(c.table("settings"))
	c.check(err)
	named, ok := settings.(map[string]any)
	if !ok {
		c.wrong("settings", `a table of settings by name, such as { account = "root" }`, c.Get(1))
	}
	client, err := c.host.NewClient(c.context(), named)
	c.check(err)
	return c.give((&session{c.host, client}).value(c.LState))
}

// value makes the userdata that scripts have.
func (s *session) value(L *lua.LState) lua.LValue {
	methods := L.NewTable()
	addMethods(L, s.host, methods, func(context.Context) (*rucio.Client, error) { return s.client, nil })
	lookup := L.CreateTable(0, 1)
	lookup.RawSetString("__index", L.NewFunction(func(L *lua.LState) int {
		key := L.Get(2).String()
		vm.Raise(L, unknown("a Rucio client has no method "+quote(key), key, names(methods)))
		return 0
	}))
	methods.Metatable = lookup
	meta := L.CreateTable(0, 2)
	meta.RawSetString("__index", methods)
	meta.RawSetString("__metatable", lua.LString("rucio.client"))
	return &lua.LUserData{Value: s, Env: L.Env, Metatable: meta}
}

// CrossTo implements vm.Crosser: the client is the same in all VMs.
func (s *session) CrossTo(v *vm.VM) (lua.LValue, error) { return s.value(v.State()), nil }
