package report

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// text is for people: a tick for each task as it ends, with its traceback if it has one; and once all have ended, a table,
// with checks and hints below their task.
type text struct {
	silent
	w io.Writer
	o Options
}

var colours = map[Status]string{Passed: "\x1b[32m", Failed: "\x1b[31m", Skipped: "\x1b[33m", Disabled: "\x1b[90m"}

const reset = "\x1b[0m"

var ticks = map[Status]string{Passed: "✓", Failed: "✗", Skipped: "-", Disabled: "·"}

// TaskEnd implements Reporter.
func (t *text) TaskEnd(r Result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", t.paint(r.Status, ticks[r.Status]), oneLine(r.Task))
	if r.Status == Passed || r.Status == Failed {
		fmt.Fprintf(&b, " (%s)", Human(r.Duration))
	}
	if reason := oneLine(r.Reason); reason != "" {
		b.WriteString(": " + reason)
	} else if r.Status != Passed {
		b.WriteString(": " + string(r.Status))
	}
	b.WriteString("\n")
	for line := range strings.Lines(clean(r.Traceback)) {
		fmt.Fprintf(&b, "    %s\n", strings.TrimRight(line, "\n"))
	}
	_, err := io.WriteString(t.w, b.String())
	return err
}

func (t *text) paint(status Status, s string) string {
	if !t.o.Color {
		return s
	}
	return colours[status] + s + reset
}

// End implements Reporter.
func (t *text) End(s Summary) error {
	var b strings.Builder
	task := len("task")
	for _, r := range s.Results {
		task = max(task, utf8.RuneCountInString(r.Task))
	}
	if len(s.Results) > 0 {
		fmt.Fprintf(&b, "\n%s  %-8s  %9s  %s\n", pad("task", task), "status", "duration", "reason")
	}
	for _, r := range s.Results {
		t.row(&b, task, r)
	}
	t.total(&b, s)
	_, err := io.WriteString(t.w, b.String())
	return err
}

func (t *text) row(b *strings.Builder, width int, r Result) {
	status := t.paint(r.Status, fmt.Sprintf("%-8s", r.Status))
	duration := Human(r.Duration)
	if r.Status == Disabled || r.Status == Skipped && r.Duration == 0 {
		duration = "-"
	}
	first, rest, _ := strings.Cut(clean(r.Reason), "\n") // a server's text must not steer the terminal
	fmt.Fprintln(b, strings.TrimRight(fmt.Sprintf("%s  %s  %9s  %s", pad(r.Task, width), status, duration, first), " "))
	indent := strings.Repeat(" ", width+2)
	for line := range strings.Lines(rest) {
		fmt.Fprintf(b, "%s%s\n", indent, strings.TrimRight(line, "\n"))
	}
	if r.Hint != "" {
		fmt.Fprintf(b, "%shint: %s\n", indent, r.Hint)
	}
	if len(r.Checks) > 1 || r.Status == Failed {
		for _, c := range r.Checks {
			mark := "ok    "
			if !c.OK {
				mark = "FAILED"
			}
			fmt.Fprintln(b, strings.TrimRight(fmt.Sprintf("%scheck %s  %s  %s", indent, mark, c.Name, oneLine(c.Detail)), " "))
		}
	}
}

func (t *text) total(b *strings.Builder, s Summary) {
	if len(s.Results) == 0 {
		fmt.Fprintln(b, "no tasks")
		return
	}
	counts := s.Counts()
	var parts []string
	for _, status := range []Status{Passed, Failed, Skipped, Disabled} {
		if counts[status] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[status], status))
		}
	}
	fmt.Fprintf(b, "\n%s in %s", strings.Join(parts, ", "), Human(s.Duration))
	if s.Code != 0 {
		fmt.Fprintf(b, "; exit code %d (%s)", int(s.Code), s.Code)
	}
	b.WriteString("\n")
}

// Human prints a duration with three digits that matter: "3.21ms", "1.53s", "2m05s".
func Human(d time.Duration) string {
	switch {
	case d >= time.Minute:
		d = d.Round(time.Second)
		if d >= time.Hour {
			return fmt.Sprintf("%dh%02dm%02ds", int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60)
		}
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d >= time.Second:
		return fmt.Sprintf("%.2fs", d.Seconds())
	case d >= time.Millisecond:
		return fmt.Sprintf("%.1fms", float64(d.Microseconds())/1e3)
	}
	return fmt.Sprintf("%dµs", d.Microseconds())
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

func oneLine(s string) string { return strings.Join(strings.Fields(clean(s)), " ") }
