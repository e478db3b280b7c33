package storage

import (
	"context"
	"log/slog"
	"time"
)

// Policy says what Wrap adds to a backend. The zero value adds nothing.
type Policy struct {
	// Retries is how often a call is repeated when the storage is Unavailable.
	Retries int
	// Pause comes before the first retry, twice as much before the next, at most MaxPause; zero is 1 s and 30 s.
	Pause, MaxPause time.Duration
	// Limit is how many calls may be under way at once, a reader that is not closed counts as one; 0 is no limit.
	Limit int
	// Log gets a line for each call at debug level, and one for each retry at warning level; nil is none.
	Log *slog.Logger
}

// Wrap stacks what every transfer wants on a backend, from the inside out: a limit (each attempt takes its turn anew), a log
// (each attempt is a line), retries.
func Wrap(b Backend, policy Policy) Backend {
	if policy.Limit > 0 {
		b = newLimited(b, policy.Limit)
	}
	if policy.Log != nil {
		b = &logged{b, policy.Log}
	} else {
		policy.Log = slog.New(slog.DiscardHandler)
	}
	if policy.Retries > 0 {
		b = newRetrying(b, policy)
	}
	return b
}

// one runs a call that gives nothing but an error through a wrapper that is written for calls with a result.
func one(call func(ctx context.Context) error) func(ctx context.Context) (struct{}, error) {
	return func(ctx context.Context) (struct{}, error) { return struct{}{}, call(ctx) }
}
