package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// finish prints how the program ended, if that has not been told yet, and returns the exit code. Every error reaches
// people through here: "rucio-task-manager: message", then a line with a hint. With --output json or jsonl it is on
// standard output as well, as an object.
func (p *program) finish(err error) fail.Code {
	code := fail.CodeOf(err)
	var told ended
	if err == nil || errors.As(err, &told) {
		return code
	}
	printError(p.Stderr, err)
	if p.format == "json" || p.format == "jsonl" {
		if jsonErr := printJSONError(p.Stdout, err); jsonErr != nil {
			fmt.Fprintf(p.Stderr, "%s: write the error as JSON: %v\n", programName, jsonErr)
		}
	}
	return code
}

func printError(w io.Writer, err error) {
	fmt.Fprintf(w, "%s: %s\n", programName, err)
	if hint := fail.HintOf(err); hint != "" {
		fmt.Fprintf(w, "hint: %s\n", hint)
	}
}

// errorObject is an error for machines.
type errorObject struct {
	Class   string    `json:"class"` // Rucio's exception class, else the exit code's name
	Message string    `json:"message"`
	Hint    string    `json:"hint,omitempty"`
	Code    fail.Code `json:"code"` // the exit code
}

func newErrorObject(err error) errorObject {
	code := fail.CodeOf(err)
	class := code.String()
	var sent *rucio.Error
	if errors.As(err, &sent) {
		class = sent.Class
	}
	return errorObject{Class: class, Message: err.Error(), Hint: fail.HintOf(err), Code: code}
}

func printJSONError(w io.Writer, err error) error {
	return json.NewEncoder(w).Encode(map[string]errorObject{"error": newErrorObject(err)})
}

// formatOf finds --output, also on a command line that could not be understood: whoever reads JSON wants its errors so.
func formatOf(inv *invocation, args []string) string {
	if inv != nil {
		return inv.value("output")
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
