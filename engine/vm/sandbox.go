package vm

import (
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm/lualib"
)

// openLibraries gives the fresh state its standard library.
func (v *VM) openLibraries() {
	L := v.state
	v.openRequire()
	v.open("", lua.OpenBase)
	v.open(lua.TabLibName, lua.OpenTable)
	v.open(lua.StringLibName, lua.OpenString)
	v.open(lua.MathLibName, lua.OpenMath)
	lualib.OpenString(L, v.limits())
	lualib.OpenTable(L, v.limits())
	lualib.OpenNumbers(L)
	v.openCoroutine()
	v.openBase()
	v.openOS()
	debug := L.NewTable()
	debug.RawSetString("traceback", L.NewFunction(v.traceback))
	L.SetGlobal(lua.DebugLibName, debug)
	for _, name := range []string{"string", "table", "math", "coroutine", "os", "io", "debug"} {
		v.loaded.RawSetString(name, L.GetGlobal(name))
	}
}

// open runs one of gopher-lua's library openers, which need a frame of their own.
func (v *VM) open(name string, opener lua.LGFunction) {
	v.state.Push(v.state.NewFunction(opener))
	v.state.Push(lua.LString(name))
	v.state.Call(1, 0)
}

// openBase replaces the base functions that read files, print, or catch errors, and takes away those that are deprecated or
// show gopher-lua's inside.
func (v *VM) openBase() {
	L := v.state
	for _, name := range []string{"module", "newproxy", "_printregs", "_GOPHER_LUA_VERSION"} {
		L.SetGlobal(name, lua.LNil)
	}
	L.SetGlobal("require", L.NewFunction(v.require)) // OpenBase has set its own
	for name, fn := range map[string]lua.LGFunction{
		"print":          v.print,
		"pcall":          v.pcall,
		"xpcall":         v.xpcall,
		"error":          luaError,
		"assert":         luaAssert,
		"load":           v.loadText,
		"loadstring":     v.loadText,
		"loadfile":       v.loadFile,
		"dofile":         v.doFile,
		"collectgarbage": collectGarbage,
	} {
		L.SetGlobal(name, L.NewFunction(fn))
	}
}

// collectGarbage reports the heap of the process for "count"; Go collects by itself.
func collectGarbage(L *lua.LState) int {
	switch L.OptString(1, "collect") {
	case "count":
		L.Push(lua.LNumber(float64(measure(heapInUse)) / 1024))
	case "collect":
		runtime.GC()
		fallthrough
	default:
		L.Push(lua.LNumber(0))
	}
	return 1
}

// loadText is load and loadstring: both take a text, or a function that returns its pieces.
func (v *VM) loadText(L *lua.LState) int {
	var source strings.Builder
	switch chunk := L.CheckAny(1).(type) {
	case *lua.LFunction:
		for source.Len() <= maxSource {
			L.Push(chunk)
			L.Call(0, 1)
			piece := lua.LVAsString(L.Get(-1))
			L.Pop(1)
			if piece == "" {
				break
			}
			source.WriteString(piece)
		}
	default:
		source.WriteString(L.CheckString(1))
	}
	return pushChunk(L, L.OptString(2, "(load)"), source.String())
}

func pushChunk(L *lua.LState, name, source string) int {
	proto, err := compile(name, source)
	if err != nil {
		L.Push(lua.LNil)
		L.Push(lua.LString(err.Error()))
		return 2
	}
	L.Push(L.NewFunctionFromProto(proto))
	return 1
}

func (v *VM) loadFile(L *lua.LState) int {
	name, source, err := v.readFile(L.CheckString(1))
	if err != nil {
		L.Push(lua.LNil)
		L.Push(lua.LString(err.Error()))
		return 2
	}
	return pushChunk(L, name, source)
}

func (v *VM) doFile(L *lua.LState) int {
	name, source, err := v.readFile(L.CheckString(1))
	if err != nil {
		Raise(L, err)
	}
	proto, err := compile(name, source)
	if err != nil {
		Raise(L, err)
	}
	top := L.GetTop()
	L.Push(L.NewFunctionFromProto(proto))
	L.Call(0, lua.MultRet)
	return L.GetTop() - top
}

// readFile finds a file in the roots, or, with AllowOS, anywhere.
func (v *VM) readFile(name string) (chunk, source string, err error) {
	for _, root := range v.options.Roots {
		file := path.Clean(name)
		if text, err := fs.ReadFile(root.FS, file); err == nil {
			return Script{Path: file, Root: root}.Chunk(), string(text), nil
		}
	}
	if !v.options.AllowOS {
		return "", "", forbidden("reading a file outside the script folders (" + name + ")")
	}
	text, err := os.ReadFile(filepath.Clean(name))
	return name, string(text), err
}

func forbidden(what string) error {
	return fail.Hint(fail.Errorf(fail.Task, "%s is not allowed", what), "the flag --allow-os gives scripts the operating system")
}

// openOS gives scripts the clock; with AllowOS also gopher-lua's io and os, except os.exit, which would end the process
// without cleaning up.
func (v *VM) openOS() {
	L := v.state
	v.open(lua.OsLibName, lua.OpenOs)
	library := L.GetGlobal(lua.OsLibName).(*lua.LTable)
	library.RawSetString("exit", L.NewFunction(func(L *lua.LState) int {
		Raise(L, fail.Hint(fail.Errorf(fail.Task, "os.exit is not available: it would end the whole run"),
			"return from the task, or call task.fail or task.skip"))
		return 0
	}))
	write := L.NewFunction(func(L *lua.LState) int {
		for i := 1; i <= L.GetTop(); i++ {
			if _, err := v.options.Stdout.Write([]byte(L.CheckString(i))); err != nil {
				Raise(L, err)
			}
		}
		return 0
	})
	if v.options.AllowOS {
		v.open(lua.IoLibName, lua.OpenIo)
		io := L.GetGlobal(lua.IoLibName).(*lua.LTable)
		io.RawSetString("write", write)
		library.RawSetString("execute", L.NewFunction(v.execute))
		v.afterTools(library, "execute", "getenv")
		v.afterTools(io, "popen")
		return
	}
	for _, name := range []string{"execute", "getenv", "setenv", "remove", "rename", "setlocale", "tmpname"} {
		library.RawSetString(name, lua.LNil)
	}
	io := L.NewTable()
	io.RawSetString("write", write)
	L.SetGlobal(lua.IoLibName, io)
	v.explainMissing(library, "os", map[string]string{
		"getenv":  "read variables with env.get",
		"remove":  "remove files with the file module",
		"tmpname": "make temporary files with file.temp",
	})
	v.explainMissing(io, "io", map[string]string{"open": "read and write with the file module"})
}

// afterTools makes functions of a library call BeforeTool first.
func (v *VM) afterTools(library *lua.LTable, names ...string) {
	before := v.options.BeforeTool
	if before == nil {
		return
	}
	for _, name := range names {
		next := library.RawGetString(name).(*lua.LFunction).GFunction
		library.RawSetString(name, v.state.NewFunction(func(L *lua.LState) int {
			before(v.ctx)
			return next(L)
		}))
	}
}

// explainMissing makes reading a function that scripts do not have an error that says what to use.
func (v *VM) explainMissing(library *lua.LTable, name string, instead map[string]string) {
	meta := v.state.NewTable()
	meta.RawSetString("__index", v.state.NewFunction(func(L *lua.LState) int {
		key := L.Get(2).String()
		err := forbidden(name + "." + key)
		if advice, ok := instead[key]; ok {
			err = fail.Hint(err, "%s, or allow it with --allow-os", advice)
		}
		Raise(L, err)
		return 0
	}))
	library.Metatable = meta
}

// execute is os.execute: it runs a shell command until it ends or the script is stopped, and returns its exit status. What
// the command writes goes where print writes.
func (v *VM) execute(L *lua.LState) int {
	command := exec.CommandContext(v.ctx, "/bin/sh", "-c", L.CheckString(1)) //nolint:gosec // what --allow-os is for
	command.Stdout, command.Stderr = v.options.Stdout, v.options.Stdout
	command.WaitDelay = time.Second // for what the command left running with its output open
	if err := command.Run(); err != nil && command.ProcessState == nil {
		Raise(L, err)
	}
	L.Push(lua.LNumber(command.ProcessState.ExitCode()))
	return 1
}
