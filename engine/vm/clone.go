package vm

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"
)

// Crosser is implemented by Go values in userdata that can be used in another VM, for instance a client: it returns what
// stands for it there.
type Crosser interface {
	CrossTo(v *VM) (lua.LValue, error)
}

// Clone makes a function of one VM in another, so that work can run beside each other. The code is shared, and what the
// function refers to is copied as it is now: local variables from outside it (tables with all that is in them, other
// functions in the same way) and globals that scripts made. Modules that Go provides, and the standard library, are those
// of the other VM. Nothing that either VM changes later is seen by the other.
//
// Userdata (unless it is a Crosser), coroutines and functions with an environment of their own cannot cross; the error
// names the variable. fn's VM must be waiting in a Go function, and into must not be running.
func Clone(fn *lua.LFunction, into *VM) (*lua.LFunction, error) {
	c := newCopier(into)
	value, err := c.function(fn, "the function")
	if err != nil {
		return nil, err
	}
	clone, ok := value.(*lua.LFunction)
	if !ok {
		return nil, fmt.Errorf("the function is a %s in the other VM", value.Type())
	}
	return clone, nil
}

// Copy makes a value of VM from in VM into, by the rules of Clone.
func Copy(value lua.LValue, from, into *VM) (lua.LValue, error) {
	c := newCopier(into)
	c.learn(from)
	return c.value(value, "the value")
}

// copier copies a graph of values; what occurs twice is copied once, so that cycles and shared tables stay what they are.
type copier struct {
	into     *VM
	from     *VM                       // nil until the first function or Copy tells
	known    map[lua.LValue]lua.LValue // values with a counterpart: copies, library functions, modules
	upvalues map[*lua.Upvalue]*lua.Upvalue
	globals  map[string]bool // that have been copied, or need not be
}

func newCopier(into *VM) *copier {
	return &copier{into: into, known: map[lua.LValue]lua.LValue{}, upvalues: map[*lua.Upvalue]*lua.Upvalue{}, globals: map[string]bool{}}
}

// learn pairs the standard library and the provided modules of a VM with those of the other one.
func (c *copier) learn(from *VM) {
	if c.from != nil || from == nil {
		return
	}
	c.from = from
	c.known[from.globals()] = c.into.globals()
	c.into.globals().ForEach(func(key, counterpart lua.LValue) {
		name := key.String()
		if _, provided := c.into.options.Modules[name]; !provided {
			c.globals[name] = true
			depth := 2
			if name == "package" {
				depth = 0 // package.loaded would lead to the libraries, and to scripts, which are copied
			}
			c.pair(from.globals().RawGet(key), counterpart, depth)
		}
	})
	for name, value := range from.modules {
		if _, provided := c.into.options.Modules[name]; provided {
			c.pair(value, c.into.Module(name), 4)
		}
	}
}

// pair notes that a value and what is in it have counterparts in the other VM.
func (c *copier) pair(value, counterpart lua.LValue, depth int) {
	switch value.(type) {
	case *lua.LTable, *lua.LFunction, *lua.LUserData:
	default:
		return
	}
	if _, seen := c.known[value]; seen || counterpart.Type() != value.Type() {
		return
	}
	c.known[value] = counterpart
	table, ok := value.(*lua.LTable)
	if !ok || depth == 0 {
		return
	}
	there := counterpart.(*lua.LTable)
	table.ForEach(func(key, field lua.LValue) { c.pair(field, there.RawGet(key), depth-1) })
}

func (c *copier) value(value lua.LValue, where string) (lua.LValue, error) {
	if value == nil {
		return lua.LNil, nil // a variable that was declared and not reached yet
	}
	if counterpart, ok := c.known[value]; ok {
		return counterpart, nil
	}
	switch value := value.(type) {
	case *lua.LTable:
		return c.table(value, where)
	case *lua.LFunction:
		return c.function(value, where)
	case *lua.LUserData:
		if crosser, ok := value.Value.(Crosser); ok {
			copied, err := crosser.CrossTo(c.into)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", where, err)
			}
			c.known[value] = copied
			return copied, nil
		}
		return nil, fmt.Errorf("%s is a userdata (%T), which another VM cannot use: make it inside the function", where, value.Value)
	case *lua.LState:
		return nil, fmt.Errorf("%s is a coroutine, which another VM cannot use", where)
	case lua.LChannel:
		return nil, fmt.Errorf("%s is a channel, which another VM cannot use", where)
	}
	return value, nil // nil, booleans, numbers and strings do not change
}

func (c *copier) table(table *lua.LTable, where string) (lua.LValue, error) {
	own := false
	if fill := c.into.options.Fill; fill != nil {
		own = fill(table)
	}
	copied := c.into.state.NewTable()
	c.known[table] = copied
	err := Each(table, func(key, field lua.LValue) error {
		there, err := c.value(key, "a key of "+where)
		if err != nil {
			return err
		}
		field, err = c.value(field, where+"."+key.String())
		if err == nil {
			copied.RawSet(there, field)
		}
		return err
	})
	if meta, ok := table.Metatable.(*lua.LTable); ok && err == nil && !own {
		copied.Metatable, err = c.value(meta, "the metatable of "+where)
	}
	return copied, err
}

func (c *copier) function(fn *lua.LFunction, where string) (lua.LValue, error) {
	c.learn(ofEnvironment(fn.Env))
	if counterpart, ok := c.known[fn]; ok {
		return counterpart, nil
	}
	if fn.IsG {
		return nil, fmt.Errorf("%s is a Go function that another VM cannot use", where)
	}
	if c.from == nil || fn.Env != c.from.globals() {
		return nil, fmt.Errorf("%s has an environment of its own (setfenv), which another VM cannot use", where)
	}
	copied := c.into.state.NewFunctionFromProto(fn.Proto)
	c.known[fn] = copied
	for i, upvalue := range fn.Upvalues {
		there, ok := c.upvalues[upvalue]
		if !ok {
			there = &lua.Upvalue{}
			c.upvalues[upvalue] = there
			value, err := c.value(upvalue.Value(), "the variable '"+fn.Proto.DbgUpvalues[i]+"'")
			if err != nil {
				return nil, err
			}
			there.SetValue(value)
		}
		copied.Upvalues[i] = there
	}
	return copied, c.usedGlobals(fn.Proto)
}

// ofEnvironment returns the VM whose globals a table is, or nil.
func ofEnvironment(environment *lua.LTable) *VM {
	meta, ok := environment.Metatable.(*lua.LTable)
	if !ok {
		return nil
	}
	holder, ok := meta.RawGetString(vmKey).(*lua.LUserData)
	if !ok {
		return nil
	}
	v, _ := holder.Value.(*VM)
	return v
}

// Layout of gopher-lua's instructions: the operation is in the upper six bits, the number of a constant in the lower 18.
const (
	operationShift = 26
	constantMask   = 1<<18 - 1
)

// usedGlobals copies the globals that a function reads and that scripts made; they are functions and settings, mostly.
func (c *copier) usedGlobals(proto *lua.FunctionProto) error {
	for _, instruction := range proto.Code {
		if int(instruction>>operationShift) != lua.OP_GETGLOBAL {
			continue
		}
		name := proto.Constants[instruction&constantMask].String()
		_, provided := c.into.options.Modules[name]
		if c.globals[name] || provided {
			continue
		}
		c.globals[name] = true
		value, err := c.value(c.from.globals().RawGetString(name), "the global '"+name+"'")
		if err != nil {
			return err
		}
		c.into.globals().RawSetString(name, value)
	}
	for _, inner := range proto.FunctionPrototypes {
		if err := c.usedGlobals(inner); err != nil {
			return err
		}
	}
	return nil
}
