package config

import "strings"

// Error is a setting that is missing or wrong.
type Error struct {
	Origin  string // where it was set: "/opt/rucio/etc/rucio.cfg:12", "RUCIO_CFG_CLIENT_ACCOUNT"; empty when it is missing
	Option  string // "request_retries", or "section.option" outside [client]; empty when a file cannot be read at all
	Problem string // what is wrong; never the text of a secret
	Advice  string // what to do about it; may be empty
	Err     error  // the cause; may be nil
}

// Error implements error: origin, option and problem, but not the advice.
func (e *Error) Error() string {
	parts := make([]string, 0, 3)
	for _, part := range []string{e.Origin, e.Option, e.Problem} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Hint returns what to do about it, for a line of its own; empty when there is nothing to say.
func (e *Error) Hint() string { return e.Advice }
