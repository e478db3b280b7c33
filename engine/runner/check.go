package runner

import (
	"context"
	"errors"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/report"
	"github.com/rucio-task-manager/rucio-task-manager/engine/task"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm/class"
)

// Check finds what is wrong with a definition without running it: that its script is not there or does not load, that the
// script has no such class, that kwargs do not fit the class's schema. Loading a script runs what is outside its functions;
// ctx bounds it.
func Check(ctx context.Context, d *task.Definition, o Options) task.Problems {
	r := &run{Options: o.withDefaults()}
	a := &attempt{run: r, job: job{definition: d}, log: r.Log, task: &Task{Definition: d, Log: r.Log, TempDir: noTempDir, Record: func(report.Metric) {}}}
	v := a.newVM()
	defer v.Close()
	c, err := class.Load(ctx, v, d.Module, d.Class)
	if err != nil {
		field := "module_name"
		if vm.AsError(err) == nil {
			field = "class_name" // the script was loaded, and its class is what is wrong
		}
		return task.Problems{problemOf(d, field, d.LineOf(field), err.Error(), fail.HintOf(err), false)}
	}
	_, problems := checkKwargs(c, d)
	return problems
}

func problemOf(d *task.Definition, field string, line int, message, hint string, warning bool) task.Problem {
	return task.Problem{File: d.File, Line: line, Task: d.Name, Field: field, Message: message, Hint: hint, Warning: warning}
}

// checkKwargs returns the kwargs that the script gets, and what is wrong with the definition's.
func checkKwargs(c *class.Class, d *task.Definition) (map[string]any, task.Problems) {
	kwargs, found := c.Check(d.Kwargs, d.LineOf)
	var problems task.Problems
	for _, doubt := range c.Doubts {
		problems = append(problems, problemOf(d, "class_name", d.LineOf("class_name"), "class "+c.Name+": "+doubt, "", true))
	}
	for _, p := range found {
		problems = append(problems, problemOf(d, p.Field, p.Line, p.Message, p.Hint, p.Warning))
	}
	return kwargs, problems
}

// blocking returns the problems that keep a task from being run as an error, or nil.
func blocking(problems task.Problems, strict bool) error {
	var all task.Problems
	for _, p := range problems {
		if strict {
			p.Warning = false
		}
		all = append(all, p)
	}
	return fail.With(fail.Definition, all.Err())
}

var errOnlyChecked = errors.New("the script is only checked: it has no temporary folder")

func noTempDir() (string, error) { return "", errOnlyChecked }
