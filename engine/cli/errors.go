package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/report"
	"github.com/rucio-task-manager/rucio-task-manager/engine/task"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

// finish prints how the program ended, if that has not been told yet, and returns the exit code. Every error reaches
// people through here: "rucio-task-manager: message", then a line with a hint; what is wrong with definitions is a line each
// that begins with file:line. With --output json or jsonl the error is on standard output as well, as an object, unless a document
// is there already.
func (p *program) finish(err error) int {
	code := fail.CodeOf(err)
	var told ended
	if err != nil && !errors.As(err, &told) {
		printError(p.Stderr, err)
		if reportErr := p.reportError(err); reportErr != nil {
			printError(p.Stderr, fmt.Errorf("write the error: %w", reportErr))
		}
	}
	switch {
	case p.exitZero:
		return 0
	case p.format == nagios:
		return report.Nagios(code)
	}
	return int(code)
}

// reportError tells machines of an error, in the format that was asked for.
func (p *program) reportError(err error) error {
	switch p.format {
	case "json", "jsonl":
		return printJSONError(p.Stdout, err)
	case nagios:
		text := strings.NewReplacer("\n", "; ", "|", "/").Replace(err.Error())
		_, err := fmt.Fprintf(p.Stdout, "RUCIO UNKNOWN - %s\n", text)
		return err
	}
	return nil
}

func printError(w io.Writer, err error) {
	var problems task.Problems
	if errors.As(err, &problems) {
		printProblems(w, problems.Errors())
		return
	}
	all := joined(err)
	for i, one := range all {
		fmt.Fprintf(w, "%s: %s\n", programName, one)
		hint := fail.HintOf(one)
		again := i+1 < len(all) && fail.HintOf(all[i+1]) == hint // what is wrong with many files is told of each, what to do once
		if hint != "" && !again {
			fmt.Fprintf(w, "hint: %s\n", hint)
		}
	}
	var script *scriptError
	if errors.As(err, &script) && script.depth() > 1 {
		fmt.Fprintln(w, "traceback:")
		for line := range strings.Lines(script.traceback) {
			fmt.Fprintf(w, "  %s\n", strings.TrimRight(line, "\n"))
		}
	}
}

// joined returns the errors that errors.Join made one of, each with its hint; an error that says more than these stays
// whole.
func joined(err error) []error {
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		if several, ok := inner.(interface{ Unwrap() []error }); ok && inner.Error() == err.Error() {
			var all []error
			for _, one := range several.Unwrap() {
				all = append(all, classify(one))
			}
			return all
		}
	}
	return []error{err}
}

// printProblems prints what is wrong with definitions: file:line, task, field, message, and a hint below it.
func printProblems(w io.Writer, problems task.Problems) {
	for _, problem := range problems {
		hint := problem.Hint
		problem.Hint = ""
		fmt.Fprintln(w, problem)
		if hint != "" {
			fmt.Fprintf(w, "  hint: %s\n", hint)
		}
	}
}

// errorObject is an error for machines.
type errorObject struct {
	Class    string          `json:"class"` // Rucio's exception class, else the exit code's name
	Message  string          `json:"message"`
	Hint     string          `json:"hint,omitempty"`
	Status   int             `json:"status,omitempty"` // of HTTP, when a server answered
	Code     fail.Code       `json:"code"`             // the exit code
	Problems []problemObject `json:"problems,omitempty"`
}

// problemObject is something wrong with a definition.
type problemObject struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Task    string `json:"task,omitempty"`
	Field   string `json:"field,omitempty"`
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	Warning bool   `json:"warning,omitempty"`
}

func problemObjects(problems task.Problems) []problemObject {
	all := make([]problemObject, len(problems))
	for i, problem := range problems {
		all[i] = problemObject(problem)
	}
	return all
}

func newErrorObject(err error) errorObject {
	code := fail.CodeOf(err)
	object := errorObject{Class: code.String(), Message: err.Error(), Hint: fail.HintOf(err), Code: code}
	var sent *rucio.Error
	var stored *storage.Error
	var argument *catalog.ArgumentError
	switch {
	case errors.As(err, &sent):
		object.Class, object.Status = sent.Class, sent.Status
	case errors.As(err, &argument):
		object.Class = argument.Class
	case errors.As(err, &stored):
		object.Class = string(transfer.ClassOf(err))
	}
	var problems task.Problems
	if errors.As(err, &problems) {
		object.Problems = problemObjects(problems.Errors())
	}
	return object
}

func printJSONError(w io.Writer, err error) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(map[string]errorObject{"error": newErrorObject(err)})
}

// nagios is the format of --nagios: one line, and exit codes of its own.
const nagios = "nagios"

// formatOf finds --output or --nagios, also on a command line that could not be understood: whoever reads JSON wants its errors so.
func formatOf(inv *invocation, args []string) string {
	if inv != nil {
		if inv.has("nagios") {
			return nagios
		}
		return inv.value("output")
	}
	if slices.Contains(args, "--nagios") {
		return nagios
	}
	for i, arg := range args {
		if value, ok := strings.CutPrefix(arg, "--output="); ok {
			return value
		}
		if slices.Contains([]string{"--output", "-o"}, arg) && i+1 < len(args) {
			return args[i+1]
		}
	}
	return ""
}
