package runner

import (
	"errors"
	"fmt"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/report"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

// conclude fills in how the task went: by its error, else by its checks.
func (a *attempt) conclude(result *report.Result, value any, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	result.Duration = a.Now().Sub(result.Started)
	result.Checks, result.Metrics, result.Documents, result.Value = a.checks, a.metrics, a.emitted, value
	failed := failedChecks(a.checks)
	var skip *skipError
	switch skipped := errors.As(err, &skip); {
	case err != nil && !skipped && (fail.CodeOf(err) != fail.Check || failed == ""):
		a.fail(result, err)
	case failed != "":
		result.Status, result.Code, result.Reason = report.Failed, fail.Check, failed
	case skipped:
		result.Status, result.Reason = report.Skipped, skip.reason
	}
}

func (a *attempt) fail(result *report.Result, err error) {
	result.Status, result.Code = report.Failed, fail.CodeOf(err)
	result.Reason, result.Hint = strings.TrimSpace(err.Error()), fail.HintOf(err)
	if script := vm.AsError(err); script != nil {
		result.Traceback = script.Traceback
	}
	var panicked *vm.PanicError
	if errors.As(err, &panicked) {
		a.log.Debug("a bug: " + panicked.Error() + "\n" + panicked.Stack)
	}
}

// failedChecks names the first check that failed, and how many others did; "" when none did.
func failedChecks(checks []report.Check) string {
	first, more := "", 0
	for _, c := range checks {
		switch {
		case c.OK:
		case first == "":
			first = "check failed: " + describeCheck(c)
		default:
			more++
		}
	}
	if more > 0 {
		first += fmt.Sprintf(" (and %d more)", more)
	}
	return first
}
