package cli

import (
	"fmt"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/output"
)

func (p *program) outputsCommand() *cli.Command {
	format := outputFlag("`FORMAT` of the answer", "text", "json")
	return &cli.Command{
		Name:  "outputs",
		Usage: "documents that wait for their database",
		Description: `
A document that a task emits and that its database does not take is kept in the spool, a folder, until a later run or
outputs flush delivers it.
`,
		Subcommands: []*cli.Command{
			{
				Name:  "list",
				Usage: "list what waits in the spool, for each database",
				Description: `
examples:
$ rucio-task-manager outputs list
$ rucio-task-manager outputs list --spool /var/spool/rucio-task-manager --output json
`,
				Flags:  []cli.Flag{spoolFlag(), format},
				Before: noWords,
				Action: p.outputsList,
			},
			{
				Name:      "flush",
				Usage:     "send what waits in the spool",
				ArgsUsage: "[FILE|FOLDER|URL|-]...",
				Description: `
The spool keeps no passwords. For databases whose credentials stand in task definitions, name the definitions.

examples:
$ rucio-task-manager outputs flush
$ rucio-task-manager outputs flush etc/tasks/skao --rejected
`,
				Flags: []cli.Flag{
					spoolFlag(),
					&cli.BoolFlag{Name: "rejected", Usage: "try again what a database refused for good, after its mapping was mended"},
					format,
				},
				Action: p.outputsFlush,
			},
		},
	}
}

func spoolFlag() cli.Flag {
	return &pathFlag{&cli.StringFlag{Name: "spool", Category: catOut, Usage: "keep undelivered documents in `DIR` (default: below $XDG_STATE_HOME or ~/.local/state)"}}
}

// newDispatcher returns what delivers documents.
func (p *program) newDispatcher(c *cli.Context) *output.Dispatcher {
	spool := c.String("spool")
	if spool == "" {
		spool = output.DefaultSpool(p.Getenv("XDG_STATE_HOME"), p.Home, p.TempDir, p.UID)
	}
	return output.New(output.Options{Spool: spool, Getenv: p.Getenv, Log: p.logger(c), UserAgent: p.userAgent()})
}

func (p *program) outputsList(c *cli.Context) error {
	all, err := p.newDispatcher(c).List()
	if err != nil {
		return fail.With(fail.Output, err)
	}
	if c.String("output") == "json" {
		if all == nil {
			all = []output.Backlog{}
		}
		return p.printJSON(all)
	}
	if len(all) == 0 {
		fmt.Fprintln(p.Stdout, "nothing waits")
		return nil
	}
	table(p.Stdout, func(row func(...string)) {
		row("DATABASE", "WAITING", "BYTES", "SINCE", "REFUSED", "BROKEN")
		for _, b := range all {
			since := "-"
			if !b.Oldest.IsZero() {
				since = b.Oldest.Local().Format(time.DateTime)
			}
			row(b.Target.String(), strconv.Itoa(b.Documents), strconv.FormatInt(b.Bytes, 10), since, strconv.Itoa(b.Rejected), strconv.Itoa(b.Broken))
		}
	})
	for _, b := range all {
		if b.Problem != "" || b.Rejected+b.Broken > 0 {
			fmt.Fprintf(p.Stdout, "\n%s: see %s %s\n", b.Target, b.Folder, b.Problem)
		}
	}
	return nil
}

// deliveryObject is what was done for one database, for machines.
type deliveryObject struct {
	Target   output.Target `json:"target"`
	Sent     int           `json:"sent"`
	Rejected int           `json:"rejected"`
	Error    string        `json:"error,omitempty"`
}

func (p *program) outputsFlush(c *cli.Context) error {
	known, err := p.targetsOf(c)
	if err != nil {
		return err
	}
	all, err := p.newDispatcher(c).Flush(c.Context, known, c.Bool("rejected"))
	if err != nil {
		return fail.With(fail.Output, err)
	}
	code := fail.OK
	objects := []deliveryObject{}
	for _, d := range all {
		o := deliveryObject{Target: d.Target, Sent: d.Sent, Rejected: d.Rejected}
		if d.Err != nil {
			o.Error, code = d.Err.Error(), fail.Output
		}
		objects = append(objects, o)
	}
	if c.String("output") == "json" {
		if err := p.printJSON(objects); err != nil {
			return err
		}
		return end(code)
	}
	if len(all) == 0 {
		fmt.Fprintln(p.Stdout, "nothing waits")
	}
	for _, d := range all {
		fmt.Fprintf(p.Stdout, "%s: %d sent", d.Target, d.Sent)
		if d.Rejected > 0 {
			fmt.Fprintf(p.Stdout, ", %d refused for good", d.Rejected)
		}
		fmt.Fprintln(p.Stdout)
		if d.Err != nil {
			printError(p.Stderr, d.Err)
		}
	}
	return end(code)
}
