package output

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
)

// Emitter takes the documents of one task and brings them to each of its databases. It is safe for concurrent use.
type Emitter struct {
	lanes []*lane // one a database
}

// Emitter returns the Emitter of a task with these databases; without any, documents are checked and go nowhere.
// Close must be called.
func (d *Dispatcher) Emitter(targets []Target) *Emitter {
	e := &Emitter{}
	for _, t := range targets {
		l := &lane{d: d, target: t, kick: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
		if d.spool != nil {
			l.queue = d.spool.queueOf(t)
		}
		e.lanes = append(e.lanes, l)
	}
	return e
}

// Emit takes a document, a JSON object. Without an id it gets a random one (UUID version 4). When Emit returns, the
// document is in the spool; it will be delivered even if the process is killed right then. With no spool, or a full one,
// it is in memory until Close. An error means that doc is not a document.
func (e *Emitter) Emit(_ context.Context, id string, doc json.RawMessage) error {
	var line bytes.Buffer // the bulk API ends documents at line ends
	if err := json.Compact(&line, doc); err != nil || line.Bytes()[0] != '{' {
		return fmt.Errorf("a document must be a JSON object: %s", excerpt(doc))
	}
	if id == "" {
		id = uuid.NewString()
	}
	for _, l := range e.lanes {
		if err := l.add(Document{ID: id, Emitted: time.Now().UTC(), Body: line.Bytes()}); err != nil {
			return err
		}
	}
	return nil
}

// Tally counts what became of a task's documents, once for each database.
type Tally struct {
	Sent     int
	Spooled  int // wait on disk for the next run
	Rejected int // refused for good, and put aside on disk
	Lost     int // neither delivered nor kept; they are in the log
}

// Close delivers the documents, after older ones that wait for the same databases; of a task that emitted nothing, too.
// What cannot be delivered now stays in the spool, which is no error. Documents that a database refused for good, or that
// could be neither delivered nor kept, are: one with the exit code fail.Output. When ctx ends, Close stops sending; give
// it one of its own, as the task's may be over by then.
func (e *Emitter) Close(ctx context.Context) (Tally, error) {
	var total Tally
	var errs []error
	for _, l := range e.lanes {
		t, err := l.close(ctx)
		total = Tally{total.Sent + t.Sent, total.Spooled + t.Spooled, total.Rejected + t.Rejected, total.Lost + t.Lost}
		errs = append(errs, err)
	}
	return total, fail.With(fail.Output, errors.Join(errs...))
}

// lane is the way of a task's documents to one database.
type lane struct {
	d      *Dispatcher
	target Target
	queue  *queue // nil without a spool

	mu      sync.Mutex
	closed  bool
	total   int
	segment *segment   // being written, or nil
	sealed  []string   // this task's segments
	memory  []Document // what the spool could not take

	cancel context.CancelFunc // ends run at once; nil while it has not begun
	kick   chan struct{}      // tells run that a segment is full
	stop   chan struct{}      // closed: run ends after what it is sending
	done   chan struct{}      // closed: run has ended
}

// add keeps a document, and has segments sent when they are full.
func (l *lane) add(doc Document) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errors.New("emit: the task has ended")
	}
	l.total++
	if err := l.keep(doc); err != nil {
		if len(l.memory) == 0 {
			l.d.o.Log.Warn(fmt.Sprintf("%s: documents are kept in memory until the task ends: %v", l.target, err))
		}
		l.memory = append(l.memory, doc)
		return nil
	}
	if l.cancel == nil {
		var ctx context.Context
		ctx, l.cancel = context.WithCancel(context.Background())
		go l.run(ctx)
	}
	if l.segment.full() {
		l.seal()
		select {
		case l.kick <- struct{}{}:
		default: // it is told already
		}
	}
	return nil
}

var errNoSpool = errors.New("there is no spool")

// keep appends a document to the spool.
func (l *lane) keep(doc Document) error {
	if l.queue == nil {
		return errNoSpool
	}
	if l.segment == nil {
		if err := l.d.spool.room(); err != nil {
			return err
		}
		s, err := l.queue.begin()
		if err != nil {
			return fmt.Errorf("the spool cannot be written: %w", err)
		}
		l.segment = s
	}
	if err := l.segment.append(doc); err != nil {
		if l.segment.torn {
			l.seal()
		}
		return fmt.Errorf("the spool cannot be written: %w", err)
	}
	return nil
}

// seal ends the segment that is being written, if any.
func (l *lane) seal() {
	if l.segment == nil {
		return
	}
	if l.segment.docs > 0 {
		l.sealed = append(l.sealed, sealedName(l.segment.path))
	}
	if err := l.segment.seal(); err != nil { // whoever sends next adopts it
		l.d.o.Log.Warn(fmt.Sprintf("%s: seal a segment of the spool: %v", l.target, err))
	}
	l.segment = nil
}

// run sends in the background, so that a long task's documents are seen while it runs.
func (l *lane) run(ctx context.Context) {
	defer close(l.done)
	tick := time.NewTicker(l.d.timing.every)
	defer tick.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-tick.C:
		case <-l.kick:
		}
		l.mu.Lock()
		l.seal()
		l.mu.Unlock()
		l.d.deliverUnlessDown(ctx, l.queue)
	}
}

// halt takes no more documents, and ends run, at the latest when ctx does.
func (l *lane) halt(ctx context.Context) {
	l.mu.Lock()
	running := l.cancel != nil && !l.closed
	l.closed = true
	l.seal()
	l.mu.Unlock()
	if !running {
		return
	}
	defer l.cancel()
	close(l.stop)
	select {
	case <-l.done:
	case <-ctx.Done():
		l.cancel()
		<-l.done
	}
}

// close sends what waits for the database, and counts what became of this task's documents.
func (l *lane) close(ctx context.Context) (Tally, error) {
	l.halt(ctx)
	var wait error // why documents wait
	if l.queue != nil {
		wait = l.d.deliverUnlessDown(ctx, l.queue).Err
	}
	rejected, lost := l.sendMemory(ctx)
	t, err := l.count()
	if wait != nil {
		l.d.o.Log.Warn(fmt.Sprintf("%v; %d documents of this task wait in the spool", wait, t.Spooled))
	}
	t.Rejected += rejected
	t.Lost = lost
	t.Sent = l.total - t.Spooled - t.Rejected - t.Lost
	errs := []error{err}
	if t.Rejected > 0 {
		errs = append(errs, fmt.Errorf("%s: %d documents were refused for good; they are in %s", l.target, t.Rejected, l.queue.path("rejected")))
	}
	if t.Lost > 0 {
		errs = append(errs, fail.Hint(fmt.Errorf("%s: %d documents could be neither delivered nor kept; they are in the log", l.target, t.Lost),
			"make room in the spool's folder, or choose another one by --spool"))
	}
	return t, errors.Join(errs...)
}

// count finds what is left of this task's segments, and makes it outlive the machine.
func (l *lane) count() (t Tally, err error) {
	for _, path := range l.sealed {
		n, _, err := countLines(path)
		if err == nil {
			t.Spooled += n
			err = syncPath(path)
		}
		if err = ignoreGone(err); err != nil {
			return t, fmt.Errorf("look at the spool: %w", err)
		}
		n, _, err = countLines(l.queue.rejectedPath(path))
		if err = ignoreGone(err); err != nil {
			return t, fmt.Errorf("look at the spool: %w", err)
		}
		t.Rejected += n
	}
	if t.Spooled > 0 {
		err = syncPath(l.queue.dir)
	}
	return t, err
}

// sendMemory sends what the spool could not take. What is not delivered now goes to the log, as the last resort.
func (l *lane) sendMemory(ctx context.Context) (rejected, lost int) {
	if len(l.memory) == 0 {
		return 0, 0
	}
	left, refused := l.memory, []Rejection(nil)
	db, err := l.d.open(l.target)
	if err == nil {
		left, refused, err = l.d.send(ctx, l.target, db, left)
	}
	if l.queue == nil || l.queue.reject(newName()+sealedSuffix, refused) != nil {
		for _, r := range refused {
			l.d.o.Log.Error(fmt.Sprintf("%s: document %s is refused for good: %s: %s", l.target, r.ID, r.Reason, r.Body))
		}
		lost, refused = len(refused), nil
	}
	for _, d := range left {
		l.d.o.Log.Error(fmt.Sprintf("document %s is lost: %v: %s", d.ID, err, d.Body))
	}
	return len(refused), lost + len(left)
}
