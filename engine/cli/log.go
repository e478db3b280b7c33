package cli

import (
	"context"
	"log/slog"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/engine/logging"
)

// logger returns the logger of the run. It writes to standard error, so that standard output holds nothing but answers.
func (p *program) logger(c *cli.Context) *slog.Logger {
	if p.log == nil {
		p.log = logging.New(logging.Options{
			Writer: p.Stderr,
			Level:  level(c),
			Format: c.String("log-format"),
			Color:  p.StderrTTY && p.colors(c),
			PID:    p.PID,
		})
	}
	return p.log
}

// level is the least level that is logged: what -v and -q stand for, or --log-level.
func level(c *cli.Context) slog.Level {
	switch {
	case c.Bool("verbose"):
		return slog.LevelDebug
	case c.Bool("quiet"):
		return slog.LevelWarn
	}
	l, err := logging.Level(c.String("log-level"))
	if err != nil { // not with the flag's choices
		return slog.LevelInfo
	}
	return l
}

// colors tells whether colours are wanted at all (https://no-color.org); whether a stream shows them is another question.
func (p *program) colors(c *cli.Context) bool {
	return !c.Bool("no-color") && p.Getenv("NO_COLOR") == "" && p.Getenv("TERM") != "dumb"
}

// scriptsOnly is a handler for exec: what the engine tells of a task's course ("executing", "Finished") is for the log of a
// run, and noise around a script. Warnings and what scripts log pass, and with --verbose everything does.
type scriptsOnly struct{ slog.Handler }

// WithAttrs implements slog.Handler. The engine's own loggers bear the module "task".
func (h scriptsOnly) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := h.Handler.WithAttrs(attrs)
	for _, a := range attrs {
		if a.Key == logging.Module && a.Value.String() == "task" && !next.Enabled(context.Background(), slog.LevelDebug) {
			return warnings{next}
		}
	}
	return scriptsOnly{next}
}

// warnings lets warnings and errors pass.
type warnings struct{ slog.Handler }

// WithAttrs implements slog.Handler.
func (h warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h warnings) WithGroup(name string) slog.Handler { return warnings{h.Handler.WithGroup(name)} }

// Enabled implements slog.Handler.
func (h warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && h.Handler.Enabled(ctx, level)
}
