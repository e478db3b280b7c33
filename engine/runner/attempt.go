package runner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"runtime/debug"
	"sync"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/logging"
	"github.com/rucio-task-manager/rucio-task-manager/engine/report"
	"github.com/rucio-task-manager/rucio-task-manager/engine/task"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm/class"
)

// job is what an attempt runs: the class of a definition, or a chunk (see Exec) with the definition's kwargs.
type job struct {
	definition *task.Definition
	chunk      *Chunk
}

// attempt is one run of one task.
type attempt struct {
	*run
	job
	task    *Task
	log     *slog.Logger
	vm      *vm.VM
	emitter Emitter
	temp    tempDir

	mu       sync.Mutex // for the task's functions may be called from several VMs (see parallel)
	checks   []report.Check
	metrics  []report.Metric
	emitted  int
	deferred []*lua.LFunction
}

func newResult(d *task.Definition, started time.Time) report.Result {
	return report.Result{
		Task: d.Name, Module: d.Module, Class: d.Class, File: d.File, Description: d.Description, Status: report.Passed, Started: started,
	}
}

// attempt runs a task once. A Go panic is a failure of this task only.
func (r *run) attempt(ctx context.Context, j job) (result report.Result) {
	d := j.definition
	a := &attempt{run: r, job: j, log: logging.Named(r.Log, d.Class).With(logging.Module, "task")}
	a.temp = tempDir{parent: r.TempDir, task: d.Name}
	a.task = &Task{Definition: d, Log: logging.Named(r.Log, d.Class), TempDir: a.temp.path, Record: a.record}
	result = newResult(d, r.Now())
	if timeout := r.timeout(d); timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, timeout, fail.Errorf(fail.Timeout, "the task took longer than its timeout of %s", timeout))
		defer cancel()
	}
	value, err := a.guarded(ctx, &result)
	if removeErr := a.temp.remove(); removeErr != nil {
		a.log.Warn("the task's temporary folder is left: " + removeErr.Error())
	}
	a.conclude(&result, value, err)
	return result
}

func (r *run) timeout(d *task.Definition) time.Duration {
	if d.Timeout > 0 {
		return d.Timeout
	}
	return r.Timeout
}

// guarded runs the task and delivers its documents; a Go panic becomes an error.
func (a *attempt) guarded(ctx context.Context, result *report.Result) (value any, err error) {
	defer func() {
		if r := recover(); r != nil {
			a.log.Debug("a bug: " + fmt.Sprint(r) + "\n" + string(debug.Stack()))
			err = fail.Errorf(fail.Internal, "internal error: %v", r)
		}
	}()
	value, err = a.perform(ctx)
	if a.emitter != nil {
		delivery, cancel := a.cleanupContext(ctx, "the delivery of documents")
		defer cancel()
		spooled, closeErr := a.emitter.Close(delivery)
		result.Spooled = spooled
		err = a.add(err, fail.With(fail.Output, closeErr))
	}
	return value, err
}

// add joins a later error to what a task ended with: the first one counts, the later one is logged.
func (a *attempt) add(first, later error) error {
	if first == nil || later == nil {
		return errors.Join(first, later)
	}
	a.log.Error("then " + later.Error())
	return first
}

// perform loads and checks everything, runs the script, and cleans up after it.
func (a *attempt) perform(ctx context.Context) (value any, err error) {
	a.vm = a.newVM()
	defer a.vm.Close()
	script, kwargs, err := a.load(ctx)
	if err != nil {
		return nil, err
	}
	if a.Emitter != nil {
		if a.emitter, err = a.Emitter(a.task); err != nil {
			return nil, fail.With(fail.Definition, err)
		}
	}
	args, err := a.arguments(kwargs)
	if err != nil {
		return nil, err
	}
	started := a.Now()
	a.log.Info("executing " + script.what)
	if script.setup != nil {
		_, err = a.vm.Call(ctx, script.setup, args...)
	}
	if err == nil {
		value, err = a.main(ctx, script.run, args)
	}
	err = a.add(err, a.cleanup(ctx, script.teardown, args))
	a.log.Info(fmt.Sprintf("Finished in %.0fs", math.Round(a.Now().Sub(started).Seconds())))
	return value, err
}

// script is what an attempt calls.
type script struct {
	what                 string // for the log
	setup, run, teardown *lua.LFunction
}

// load finds the class and checks the kwargs.
func (a *attempt) load(ctx context.Context) (*script, map[string]any, error) {
	d := a.definition
	if a.chunk != nil {
		fn, err := a.vm.Load(a.chunk.Name, a.chunk.text())
		return &script{what: a.chunk.Name, run: fn}, d.Kwargs, err
	}
	c, err := class.Load(ctx, a.vm, d.Module, d.Class)
	if err != nil {
		return nil, nil, err
	}
	kwargs, problems := checkKwargs(c, d)
	for _, p := range problems {
		if p.Warning && !a.Strict {
			a.log.Warn(p.String())
		}
	}
	if err := blocking(problems, a.Strict); err != nil {
		return nil, nil, err
	}
	a.Redactor.Add(c.Secrets(kwargs)...)
	return &script{d.Class + ".run()", c.Setup, c.Run, c.Teardown}, kwargs, nil
}

// arguments returns what the script's functions are called with: task, kwargs, args.
func (a *attempt) arguments(kwargs map[string]any) ([]lua.LValue, error) {
	if kwargs == nil {
		kwargs = map[string]any{}
	}
	given, err := a.Values.ToLua(a.vm.State(), kwargs)
	if err != nil {
		return nil, fail.Errorf(fail.Definition, "kwargs: %w", err)
	}
	positional, err := a.Values.ToLua(a.vm.State(), a.definition.Args)
	if err != nil {
		return nil, fail.Errorf(fail.Definition, "args: %w", err)
	}
	return []lua.LValue{a.vm.Module(taskModule), given, positional}, nil
}

// main calls run and judges what it returns.
func (a *attempt) main(ctx context.Context, run *lua.LFunction, args []lua.LValue) (any, error) {
	results, err := a.vm.Call(ctx, run, args...)
	if err != nil || len(results) == 0 {
		return nil, err
	}
	switch results[0] {
	case lua.LNil, lua.LTrue:
		return nil, nil
	case lua.LFalse:
		if len(results) > 1 && lua.LVCanConvToString(results[1]) {
			return nil, fail.Errorf(fail.Check, "run returned false: %s", results[1])
		}
		return nil, fail.Errorf(fail.Check, "run returned false")
	}
	value, notData := a.Values.ToGo(results[0])
	if notData != nil {
		a.log.Debug("what run returned is not kept: " + notData.Error())
	}
	return value, nil
}

func (a *attempt) newVM() *vm.VM {
	modules := map[string]vm.Opener{}
	for name, opener := range a.Modules(a.task) {
		modules[name] = opener
	}
	modules[taskModule] = a.open
	return vm.New(vm.Options{
		Roots: a.Roots, Modules: modules, Cache: a.Cache, Prepare: a.Prepare, Fill: a.Fill,
		AllowOS: a.AllowOS, BeforeTool: a.BeforeTool, MemoryLimit: a.MemoryLimit, Stdout: a.Stdout,
		OnGlobal: func(name, file string, line int) {
			a.log.Warn(fmt.Sprintf("%s:%d: assignment to the undeclared global %q; write: local %s", file, line, name, name))
		},
	})
}

func (a *attempt) record(m report.Metric) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.metrics = append(a.metrics, m)
}

// tempDir is a task's folder for temporary files: made when it is first asked for.
type tempDir struct {
	parent, task string

	mu   sync.Mutex
	made string
}

func (t *tempDir) path() (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.made != "" {
		return t.made, nil
	}
	path, err := os.MkdirTemp(t.parent, "rucio-task-*")
	if err != nil {
		return "", fmt.Errorf("make the temporary folder of task %s: %w", t.task, err)
	}
	t.made = path
	return path, nil
}

func (t *tempDir) remove() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.made == "" {
		return nil
	}
	return os.RemoveAll(t.made)
}
