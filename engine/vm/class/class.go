// Package class finds the classes of tasks in Lua modules, reads the schema of their kwargs, and checks a definition's kwargs
// against it.
//
// A module returns a table of its classes; a class is a table with run, and perhaps doc, kwargs, setup and teardown, or just
// a function. Its schema names each kwarg:
//
//	kwargs = {
//	  rse      = { "string", required = true, doc = "RSE to upload to" },
//	  size     = { "bytes", default = "100kB", min = 1 },
//	  lifetime = "integer",
//	  sites    = { "list", of = { "string", pattern = "%u[%w_-]*" }, min = 1 },
//	  fts      = { "map", fields = { endpoint = { "string", required = true } } },
//	}
package class

import (
	"context"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/suggest"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

// Class is a class of tasks.
type Class struct {
	Module string   `json:"module"`
	Name   string   `json:"name"`
	Doc    string   `json:"doc,omitempty"`
	File   string   `json:"file"` // the script, as tracebacks show it
	Line   int      `json:"line"` // of run
	Kwargs []*Kwarg `json:"kwargs,omitempty"`
	Open   bool     `json:"open,omitempty"` // has no schema: takes any kwargs
	Doubts []string `json:"doubts,omitempty"`

	Run      *lua.LFunction `json:"-"`
	Setup    *lua.LFunction `json:"-"` // nil when there is none
	Teardown *lua.LFunction `json:"-"` // nil when there is none
}

// fields are the fields of a class that mean something here; others are the class's own.
var fields = []string{"doc", "kwargs", "run", "setup", "teardown"}

// Load requires a module in v and returns one of its classes. What is wrong with the script has the exit code Definition.
func Load(ctx context.Context, v *vm.VM, module, name string) (*Class, error) {
	table, err := loadModule(ctx, v, module)
	if err != nil {
		return nil, err
	}
	value := table.RawGetString(name)
	if value == lua.LNil {
		return nil, unknownClass(table, module, name)
	}
	c, err := newClass(module, name, value)
	if err != nil {
		return nil, fail.With(fail.Definition, err)
	}
	return c, nil
}

func loadModule(ctx context.Context, v *vm.VM, module string) (*lua.LTable, error) {
	value, err := v.Require(ctx, module)
	if err != nil {
		if fail.CodeOf(err) == fail.Task {
			return nil, fail.With(fail.Definition, err) // the script itself failed while it was loaded
		}
		return nil, err
	}
	table, ok := value.(*lua.LTable)
	if !ok {
		what := "a " + value.Type().String()
		if value == lua.LTrue {
			what = "nothing"
		}
		return nil, fail.Hint(fail.Errorf(fail.Definition, "module %q returns %s instead of a table of classes", module, what),
			"end it with: return { MyClass = MyClass }")
	}
	return table, nil
}

func unknownClass(table *lua.LTable, module, name string) error {
	names := classNames(table)
	if len(names) == 0 {
		return fail.Errorf(fail.Definition, "module %q has no class %q; it has none at all", module, name)
	}
	err := fail.Errorf(fail.Definition, "module %q has no class %q; it has %s", module, name, strings.Join(names, ", "))
	if near := suggest.Near(name, names, 1); len(near) > 0 {
		return fail.Hint(err, "did you mean %q?", near[0])
	}
	return err
}

// classNames returns the names of what can be a class, sorted.
func classNames(table *lua.LTable) []string {
	var names []string
	table.ForEach(func(key, value lua.LValue) {
		name, ok := key.(lua.LString)
		if ok && isClass(string(name), value) {
			names = append(names, string(name))
		}
	})
	slices.Sort(names)
	return names
}

// isClass tells a class from other things in a module's table: a table that can run, or a function with a class's name.
func isClass(name string, value lua.LValue) bool {
	switch value := value.(type) {
	case *lua.LTable:
		return get(value, "run") != lua.LNil || get(value, "kwargs") != lua.LNil
	case *lua.LFunction:
		return name != "" && name[0] >= 'A' && name[0] <= 'Z'
	}
	return false
}

// get reads a field of a class, also from the class that it inherits from (a table as __index).
func get(table *lua.LTable, name string) lua.LValue {
	for range 10 {
		if value := table.RawGetString(name); value != lua.LNil {
			return value
		}
		meta, ok := table.Metatable.(*lua.LTable)
		if !ok {
			break
		}
		if table, ok = meta.RawGetString("__index").(*lua.LTable); !ok {
			break
		}
	}
	return lua.LNil
}

func newClass(module, name string, value lua.LValue) (*Class, error) {
	c := &Class{Module: module, Name: name}
	where := "class " + name + " of module " + module
	table, ok := value.(*lua.LTable)
	if !ok {
		if c.Run, ok = value.(*lua.LFunction); !ok || c.Run.IsG {
			return nil, fail.Errorf(fail.Definition, "%s is a %s; a class is a table with a function run, or a function", where, value.Type())
		}
		c.Open = true
		c.File, c.Line = c.Run.Proto.SourceName, c.Run.Proto.LineDefined
		return c, nil
	}
	for field, target := range map[string]**lua.LFunction{"run": &c.Run, "setup": &c.Setup, "teardown": &c.Teardown} {
		switch value := get(table, field).(type) {
		case *lua.LNilType:
		case *lua.LFunction:
			*target = value
		default:
			return nil, fail.Errorf(fail.Definition, "%s: %s must be a function, not a %s", where, field, value.Type())
		}
	}
	if c.Run == nil {
		return nil, fail.Hint(fail.Errorf(fail.Definition, "%s has no function run", where), "add function %s.run(task, kwargs, args) ... end", name)
	}
	if !c.Run.IsG {
		c.File, c.Line = c.Run.Proto.SourceName, c.Run.Proto.LineDefined
	}
	c.Doc = strings.TrimSpace(lua.LVAsString(get(table, "doc")))
	c.Doubts = doubts(table)
	return c, c.readSchema(get(table, "kwargs"), where)
}

func (c *Class) readSchema(schema lua.LValue, where string) (err error) {
	switch schema := schema.(type) {
	case *lua.LNilType:
		c.Open = true
	case *lua.LTable:
		c.Kwargs, err = readKwargs(schema, "kwarg")
	default:
		err = fail.Errorf(fail.Definition, "kwargs must be a table, not a %s", schema.Type())
	}
	if err != nil {
		return fail.With(fail.Definition, &schemaError{where, err})
	}
	return nil
}

// schemaError is a mistake in a script's schema.
type schemaError struct {
	where string
	err   error
}

func (e *schemaError) Error() string { return e.where + ": " + e.err.Error() }
func (e *schemaError) Unwrap() error { return e.err }

// doubts names the fields of a class that are probably misspelt: teardwon is never called.
func doubts(table *lua.LTable) []string {
	var all []string
	table.ForEach(func(key, _ lua.LValue) {
		name, ok := key.(lua.LString)
		if !ok || slices.Contains(fields, string(name)) {
			return
		}
		for _, near := range suggest.Near(string(name), fields, 1) {
			if len(name) >= len(near)-1 && len(name) <= len(near)+1 {
				all = append(all, "field "+string(name)+" has no meaning; is it "+near+"?")
			}
		}
	})
	slices.Sort(all)
	return all
}
