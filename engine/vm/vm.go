// Package vm makes Lua virtual machines for tasks: a safe standard library, modules found in mounted folders and then in
// the embedded scripts, cancellation, and a memory limit. It knows nothing of Rucio; package bind gives scripts their modules.
package vm

import (
	"context"
	"io"
	"io/fs"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/vm/lualib"
)

// Root is one place where scripts are searched for: "tasks.stubs" is tasks/stubs.lua in it.
type Root struct {
	Name string // as messages and tracebacks show it: a folder's path, or "embedded"
	FS   fs.FS
}

// Opener makes a module's value (mostly a table) in a fresh VM. It is called on the first use of the module's global, or
// by require. It may keep L.
type Opener func(L *lua.LState) lua.LValue

// Options says what a VM's scripts have.
type Options struct {
	Roots       []Root            // searched in this order
	Modules     map[string]Opener // modules that Go provides: globals, and names for require
	Cache       *Cache            // compiled scripts, shared with other VMs; nil means an own one
	AllowOS     bool              // gives scripts io and os, and files outside the roots
	MemoryLimit int64             // bytes of heap of the whole process at which scripts are stopped; 0 means none
	Stdout      io.Writer         // where print writes; nil discards

	// BeforeTool is called before a script starts a program, or looks at the process's own variables (os.execute, io.popen,
	// os.getenv): what programs log in with may have to be made first.
	BeforeTool func(ctx context.Context)

	// Prepare is called on the fresh state, after the standard library is there; it may replace parts of it.
	Prepare func(L *lua.LState)
	// Fill is called before Go code looks into a table of a script. It completes a table that loads its fields when they are
	// asked for, and tells whether the table's metatable serves only that (and is not copied to other VMs).
	Fill func(table *lua.LTable) (own bool)
	// OnGlobal is told once per name of a global variable that a script makes, mostly by forgetting "local".
	OnGlobal func(name, file string, line int)
}

// VM is a Lua virtual machine. It is used by one goroutine at a time, and never again after Close.
type VM struct {
	state   *lua.LState // the main thread: it owns the globals; scripts run on threads of their own, see protect
	options Options

	ctx    context.Context // of the running Call
	idle   []*lua.LState   // threads that protect can use again, for nested calls
	nested int             // protected calls and coroutines that are running inside each other
	active []*lua.LState   // the coroutines among them

	modules map[string]lua.LValue // provided modules that have been opened
	loaded  *lua.LTable           // package.loaded
	loading []string              // scripts whose loading is under way, outermost first

	lastTrace     foreignTrace  // of an error on its way from another thread
	handlingTrace []Frame       // of the error that an xpcall handler is looking at
	undefined     undefinedName // the last global that was read and is not there
}

const (
	callDepth      = 8000 // nested calls of a Call
	nestedDepth    = 1500 // and of each protected call or coroutine in it, see maxNested
	registrySize   = 1 << 9
	registryMax    = 1 << 18
	registryGrowth = 1 << 12
	vmKey          = "engine.vm" // of the Lua registry: the VM
)

// largestArrayIndex bounds what one assignment such as t[50000000] = 1 allocates: gopher-lua fills the array up to it, by
// default to 1 GiB. It is as many elements as a list can have.
const largestArrayIndex = 1 << 24

// boundArrays sets gopher-lua's one knob for it, a variable of the whole process, before the first VM exists.
var boundArrays = sync.OnceFunc(func() { lua.MaxArrayIndex = largestArrayIndex })

// New makes a VM. It costs a fraction of a millisecond: every task has its own.
func New(options Options) *VM {
	boundArrays()
	if options.Cache == nil {
		options.Cache = NewCache()
	}
	if options.Stdout == nil {
		options.Stdout = io.Discard
	}
	L := lua.NewState(lua.Options{
		CallStackSize:       nestedDepth, // the threads that it makes have the same options
		MinimizeStackMemory: true,
		RegistrySize:        registrySize,
		RegistryMaxSize:     registryMax,
		RegistryGrowStep:    registryGrowth,
		SkipOpenLibs:        true,
	})
	L.G.MainThread, L.G.CurrentThread = L, L
	v := &VM{state: L, options: options, ctx: context.Background(), modules: map[string]lua.LValue{}}
	L.G.Registry.RawSetString(vmKey, &lua.LUserData{Value: v, Metatable: lua.LNil})
	v.openLibraries()
	if options.Prepare != nil {
		options.Prepare(L)
	}
	v.watchGlobals()
	return v
}

// Of returns the VM that L is a thread of.
func Of(L *lua.LState) *VM {
	holder, _ := L.G.Registry.RawGetString(vmKey).(*lua.LUserData)
	if holder == nil {
		return nil
	}
	v, _ := holder.Value.(*VM)
	return v
}

// State returns the VM's main thread, for making values: tables, functions, userdata.
func (v *VM) State() *lua.LState { return v.state }

// Sibling returns a new VM with the same options, for work that runs beside this one.
func (v *VM) Sibling() *VM { return New(v.options) }

// Close frees what the VM holds outside Go's heap. The VM must not be running.
func (v *VM) Close() { v.state.Close() }

// Call calls a function (or a value with __call) until it returns, fails, or ctx ends. A failure is an *Error; when ctx has
// ended, its Cause is ctx's (see context.Cause), and when the memory limit was exceeded, a message that says so.
func (v *VM) Call(ctx context.Context, fn lua.LValue, args ...lua.LValue) ([]lua.LValue, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	return v.CallIn(ctx, cancel, fn, args...)
}

// CallIn is Call in a context that cancel ends. What a script leaves open, such as a stream of rows, is open until then, also
// for later calls in the same context: it is for scripts that are typed in line by line.
func (v *VM) CallIn(ctx context.Context, cancel context.CancelCauseFunc, fn lua.LValue, args ...lua.LValue) ([]lua.LValue, error) {
	defer v.watchMemory(ctx, cancel)()
	outer := v.ctx
	v.ctx = ctx
	defer func() { v.ctx = outer }()
	results, failed := v.protect(ctx, fn, args, true)
	if failed != nil {
		return nil, v.newError(ctx, failed)
	}
	return results, nil
}

// Load compiles a script that is not in a root, such as the text of exec -e, under a name for messages.
func (v *VM) Load(name, source string) (*lua.LFunction, error) {
	proto, err := compile(name, source)
	if err != nil {
		return nil, err
	}
	return v.state.NewFunctionFromProto(proto), nil
}

// Require loads a module as require does in a script. Errors are *Error; a script that is not there has the exit code
// Definition, as one that does not compile.
func (v *VM) Require(ctx context.Context, module string) (lua.LValue, error) {
	results, err := v.Call(ctx, v.state.GetGlobal("require"), lua.LString(module))
	if err != nil {
		return nil, err
	}
	return results[0], nil
}

// print is Lua's print, a line at a time, so that lines of parallel tasks do not mix.
func (v *VM) print(L *lua.LState) int {
	var line []byte
	for i := 1; i <= L.GetTop(); i++ {
		if i > 1 {
			line = append(line, '\t')
		}
		line = append(line, L.ToStringMeta(L.Get(i)).String()...)
	}
	if _, err := v.options.Stdout.Write(append(line, '\n')); err != nil {
		Raise(L, err)
	}
	return 0
}

func (v *VM) limits() lualib.Limits { return lualib.Limits{MaxString: v.options.MemoryLimit} }
