package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/report"
	"github.com/rucio-task-manager/rucio-task-manager/engine/runner"
	"github.com/rucio-task-manager/rucio-task-manager/engine/task"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

// prelude stands before a script, on its first line, so that it can use kwargs without a word.
const prelude = "local task, kwargs, args = ... "

func (p *program) execCommand() *cli.Command {
	return &cli.Command{
		Name:      "exec",
		Usage:     "run Lua without a definition",
		ArgsUsage: "-e CODE|FILE.lua|-|MODULE:CLASS [NAME=VALUE]...",
		Description: `
Runs a piece of Lua, a script file (- is standard input), or a class of the task library. The script finds NAME=VALUE in
the table kwargs; a VALUE is read as in a definition (3 is a number, [a, b] a list). What print writes, and what the script
returns, goes to standard output. An expression may stand for a script that returns it.

examples:
$ rucio-task-manager exec -e 'for r in rucio.list_rses() do print(r.rse) end'
$ rucio-task-manager exec -e 'rucio.whoami().account'
$ rucio-task-manager exec probe.lua site=CERN limit=3
$ rucio-task-manager exec tasks.stubs:StubHelloWorld text='Hello'
`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "eval", Aliases: []string{"e"}, Usage: "run this `CODE`"},
			timeoutFlag(),
			outputFlag("`FORMAT` of what the script returns", "text", "json"),
			spoolFlag(),
		}, luaFlags()...),
		Action: p.exec,
	}
}

func (p *program) exec(c *cli.Context) error {
	options, err := p.runnerOptions(c, "exec")
	if err != nil {
		return err
	}
	ctx, hard, off := p.stoppable(c.Context)
	defer off()
	options.Hard = hard
	options.Log = slog.New(scriptsOnly{options.Log.Handler()})
	words := c.Args().Slice()
	name, source := "(command line)", c.String("eval")
	switch {
	case c.IsSet("eval"):
		source = expression(source)
	case len(words) == 0:
		return fail.Hint(usagef("exec: nothing to run"), "say exec -e CODE, exec FILE.lua or exec MODULE:CLASS")
	default:
		name, words = words[0], words[1:]
	}
	kwargs, err := kwargsOf(words)
	if err != nil {
		return err
	}
	if module, class, ok := strings.Cut(name, ":"); ok && !c.IsSet("eval") && !strings.HasSuffix(name, ".lua") {
		return p.execClass(ctx, c, options, module, class, kwargs)
	}
	if !c.IsSet("eval") {
		if source, err = p.readScript(name); err != nil {
			return err
		}
		if dir := filepath.Dir(name); name != "-" { // what stands beside a script can be required
			options.Roots = append([]vm.Root{{Name: dir, FS: p.Files.Sub(dir)}}, options.Roots...)
		}
	}
	if name == "-" {
		name = "(standard input)"
	}
	return p.printExec(c, runner.Exec(ctx, runner.Chunk{Name: name, Source: prelude + source, Kwargs: kwargs}, options))
}

// execClass runs a class of the library as a definition would.
func (p *program) execClass(ctx context.Context, c *cli.Context, o runner.Options, module, class string, kwargs map[string]any) error {
	d := &task.Definition{Name: class, Module: module, Class: class, Enabled: true, File: "(command line)", Kwargs: kwargs}
	d.Kwargs["task_name"] = class
	problems, _ := checkDefinition(ctx, d, o)
	if err := problems.Err(); err != nil {
		return fail.With(fail.Definition, err)
	}
	p.logProblems(c, problems)
	summary, err := runner.Run(ctx, []*task.Definition{d}, o)
	if err != nil {
		return err
	}
	return p.printExec(c, summary.Results[0])
}

// kwargsOf reads NAME=VALUE words as the kwargs of a definition.
func kwargsOf(words []string) (map[string]any, error) {
	kwargs := map[string]any{}
	for _, word := range words {
		name, text, err := assignment(word)
		if err != nil {
			return nil, fail.With(fail.Usage, fmt.Errorf("exec: %w", err))
		}
		if kwargs[name], err = yamlValue(text); err != nil {
			return nil, fail.With(fail.Usage, fmt.Errorf("exec: %s: %w", name, err))
		}
	}
	return kwargs, nil
}

// expression makes "return CODE" of CODE when that is Lua.
func expression(code string) string {
	v := vm.New(vm.Options{})
	defer v.Close()
	if _, err := v.Load("", "return "+code); err == nil {
		return "return " + code
	}
	return code
}

// readScript reads a file or standard input, without a first line that is for the kernel (#!).
func (p *program) readScript(name string) (string, error) {
	var data []byte
	var err error
	if name == "-" {
		data, err = io.ReadAll(p.Stdin)
	} else {
		data, err = p.Files.ReadFile(name)
	}
	if err != nil {
		return "", fail.Hint(fail.With(fail.Definition, fmt.Errorf("exec: %w", err)), "exec takes -e CODE, a file, - for standard input, or MODULE:CLASS")
	}
	source := string(data)
	if strings.HasPrefix(source, "#") {
		_, rest, _ := strings.Cut(source, "\n")
		source = "\n" + rest // keep the count of lines
	}
	return source, nil
}

// printExec prints what a script returned, or how it failed.
func (p *program) printExec(c *cli.Context, r report.Result) error {
	switch {
	case r.Status == report.Failed:
		err := fail.With(r.Code, &scriptError{r.Reason, r.Traceback})
		if r.Hint != "" {
			err = fail.Hint(err, "%s", r.Hint)
		}
		return err
	case r.Status == report.Skipped:
		p.logger(c).Info("skipped: " + r.Reason)
	case r.Value == nil:
	case c.String("output") == "json":
		return p.printJSON(r.Value)
	default:
		return p.printValue(r.Value)
	}
	return nil
}

// printValue prints text as it is and everything else as JSON.
func (p *program) printValue(value any) error {
	if text, ok := value.(string); ok {
		_, err := fmt.Fprintln(p.Stdout, text)
		return err
	}
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("print what the script returned: %w", err)
	}
	return p.printRaw(data, p.StdoutTTY)
}

// scriptError is the error of a script that exec ran.
type scriptError struct{ message, traceback string }

func (e *scriptError) Error() string { return e.message }

// depth counts the calls of Lua functions in the traceback.
func (e *scriptError) depth() int {
	n := 0
	for line := range strings.Lines(e.traceback) {
		if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "[Go]") {
			n++
		}
	}
	return n
}
