package runner

import (
	"context"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/engine/report"
	"github.com/rucio-task-manager/rucio-task-manager/engine/task"
)

// Chunk is a script that is run as it is, without a definition.
type Chunk struct {
	Name   string // for messages: a path, or "(command line)"
	Source string
	Kwargs map[string]any
	Args   any
}

// Exec runs a chunk like a task: task, kwargs and args are local variables in it, and what it returns is the result's value. Of the Options, those for several tasks have no effect, nor has the Reporter.
func Exec(ctx context.Context, chunk Chunk, o Options) report.Result {
	r := &run{Options: o.withDefaults()}
	d := &task.Definition{Name: chunk.Name, Class: "exec", File: chunk.Name, Enabled: true, Kwargs: chunk.Kwargs, Args: chunk.Args}
	return r.attempt(ctx, job{definition: d, chunk: &chunk})
}

// parameters are what a task's run is called with.
const parameters = "local task, kwargs, args = ... "

// text returns the source with its parameters; lines keep their numbers.
func (c *Chunk) text() string {
	source := strings.TrimPrefix(c.Source, "\ufeff")
	if strings.HasPrefix(source, "#") {
		source = "--" + source // the #! line of an executable script
	}
	return parameters + source
}
