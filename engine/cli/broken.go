package cli

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/logging"
	"github.com/rucio-task-manager/rucio-task-manager/engine/report"
	"github.com/rucio-task-manager/rucio-task-manager/engine/runner"
	"github.com/rucio-task-manager/rucio-task-manager/engine/task"
)

// brokenTask is a task that cannot be run, or a whole file of which nothing can be.
type brokenTask struct {
	definition *task.Definition // nil when the definition itself is wrong
	problems   task.Problems    // errors, of one task or file
}

type brokenTasks []brokenTask

// divide checks the chosen definitions and tells those that can run from those that cannot; what it finds is added to the
// problems of the selection. Disabled tasks are not checked: they may be about things that are not there yet.
func divide(ctx context.Context, s *selection, o runner.Options) (sound []*task.Definition, broken brokenTasks) {
	for _, problem := range s.problems.Errors() {
		broken = broken.add(nil, problem)
	}
	for _, d := range s.definitions {
		if !d.Enabled {
			sound = append(sound, d)
			continue
		}
		problems, warnings := checkDefinition(ctx, d, o)
		s.problems = append(s.problems, problems...)
		s.warnings = append(s.warnings, warnings...)
		errs := problems.Errors()
		if len(errs) == 0 {
			sound = append(sound, d)
		}
		for _, problem := range errs {
			broken = broken.add(d, problem)
		}
	}
	return sound, broken
}

// add adds an error to its task or file.
func (b brokenTasks) add(d *task.Definition, problem task.Problem) brokenTasks {
	i := slices.IndexFunc(b, func(t brokenTask) bool {
		first := t.problems[0]
		return t.definition == d && first.File == problem.File && first.Task == problem.Task
	})
	if i < 0 {
		return append(b, brokenTask{d, task.Problems{problem}})
	}
	b[i].problems = append(b[i].problems, problem)
	return b
}

// allFiles tells whether only whole files are wrong, and no task in particular.
func (b brokenTasks) allFiles() bool {
	return !slices.ContainsFunc(b, func(t brokenTask) bool { return t.problems[0].Task != "" })
}

// results are what a report says of tasks that were not run.
func (b brokenTasks) results(now time.Time) (all []report.Result) {
	for _, t := range b {
		first := t.problems[0]
		r := report.Result{Task: first.Task, File: first.File, Status: report.Failed, Code: fail.Definition, Started: now}
		if r.Task == "" {
			r.Task = first.File
		}
		if d := t.definition; d != nil {
			r.Module, r.Class, r.Description = d.Module, d.Class, d.Description
		}
		var lines []string
		for _, problem := range t.problems {
			problem.Task = "" // the report names it
			if len(t.problems) == 1 {
				r.Hint, problem.Hint = problem.Hint, ""
			}
			lines = append(lines, problem.String())
		}
		r.Reason = strings.Join(lines, "\n")
		all = append(all, r)
	}
	return all
}

// logProblems logs everything that is wrong, or looks wrong, with definitions.
func (p *program) logProblems(c *cli.Context, problems task.Problems) {
	for _, problem := range problems {
		level := slog.LevelError
		if problem.Warning {
			level, problem.Warning = slog.LevelWarn, false // the level says it
		}
		p.logger(c).Log(c.Context, level, problem.String())
	}
}

// fullReport is a Reporter that tells of the tasks that could not be run, too, and logs why tasks failed.
type fullReport struct {
	report.Reporter
	log    *slog.Logger // nil when the report itself says at once why a task failed
	broken []report.Result
}

// Start implements report.Reporter.
func (f *fullReport) Start(total int) error {
	if err := f.Reporter.Start(total + len(f.broken)); err != nil {
		return err
	}
	for i := range f.broken {
		if err := f.Reporter.TaskEnd(f.broken[i]); err != nil {
			return err
		}
	}
	return nil
}

// TaskEnd implements report.Reporter.
func (f *fullReport) TaskEnd(r report.Result) error {
	if r.Status == report.Failed && f.log != nil {
		logging.Named(f.log, r.Class).Error("failed: "+r.Reason, logging.Module, "task")
	}
	return f.Reporter.TaskEnd(r)
}

// End implements report.Reporter.
func (f *fullReport) End(s report.Summary) error {
	s.Results = append(slices.Clone(f.broken), s.Results...)
	for _, r := range f.broken {
		s.Code = fail.Worse(s.Code, r.Code)
	}
	return f.Reporter.End(s)
}
