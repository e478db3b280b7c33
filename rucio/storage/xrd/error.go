package xrd

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"syscall"
)

// Error codes (XProtocol.hh, XErrorCode).
const (
	codeFileLocked    = 3003
	codeFSError       = 3005
	codeInvalid       = 3006
	codeNoMemory      = 3008
	codeNoSpace       = 3009
	codeNotAuthorized = 3010
	codeNotFound      = 3011
	codeServerError   = 3012
	codeUnsupported   = 3013
	codeNoServer      = 3014
	codeNotFile       = 3015
	codeIsDirectory   = 3016
	codeItExists      = 3018
	codeChkSumErr     = 3019
	codeInProgress    = 3020
	codeOverQuota     = 3021
	codeOverloaded    = 3024
	codeReadOnly      = 3025
	codeTLSRequired   = 3028
	codeAuthFailed    = 3030
	codeConflict      = 3032
	codeTimedOut      = 3034
)

// ErrChecksum is wrapped by errors of bytes that arrived changed, time and again.
var ErrChecksum = errors.New("wrong checksum")

// ErrAuth is wrapped when no way to log in that the server offers is one that this client has.
var ErrAuth = errors.New("cannot log in")

// Error is what a server answers when it refuses a request. errors.Is finds the likes of fs.ErrNotExist in it.
type Error struct {
	Host    string // host:port of the server
	Code    int    // kXR_... of XProtocol.hh
	Message string
}

// Error tells the server's own words.
func (e *Error) Error() string { return fmt.Sprintf("%s (error %d of %s)", e.Message, e.Code, e.Host) }

// Is maps the server's code to the error of the standard library with the same meaning.
func (e *Error) Is(target error) bool {
	switch e.Code {
	case codeNotFound:
		return target == fs.ErrNotExist
	case codeItExists:
		return target == fs.ErrExist
	case codeNotAuthorized, codeAuthFailed, codeReadOnly, codeTLSRequired:
		return target == fs.ErrPermission
	case codeNoSpace, codeOverQuota:
		return target == syscall.ENOSPC
	case codeUnsupported:
		return target == errors.ErrUnsupported
	case codeChkSumErr:
		return target == ErrChecksum
	}
	return false
}

// Temporary tells whether asking again later may help, as far as the codes tell.
func (e *Error) Temporary() bool {
	switch e.Code {
	case codeFileLocked, codeNoMemory, codeServerError, codeNoServer, codeInProgress, codeOverloaded, codeConflict, codeTimedOut:
		return true
	}
	return false
}

// Temporary tells whether err is one that another attempt may not meet: a server that is overloaded or restarts, or a
// connection that broke or went silent.
func Temporary(err error) bool {
	var refused *Error
	var network net.Error
	if errors.As(err, &refused) {
		return refused.Temporary()
	}
	return errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, errBusy)
}

// HalfError is the error of a Put that could not remove what it had stored.
type HalfError struct {
	Err  error // why Put failed
	Left error // why the file could not be removed
}

// Error tells both.
func (e *HalfError) Error() string {
	return fmt.Sprintf("%v; a half file may remain: %v", e.Err, e.Left)
}

// Unwrap returns why Put failed.
func (e *HalfError) Unwrap() error { return e.Err }

func parseError(host string, b []byte) error {
	if len(b) < 4 {
		return malformed("an error of %d bytes", len(b))
	}
	return &Error{Host: host, Code: int(be.Uint32(b)), Message: text(b[4:])}
}

func hasCode(err error, codes ...int) bool {
	var refused *Error
	if errors.As(err, &refused) {
		for _, code := range codes {
			if refused.Code == code {
				return true
			}
		}
	}
	return false
}
