package output

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Options are what a Dispatcher needs of the world.
type Options struct {
	Spool     string // folder of what waits; see DefaultSpool. Empty: nothing is kept on disk
	SpoolSize int64  // bytes that may wait; 0 means DefaultSpoolSize
	Getenv    func(string) string
	Log       *slog.Logger
	UserAgent string

	timing *timing // tests are in more of a hurry
}

type timing struct {
	timeout  time.Duration // of a request, and of waiting until another process has sent
	attempts int           // to send a batch
	pause    time.Duration // before the second attempt
	every    time.Duration // how often a running task's documents are sent
	rest     time.Duration // how long a database that failed is left alone
}

var usualTiming = timing{timeout: 30 * time.Second, attempts: 3, pause: 500 * time.Millisecond, every: 15 * time.Second, rest: 10 * time.Second}

// Dispatcher delivers the documents of a run. It is safe for concurrent use.
type Dispatcher struct {
	o      Options
	timing timing
	spool  *spool // nil without one

	mu      sync.Mutex
	clients map[clientKey]*http.Client
	failed  map[string]failure // by Target.Key
}

type clientKey struct {
	ca       string
	insecure bool
}

// failure is when and why a database took nothing.
type failure struct {
	at  time.Time
	err error
}

// New returns a Dispatcher. It touches neither disk nor network before the first document.
func New(o Options) *Dispatcher {
	d := &Dispatcher{o: o, timing: usualTiming, clients: map[clientKey]*http.Client{}, failed: map[string]failure{}}
	if o.timing != nil {
		d.timing = *o.timing
	}
	if o.Spool != "" {
		size := o.SpoolSize
		if size == 0 {
			size = DefaultSpoolSize
		}
		d.spool = &spool{o.Spool, size}
	}
	return d
}

// List describes what waits in the spool, or was put aside there, one entry for each database.
func (d *Dispatcher) List() ([]Backlog, error) {
	if d.spool == nil {
		return nil, nil
	}
	return d.spool.list()
}

// Delivery is what Flush did for one database.
type Delivery struct {
	Target   Target
	Sent     int
	Rejected int   // refused for good, and put aside
	Err      error // why documents still wait; nil when none do
}

// Flush sends all that waits in the spool. Credentials are those of known, the databases of definitions at hand, else
// those of the environment. With rejected, documents that were refused for good are tried again as well.
// The error is about the spool; each database has its own in its Delivery.
func (d *Dispatcher) Flush(ctx context.Context, known []Target, rejected bool) ([]Delivery, error) {
	if d.spool == nil {
		return nil, nil
	}
	dirs, err := d.spool.folders()
	if err != nil {
		return nil, fmt.Errorf("read the spool: %w", err)
	}
	byFolder := map[string]Target{}
	for _, t := range known {
		byFolder[t.Key()] = t
	}
	var all []Delivery
	for _, dir := range dirs {
		q, err := readQueue(dir)
		if t, ok := byFolder[filepath.Base(dir)]; ok {
			q, err = &queue{dir, t}, nil
		}
		if err != nil {
			all = append(all, Delivery{Err: err})
			continue
		}
		if rejected {
			if err := requeueLocked(ctx, q); err != nil {
				all = append(all, Delivery{Target: q.target, Err: err})
				continue
			}
		}
		if r := d.deliver(ctx, q); r.Sent+r.Rejected > 0 || r.Err != nil {
			all = append(all, r)
		}
	}
	return all, nil
}

func requeueLocked(ctx context.Context, q *queue) error {
	unlock, err := q.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	_, err = q.requeue()
	return err
}

// deliverUnlessDown is deliver, but leaves alone a database that failed a moment ago: a run of many tasks must not wait
// for it at the end of each.
func (d *Dispatcher) deliverUnlessDown(ctx context.Context, q *queue) Delivery {
	d.mu.Lock()
	last, ok := d.failed[q.target.Key()]
	d.mu.Unlock()
	if ok && time.Since(last.at) < d.timing.rest {
		return Delivery{Target: q.target, Err: last.err}
	}
	return d.deliver(ctx, q)
}

// deliver sends what waits in a queue, oldest first, until nothing does or the database takes no more.
func (d *Dispatcher) deliver(ctx context.Context, q *queue) (r Delivery) {
	r.Target = q.target
	if _, err := os.Stat(q.dir); errors.Is(err, fs.ErrNotExist) {
		return r
	}
	wait, cancel := context.WithTimeout(ctx, d.timing.timeout)
	defer cancel()
	unlock, err := q.lock(wait) // whoever holds it sends our documents, too
	if err != nil {
		r.Err = err
		return r
	}
	defer unlock()
	var db Database
	for {
		paths, err := q.pending()
		if err == nil && len(paths) > 0 && db == nil {
			db, err = d.open(q.target)
		}
		if err != nil || len(paths) == 0 {
			r.Err = err
			return r
		}
		for _, path := range paths {
			if r.Err = d.sendSegment(ctx, q, db, path, &r); r.Err != nil {
				return r
			}
		}
	}
}

// sendSegment sends one segment and counts in r what became of it. The segment is removed, or made to hold what is left.
func (d *Dispatcher) sendSegment(ctx context.Context, q *queue, db Database, path string, r *Delivery) error {
	docs, broken, err := q.read(path)
	if err != nil {
		return fmt.Errorf("read the spool: %w", err)
	}
	if broken > 0 {
		d.o.Log.Warn(fmt.Sprintf("%s: %d lines of %s are no documents; a copy is in %s", q.target, broken, path, q.path("broken")))
	}
	left, refused, sendErr := d.send(ctx, q.target, db, docs)
	if err := q.reject(path, refused); err != nil {
		return fmt.Errorf("%s: put aside what it refused: %w", q.target, err)
	}
	if broken > 0 || len(left) == 0 || len(left) < len(docs) {
		if err := q.keep(path, left); err != nil {
			return fmt.Errorf("%s: take what it has from the spool: %w", q.target, err)
		}
	}
	r.Sent += len(docs) - len(left) - len(refused)
	if r.Rejected += len(refused); len(refused) > 0 {
		d.o.Log.Error(fmt.Sprintf("%s: %d documents refused for good, kept in %s; the first, %s: %s",
			q.target, len(refused), q.rejectedPath(path), refused[0].ID, refused[0].Reason))
	}
	return sendErr
}

// send is db.Send, and remembers how it went.
func (d *Dispatcher) send(ctx context.Context, t Target, db Database, docs []Document) ([]Document, []Rejection, error) {
	left, refused, err := db.Send(ctx, docs)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err == nil:
		delete(d.failed, t.Key())
	case ctx.Err() == nil: // not we who gave up
		d.failed[t.Key()] = failure{time.Now(), err}
	}
	return left, refused, err
}

// open makes the Database of a target.
func (d *Dispatcher) open(t Target) (Database, error) {
	auth, err := authOf(t, d.o.Getenv)
	if err != nil {
		return nil, err
	}
	client, err := d.client(t)
	if err != nil {
		return nil, err
	}
	return kinds[t.Type].open(t, connection{client, auth, d.o.UserAgent, d.timing.attempts, d.timing.pause})
}

// client returns the HTTP client for a target. Those with the same TLS settings share one, and its connections.
func (d *Dispatcher) client(t Target) (*http.Client, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	key := clientKey{t.CA, t.Insecure}
	if c := d.clients[key]; c != nil {
		return c, nil
	}
	c, err := newClient(t, d.timing.timeout)
	if err == nil {
		d.clients[key] = c
	}
	return c, err
}
