package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"
	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/report"
	"github.com/rucio-task-manager/rucio-task-manager/engine/runner"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

func (p *program) replCommand() *cli.Command {
	return &cli.Command{
		Name:  "repl",
		Usage: "run Lua line by line, logged in to Rucio",
		Description: `
Runs each line as it comes, and prints what an expression gives. Variables stay from line to line, those too that begin with
"local". Tab completes modules, Rucio's methods and their arguments; Ctrl-C ends a call, Ctrl-D the session; :help tells more.
Lines may come through a pipe as well: an error does not end the session, but becomes its exit code.

examples:
$ rucio-task-manager repl
$ echo 'rucio.whoami().account' | rucio-task-manager repl
`,
		Flags:  append([]cli.Flag{spoolFlag()}, luaFlags()...),
		Before: noWords,
		Action: p.repl,
	}
}

// repl is one session.
type repl struct {
	p      *program
	input  lineReader
	people bool // somebody is at the terminal

	modules []string // that can be opened
	vm      *vm.VM
	env     *lua.LTable // the variables of the session; it falls back on the globals

	mu     sync.Mutex // of what follows, which signals use
	lines  context.Context
	cancel context.CancelCauseFunc // of lines
	busy   bool                    // a line is running

	line int       // where the text that is typed in begins, counted from the session's first line
	code fail.Code // the gravest of the errors so far
}

// replModule is the name of the module through which the runner starts the session; no script can write it.
const replModule = "(repl)"

// errInterrupted is why Ctrl-C ends a line.
var errInterrupted = fail.Errorf(fail.Interrupted, "interrupted")

func (p *program) repl(c *cli.Context) error {
	options, err := p.runnerOptions(c, "repl")
	if err != nil {
		return err
	}
	options.Log = slog.New(scriptsOnly{options.Log.Handler()})
	r := &repl{p: p, people: p.StdinTTY && p.StdoutTTY}
	ctx, off := r.withSignals(c.Context)
	defer off()
	modules := options.Modules
	options.Modules = func(t *runner.Task) map[string]vm.Opener {
		all := modules(t)
		for name := range all {
			r.modules = append(r.modules, name)
		}
		all[replModule] = func(L *lua.LState) lua.LValue { return L.NewFunction(r.loop) }
		return all
	}
	chunk := runner.Chunk{Name: "repl", Source: fmt.Sprintf("require %q()", replModule)}
	if result := runner.Exec(ctx, chunk, options); result.Status == report.Failed {
		return p.printExec(c, result)
	}
	if r.people {
		return nil
	}
	return end(r.code)
}

// greet logs in, so that the first call need not, and a password is asked for before the line editor has the terminal.
func (r *repl) greet(ctx context.Context) {
	fmt.Fprintf(r.p.Stdout, "%s %s: Lua with Rucio; :help tells more, Ctrl-D ends\n", programName, r.p.buildInfo().Version)
	r.take(ctx, `print("account " .. rucio.whoami().account)`)
}

// withSignals lets SIGINT end the line that runs, and SIGTERM the session; without somebody at the terminal, both end the session.
func (r *repl) withSignals(ctx context.Context) (context.Context, func()) {
	ctx, end := context.WithCancelCause(ctx)
	signals, off := r.p.Notify()
	done := make(chan struct{})
	go func() {
		for {
			select {
			case sig := <-signals:
				if !r.people || sig != os.Interrupt {
					end(fail.With(fail.Interrupted, &interrupted{sig}))
				}
				r.interrupt()
			case <-done:
				return
			}
		}
	}()
	return ctx, func() { off(); close(done); end(nil) }
}

// interrupt ends the line that runs, if one does.
func (r *repl) interrupt() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.busy {
		r.cancel(errInterrupted)
	}
}

// begin returns the context of the next line: that of the line before, so that a stream which it has left open can be read,
// unless it has ended.
func (r *repl) begin(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lines == nil || r.lines.Err() != nil {
		r.lines, r.cancel = context.WithCancelCause(ctx)
	}
	r.busy = true
	return r.lines, r.cancel
}

func (r *repl) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy = false
}

// loop is the session, as a function that the runner's script calls.
func (r *repl) loop(L *lua.LState) int {
	r.vm = vm.Of(L)
	r.env = L.NewTable()
	meta := L.NewTable()
	meta.RawSetString("__index", L.G.Global)
	r.env.Metatable = meta
	ctx := L.Context()
	if r.people {
		r.greet(ctx)
	}
	r.input = r.newInput()
	defer r.input.Close()
	var text string
	for {
		prompt := "> "
		if text != "" {
			prompt = "... "
		}
		line, err := r.read(ctx, prompt)
		switch {
		case errors.Is(err, errAborted):
			r.line, text = r.line+strings.Count(text, "\n"), ""
			continue
		case errors.Is(err, io.EOF):
			if _, tooShort := r.compile(text); text != "" && tooShort != nil {
				r.fail(tooShort)
			}
			return 0
		case err != nil:
			vm.Raise(L, err)
		}
		if text == "" && strings.HasPrefix(strings.TrimSpace(line), ":") {
			if r.line++; !r.command(strings.Fields(line)) {
				return 0
			}
			continue
		}
		if text += line + "\n"; strings.TrimSpace(text) == "" || r.take(ctx, text) {
			r.line, text = r.line+strings.Count(text, "\n"), ""
		}
	}
}

// read waits for a line, or for the end of ctx.
func (r *repl) read(ctx context.Context, prompt string) (string, error) {
	type result struct {
		line string
		err  error
	}
	got := make(chan result, 1)
	go func() {
		line, err := r.input.Prompt(prompt)
		got <- result{line, err}
	}()
	select {
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case g := <-got:
		return g.line, g.err
	}
}

// take runs a text, unless it lacks further lines.
func (r *repl) take(ctx context.Context, text string) (taken bool) {
	fn, err := r.compile(text)
	if errors.Is(err, vm.ErrTooShort) {
		return false
	}
	if err == nil {
		err = r.run(ctx, fn)
	}
	if err != nil {
		r.fail(err)
	}
	return true
}

// compile makes a function of a text: an expression returns its value, and what the text declares with local at its beginning
// is a variable of the session. Messages count the session's lines.
func (r *repl) compile(text string) (*lua.LFunction, error) {
	load := func(text string) (*lua.LFunction, error) { return r.vm.Load("repl", strings.Repeat("\n", r.line)+text) }
	fn, notExpression := load("return " + text)
	if notExpression == nil {
		return fn, nil
	}
	if rest, local := strings.CutPrefix(strings.TrimLeft(text, " \t"), "local "); local {
		if fn, err := load(rest); err == nil {
			return fn, nil
		}
	}
	fn, err := load(text)
	if err != nil && errors.Is(notExpression, vm.ErrTooShort) {
		return nil, notExpression
	}
	return fn, err
}

func (r *repl) run(ctx context.Context, fn *lua.LFunction) error {
	fn.Env = r.env
	ctx, cancel := r.begin(ctx)
	defer r.end()
	results, err := r.vm.CallIn(ctx, cancel, fn)
	if err != nil {
		return err
	}
	for _, value := range results {
		if err := r.print(ctx, cancel, value); err != nil {
			return err
		}
	}
	return nil
}

// fail tells of an error. The session goes on.
func (r *repl) fail(err error) {
	r.code = fail.Worse(r.code, fail.CodeOf(err))
	fmt.Fprintf(r.p.Stderr, "error: %s\n", err)
	if hint := fail.HintOf(err); hint != "" {
		fmt.Fprintf(r.p.Stderr, "hint: %s\n", hint)
	}
	if e := vm.AsError(err); e != nil && (&scriptError{traceback: e.Traceback}).depth() > 1 {
		fmt.Fprintf(r.p.Stderr, "traceback:\n  %s\n", strings.ReplaceAll(e.Traceback, "\n", "\n  "))
	}
}
