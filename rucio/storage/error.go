package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"syscall"
)

// Kind says what went wrong, alike for all storages.
type Kind int

// The kinds of errors.
const (
	Other       Kind = iota // anything else; not worth another attempt
	NotFound                // no such object
	Exists                  // the object is there already
	Denied                  // no permission, or not logged in
	NoSpace                 // disk full, quota exceeded
	Unsupported             // this door can't do that
	Unavailable             // connection refused or broken, 5xx, timeout: another attempt may succeed
	Corrupt                 // the bytes are not the ones that were meant: size or checksum differs
)

// String returns the kind as a word for messages.
func (k Kind) String() string {
	return [...]string{"error", "not found", "exists already", "permission denied", "no space left", "not supported", "unavailable", "corrupt"}[k]
}

// What backends find out for themselves.
var (
	errNotEmpty = errors.New("the folder is not empty")
	errNoFolder = errors.New("it is no folder")
	errFolder   = errors.New("it is a folder")
)

// Error is what every method of a Backend returns when it fails.
type Error struct {
	Op   string // "put", "get", "stat", ...
	PFN  string // without a query, which may hold a signature
	Kind Kind
	Err  error // the cause; may be nil
	// Half is set when a Put failed and could not see to it that nothing of it is left: a part of the object, or all of
	// it, may be under PFN. What is there is ours, so that another attempt may overwrite it.
	Half bool
}

// Error says what was attempted on what, and why it failed.
func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("%s %s: %s", e.Op, e.PFN, e.Kind)
	}
	return fmt.Sprintf("%s %s: %s", e.Op, e.PFN, e.reason())
}

// reason is the cause in words that stand behind the PFN, and so without it.
func (e *Error) reason() string {
	switch cause := e.Err.(type) { //nolint:errorlint // what wraps these says more
	case *Error:
		if cause.PFN == e.PFN && cause.Err != nil {
			return cause.Op + ": " + cause.reason()
		}
	case *fs.PathError:
		if name, err := local(e.PFN); err == nil && name == cause.Path {
			return cause.Err.Error()
		}
	}
	return e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Fail makes an *Error; a nil err with Kind Other stays nil. Backends end their methods with it. The kind may be Other,
// then it is taken from err (KindOf).
func Fail(op, pfn string, kind Kind, err error) error {
	if err == nil && kind == Other {
		return nil
	}
	var ours *Error
	if errors.As(err, &ours) && ours.Op == op && ours.PFN == Public(pfn) {
		return ours // said already
	}
	if kind == Other {
		kind = KindOf(err)
	}
	return &Error{Op: op, PFN: Public(pfn), Kind: kind, Err: err, Half: isHalf(err)}
}

// HalfPut marks the error of a Put that may have left something under its PFN (Error.Half); nil stays nil.
func HalfPut(pfn string, err error) error {
	if err == nil {
		return nil
	}
	var ours *Error
	if errors.As(err, &ours) && ours.Op == "put" { // said already
		return &Error{Op: "put", PFN: ours.PFN, Kind: ours.Kind, Err: ours.Err, Half: true}
	}
	return &Error{Op: "put", PFN: Public(pfn), Kind: KindOf(err), Err: err, Half: true}
}

// ofKind gives err a kind, for Fail to find; the text stays.
func ofKind(kind Kind, err error) error { return &classified{kind, err} }

type classified struct {
	kind Kind
	err  error
}

func (c *classified) Error() string { return c.err.Error() }
func (c *classified) Unwrap() error { return c.err }

func isHalf(err error) bool {
	var ours *Error
	return errors.As(err, &ours) && ours.Half
}

// KindOf classifies err: that of an *Error inside it, else by the causes that the operating system and the network give.
func KindOf(err error) Kind {
	var ours *Error
	var known *classified
	var network net.Error
	switch {
	case errors.As(err, &ours):
		return ours.Kind
	case errors.As(err, &known):
		return known.kind
	case errors.Is(err, fs.ErrNotExist):
		return NotFound
	case errors.Is(err, fs.ErrExist):
		return Exists
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return Denied
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return NoSpace
	case errors.Is(err, errors.ErrUnsupported):
		return Unsupported
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Other // the caller's wish, which another attempt would not fulfil
	case errors.As(err, &network) && isTemporary(network), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed),
		errors.Is(err, io.ErrUnexpectedEOF):
		return Unavailable
	}
	return Other
}

// isTemporary tells whether what looks like an error of the network is one that may pass. Bare numbers of the system's look like that
// too: those are that say so themselves, and those of file systems that are on a network.
func isTemporary(network net.Error) bool {
	number, bare := network.(syscall.Errno) //nolint:errorlint // what wraps a number is another matter
	return !bare || number.Temporary() || number == syscall.EIO || number == syscall.ESTALE
}

// Is tells whether err is a storage error of this kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }
