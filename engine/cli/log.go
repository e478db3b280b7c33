package cli

import (
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

// level is the least level that is logged: --log-level, or what -v and -q stand for.
func level(c *cli.Context) slog.Level {
	switch {
	case c.IsSet("log-level"):
		l, _ := logging.Level(c.String("log-level")) // one of the flag's choices
		return l
	case c.Bool("verbose"):
		return slog.LevelDebug
	case c.Bool("quiet"):
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// colors tells whether colours are wanted at all (https://no-color.org); whether a stream shows them is another question.
func (p *program) colors(c *cli.Context) bool {
	return !c.Bool("no-color") && p.Getenv("NO_COLOR") == "" && p.Getenv("TERM") != "dumb"
}
