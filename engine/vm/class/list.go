package class

import (
	"context"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

// Module is a script of tasks and its classes.
type Module struct {
	Name    string   `json:"module"`
	File    string   `json:"file"`              // as tracebacks show it
	Root    string   `json:"root"`              // the folder it is from, or "embedded"
	Hides   []string `json:"hides,omitempty"`   // scripts of the same name in later roots, which are not used
	Classes []*Class `json:"classes,omitempty"` // sorted by name
	Err     error    `json:"-"`                 // why it, or one of its classes, cannot be used
}

// shared is the folder of scripts that tasks share; they have no classes.
const shared = "common."

// Modules loads every script in the roots, each in a VM of its own, and returns those with classes and those that are broken.
// The error tells of roots that cannot be listed; the rest is returned nevertheless. newVM makes a VM with these roots.
func Modules(ctx context.Context, roots []vm.Root, newVM func() *vm.VM) ([]Module, error) {
	scripts, err := vm.List(roots)
	var all []Module
	for _, script := range scripts {
		if last := len(all) - 1; last >= 0 && all[last].Name == script.Module {
			all[last].Hides = append(all[last].Hides, script.Chunk())
			continue
		}
		if ctx.Err() != nil {
			return all, context.Cause(ctx)
		}
		if strings.HasPrefix(script.Module, shared) {
			continue
		}
		m := Module{Name: script.Module, File: script.Chunk(), Root: script.Root.Name}
		m.load(ctx, newVM())
		all = append(all, m)
	}
	used := all[:0]
	for _, m := range all {
		if len(m.Classes) > 0 || m.Err != nil {
			used = append(used, m)
		}
	}
	return used, err
}

// load fills in the classes, and the first thing that is wrong.
func (m *Module) load(ctx context.Context, v *vm.VM) {
	defer v.Close()
	table, err := loadModule(ctx, v, m.Name)
	if err != nil {
		m.Err = err
		return
	}
	for _, name := range classNames(table) {
		c, err := newClass(m.Name, name, table.RawGetString(name))
		if err != nil {
			if m.Err == nil {
				m.Err = err
			}
			continue
		}
		m.Classes = append(m.Classes, c)
	}
}
