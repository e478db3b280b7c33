package report

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// Options of New.
type Options struct {
	Color bool             // text only: colour statuses
	Now   func() time.Time // jsonl only: the clock of its events; nil means time.Now
}

func (o Options) clock() func() time.Time {
	if o.Now == nil {
		return time.Now
	}
	return o.Now
}

// formats is the one map of reporters.
var formats = map[string]func(io.Writer, Options) Reporter{
	"text":   func(w io.Writer, o Options) Reporter { return &text{w: w, o: o} },
	"json":   func(w io.Writer, _ Options) Reporter { return &document{w: w} },
	"jsonl":  func(w io.Writer, o Options) Reporter { return &lines{json.NewEncoder(w), o.clock()} },
	"junit":  func(w io.Writer, _ Options) Reporter { return &junit{w: w} },
	"nagios": func(w io.Writer, _ Options) Reporter { return &nagios{w: w} },
}

// Formats lists the names that New takes.
func Formats() []string { return slices.Sorted(maps.Keys(formats)) }

// New returns the reporter of a format; it writes to w.
func New(format string, w io.Writer, o Options) (Reporter, error) {
	make, ok := formats[format]
	if !ok {
		return nil, fmt.Errorf("report format %q is none of %v", format, Formats())
	}
	return make(w, o), nil
}

// silent has the methods of a reporter that waits for the end.
type silent struct{}

func (silent) Start(int) error                        { return nil }
func (silent) TaskStart(string, string, string) error { return nil }
func (silent) TaskEnd(Result) error                   { return nil }

// document writes the whole run as one JSON object at its end (see Summary.MarshalJSON). Durations are seconds.
type document struct {
	silent
	w io.Writer
}

func (d *document) End(s Summary) error {
	enc := json.NewEncoder(d.w)
	enc.SetIndent("", "  ")
	return enc.Encode(s)
}

// lines writes an object per event, at once: "event" is start (tasks), task_start (task, module, class), task_end (result) or
// end (code, code_name, duration, counts); "time" is when it was. Durations are seconds.
type lines struct {
	enc *json.Encoder
	now func() time.Time
}

func (l *lines) write(event string, fields map[string]any) error {
	fields["event"], fields["time"] = event, l.now()
	return l.enc.Encode(fields)
}

func (l *lines) Start(total int) error {
	return l.write("start", map[string]any{"tasks": total})
}

func (l *lines) TaskStart(name, module, class string) error {
	return l.write("task_start", map[string]any{"task": name, "module": module, "class": class})
}

func (l *lines) TaskEnd(r Result) error {
	return l.write("task_end", map[string]any{"result": r})
}

func (l *lines) End(s Summary) error {
	return l.write("end", map[string]any{"code": int(s.Code), "code_name": s.Code.String(), "duration": seconds(s.Duration), "counts": s.Counts()})
}
