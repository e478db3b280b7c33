package cli

import (
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/task"
)

func (p *program) checkCommand() *cli.Command {
	return &cli.Command{
		Name:      "check",
		Usage:     "find what is wrong with definitions, without running them",
		ArgsUsage: "[FILE|FOLDER|URL|-]...",
		Description: `
Checks everything that can be known without running a task or speaking to a server: YAML and templates, fields, modules and
classes, kwargs, databases. Definitions are found as run finds them. Ends with exit code 4 when a task cannot be run.

examples:
$ rucio-task-manager check etc/tasks
$ rucio-task-manager check stubs.yml --strict
$ rucio-task-manager check etc/tasks --output json
`,
		Flags: []cli.Flag{
			&pathFlag{&cli.StringFlag{Name: "task-file", Aliases: []string{"t"}, Category: catSelect, Usage: "check this `FILE` too"}},
			onlyFlag(), skipFlag(), setFlag(), strictFlag(),
			outputFlag("`FORMAT` of the answer", "text", "json"),
		},
		Action: p.check,
	}
}

// checkReport is what check tells machines.
type checkReport struct {
	Tasks    int             `json:"tasks"` // that can be run
	Disabled int             `json:"disabled"`
	Problems []problemObject `json:"problems"`
}

func (p *program) check(c *cli.Context) error {
	options, err := p.runnerOptions(c, "check")
	if err != nil {
		return err
	}
	chosen, err := p.selectTasks(c.Context, c, sourcesOf(c))
	if err != nil {
		return err
	}
	sound, broken := divide(c.Context, chosen, options)
	problems := slices.Concat(chosen.problems, chosen.warnings)
	r := checkReport{Problems: problemObjects(problems)}
	for _, d := range sound {
		if d.Enabled {
			r.Tasks++
		} else {
			r.Disabled++
		}
	}
	code := fail.OK
	if len(broken) > 0 {
		code = fail.Definition
	}
	if c.String("output") == "json" {
		err = p.printJSON(r)
	} else {
		p.printCheck(problems, r, len(broken))
	}
	if err != nil {
		return err
	}
	return end(code)
}

func (p *program) printCheck(problems task.Problems, r checkReport, broken int) {
	printProblems(p.Stdout, problems)
	if len(problems) > 0 {
		fmt.Fprintln(p.Stdout)
	}
	fmt.Fprintf(p.Stdout, "%s can be run", count(r.Tasks, "task"))
	if broken > 0 {
		fmt.Fprintf(p.Stdout, ", %d cannot", broken)
	}
	if r.Disabled > 0 {
		fmt.Fprintf(p.Stdout, ", %d disabled", r.Disabled)
	}
	if warnings := len(problems.Warnings()); warnings > 0 {
		fmt.Fprintf(p.Stdout, "; %s", count(warnings, "warning"))
	}
	fmt.Fprintln(p.Stdout)
}

// count is a number of things: "1 task", "2 tasks".
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// sourcesOf are the definitions that a command line names, the original's -t first.
func sourcesOf(c *cli.Context) []string {
	if file := c.String("task-file"); file != "" {
		return append([]string{file}, c.Args().Slice()...)
	}
	return c.Args().Slice()
}
