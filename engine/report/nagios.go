package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
)

// The states of Nagios and its kin, which are the exit codes of a plugin.
const (
	NagiosOK       = 0
	NagiosWarning  = 1
	NagiosCritical = 2
	NagiosUnknown  = 3
)

// Nagios translates an exit code: a task that failed is critical; a run that could not look (bad definition,
// configuration, usage, interruption, a bug) is unknown; undelivered documents are a warning.
func Nagios(code fail.Code) int {
	switch code {
	case fail.OK:
		return NagiosOK
	case fail.Output:
		return NagiosWarning
	case fail.Task, fail.Check, fail.Unavailable, fail.Timeout, fail.Auth:
		return NagiosCritical
	}
	return NagiosUnknown
}

// nagios writes one status line with performance data, as monitoring plugins do:
//
//	RUCIO CRITICAL - 1 of 2 tasks failed: upload: no space left | tasks=2 failed=1 skipped=0 time=1.532s
type nagios struct {
	silent
	w io.Writer
}

// End implements Reporter.
func (n *nagios) End(s Summary) error {
	state := [...]string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}[Nagios(s.Code)]
	counts := s.Counts()
	ran := counts[Passed] + counts[Failed]
	text := fmt.Sprintf("%d of %d tasks passed", counts[Passed], ran)
	if counts[Failed] > 0 {
		text = fmt.Sprintf("%d of %d tasks failed: %s", counts[Failed], ran, reasons(s.Results))
	}
	perf := fmt.Sprintf("tasks=%d failed=%d skipped=%d time=%.3fs", ran, counts[Failed], counts[Skipped], s.Duration.Seconds())
	for _, r := range s.Results {
		for _, m := range r.Metrics {
			perf += fmt.Sprintf(" '%s'=%s%s", perfLabel(r.Task, m), strconv.FormatFloat(m.Value, 'f', -1, 64), perfUnit(m))
		}
	}
	_, err := fmt.Fprintf(n.w, "RUCIO %s - %s | %s\n", state, text, perf)
	return err
}

// reasons is what failed and why, on one line without the bar that begins performance data.
func reasons(results []Result) string {
	var all []string
	for _, r := range results {
		if r.Status == Failed {
			all = append(all, r.Task+": "+oneLine(r.Reason))
		}
	}
	return strings.ReplaceAll(strings.Join(all, "; "), "|", "/")
}

// perfLabel names a metric: task.name, and its tags. A label holds no quote and no equals sign.
func perfLabel(task string, m Metric) string {
	label := task + "." + m.Name
	for _, tag := range slices.Sorted(maps.Keys(m.Tags)) {
		label += "." + tag + "." + m.Tags[tag]
	}
	return strings.NewReplacer("'", "", "=", "_", "|", "_").Replace(oneLine(label))
}

// perfUnit returns a metric's unit if performance data have it: s, ms, us, %, B, and c for a counter.
func perfUnit(m Metric) string {
	switch unit := strings.ToLower(m.Unit); unit {
	case "s", "ms", "us", "%":
		return unit
	case "second", "seconds":
		return "s"
	case "b", "byte", "bytes":
		return "B"
	case "":
		if m.Kind == "counter" {
			return "c"
		}
	}
	return ""
}
