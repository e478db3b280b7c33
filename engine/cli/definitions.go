package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/auth"
	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/output"
	"github.com/rucio-task-manager/rucio-task-manager/engine/task"
)

// selection is the definitions that a command is about.
type selection struct {
	definitions []*task.Definition
	problems    task.Problems // of the definitions that were chosen, and of whole files
	warnings    task.Problems // of kwargs; the runner tells them again when the task runs
}

// selectTasks loads definitions, chooses by --only and --skip, and changes fields by --set. What is wrong with definitions
// is in the selection; the error is about the command line, or that ctx has ended.
func (p *program) selectTasks(ctx context.Context, c *cli.Context, sources []string) (*selection, error) {
	set, err := p.loadDefinitions(ctx, c, sources)
	if err != nil {
		return nil, err
	}
	only, skip := c.StringSlice("only"), c.StringSlice("skip")
	for _, pattern := range slices.Concat(only, skip) {
		if err := checkPattern(pattern, set); err != nil {
			return nil, err
		}
	}
	chosen := func(name string) bool {
		return (len(only) == 0 || matchesAny(only, name)) && !matchesAny(skip, name)
	}
	s := &selection{}
	for _, d := range set.Definitions {
		if chosen(d.Name) {
			s.definitions = append(s.definitions, d)
		}
	}
	for _, problem := range set.Problems {
		if problem.Task == "" || chosen(problem.Task) {
			s.problems = append(s.problems, problem)
		}
	}
	return s, p.setFields(c.StringSlice("set"), s.definitions)
}

// loadDefinitions reads every source, or TASK_FILE_YAML or TASK_FILE_PATH when there is none.
func (p *program) loadDefinitions(ctx context.Context, c *cli.Context, sources []string) (*task.Set, error) {
	client, err := p.fetchClient(c)
	if err != nil {
		return nil, err
	}
	set, err := task.Load(ctx, sources, task.Options{
		Files: p.Files,
		Env: func(name string) (string, bool) {
			if name == bearerVariable && p.beforeBearer != nil {
				p.beforeBearer(ctx)
			}
			return p.lookupEnv(name)
		},
		Stdin:  p.Stdin,
		HTTP:   client,
		Strict: c.Bool("strict"),
	})
	p.redactor.Add(set.Secrets...)
	var problems task.Problems
	if err != nil && !errors.As(err, &problems) {
		return nil, err
	}
	return set, nil
}

// fetchClient returns the client that fetches definitions from URLs; it trusts what --ca-cert names.
func (p *program) fetchClient(c *cli.Context) (*http.Client, error) {
	transport, err := auth.NewTransport(auth.TLSOptions{CACert: c.String("ca-cert"), WithSystem: true, Insecure: c.Bool("insecure")})
	if err != nil {
		return nil, classify(err)
	}
	return &http.Client{Transport: transport}, nil
}

// checkPattern refuses a --only or --skip that chooses nothing: it is misspelt.
func checkPattern(pattern string, set *task.Set) error {
	var names []string
	for _, d := range set.Definitions {
		names = append(names, d.Name)
	}
	for _, problem := range set.Problems {
		if problem.Task != "" {
			names = append(names, problem.Task)
		}
	}
	if _, err := path.Match(pattern, ""); err != nil {
		return usagef("%q is no pattern of task names: %w", pattern, err)
	}
	if len(names) == 0 || slices.ContainsFunc(names, func(name string) bool { return matchesAny([]string{pattern}, name) }) {
		return nil // without any task, the problems of the files say more
	}
	return near(usagef("no task is called %q", pattern), pattern, names, "")
}

func matchesAny(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, _ := path.Match(pattern, name) // checked before
		return ok || pattern == name
	})
}

// setFields applies --set PATH=VALUE to each definition.
func (p *program) setFields(settings []string, definitions []*task.Definition) error {
	for _, setting := range settings {
		field, value, err := assignment(setting)
		if err != nil {
			return fail.With(fail.Usage, fmt.Errorf("--set: %w", err))
		}
		for _, d := range definitions {
			if err := d.Set(field, value); err != nil {
				return fail.Hint(fail.With(fail.Usage, fmt.Errorf("--set %s: %w", setting, err)), "a kwarg is changed by --set kwargs.NAME=VALUE")
			}
		}
	}
	return nil
}

// targetsOf returns the databases of the definitions that a command names, or none when it names none.
func (p *program) targetsOf(c *cli.Context) ([]output.Target, error) {
	if c.NArg() == 0 {
		return nil, nil
	}
	set, err := p.loadDefinitions(c.Context, c, c.Args().Slice())
	if err != nil {
		return nil, err
	}
	if err := set.Problems.Err(); err != nil {
		return nil, fail.With(fail.Definition, err)
	}
	var all []output.Target
	for _, d := range set.Definitions {
		targets, _ := output.ParseTargets(d.Kwargs) // what is wrong with a target is for check and run to tell
		all = append(all, targets...)
	}
	return all, nil
}
