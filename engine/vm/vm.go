// Package vm makes Lua virtual machines for tasks: a safe standard library, modules found in mounted folders and then in
// the embedded scripts, cancellation, and a memory limit. It knows nothing of Rucio; package bind gives scripts their modules.
package vm

import (
	"io/fs"

	lua "github.com/yuin/gopher-lua"
)

// Root is one place where scripts are searched for: "tasks.stubs" is tasks/stubs.lua in it.
type Root struct {
	Name string // as messages and tracebacks show it: a folder's path, or "embedded"
	FS   fs.FS
}

// Opener makes a module's value (mostly a table) in a fresh VM. It is called on the first use of the module's global, or
// by require.
type Opener func(L *lua.LState) lua.LValue
