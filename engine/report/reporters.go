package report

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Options of New.
type Options struct {
	Color bool // text only: colour statuses
}

// formats is the one map of reporters.
var formats = map[string]func(io.Writer, Options) Reporter{
	"text":   func(w io.Writer, o Options) Reporter { return &text{w: w, o: o} },
	"json":   func(w io.Writer, _ Options) Reporter { return &document{w: w} },
	"jsonl":  func(w io.Writer, _ Options) Reporter { return &lines{enc: json.NewEncoder(w)} },
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

// document writes the whole run as one JSON object at its end.
type document struct {
	silent
	w io.Writer
}

func (d *document) End(s Summary) error {
	enc := json.NewEncoder(d.w)
	enc.SetIndent("", "  ")
	return enc.Encode(s)
}

// lines writes an object per event, at once: {"event": "start"|"task_start"|"task_end"|"end", ...}.
type lines struct{ enc *json.Encoder }

func (l *lines) Start(total int) error {
	return l.enc.Encode(map[string]any{"event": "start", "tasks": total})
}

func (l *lines) TaskStart(name, module, class string) error {
	return l.enc.Encode(map[string]any{"event": "task_start", "task": name, "module": module, "class": class})
}

func (l *lines) TaskEnd(r Result) error {
	return l.enc.Encode(map[string]any{"event": "task_end", "result": r})
}

func (l *lines) End(s Summary) error {
	return l.enc.Encode(map[string]any{"event": "end", "code": int(s.Code), "code_name": s.Code.String(), "duration": seconds(s.Duration), "counts": s.Counts()})
}
