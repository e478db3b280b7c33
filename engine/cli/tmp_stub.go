package cli

import (
	"fmt"
	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/urfave/cli/v2"
	"io"
)

func printProblem(w io.Writer, err error)        { fmt.Fprintln(w, err, fail.HintOf(err)) }
func (p *program) runTasks(c *cli.Context) error { return nil }
func (p *program) tasksCommand() *cli.Command {
	return &cli.Command{Name: "tasks", Usage: "x", Subcommands: []*cli.Command{p.tasksNewCommand()}}
}
