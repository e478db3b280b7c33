// Package fail says how a run ends: the one table of exit codes, and decorators that give an error its code and a hint
// for the person who reads it. It is a leaf; every room of the engine may use it.
package fail

import (
	"context"
	"errors"
	"fmt"
)

// Code is a process exit code. Each has one meaning, documented in Table, --help and the README.
type Code int

// The exit codes. A run of several tasks ends with the gravest of its tasks' codes (see Worse).
const (
	OK          Code = 0   // everything passed
	Task        Code = 1   // a task ended with an error, or a Rucio call was refused
	Usage       Code = 2   // wrong flags or arguments
	Check       Code = 3   // a task ran to its end, but an assertion of its own (task.check, task.fail, false) failed
	Definition  Code = 4   // a task definition or a script is wrong; nothing of that task was run
	Config      Code = 5   // rucio.cfg or an environment variable is missing or wrong
	Auth        Code = 6   // Rucio or a storage did not let us in
	Unavailable Code = 7   // a server or a storage could not be reached
	Output      Code = 8   // documents could be neither delivered nor kept for later
	Internal    Code = 70  // a bug in this program
	Timeout     Code = 124 // a task or the run took longer than allowed
	Interrupted Code = 130 // stopped by SIGINT or SIGTERM
)

// Entry is a row of the table of exit codes.
type Entry struct {
	Code    Code
	Name    string // a word for machines: reports carry it beside the number
	Meaning string // a sentence for people
}

// Table lists every exit code once, in the order in which --help prints them.
var Table = []Entry{
	{OK, "ok", "all tasks passed, or were skipped or disabled"},
	{Task, "task-failed", "a task ended with an error, or Rucio refused a call"},
	{Usage, "usage", "wrong flags or arguments"},
	{Check, "check-failed", "a task ran to its end, but a check of its own failed"},
	{Definition, "bad-definition", "a task definition or script is wrong; that task was not run"},
	{Config, "bad-config", "rucio.cfg or an environment variable is missing or wrong"},
	{Auth, "authentication", "Rucio or a storage did not accept the credentials"},
	{Unavailable, "unavailable", "a server or a storage could not be reached"},
	{Output, "output-lost", "documents could be neither delivered nor spooled"},
	{Internal, "internal", "a bug in this program; please report it"},
	{Timeout, "timeout", "a task or the run took longer than allowed"},
	{Interrupted, "interrupted", "stopped by SIGINT or SIGTERM"},
}

// gravity orders codes from harmless to grave: what stopped the run says more than what merely failed in it.
var gravity = []Code{OK, Check, Task, Output, Unavailable, Timeout, Auth, Config, Definition, Usage, Internal, Interrupted}

// Worse returns the graver of two codes.
func Worse(a, b Code) Code {
	if rank(a) >= rank(b) {
		return a
	}
	return b
}

func rank(c Code) int {
	for i, g := range gravity {
		if g == c {
			return i
		}
	}
	return len(gravity)
}

// String returns the code's name in Table.
func (c Code) String() string {
	for _, e := range Table {
		if e.Code == c {
			return e.Name
		}
	}
	return fmt.Sprintf("exit-%d", int(c))
}

type coded struct {
	error
	code Code
}

func (e *coded) Unwrap() error { return e.error }

type hinted struct {
	error
	hint string
}

func (e *hinted) Unwrap() error { return e.error }

// With gives err an exit code; nil stays nil. The outermost code wins.
func With(code Code, err error) error {
	if err == nil {
		return nil
	}
	return &coded{err, code}
}

// Errorf is With(code, fmt.Errorf(format, args...)).
func Errorf(code Code, format string, args ...any) error {
	return &coded{fmt.Errorf(format, args...), code}
}

// Hint adds advice to err, shown on a line of its own: the variable to set, the command to run, the name that was meant.
func Hint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &hinted{err, fmt.Sprintf(format, args...)}
}

// CodeOf returns the exit code of err: the one given by With, else by the nature of the error (a deadline is Timeout, a
// cancellation Interrupted), else Task. CodeOf(nil) is OK.
func CodeOf(err error) Code {
	var c *coded
	switch {
	case err == nil:
		return OK
	case errors.As(err, &c):
		return c.code
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	case errors.Is(err, context.Canceled):
		return Interrupted
	}
	return Task
}

// HintOf returns the outermost hint of err, or "".
func HintOf(err error) string {
	var h *hinted
	if errors.As(err, &h) {
		return h.hint
	}
	return ""
}
