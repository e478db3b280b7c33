package transfer

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"sync"

	"github.com/google/uuid"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// download is one call.
type download struct {
	commonOptions
	m       *Mover
	c       *rucio.Client
	method  string
	log     *slog.Logger
	streams chan struct{} // a turn for each stream of bytes

	foreseen amount // of what is listed while files are fetched already
	broken   error  // why not all files are known

	mu     sync.Mutex // of *traces
	tracer *tracer
}

func newDownload(method string, c *rucio.Client, o commonOptions) (d *download, done func()) {
	m, done := moverOf(c)
	o.threads = cmp.Or(max(o.threads, 0), m.setup.Workers)
	return &download{
		commonOptions: o, m: m, c: c, method: method, log: m.setup.Log,
		streams: make(chan struct{}, max(o.threads, fileStreams)),
	}, done
}

// run fetches files as they become known, several at a time, and reports. When no more become known because of an error, those
// under way are finished and the rest is not begun.
func (d *download) run(ctx context.Context, files iter.Seq2[*wanted, error]) ([]Item, error) {
	template, err := d.template(ctx)
	if err != nil {
		return nil, err
	}
	d.tracer = d.m.tracer(ctx, d.c, traceRequestsBeside)
	queue := newQueue()
	var workers sync.WaitGroup
	for range d.threads {
		workers.Go(func() {
			for f := queue.take(); f != nil; f = queue.take() {
				d.one(ctx, f, maps.Clone(template))
			}
		})
	}
	var all []*wanted
	known := plan{to: d.m.setup.Progress}
	known.foresee(d.foreseen)
	for f, err := range files {
		if err != nil {
			d.broken = err
			break
		}
		known.add(f)
		all = append(all, f)
		queue.add(f)
	}
	known.end()
	d.tracer.hurry()
	if d.broken == nil {
		d.log.InfoContext(ctx, "downloading", "files", len(all), "at_a_time", min(d.threads, len(all)))
	}
	for _, f := range queue.end(d.broken != nil && ctx.Err() == nil) {
		f.fail(stateFailed, errNotBegun)
	}
	workers.Wait()
	d.tracer.close()
	return d.outcome(ctx, all)
}

// amount is how much there is to move.
type amount struct {
	files int
	bytes int64
}

// plan tells Progress how much there is to move: what is foreseen, and in the end what has become known.
type plan struct {
	to          Progress
	told, known amount
}

func (p *plan) foresee(a amount) { p.tell(a.files, a.bytes) }

func (p *plan) tell(files int, bytes int64) {
	if files != 0 || bytes != 0 {
		p.told.files, p.told.bytes = p.told.files+files, p.told.bytes+bytes
		p.to.Plan(files, bytes)
	}
}

// add counts a file, which may be more than was foreseen.
func (p *plan) add(f *wanted) {
	p.known.files, p.known.bytes = p.known.files+1, p.known.bytes+max(f.size(), 0)
	p.tell(max(p.known.files-p.told.files, 0), max(p.known.bytes-p.told.bytes, 0))
}

// end is called when all is known.
func (p *plan) end() { p.tell(p.known.files-p.told.files, p.known.bytes-p.told.bytes) }

// errNotBegun is said of files that were to come after an error.
var errNotBegun = errors.New("not begun")

// queue has files that wait for a worker. It takes all that come at once: the server's answer, which tells of them, must not have
// to wait for bytes to move.
type queue struct {
	mu      sync.Mutex
	more    *sync.Cond
	waiting []*wanted
	over    bool
}

func newQueue() *queue {
	q := &queue{}
	q.more = sync.NewCond(&q.mu)
	return q
}

func (q *queue) add(f *wanted) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, f)
	q.more.Signal()
}

// end says that no more come. With drop, those that wait are returned instead of being taken.
func (q *queue) end(drop bool) (dropped []*wanted) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.over = true
	if drop {
		dropped, q.waiting = q.waiting, nil
	}
	q.more.Broadcast()
	return dropped
}

// take returns the next file, and waits for it; nil when no more come.
func (q *queue) take() *wanted {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.waiting) == 0 {
		if q.over {
			return nil
		}
		q.more.Wait()
	}
	f := q.waiting[0]
	q.waiting = q.waiting[1:]
	return f
}

// each gives files that are known.
func each(files []*wanted) iter.Seq2[*wanted, error] {
	return func(yield func(*wanted, error) bool) {
		for _, f := range files {
			if !yield(f, nil) {
				return
			}
		}
	}
}

// collect waits until all files are known.
func collect(files iter.Seq2[*wanted, error]) (all []*wanted, err error) {
	for f, err := range files {
		if err != nil {
			return nil, err
		}
		all = append(all, f)
	}
	return all, nil
}

// template has what all traces of a call share.
func (d *download) template(ctx context.Context) (map[string]any, error) {
	account, err := d.c.Account(ctx)
	if err != nil {
		return nil, err
	}
	id := uuid.New()
	at := d.m.location()
	trace := map[string]any{
		"hostname": at.FQDN, "localSite": at.Site, "account": account, "eventType": "download", "eventVersion": "api_" + eventVersion,
	}
	if vo := d.c.VO(); vo != rucio.DefaultVO {
		trace["vo"] = vo
	}
	maps.Copy(trace, d.custom)
	trace["uuid"] = hex.EncodeToString(id[:])
	return trace, nil
}

// one brings one file, or one archive for the files in it.
func (d *download) one(ctx context.Context, f *wanted, trace map[string]any) {
	name := f.did.String()
	d.m.setup.Progress.Start(name, f.size())
	defer func() { d.m.setup.Progress.End(name, f.err) }()
	d.begin(f, trace)
	there, err := false, ctx.Err()
	if err != nil {
		err = fmt.Errorf("not begun: %w", context.Cause(ctx))
	} else if f.err == nil {
		there, err = d.isThere(ctx, f)
	}
	switch {
	case f.err != nil: // no place for it
	case err != nil:
		f.fail(stateFailed, err)
	case there:
		f.state = stateAlreadyDone
		d.log.InfoContext(ctx, "a file is there already", "did", name)
		trace["clientState"], trace["transferStart"], trace["transferEnd"] = stateAlreadyDone, now(), now()
		d.send(trace)
	case len(f.sources) == 0:
		f.fail(stateNotFound, fmt.Errorf("no replica to download from%s", phrase(": ", f.reason)))
		trace["clientState"], trace["stateReason"] = stateNotFound, "No available sources"
		d.send(trace)
	default:
		d.fetch(ctx, f, trace)
	}
	if f.err != nil && ctx.Err() == nil {
		d.log.ErrorContext(ctx, "a file was not downloaded", "did", name, "error", f.err)
	}
}

// begin fills a trace, and gives it to the caller.
func (d *download) begin(f *wanted, trace map[string]any) {
	defaults := map[string]any{
		"datasetScope": "", "dataset": "", "filesize": nil, "clientState": stateProcessing, "stateReason": "UNKNOWN",
	}
	if f.given == nil && f.archived == nil && len(f.inputs) > 0 {
		defaults["datasetScope"], defaults["dataset"] = f.inputs[0].did.Scope, f.inputs[0].did.Name
	}
	if f.bytes != nil {
		defaults["filesize"] = *f.bytes
	}
	for key, value := range defaults {
		if _, given := trace[key]; !given {
			trace[key] = value
		}
	}
	trace["scope"], trace["filename"] = f.did.Scope, f.did.Name
	if d.traces != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		*d.traces = append(*d.traces, trace)
	}
}

// send sends a trace as it is now, while the download goes on.
func (d *download) send(trace map[string]any) { d.tracer.add(maps.Clone(trace)) }
