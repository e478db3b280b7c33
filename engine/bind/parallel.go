package bind

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

// defaultWorkers is how many items are worked on at once when a script does not say.
const defaultWorkers = 8

// maxWorkers bounds the VMs of one call.
const maxWorkers = 256

// parallelOptions ends the documentation of the functions.
const parallelOptions = " The function runs in VMs of its own: it sees a copy of the variables around it, and what it changes " +
	"there stays there. Items and results are plain values. Options: workers (8); errors = \"raise\" (the default: everything is " +
	"done, then the first error is raised, with all of them in its field errors), \"stop\" (nothing new is begun after an error) or " +
	"\"return\" (the errors are returned, by the item's number); progress, a function(done, failed)."

var parallelModule = module{
	name: "parallel",
	doc:  "Work on many things at once. The Rucio client is shared.",
	functions: []function{
		{
			name: "map", signature: "(list, function(item, number) [, options]) -> results, errors",
			doc: "Calls a function for each item of a list, or each row of a stream, and returns its results in the items' order." +
				parallelOptions,
			example: `local squares = parallel.map({ 1, 2, 3 }, function(n) return n * n end, { workers = 2 })
print(squares[3])`,
			call: func(c *call) int { return runParallel(c, true) },
		},
		{
			name: "each", signature: "(list, function(item, number) [, options]) -> count, errors",
			doc: "As map, without keeping results; returns how many items there were. A stream of any length takes little memory." +
				parallelOptions,
			example: `parallel.each({ "XRD1", "XRD2" }, function(rse) log.info(rse) end)`,
			call:    func(c *call) int { return runParallel(c, false) },
		},
	},
}

// A job is an item on its way through a worker.
type job struct {
	number int
	item   any // a Go value, or a row as json.RawMessage
	result any
	err    error
}

// A pool is one call of parallel.map or each. The goroutine of the script that called reads items, hands them out, takes
// results and tells of progress; the workers never touch the script's VM.
type pool struct {
	*call
	keep    bool // results
	onError string
	next    func() (item any, more bool, err error)
	done    int   // how many are finished
	results []job // of those, if keep
	failed  []job
}

func runParallel(c *call, keep bool) int {
	p := &pool{call: c, keep: keep}
	fn := c.function(2, "function")
	o := c.options(3)
	workers := o.integer("workers", defaultWorkers, 1)
	p.onError = o.str("errors", "raise")
	progress := o.get("progress")
	o.done()
	if p.onError != "raise" && p.onError != "stop" && p.onError != "return" {
		c.wrong("errors", `"raise", "stop" or "return"`, o.get("errors"))
	}
	if workers > maxWorkers {
		c.wrong("workers", fmt.Sprintf("at most %d", maxWorkers), o.get("workers"))
	}
	if progress != lua.LNil && progress.Type() != lua.LTFunction {
		c.wrong("progress", "a function", progress)
	}
	if s := streamOf(c.Get(1)); s != nil {
		p.next = s.raw
	} else {
		items := p.items()
		p.next = func() (any, bool, error) {
			if len(items) == 0 {
				return nil, false, nil
			}
			item := items[0]
			items = items[1:]
			return item, true, nil
		}
		workers = min(workers, int64(max(len(items), 1)))
	}
	p.run(fn, int(workers), progress)
	return p.outcome()
}

// items returns the items of the list that is argument 1 as Go values.
func (p *pool) items() []any {
	list := p.list()
	items := make([]any, len(list))
	for i, v := range list {
		item, err := ToGo(v)
		if err != nil {
			p.raise(fmt.Errorf("item %d: %w", i+1, err))
		}
		items[i] = item
	}
	return items
}

// run works on all items. It returns when every worker has ended.
func (p *pool) run(fn *lua.LFunction, workers int, progress lua.LValue) {
	ctx, cancel := context.WithCancelCause(p.context())
	jobs, results := make(chan job), make(chan job)
	var running sync.WaitGroup
	defer func() { // also when the progress function fails
		cancel(errStopped)
		close(jobs)
		go func() {
			for range results { // let workers that have just finished go
			}
		}()
		running.Wait()
		close(results)
	}()
	for range workers {
		sibling := vm.Of(p.LState).Sibling()
		clone, err := vm.Clone(fn, sibling)
		if err != nil {
			sibling.Close()
			p.raise(err)
		}
		running.Go(func() {
			defer sibling.Close()
			for j := range jobs {
				j.work(ctx, sibling, clone, p.keep)
				results <- j
			}
		})
	}
	p.feed(ctx, jobs, results, progress)
}

// errStopped is why work is cancelled when the call ends before it.
var errStopped = errors.New("stopped, because another item failed")

// feed hands out items and takes results until there are no more.
func (p *pool) feed(ctx context.Context, jobs chan<- job, results <-chan job, progress lua.LValue) {
	open, more := 0, true
	var pending *job
	for number := 1; ; {
		if more && pending == nil {
			item, ok, err := p.next()
			switch {
			case err != nil:
				p.failed = append(p.failed, job{number: number, err: fmt.Errorf("reading item %d: %w", number, err)})
				more = false
			case ok:
				pending = &job{number: number, item: item}
				number++
			default:
				more = false
			}
		}
		if pending == nil && open == 0 {
			return
		}
		send, next := jobs, job{}
		if pending == nil {
			send = nil
		} else {
			next = *pending
		}
		select {
		case send <- next:
			pending = nil
			open++
		case j := <-results:
			open--
			p.take(j, progress)
			if j.err != nil && p.onError == "stop" {
				more, pending = false, nil
			}
		case <-ctx.Done():
			p.raise(context.Cause(ctx))
		}
	}
}

// take notes a finished job.
func (p *pool) take(j job, progress lua.LValue) {
	j.item = nil
	p.done++
	switch {
	case j.err != nil:
		p.failed = append(p.failed, j)
	case p.keep:
		p.results = append(p.results, j)
	}
	if progress != lua.LNil {
		p.Push(progress)
		p.Push(lua.LNumber(p.done))
		p.Push(lua.LNumber(len(p.failed)))
		p.Call(2, 0)
	}
}

// work calls the function with the item.
func (j *job) work(ctx context.Context, v *vm.VM, fn *lua.LFunction, keep bool) {
	item, err := FromGo(v.State(), j.item)
	if err != nil {
		j.err = err
		return
	}
	results, err := v.Call(ctx, fn, item, lua.LNumber(j.number))
	if err != nil {
		j.err = err
		return
	}
	if keep && len(results) > 0 {
		if j.result, err = ToGo(results[0]); err != nil {
			j.err = fmt.Errorf("its result: %w", err)
		}
	}
}

// outcome returns or raises what came of it all.
func (p *pool) outcome() int {
	errs := p.NewTable()
	for _, j := range p.failed {
		errs.RawSetInt(j.number, errorValue(p.LState, j.err))
	}
	if len(p.failed) > 0 && p.onError != "return" {
		first := p.failed[0]
		for _, j := range p.failed {
			if j.number < first.number {
				first = j
			}
		}
		err := fmt.Errorf("%s: %d of %d failed; item %d: %w", p.name, len(p.failed), p.done, first.number, first.err)
		p.Error(newError(p.LState, err, map[string]lua.LValue{"errors": errs}), 1)
	}
	if !p.keep {
		return p.give(lua.LNumber(p.done), errs)
	}
	list := p.CreateTable(p.done, 0)
	codecOf(p.LState).markList(list)
	for _, j := range p.results {
		v, err := FromGo(p.LState, j.result)
		p.check(err)
		list.RawSetInt(j.number, v)
	}
	return p.give(list, errs)
}

// raw reads a row for another VM.
func (s *stream) raw() (item any, more bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return nil, false, errEnded
	}
	row, err, more := s.next()
	if !more || err != nil {
		s.end()
		return nil, false, err
	}
	s.rows++
	return append(json.RawMessage(nil), row...), true, nil
}
