// Package logging makes the loggers of a run: lines for people in the format of the Python original, or JSON lines for
// collectors.
package logging

import (
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/engine/redact"
)

// The attributes that have a column of their own in text.
const (
	Logger = "logger" // who logs: the class of a task, or "root"; see Named
	Module = "module" // the file that logs, without folder and extension: "stubs"
)

// Options says what is logged, and how.
type Options struct {
	Writer   io.Writer
	Level    slog.Leveler     // nil means slog.LevelInfo
	Format   string           // "text" (also when empty) or "json"
	Color    bool             // colours the level; of text only
	PID      int              // the process, as each line tells it
	Redactor *redact.Redactor // takes secrets out of each line; nil when Writer does
}

// New returns a logger. Each line is one call of Writer.Write; it is safe for concurrent use.
func New(o Options) *slog.Logger {
	if o.Level == nil {
		o.Level = slog.LevelInfo
	}
	out := &lines{w: o.Writer, redactor: o.Redactor}
	if o.Format == "json" {
		handler := slog.NewJSONHandler(out, &slog.HandlerOptions{Level: o.Level, ReplaceAttr: jsonAttr})
		return slog.New(handler).With(slog.Int("pid", o.PID))
	}
	return slog.New(&textHandler{out: out, level: o.Level, color: o.Color, pid: o.PID, logger: "root", module: "-"})
}

// Named returns a logger whose lines bear a name: a task's class.
func Named(log *slog.Logger, name string) *slog.Logger { return log.With(slog.String(Logger, name)) }

// Discard returns a logger that drops everything.
func Discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// Level returns the level that a word stands for: debug, info, warning (or warn), error.
func Level(word string) (slog.Level, error) {
	switch strings.ToLower(word) {
	case "debug":
		return slog.LevelDebug, nil
	case "info":
		return slog.LevelInfo, nil
	case "warn", "warning":
		return slog.LevelWarn, nil
	case "error":
		return slog.LevelError, nil
	}
	return slog.LevelInfo, fmt.Errorf("unknown log level %q: choose debug, info, warning or error", word)
}

// levelName is the level as Python writes it.
func levelName(level slog.Level) string {
	switch {
	case level < slog.LevelInfo:
		return "DEBUG"
	case level < slog.LevelWarn:
		return "INFO"
	case level < slog.LevelError:
		return "WARNING"
	}
	return "ERROR"
}

// jsonAttr gives slog's own attributes the names that log collectors expect of Python.
func jsonAttr(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.MessageKey:
		a.Key = "message"
	case slog.LevelKey:
		if level, ok := a.Value.Any().(slog.Level); ok {
			a.Value = slog.StringValue(levelName(level))
		}
	}
	return a
}
