package cli

import (
	"context"
	"log/slog"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

// progressOf returns what tells how transfers of a command go on: bars at a terminal, lines in the log elsewhere, with
// level end for a file that has moved. done takes the bars away again, and may be called twice.
func (p *program) progressOf(c *cli.Context, end slog.Level) (progress transfer.Progress, done func()) {
	log := p.logger(c)
	if !p.StderrTTY || p.NoColumns || c.Bool("quiet") || c.String("log-format") != "text" || p.Getenv("TERM") == "dumb" {
		return newLogProgress(log, p.Now, end), func() {}
	}
	b := p.newBars()
	return b, onlyOnce(b.close)
}

// onlyOnce makes a function of which only the first call does something.
func onlyOnce(f func()) func() {
	called := false
	return func() {
		if !called {
			called = true
			f()
		}
	}
}

// interruptible returns a context that SIGINT or SIGTERM ends; a second signal ends the process.
func (p *program) interruptible(c *cli.Context) (context.Context, func()) {
	log := p.logger(c)
	return p.withSignals(c.Context,
		func(sig os.Signal) {
			log.Warn("stopped by signal: " + sig.String() + "; a second signal ends this at once")
		},
		func() { p.Exit(int(fail.Interrupted)) })
}
