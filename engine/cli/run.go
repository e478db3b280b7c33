package cli

import (
	"context"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/report"
	"github.com/rucio-task-manager/rucio-task-manager/engine/runner"
)

func (p *program) runCommand() *cli.Command {
	return &cli.Command{
		Name:      "run",
		Usage:     "run the tasks of definitions",
		ArgsUsage: "[FILE|FOLDER|URL|-]...",
		Description: `
Runs the enabled tasks of YAML definitions in their order. A folder stands for all *.yml and *.yaml files below it, - for
standard input. Without arguments the definitions come from TASK_FILE_YAML (the YAML itself), else from TASK_FILE_PATH.

Everything is checked before the first task starts. A task with a wrong definition is not run and counts as failed
(exit code 4); the others run all the same. A task that fails does not stop those after it, unless --fail-fast is given.

The summary goes to standard output, log lines go to standard error. SIGINT and SIGTERM stop the running tasks after their
teardown; a second signal stops them at once.

examples:
$ rucio-task-manager run etc/tasks/stubs.yml
$ rucio-task-manager run etc/tasks --only 'get-*' --parallel 4 --output junit > report.xml
$ rucio-task-manager run stubs.yml --only test-hello-world-stub --set kwargs.text='Good morning'
$ rucio-task-manager run https://example.org/tasks.yml --timeout 10m --run-timeout 1h --fail-fast
`,
		Flags:  runFlags(),
		Action: p.runTasks,
	}
}

func runFlags() []cli.Flag {
	return append([]cli.Flag{
		&pathFlag{&cli.StringFlag{Name: "task-file", Aliases: []string{"t"}, Category: catSelect, Usage: "run this `FILE` too (the original's way of naming it)"}},
		onlyFlag(), skipFlag(), setFlag(),

		&cli.IntFlag{Name: "parallel", Category: catHow, Usage: "run `N` tasks at a time", Value: 1},
		&cli.BoolFlag{Name: "fail-fast", Category: catHow, Usage: "start no further task after one has failed"},
		timeoutFlag(),
		&cli.DurationFlag{Name: "run-timeout", Category: catHow, Usage: "stop the whole run after `DURATION`"},
		strictFlag(),

		outputFlag("`FORMAT` of what goes to standard output", "text", "json", "jsonl", "junit"),
		&cli.BoolFlag{Name: "nagios", Category: catOut, Usage: "one line and the exit codes of a Nagios plugin: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN"},
		&cli.BoolFlag{Name: "exit-zero", Category: catOut, Usage: "exit 0 although tasks failed, as the Python original did"},
		spoolFlag(),
	}, luaFlags()...)
}

func onlyFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "only", Category: catSelect, Usage: "only the tasks called `NAME`; * and ? are wildcards"}
}

func skipFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "skip", Category: catSelect, Usage: "not the tasks called `NAME`; * and ? are wildcards"}
}

func setFlag() cli.Flag {
	return &cli.StringSliceFlag{Name: "set", Category: catSelect, Usage: "change a field of every selected task, `PATH=VALUE`: kwargs.rse=SITE_DISK"}
}

func strictFlag() cli.Flag {
	return &cli.BoolFlag{Name: "strict", Category: catHow, Usage: "take warnings about definitions for errors: variables that are not set, unknown kwargs"}
}

func timeoutFlag() cli.Flag {
	return &cli.DurationFlag{Name: "timeout", Category: catHow, Usage: "stop a task after `DURATION` (90s, 5m) unless its definition says another"}
}

// luaFlags are the limits of the Lua machine.
func luaFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "allow-os", Category: catScripts, Usage: "let scripts use os.execute, io.popen and the like"},
		&sizeFlag{&cli.StringFlag{Name: "memory-limit", Category: catScripts, Value: "1GiB", Usage: "stop a script that needs more memory than `SIZE`: 512MiB, 2GB; 0 for no limit"}},
	}
}

func (p *program) runTasks(c *cli.Context) error {
	err := p.runSelected(c)
	if code := fail.CodeOf(err); c.Bool("exit-zero") && code != fail.Usage && code != fail.Internal && code != fail.Interrupted {
		p.exitZero = true
	}
	return err
}

func (p *program) runSelected(c *cli.Context) error {
	options, err := p.runnerOptions(c, "run")
	if err != nil {
		return err
	}
	ctx, hard, off := p.stoppable(c.Context)
	defer off()
	options.Hard, p.beforeBearer = hard, options.BeforeTool
	chosen, err := p.selectTasks(ctx, c, sourcesOf(c))
	if err != nil {
		return err
	}
	sound, broken := divide(ctx, chosen, options)
	if len(sound) == 0 && len(broken) > 0 && broken.allFiles() {
		return fail.With(fail.Definition, chosen.problems.Errors())
	}
	to, err := p.reporter(c)
	if err != nil {
		return err
	}
	full := &fullReport{Reporter: to, broken: broken.results(p.Now())}
	if p.format == "" || p.format == "text" { // which tells at once why a task failed
		p.logProblems(c, chosen.problems.Warnings())
	} else {
		p.logProblems(c, chosen.problems)
		full.log = p.logger(c)
	}
	options.Reporter = full
	if p.format != "" && p.format != "text" {
		options.Stdout = p.Stderr // whoever reads the report wants nothing else there
	}
	summary, err := runner.Run(ctx, sound, options)
	if err != nil {
		return err
	}
	code := summary.Code
	if len(broken) > 0 {
		code = fail.Worse(code, fail.Definition)
	}
	return end(code)
}

// reporter returns what tells of the run on standard output.
func (p *program) reporter(c *cli.Context) (report.Reporter, error) {
	format := c.String("output")
	if c.Bool("nagios") {
		format = nagios
	}
	return report.New(format, p.Stdout, report.Options{Color: p.StdoutTTY && p.colors(c)})
}

// stoppable returns a context that SIGINT or SIGTERM ends, and one that a second signal ends: then clean-up is over too.
func (p *program) stoppable(ctx context.Context) (soft, hard context.Context, off func()) {
	hard, kill := context.WithCancel(ctx)
	soft, ignore := p.withSignals(ctx, func(sig os.Signal) {
		p.log.Warn("stopped by signal: " + sig.String() + "; tasks clean up, a second signal ends that")
	}, kill)
	return soft, hard, func() { ignore(); kill() }
}
