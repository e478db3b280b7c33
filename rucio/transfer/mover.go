package transfer

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// defaultWorkers is how many files move at a time: enough to hide the waiting for servers, few enough for their door.
const defaultWorkers = 8

// Setup is what transfers need to know beside a client. The zero value moves files to and from storages that let anybody in.
type Setup struct {
	// Storage says how to get in at storages. It is called once, when the first file is about to move; nil: anybody may.
	Storage func(ctx context.Context) (storage.Options, error)
	// Policy is what is added to each backend: retries, limits and a log.
	Policy storage.Policy
	// Location is where this machine is, for the choice of replicas and for traces.
	Location Location
	// Workers is how many files move at a time; 0 is 8.
	Workers int
	// Progress is told how transfers go on; nil: nobody.
	Progress Progress
	// Log takes what Python's clients log; nil discards.
	Log *slog.Logger
	// NoTraces keeps from sending traces, the records from which Rucio learns how data is used.
	NoTraces bool
	// CheckAdmin lets accounts with the attribute admin download from tape, as the program rucio does; nobody else may.
	CheckAdmin bool
	// BitTorrent registers the hashes that BitTorrent needs with new files (register_bittorrent_meta).
	BitTorrent bool
}

// Mover is what the transfers of one client share: open connections to storages and settings of RSEs. It is safe for
// concurrent use.
type Mover struct {
	setup Setup

	location func() Location                 // once: most runs move no files
	options  func() (storage.Options, error) // once
	mu       sync.Mutex
	doors    map[string]storage.Backend // by scheme
	sites    map[string]*site           // by RSE
	sending  map[string]bool            // marks of temporary names that are written to
}

// NewMover returns a Mover. Nothing is opened yet; Close closes what it has opened by then.
func NewMover(setup Setup) *Mover {
	setup.Workers = cmp.Or(max(setup.Workers, 0), defaultWorkers)
	if setup.Log == nil {
		setup.Log = slog.New(slog.DiscardHandler)
	}
	if setup.Progress == nil {
		setup.Progress = noProgress{}
	}
	m := &Mover{setup: setup, doors: map[string]storage.Backend{}, sites: map[string]*site{}}
	m.location = sync.OnceValue(setup.Location.withDefaults)
	m.options = sync.OnceValues(func() (storage.Options, error) {
		if setup.Storage == nil {
			return storage.Options{Log: setup.Log}, nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), identityTimeout) // not the first caller's: others wait too
		defer cancel()
		return setup.Storage(ctx)
	})
	return m
}

// identityTimeout is how long a certificate or proxy may take to be had.
const identityTimeout = 2 * time.Minute

// moverOf returns the Mover of a client. A client that has none gets one for this transfer, which done closes.
func moverOf(c *rucio.Client) (m *Mover, done func()) {
	if m, ok := c.Transfers().(*Mover); ok && m != nil {
		return m, func() {}
	}
	m = NewMover(Setup{})
	return m, func() { _ = m.Close() }
}

// Door returns the backend for PFNs of a scheme, retries and all. It is the same for all transfers and stays open.
func (m *Mover) Door(pfn string) (storage.Backend, error) {
	scheme := storage.Scheme(pfn)
	options, err := m.options() // before the lock: a proxy takes its time, and what others want is theirs to have
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if door := m.doors[scheme]; door != nil {
		return door, nil
	}
	backend, err := storage.Open(scheme, options)
	if err != nil {
		return nil, err
	}
	m.doors[scheme] = storage.Wrap(backend, m.setup.Policy)
	return m.doors[scheme], nil
}

// Close closes the connections to storages. Transfers under way end with an error.
func (m *Mover) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	var errs []error
	for scheme, door := range m.doors {
		errs = append(errs, door.Close())
		delete(m.doors, scheme)
	}
	return errors.Join(errs...)
}
