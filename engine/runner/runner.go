// Package runner runs tasks: each in a VM of its own, in order or several at a time, with timeouts, retries, clean-up that runs
// however a task ends, and a result for each.
package runner

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"sync"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/logging"
	"github.com/rucio-task-manager/rucio-task-manager/engine/redact"
	"github.com/rucio-task-manager/rucio-task-manager/engine/report"
	"github.com/rucio-task-manager/rucio-task-manager/engine/task"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

// DefaultGrace is how long a task that was stopped may clean up.
const DefaultGrace = 30 * time.Second

// Options are what the runner needs of the world. The zero value runs tasks that need no modules, one after the other.
type Options struct {
	Roots       []vm.Root                          // where scripts are
	Modules     func(t *Task) map[string]vm.Opener // what Go gives the scripts of a task
	Prepare     func(L *lua.LState)                // see vm.Options
	Fill        func(table *lua.LTable) (own bool) // see vm.Options
	Values      Values                             // how values cross
	Emitter     func(t *Task) (Emitter, error)     // where the documents of a task go; nil drops them
	Cache       *vm.Cache                          // compiled scripts; nil means one for this run
	AllowOS     bool                               // see vm.Options
	BeforeTool  func(ctx context.Context)          // see vm.Options
	MemoryLimit int64                              // see vm.Options
	Stdout      io.Writer                          // where print writes
	TempDir     string                             // where tasks' temporary folders are made; empty means the system's

	Parallel   int             // tasks at a time; less than 1 means 1
	FailFast   bool            // start no task after one has failed
	Strict     bool            // warnings about kwargs are errors
	Timeout    time.Duration   // of each attempt at a task whose definition has none; 0 means none
	RunTimeout time.Duration   // of everything; 0 means none
	RetryPause time.Duration   // before a failed task is started again
	Grace      time.Duration   // for clean-up after a stop; 0 means DefaultGrace
	Hard       context.Context // when it ends, clean-up ends too: the second signal; nil means never

	Log      *slog.Logger     // nil discards
	Reporter report.Reporter  // nil tells nobody
	Redactor *redact.Redactor // learns the kwargs that are secret; nil forgets them
	Now      func() time.Time // nil means time.Now
}

// Task is a task that is about to run, for those who make its modules and its way out for documents. Its functions may be
// called from several goroutines.
type Task struct {
	Definition *task.Definition
	Log        *slog.Logger           // named after the class
	TempDir    func() (string, error) // makes, at first use, a folder that is removed when the task has ended
	Record     func(m report.Metric)  // notes a metric in the task's result
}

// Emitter takes the documents of one task. It is used from several goroutines.
type Emitter interface {
	// Emit takes a document. An error means that it cannot be one, or could be neither delivered nor kept.
	Emit(ctx context.Context, id string, doc json.RawMessage) error
	// Close delivers what is still to be delivered, and tells how many documents wait for a later run. It is called once,
	// also when the task failed.
	Close(ctx context.Context) (spooled int, err error)
}

// Values is how values cross between Lua and the rest. A function that is nil is the plain one of package vm.
type Values struct {
	ToLua  func(L *lua.LState, value any) (lua.LValue, error)
	ToGo   func(value lua.LValue) (any, error)
	ToJSON func(value lua.LValue) (json.RawMessage, error)
}

func (v Values) withDefaults() Values {
	if v.ToLua == nil {
		v.ToLua = func(L *lua.LState, value any) (lua.LValue, error) { return vm.ToLua(L, value), nil }
	}
	if v.ToGo == nil {
		v.ToGo = vm.ToGo
	}
	if v.ToJSON == nil {
		v.ToJSON = func(value lua.LValue) (json.RawMessage, error) {
			data, err := vm.ToGo(value)
			if err != nil {
				return nil, err
			}
			return json.Marshal(data)
		}
	}
	return v
}

func (o Options) withDefaults() Options {
	o.Values = o.Values.withDefaults()
	if o.Modules == nil {
		o.Modules = func(*Task) map[string]vm.Opener { return nil }
	}
	if o.Cache == nil {
		o.Cache = vm.NewCache()
	}
	if o.Grace == 0 {
		o.Grace = DefaultGrace
	}
	if o.Hard == nil {
		o.Hard = context.Background()
	}
	if o.Log == nil {
		o.Log = logging.Discard()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Redactor == nil {
		o.Redactor = &redact.Redactor{}
	}
	return o
}

// Run runs the enabled tasks of definitions and returns what became of each, in the order of the definitions. When ctx ends,
// running tasks are stopped, clean up, and have failed with the exit code of its cause; the others are skipped.
// The error tells that a report could not be written; the tasks have run nevertheless.
func Run(ctx context.Context, definitions []*task.Definition, o Options) (report.Summary, error) {
	r := &run{Options: o.withDefaults(), results: make([]report.Result, len(definitions))}
	started := r.Now()
	if r.RunTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, r.RunTimeout, fail.Errorf(fail.Timeout, "the run took longer than %s", r.RunTimeout))
		defer cancel()
	}
	r.report(func(to report.Reporter) error { return to.Start(len(definitions)) })
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(max(r.Parallel, 1), max(len(definitions), 1)) {
		workers.Go(func() {
			for i := range next {
				r.results[i] = r.one(ctx, definitions[i])
			}
		})
	}
	for i := range definitions {
		next <- i
	}
	close(next)
	workers.Wait()
	summary := report.Summary{Started: started, Duration: r.Now().Sub(started), Results: r.results}
	for _, result := range r.results {
		summary.Code = fail.Worse(summary.Code, result.Code)
	}
	r.report(func(to report.Reporter) error { return to.End(summary) })
	return summary, r.reportErr
}

// run is a Run under way.
type run struct {
	Options
	results []report.Result // each is written by the worker that has its task

	mu        sync.Mutex
	failed    string // the first task that failed
	reportErr error
}

// report tells the reporter something; one at a time.
func (r *run) report(tell func(report.Reporter) error) {
	if r.Reporter == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := tell(r.Reporter); err != nil && r.reportErr == nil {
		r.reportErr = fail.With(fail.Output, err)
		r.Log.Error("the report cannot be written: " + err.Error())
	}
}

// one brings one task to its end, and reports it.
func (r *run) one(ctx context.Context, d *task.Definition) report.Result {
	result := newResult(d, r.Now())
	switch earlier := r.failedTask(); {
	case !d.Enabled:
		result.Status = report.Disabled
	case ctx.Err() != nil:
		result.Status, result.Code = report.Skipped, fail.CodeOf(context.Cause(ctx))
		result.Reason = "not started: " + context.Cause(ctx).Error()
	case r.FailFast && earlier != "":
		result.Status, result.Reason = report.Skipped, "not started, for "+earlier+" failed (--fail-fast)"
	default:
		r.report(func(to report.Reporter) error { return to.TaskStart(d.Name, d.Module, d.Class) })
		result = r.attempts(ctx, d)
	}
	if result.Status == report.Failed {
		r.mu.Lock()
		if r.failed == "" {
			r.failed = d.Name
		}
		r.mu.Unlock()
	}
	r.report(func(to report.Reporter) error { return to.TaskEnd(result) })
	return result
}

func (r *run) failedTask() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

// attempts runs a task until it does not fail, or its retries are used up.
func (r *run) attempts(ctx context.Context, d *task.Definition) report.Result {
	started := r.Now()
	documents, spooled := 0, 0
	for attempt := 1; ; attempt++ {
		result := r.attempt(ctx, job{definition: d})
		documents, spooled = documents+result.Documents, spooled+result.Spooled
		if attempt > d.Retries || !worthRetrying(result) || !r.pause(ctx) {
			result.Documents, result.Spooled = documents, spooled
			if attempt > 1 {
				result.Started, result.Duration, result.Attempts = started, r.Now().Sub(started), attempt
			}
			return result
		}
		logging.Named(r.Log, d.Class).Warn("attempt failed, starting again: "+result.Reason, "attempt", attempt, "of", d.Retries+1)
	}
}

// worthRetrying tells whether a failure may go away by itself.
func worthRetrying(result report.Result) bool {
	switch result.Code {
	case fail.Usage, fail.Definition, fail.Config, fail.Internal, fail.Interrupted:
		return false
	}
	return result.Status == report.Failed
}

// pause waits before a retry; false means that there is no point any more.
func (r *run) pause(ctx context.Context) bool {
	if r.RetryPause > 0 {
		timer := time.NewTimer(r.RetryPause)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return ctx.Err() == nil
}
