// Package cli is the command line: it takes arguments apart, runs a command, prints what went wrong and ends the process
// with one of the exit codes of package fail.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/redact"
)

const programName = "rucio-task-manager"

// program is one run of the command line.
type program struct {
	*State
	redactor *redact.Redactor
	terminal io.Writer // standard error as it is, for prompts, which have no line end
	screen   *screen   // standard error as lines and bars share it
	plain    io.Writer // standard output as it is, for data that programs read, and the one command that shows a secret
	offered  sync.Map  // variables that a login has set, see offer
	format   string    // of --output, or nagios, as far as it is known
	exitZero bool      // --exit-zero, and the tasks have been run
	log      *slog.Logger

	beforeBearer func(ctx context.Context) // before a template uses BEARER_TOKEN; nil: nothing is done

	lookedFor []string // places of rucio.cfg where loadConfig found none

	mu      sync.Mutex
	closers []func() error // what is open until the run ends
}

// heapFloor is memory that is never touched, and so takes none, but counts for the collector: it lets garbage grow by as much
// before it collects. Without it a loop over a long list, whose live heap is 3 MB, collects every 20,000 rows.
const heapFloor = 16 << 20

// Main runs the command line of s and ends the process with its exit code.
func Main(s *State) {
	floor := make([]byte, heapFloor)
	code := Run(context.Background(), s)
	runtime.KeepAlive(floor)
	s.Exit(code)
}

// Run runs the command line of s and returns its exit code. Everything it prints passes a redactor that knows the run's
// secrets.
func Run(ctx context.Context, s *State) int {
	state := *s
	p := &program{State: &state, redactor: &redact.Redactor{}, terminal: s.Stderr, plain: s.Stdout, screen: &screen{w: s.Stderr}}
	p.redactor.Add(append(secretsOf(s.Env), s.secretsInFiles()...)...)
	stdout, stderr := p.redactor.Writer(s.Stdout), p.redactor.Writer(p.screen)
	state.Stdout, state.Stderr = stdout, stderr
	err := p.run(ctx)
	p.closeAll()
	code := p.finish(err)
	if err = errors.Join(stdout.Close(), stderr.Close()); err != nil && code == 0 {
		code = int(fail.Output)
	}
	return code
}

// atEnd has something closed when the run ends.
func (p *program) atEnd(closer func() error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closers = append(p.closers, closer)
}

func (p *program) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, closer := range p.closers {
		if err := closer(); err != nil && p.log != nil {
			p.log.Debug("closing at the end: " + err.Error())
		}
	}
}

func (p *program) run(ctx context.Context) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fail.Hint(fail.Errorf(fail.Internal, "a bug: %v", r), "please report it with these lines:\n%s", debug.Stack())
		}
	}()
	app := p.newApp()
	if len(p.Args) > 0 && p.Args[len(p.Args)-1] == completionFlag {
		return p.complete(app, p.Args[:len(p.Args)-1])
	}
	inv, err := understand(app, p.Args, p.Env)
	p.format = formatOf(inv, p.Args)
	switch {
	case err != nil:
		return err
	case inv.version:
		return p.version(inv.value("output"))
	case inv.help:
		return p.help(app, inv)
	case inv.leaf() == nil:
		return fail.Hint(usagef("nothing to do: no command, and neither TASK_FILE_YAML nor TASK_FILE_PATH is set"),
			"say `%s run FILE`, or see --help", programName)
	case len(inv.leaf().Subcommands) > 0:
		return p.help(app, inv)
	}
	return app.RunContext(ctx, inv.arguments(app))
}

// newApp describes the command line to cli/v2. Help, version and suggestions are our own, since cli/v2's keep their
// state in package variables.
func (p *program) newApp() *cli.App {
	app := &cli.App{
		Name:                      programName,
		Usage:                     "run Lua tasks on Rucio",
		Flags:                     globalFlags(),
		Commands:                  p.commands(),
		HideHelp:                  true,
		HideVersion:               true,
		DisableSliceFlagSeparator: true,
		Reader:                    p.Stdin,
		Writer:                    p.Stdout,
		ErrWriter:                 p.Stderr,
		Compiled:                  p.Now(), // else cli/v2 stats the binary
		Action:                    func(*cli.Context) error { return nil },
		ExitErrHandler:            func(*cli.Context, error) {},
		OnUsageError:              usageError,
	}
	walk(app.Commands, nil, func(path []string, c *cli.Command) {
		c.HideHelp = true
		c.OnUsageError = usageError
	})
	return app
}

// commands lists the commands in the order of --help; one file each.
func (p *program) commands() []*cli.Command {
	return []*cli.Command{
		p.runCommand(),
		p.checkCommand(),
		p.execCommand(),
		p.replCommand(),
		p.callCommand(),
		p.tasksCommand(),
		p.methodsCommand(),
		p.uploadCommand(),
		p.downloadCommand(),
		p.storageCommand(),
		p.authCommand(),
		p.configCommand(),
		p.outputsCommand(),
		p.completionCommand(),
		p.versionCommand(),
	}
}

// usageError answers what only cli/v2 found wrong; understand has seen nearly everything before.
func usageError(_ *cli.Context, err error, _ bool) error { return fail.With(fail.Usage, err) }

// noWords is the Before of commands that take no arguments.
func noWords(c *cli.Context) error { return atMost(0)(c) }

// atMost makes a Before that limits a command's arguments.
func atMost(n int) cli.BeforeFunc {
	return func(c *cli.Context) error {
		if c.NArg() > n {
			return fail.Hint(usagef("%s: unexpected argument %q", c.Command.Name, c.Args().Get(n)),
				"usage: %s %s %s", programName, commandPath(c), c.Command.ArgsUsage)
		}
		return nil
	}
}

// commandPath is the names of the running command: "tasks list".
func commandPath(c *cli.Context) string {
	path := ""
	for _, ctx := range c.Lineage() {
		if ctx.Command != nil && ctx.Command.Name != "" && ctx.Command.Name != programName {
			path = ctx.Command.Name + " " + path
		}
	}
	return path[:max(0, len(path)-1)]
}

// ended is the silent end of a command that has told everything itself.
type ended struct{ code fail.Code }

func (e ended) Error() string { return fmt.Sprintf("ended with exit code %d", e.code) }

// end returns nil for OK, else the silent error that carries code to the exit.
func end(code fail.Code) error {
	if code == fail.OK {
		return nil
	}
	return fail.With(code, ended{code})
}
