package vm

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"sort"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/suggest"
)

// moduleName is what a module may be called: identifiers with dots between them.
var moduleName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*(\.[A-Za-z0-9_][A-Za-z0-9_-]*)*$`)

// Script is a module's file.
type Script struct {
	Module string // "tasks.stubs", under the name it has now
	Path   string // "tasks/stubs.lua", in its root
	Root   Root
}

// Chunk is the script's name in messages and tracebacks: "etc/scripts/tasks/stubs.lua", "embedded:tasks/stubs.lua".
func (s Script) Chunk() string {
	if s.Root.Name == EmbeddedRoot {
		return s.Root.Name + ":" + s.Path
	}
	return path.Join(s.Root.Name, s.Path)
}

// EmbeddedRoot is the name of the root that holds the scripts of this program itself.
const EmbeddedRoot = "embedded"

// Find returns the script of a module: of the first root that has it, or else of the module that replaces it (see
// Renamed). The error says where it was looked for, and names that are near.
func Find(roots []Root, module string) (Script, error) {
	if !moduleName.MatchString(module) {
		return Script{}, fail.Hint(fail.Errorf(fail.Definition, "%q is not a module name", module),
			"a module is named by its file without .lua, with dots for slashes: tasks.stubs is tasks/stubs.lua")
	}
	names := append([]string{module}, Renamed(module)...)
	for _, name := range names {
		for _, root := range roots {
			for _, file := range candidates(name) {
				info, err := fs.Stat(root.FS, file)
				switch {
				case err == nil && !info.IsDir():
					return Script{Module: name, Path: file, Root: root}, nil
				case err != nil && !errors.Is(err, fs.ErrNotExist):
					return Script{}, fail.Errorf(fail.Definition, "module %q: %w", module, err)
				}
			}
		}
	}
	return Script{}, notFound(roots, module)
}

func candidates(module string) []string {
	file := strings.ReplaceAll(module, ".", "/")
	return []string{file + ".lua", path.Join(file, "init.lua")}
}

func notFound(roots []Root, module string) error {
	where := make([]string, len(roots))
	for i, root := range roots {
		where[i] = root.Name
	}
	err := fail.Errorf(fail.Definition, "module %q not found: no %s in %s", module,
		strings.Join(candidates(module), " or "), strings.Join(where, ", "))
	scripts, _ := List(roots) // what cannot be listed cannot be suggested either
	var names []string
	for _, script := range scripts {
		names = append(names, script.Module)
	}
	if near := suggest.Near(module, names, 3); len(near) > 0 {
		return fail.Hint(err, "did you mean %s?", strings.Join(near, " or "))
	}
	return err
}

// Read returns the script's text.
func (s Script) Read() (string, error) {
	text, err := fs.ReadFile(s.Root.FS, s.Path)
	if err != nil {
		return "", fail.Errorf(fail.Definition, "read the script %s: %w", s.Chunk(), err)
	}
	return string(text), nil
}

// List returns the scripts of all roots, sorted by module; of scripts with the same name, the one that Find returns comes
// first. A root that cannot be read is an error.
func List(roots []Root) ([]Script, error) {
	var all []Script
	var failures []error
	for _, root := range roots {
		err := fs.WalkDir(root.FS, ".", func(file string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".lua") {
				return err
			}
			module := strings.ReplaceAll(strings.TrimSuffix(strings.TrimSuffix(file, ".lua"), "/init"), "/", ".")
			if moduleName.MatchString(module) {
				all = append(all, Script{Module: module, Path: file, Root: root})
			}
			return nil
		})
		if err != nil {
			failures = append(failures, fmt.Errorf("list the scripts in %s: %w", root.Name, err))
		}
	}
	sort.SliceStable(all, func(i, j int) bool { return all[i].Module < all[j].Module })
	return all, errors.Join(failures...)
}

// openRequire gives scripts require, package.loaded, and package.preload with the modules that Go provides.
func (v *VM) openRequire() {
	library := v.state.NewTable()
	v.loaded = v.state.NewTable()
	library.RawSetString("loaded", v.loaded)
	library.RawSetString("preload", v.state.NewTable())
	v.state.SetGlobal("package", library)
	v.state.SetGlobal("require", v.state.NewFunction(v.require))
}

func (v *VM) require(L *lua.LState) int {
	name := L.CheckString(1)
	if value := v.loaded.RawGetString(name); value != lua.LNil {
		L.Push(value)
		return 1
	}
	var value lua.LValue
	preload, _ := L.GetField(L.GetGlobal("package"), "preload").(*lua.LTable)
	if _, provided := v.options.Modules[name]; provided {
		value = v.Module(name)
	} else if loader, ok := preloaded(preload, name); ok {
		value = v.load(L, loader, name, name)
	} else {
		value = v.requireScript(L, name)
	}
	L.Push(value)
	return 1
}

func preloaded(preload *lua.LTable, name string) (*lua.LFunction, bool) {
	if preload == nil {
		return nil, false
	}
	loader, ok := preload.RawGetString(name).(*lua.LFunction)
	return loader, ok
}

func (v *VM) requireScript(L *lua.LState, name string) lua.LValue {
	script, err := Find(v.options.Roots, name)
	if err != nil {
		Raise(L, err)
	}
	if value := v.loaded.RawGetString(script.Module); value != lua.LNil { // required before, by its present name
		v.loaded.RawSetString(name, value)
		return value
	}
	source, err := script.Read()
	if err != nil {
		Raise(L, err)
	}
	proto, err := v.options.Cache.proto(script.Chunk(), source)
	if err != nil {
		Raise(L, err)
	}
	value := v.load(L, L.NewFunctionFromProto(proto), script.Module, name)
	v.loaded.RawSetString(name, value)
	return value
}

// load runs a module's function once and notes its value under its name; nil counts as true, as in Lua.
func (v *VM) load(L *lua.LState, loader *lua.LFunction, name, argument string) lua.LValue {
	if i := slices.Index(v.loading, name); i >= 0 {
		chain := append(slices.Clone(v.loading[i:]), name)
		Raise(L, fail.Errorf(fail.Definition, "module %q requires itself: %s", name, strings.Join(chain, " -> ")))
	}
	v.loading = append(v.loading, name)
	defer func() { v.loading = v.loading[:len(v.loading)-1] }()
	L.Push(loader)
	L.Push(lua.LString(argument))
	L.Call(1, 1)
	value := L.Get(-1)
	L.Pop(1)
	if value == lua.LNil {
		value = lua.LTrue
		if set := v.loaded.RawGetString(name); set != lua.LNil {
			value = set
		}
	}
	v.loaded.RawSetString(name, value)
	return value
}

// Module returns a module that Go provides (see Options.Modules), opening it on first use. It opens on a thread of its own, so
// that the opener may keep the state that it is given. An opener that raises an error panics here, outside a script.
func (v *VM) Module(name string) lua.LValue {
	if value, ok := v.modules[name]; ok {
		return value
	}
	thread := v.newThread(nestedDepth)
	thread.SetContext(v.ctx)
	value := v.options.Modules[name](thread)
	v.modules[name] = value
	v.loaded.RawSetString(name, value)
	v.globals().RawSetString(name, value)
	return value
}

func (v *VM) globals() *lua.LTable { return v.state.G.Global }
