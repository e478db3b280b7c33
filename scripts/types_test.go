package scripts_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/engine/bind"
)

var update = flag.Bool("update", false, "write etc/lua/types.lua anew")

// typesFile is no script: it would be one in the folder of scripts.
const typesFile = "../etc/lua/types.lua"

// typesHead begins the file. The task object is not a module; its functions stand here.
const typesHead = `---@meta
-- What the engine gives to scripts, for editors that know the Lua language server (LuaLS). Never loaded by the engine.
-- Made of package bind's reference: go test ./scripts -run TestTypes -update

--- The task: the first argument of run, setup and teardown, and a global for scripts that tasks share.
---@class task
---@field name string
---@field description string
---@field module string
---@field class string
task = {}

--- A named assertion. The task goes on, and has failed at its end unless ok. Returns ok.
---@param name string
---@param ok any
---@param detail? any why it failed
---@return boolean
function task.check(name, ok, detail) end

--- Hands a document to every database of the definition. Returns its id.
---@param document table
---@param options? { id: string }
---@return string
function task.emit(document, options) end

--- Marks the task as failed, and goes on.
---@param text string
function task.fail(text) end

--- Ends the task here, as skipped.
---@param text? string
function task.skip(text) end

--- Calls fn when the task has ended, however it ended.
---@param fn function
function task.defer(fn) end
`

// TestTypes holds etc/lua/types.lua to what there is.
func TestTypes(t *testing.T) {
	var b strings.Builder
	b.WriteString(typesHead)
	for _, m := range bind.Reference() {
		fmt.Fprintf(&b, "\n%s---@class %s\n", comment(m.Doc), m.Name)
		if m.Name == "rucio" {
			b.WriteString("---@field [string] fun(...): any # every method of Python's client: rucio-task-manager methods list\n")
		}
		for _, f := range m.Functions {
			if f.Name == m.Name { // the module can be called
				fmt.Fprintf(&b, "%s---@overload fun(...): any\n", comment(f.Signature))
			}
		}
		fmt.Fprintf(&b, "%s = {}\n", m.Name)
		objects := map[string]bool{}
		for _, f := range m.Functions {
			if object, _, ok := strings.Cut(f.Name, ":"); ok && !objects[object] {
				objects[object] = true
				fmt.Fprintf(&b, "\n---@class %s\nlocal %s = {}\n", object, object)
			}
			if f.Name == m.Name {
				continue
			}
			b.WriteString("\n" + comment(f.Signature) + comment(f.Doc))
			_, returns, _ := strings.Cut(f.Signature, "-> ")
			if isObject(m, returns) {
				fmt.Fprintf(&b, "---@return %s\n", returns)
			}
			switch {
			case strings.Contains(f.Name, ":"):
				fmt.Fprintf(&b, "function %s(...) end\n", f.Name)
			case !strings.Contains(f.Signature, "("):
				fmt.Fprintf(&b, "%s.%s = nil\n", m.Name, f.Name)
			default:
				fmt.Fprintf(&b, "function %s.%s(...) end\n", m.Name, f.Name)
			}
		}
	}
	if *update {
		if err := os.WriteFile(typesFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	there, err := os.ReadFile(typesFile)
	if err != nil || string(there) != b.String() {
		t.Errorf("etc/lua/types.lua is stale: go test ./scripts -run TestTypes -update (%v)", err)
	}
}

// isObject tells whether name is that of an object with methods.
func isObject(m bind.ModuleDoc, name string) bool {
	for _, f := range m.Functions {
		if name != "" && strings.HasPrefix(f.Name, name+":") {
			return true
		}
	}
	return false
}

func comment(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString("--- " + strings.TrimRight(line, "\n") + "\n")
	}
	return b.String()
}
