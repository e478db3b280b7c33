package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
)

// help prints the help of the program or of the command that inv names.
func (p *program) help(app *cli.App, inv *invocation) error {
	var text strings.Builder
	if leaf := inv.leaf(); leaf != nil {
		commandHelp(&text, leaf, strings.Join(inv.path, " "))
	} else {
		programHelp(&text, app)
	}
	_, err := io.WriteString(p.Stdout, text.String())
	return err
}

// variables are those that are no flag of this program.
var variables = []struct{ name, doc string }{
	{"TASK_FILE_YAML", "definitions to run when no file is named: the YAML itself"},
	{"TASK_FILE_PATH", "else, their file, folder or URL"},
	{"RUCIO_CFG_*", "settings of rucio.cfg, by section and option: RUCIO_CFG_CLIENT_PASSWORD; see config show"},
	{"RUCIO_CONFIG", "the rucio.cfg to read"},
	{"RUCIO_TASK_MANAGER_ROOT", "the folder with scripts/ (default: the working folder)"},
	{"ELASTICSEARCH_USERNAME, ELASTICSEARCH_PASSWORD", "login of databases whose definition has none"},
	{"NO_COLOR", "no colours"},
}

func programHelp(w io.Writer, app *cli.App) {
	fmt.Fprintf(w, `%[1]s: %[2]s

usage: %[1]s [flags] COMMAND [flags] [arguments]
       %[1]s -t FILE         the same as: %[1]s run FILE
       %[1]s                 the tasks of TASK_FILE_YAML, else of TASK_FILE_PATH

commands:
`, programName, app.Usage)
	commandList(w, app.Commands)
	flagGroups(w, app.Flags, "flags")
	fmt.Fprintf(w, `
Flags may stand anywhere. Each can be given by a variable as well: %s for --log-format;
several values of one flag stand on lines of their own.

environment:
`, envName("log-format"))
	table(w, func(row func(...string)) {
		for _, v := range variables {
			row(v.name, v.doc)
		}
	})
	fmt.Fprint(w, `
exit codes (of several tasks, the gravest counts):
`)
	table(w, func(row func(...string)) {
		for _, e := range fail.Table {
			row(fmt.Sprintf("%3d", int(e.Code)), e.Name, e.Meaning)
		}
	})
	fmt.Fprintf(w, "\n`%s COMMAND --help` tells more of a command, with examples.\n", programName)
}

func commandHelp(w io.Writer, c *cli.Command, path string) {
	arguments := c.ArgsUsage
	if len(c.Subcommands) > 0 {
		arguments = "COMMAND"
	}
	usage := strings.TrimSpace(path + " [flags] " + arguments)
	fmt.Fprintf(w, "%s %s: %s\n\nusage: %s %s\n", programName, path, c.Usage, programName, usage)
	description, examples, _ := strings.Cut(strings.TrimSpace(c.Description), "\nexamples:\n")
	if description != "" {
		fmt.Fprintf(w, "\n%s\n", strings.TrimSpace(description))
	}
	if len(c.Subcommands) > 0 {
		fmt.Fprint(w, "\ncommands:\n")
		commandList(w, c.Subcommands)
	}
	flagGroups(w, c.Flags, "flags")
	if examples != "" {
		fmt.Fprint(w, "\nexamples:\n")
		for line := range strings.Lines(examples) {
			fmt.Fprintf(w, "  %s\n", strings.TrimRight(line, "\n"))
		}
	}
	fmt.Fprintf(w, "\nFlags of every command (log, connection, scripts) and the exit codes: %s --help\n", programName)
}

func commandList(w io.Writer, commands []*cli.Command) {
	table(w, func(row func(...string)) {
		for _, c := range commands {
			if c.Hidden {
				continue
			}
			row(c.Name, c.Usage)
			for _, sub := range c.Subcommands {
				row("  "+c.Name+" "+sub.Name, sub.Usage)
			}
		}
	})
}

// flagGroups prints flags under their categories, in the order in which they are defined.
func flagGroups(w io.Writer, flags []cli.Flag, without string) {
	var order []string
	groups := map[string][]cli.Flag{}
	for _, f := range flags {
		if !isVisible(f) {
			continue
		}
		category := without
		if c, ok := f.(cli.CategorizableFlag); ok && c.GetCategory() != "" {
			category = c.GetCategory()
		}
		if groups[category] == nil {
			order = append(order, category)
		}
		groups[category] = append(groups[category], f)
	}
	for _, category := range order {
		fmt.Fprintf(w, "\n%s:\n", category)
		table(w, func(row func(...string)) {
			for _, f := range groups[category] {
				names, usage := flagRow(f)
				row(names, usage)
			}
		})
	}
}

// flagRow is a flag's names and what it does: "-t, --task-file FILE", "run this file".
func flagRow(f cli.Flag) (names, usage string) {
	for _, name := range namesOf(f) {
		if len(name) == 1 {
			names = "-" + name + ", " + names
		} else {
			names += "--" + name + ", "
		}
	}
	names = strings.TrimSuffix(names, ", ")
	if !strings.HasPrefix(names, "-") || strings.HasPrefix(names, "--") {
		names = "    " + names // align long flags without a short one
	}
	doc, _ := f.(cli.DocGenerationFlag)
	if doc == nil {
		return names, ""
	}
	usage = strings.ReplaceAll(doc.GetUsage(), "`", "")
	if !isBool(f) {
		names += " " + placeholder(f)
	}
	switch flag := f.(type) {
	case *choiceFlag:
		usage += ": " + strings.Join(flag.choices, ", ")
		if flag.Value != "" {
			usage += " (default " + flag.Value + ")"
		}
	case *cli.DurationFlag, *cli.IntFlag, *sizeFlag:
		if text := doc.GetDefaultText(); text != "" && text != "0s" && text != "0" {
			usage += " (default " + strings.Trim(text, `"`) + ")"
		}
	}
	if isRepeatable(f) {
		usage += "; may be repeated"
	}
	return names, usage
}

// table prints rows of aligned columns, indented by two spaces.
func table(w io.Writer, fill func(row func(cells ...string))) {
	var text strings.Builder
	t := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fill(func(cells ...string) { fmt.Fprintln(t, "  "+strings.Join(cells, "\t")) })
	t.Flush()
	for line := range strings.Lines(text.String()) {
		fmt.Fprintln(w, strings.TrimRight(line, " \n"))
	}
}
