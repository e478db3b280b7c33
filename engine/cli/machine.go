package cli

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"sync"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/auth"
	"github.com/rucio-task-manager/rucio-task-manager/engine/bind"
	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/output"
	"github.com/rucio-task-manager/rucio-task-manager/engine/runner"
	"github.com/rucio-task-manager/rucio-task-manager/engine/task"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
	"github.com/rucio-task-manager/rucio-task-manager/scripts"
)

// roots are the places of scripts: the folders of --scripts, then the folder scripts below RUCIO_TASK_MANAGER_ROOT (or,
// without it, below the working folder), then what is built in.
func (p *program) roots(folders []string) ([]vm.Root, error) {
	var roots []vm.Root
	for _, dir := range folders {
		info, err := p.Files.Stat(dir)
		switch {
		case err != nil:
			return nil, fail.With(fail.Usage, fmt.Errorf("--scripts: %w", err))
		case !info.IsDir():
			return nil, usagef("--scripts: %s is not a folder", dir)
		}
		roots = append(roots, vm.Root{Name: dir, FS: p.Files.Sub(dir)})
	}
	own := filepath.Join(p.Getenv("RUCIO_TASK_MANAGER_ROOT"), "scripts")
	if info, err := p.Files.Stat(own); err == nil && info.IsDir() {
		roots = append(roots, vm.Root{Name: own, FS: p.Files.Sub(own)})
	}
	return append(roots, vm.Root{Name: vm.EmbeddedRoot, FS: scripts.FS}), nil
}

// runnerOptions put together what tasks run with: scripts, modules, the session with Rucio, databases, limits.
func (p *program) runnerOptions(c *cli.Context, command string) (runner.Options, error) {
	roots, err := p.roots(c.StringSlice("scripts"))
	if err != nil {
		return runner.Options{}, err
	}
	var memory int64
	if text := c.String("memory-limit"); text != "" {
		if memory, err = parseSize(text); err != nil {
			return runner.Options{}, fail.With(fail.Usage, err)
		}
	}
	trust, err := p.webTrust(c)
	if err != nil {
		return runner.Options{}, err
	}
	session := p.newSession(c, command)
	return runner.Options{
		Roots:       roots,
		Modules:     func(t *runner.Task) map[string]vm.Opener { return bind.Modules(p.host(session, trust, t)) },
		Prepare:     bind.Prepare,
		Fill:        bind.Fill,
		Values:      runner.Values{ToLua: bind.FromGo, ToGo: bind.ToGo, ToJSON: bind.Encode},
		Emitter:     p.emitters(c),
		AllowOS:     c.Bool("allow-os"),
		BeforeTool:  session.beforeTool,
		MemoryLimit: memory,
		Stdout:      p.Stdout,
		TempDir:     p.TempDir,
		Parallel:    c.Int("parallel"),
		FailFast:    c.Bool("fail-fast"),
		Strict:      c.Bool("strict"),
		Timeout:     c.Duration("timeout"),
		RunTimeout:  c.Duration("run-timeout"),
		Log:         p.logger(c),
		Redactor:    p.redactor,
		Now:         p.Now,
	}, nil
}

// host is what the modules of one task have of the world.
func (p *program) host(s *session, trust *tls.Config, t *runner.Task) *bind.Host {
	return &bind.Host{
		Log:     t.Log,
		Methods: classified(),
		Client:  func(context.Context) (*rucio.Client, error) { return s.client(nil) },
		NewClient: func(_ context.Context, settings map[string]any) (*rucio.Client, error) {
			return s.scriptClient(settings)
		},
		Storage: func(_ context.Context, pfn string) (storage.Backend, error) {
			mover, err := s.mover()
			if err != nil {
				return nil, err
			}
			return mover.Door(pfn)
		},
		Explain:   classify,
		TLS:       trust,
		UserAgent: p.userAgent(),
		TempDir:   t.TempDir,
		Env:       p.lookupEnv,
		BeforeEnv: s.beforeVariable,
		Redactor:  p.redactor,
		Record:    t.Record,
		Now:       p.Now,
	}
}

// webTrust is how module http trusts servers: as the system does, and what --ca-cert names.
func (p *program) webTrust(c *cli.Context) (*tls.Config, error) {
	file := c.String("ca-cert")
	if file == "" {
		return nil, nil
	}
	conf, err := auth.TLSConfig(auth.TLSOptions{CACert: file, WithSystem: true})
	return conf, classify(err)
}

// classified are the methods of the catalog with errors that have their exit code and their hint, so that a task that
// lets one pass ends with it.
var classified = sync.OnceValue(func() []catalog.Method {
	methods := slices.Clone(catalog.Methods)
	for i := range methods {
		call := methods[i].Call
		methods[i].Call = func(ctx context.Context, c *rucio.Client, args catalog.Args) (catalog.Result, error) {
			result, err := call(ctx, c, args)
			if result.Rows != nil {
				result.Rows = classifiedRows(result.Rows)
			}
			return result, classify(err)
		}
	}
	return methods
})

func classifiedRows(rows iter.Seq2[json.RawMessage, error]) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		for row, err := range rows {
			if !yield(row, classify(err)) {
				return
			}
		}
	}
}

// emitters returns what makes the way out for the documents of a task. The spool is looked at when a task has a database.
func (p *program) emitters(c *cli.Context) func(*runner.Task) (runner.Emitter, error) {
	dispatcher := sync.OnceValue(func() *output.Dispatcher { return p.newDispatcher(c) })
	return func(t *runner.Task) (runner.Emitter, error) {
		targets, problems := output.ParseTargets(t.Definition.Kwargs)
		if err := targetProblems(t.Definition, problems).Err(); err != nil {
			return nil, fail.With(fail.Definition, err)
		}
		for _, target := range targets {
			p.redactor.Add(target.Auth.Password.Reveal(), target.Auth.APIKey.Reveal())
		}
		return emitter{dispatcher().Emitter(targets)}, nil
	}
}

// emitter makes an output.Emitter what the runner wants.
type emitter struct{ *output.Emitter }

// Close implements runner.Emitter.
func (e emitter) Close(ctx context.Context) (spooled int, err error) {
	tally, err := e.Emitter.Close(ctx)
	return tally.Spooled, err
}

// targetProblems places what is wrong with a task's databases in its file.
func targetProblems(d *task.Definition, problems []output.Problem) (all task.Problems) {
	for _, problem := range problems {
		all = append(all, task.Problem{
			File: d.File, Line: d.LineOf(problem.Path), Task: d.Name, Field: problem.Path,
			Message: problem.Message, Hint: problem.Hint, Warning: problem.Warning,
		})
	}
	return all
}

// checkDefinition finds what is wrong with a definition without running it: script, class, kwargs (of which the warnings
// come apart), databases.
func checkDefinition(ctx context.Context, d *task.Definition, o runner.Options) (problems, warnings task.Problems) {
	problems = runner.Check(ctx, d, o)
	if o.Strict {
		for i := range problems {
			problems[i].Warning = false
		}
	}
	_, targets := output.ParseTargets(d.Kwargs)
	return append(problems.Errors(), targetProblems(d, targets)...), problems.Warnings()
}
