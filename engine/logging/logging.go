// Package logging makes the loggers of a run: the line of the Python original for people and for whoever parses it today,
// or JSON lines for machines.
package logging

import (
	"context"
	"io"
	"log/slog"
	"strings"
)

// Attributes with a place of their own in a line.
const (
	// Logger is the attribute that names who logs: a task's class name, or "root".
	Logger = "logger"
	// Module is the attribute that names the script that logs, without its folder and ending: "stubs".
	Module = "module"
)

// Options of New.
type Options struct {
	Writer io.Writer // written to by one Write a line; redaction is the writer's business
	Level  slog.Level
	Format string // "text" (the default) or "json"
	Color  bool   // colour the level in text
	PID    int
}

// New returns a logger. Its levels are Python's names: DEBUG, INFO, WARNING, ERROR.
func New(o Options) *slog.Logger {
	if o.Format == "json" {
		h := slog.NewJSONHandler(o.Writer, &slog.HandlerOptions{Level: o.Level, ReplaceAttr: replace})
		return slog.New(h).With("pid", o.PID)
	}
	return slog.New(&textHandler{out: &output{w: o.Writer}, level: o.Level, color: o.Color, pid: o.PID})
}

// Discard returns a logger that tells nobody.
func Discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// Level returns the level of a name as the command line takes it: debug, info, warning (or warn), error.
func Level(name string) (slog.Level, bool) {
	switch strings.ToLower(name) {
	case "debug":
		return slog.LevelDebug, true
	case "", "info":
		return slog.LevelInfo, true
	case "warn", "warning":
		return slog.LevelWarn, true
	case "error":
		return slog.LevelError, true
	}
	return slog.LevelInfo, false
}

// replace gives JSON lines the names that log collectors know.
func replace(groups []string, a slog.Attr) slog.Attr {
	if len(groups) > 0 {
		return a
	}
	switch a.Key {
	case slog.MessageKey:
		a.Key = "message"
	case slog.LevelKey:
		if l, ok := a.Value.Any().(slog.Level); ok {
			a.Value = slog.StringValue(levelName(l))
		}
	}
	return a
}

func levelName(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "ERROR"
	case l >= slog.LevelWarn:
		return "WARNING"
	case l >= slog.LevelInfo:
		return "INFO"
	}
	return "DEBUG"
}

// Enabled tells whether log would write a line of this level; it spares the making of expensive messages.
func Enabled(log *slog.Logger, l slog.Level) bool { return log.Enabled(context.Background(), l) }
