package task

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong, or looks wrong, in a source of definitions.
type Problem struct {
	File    string // path, URL without credentials and query, "standard input" or "TASK_FILE_YAML"
	Line    int    // counted from 1; 0 when the problem has no place in the file
	Column  int    // counted from 1; 0 when not known
	Task    string // name of the task, when the problem is in one
	Field   string // path of the field, e.g. "kwargs.services[0].name"; empty when the whole task or file is meant
	Message string // what is wrong, lower case, without values that came from the environment
	Hint    string // what to do about it; may be empty
	Warning bool   // the task can be run nevertheless
}

// String is the problem in one line: file:line:column: task "name": field: message (hint).
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d", p.Line)
			if p.Column > 0 {
				fmt.Fprintf(&b, ":%d", p.Column)
			}
		}
		b.WriteString(": ")
	}
	if p.Warning {
		b.WriteString("warning: ")
	}
	if p.Task != "" {
		fmt.Fprintf(&b, "task %q: ", p.Task)
	}
	if p.Field != "" {
		b.WriteString(p.Field + ": ")
	}
	b.WriteString(p.Message)
	if p.Hint != "" {
		b.WriteString(" (" + p.Hint + ")")
	}
	return b.String()
}

// Problems is the list of everything found, in the order of the sources and their lines. As an error it lists the
// problems that are not warnings.
type Problems []Problem

// Error returns a line for every error; warnings are left out.
func (ps Problems) Error() string {
	var lines []string
	for _, p := range ps.Errors() {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

// Errors returns the problems that keep a task from being run.
func (ps Problems) Errors() Problems { return ps.only(false) }

// Warnings returns the problems that do not.
func (ps Problems) Warnings() Problems { return ps.only(true) }

func (ps Problems) only(warnings bool) Problems {
	var some Problems
	for _, p := range ps {
		if p.Warning == warnings {
			some = append(some, p)
		}
	}
	return some
}

// Err returns the errors among the problems as one error (a Problems), or nil when there are none.
func (ps Problems) Err() error {
	if errs := ps.Errors(); len(errs) > 0 {
		return errs
	}
	return nil
}
