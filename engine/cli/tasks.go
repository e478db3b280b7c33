package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/engine/bind"
	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm/class"
)

func (p *program) tasksCommand() *cli.Command {
	output := outputFlag("`FORMAT` of the answer", "text", "json")
	return &cli.Command{
		Name:  "tasks",
		Usage: "the library of tasks",
		Subcommands: []*cli.Command{
			{
				Name:      "list",
				Usage:     "list the classes of tasks, and where they are from",
				ArgsUsage: "[PATTERN]",
				Description: `
PATTERN is a part of a module's name. Scripts of --scripts folders come before the built-in ones of the same name.

examples:
$ rucio-task-manager tasks list
$ rucio-task-manager tasks list probes --scripts ./scripts
$ rucio-task-manager tasks list --output json
`,
				Flags:  []cli.Flag{output},
				Before: atMost(1),
				Action: p.tasksList,
			},
			{
				Name:      "describe",
				Usage:     "tell what a class of tasks does and takes, with a definition to copy",
				ArgsUsage: "MODULE [CLASS]",
				Description: `
examples:
$ rucio-task-manager tasks describe tasks.stubs
$ rucio-task-manager tasks describe tasks.stubs StubHelloWorld
`,
				Flags:  []cli.Flag{output},
				Before: atMost(2),
				Action: p.tasksDescribe,
			},
			p.tasksNewCommand(),
		},
	}
}

// library loads every module of tasks that is in the folders or built in.
func (p *program) library(ctx context.Context, folders []string) ([]class.Module, error) {
	roots, err := p.roots(folders)
	if err != nil {
		return nil, err
	}
	modules, err := class.Modules(ctx, roots, func() *vm.VM {
		return vm.New(vm.Options{Roots: roots, Modules: bind.Modules(&bind.Host{}), Prepare: bind.Prepare, Fill: bind.Fill})
	})
	if err != nil {
		return nil, fail.With(fail.Definition, fmt.Errorf("list the scripts: %w", err))
	}
	return modules, nil
}

func (p *program) tasksList(c *cli.Context) error {
	modules, err := p.library(c.Context, c.StringSlice("scripts"))
	if err != nil {
		return err
	}
	pattern := c.Args().First()
	all := len(modules)
	names := moduleNames(modules)
	modules = slices.DeleteFunc(modules, func(m class.Module) bool { return !strings.Contains(m.Name, pattern) })
	if len(modules) == 0 && all > 0 {
		return near(usagef("no module is called %q", pattern), pattern, names, "")
	}
	if c.String("output") == "json" {
		return p.printJSON(moduleObjects(modules))
	}
	printModules(p.Stdout, modules)
	return nil
}

func moduleNames(modules []class.Module) (names []string) {
	for _, m := range modules {
		names = append(names, m.Name)
	}
	return names
}

func printModules(w io.Writer, modules []class.Module) {
	for i, m := range modules {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "%s  (%s)\n", m.Name, m.Root)
		for _, hidden := range m.Hides {
			fmt.Fprintf(w, "  hides %s\n", hidden)
		}
		table(w, func(row func(...string)) {
			for _, class := range m.Classes {
				row(class.Name, firstSentence(class.Doc))
			}
		})
		if m.Err != nil {
			fmt.Fprintf(w, "  broken: %v\n", m.Err)
		}
	}
}

// moduleObject is a module for machines.
type moduleObject struct {
	class.Module
	Broken string `json:"broken,omitempty"`
}

func moduleObjects(modules []class.Module) []moduleObject {
	all := []moduleObject{}
	for _, m := range modules {
		o := moduleObject{Module: m}
		if m.Err != nil {
			o.Broken = m.Err.Error()
		}
		all = append(all, o)
	}
	return all
}

func (p *program) tasksDescribe(c *cli.Context) error {
	module, name := c.Args().Get(0), c.Args().Get(1)
	if module == "" {
		return fail.Hint(usagef("tasks describe: a module is missing"), "`%s tasks list` lists them", programName)
	}
	modules, err := p.library(c.Context, c.StringSlice("scripts"))
	if err != nil {
		return err
	}
	i := slices.IndexFunc(modules, func(m class.Module) bool { return m.Name == module })
	if i < 0 {
		return near(usagef("no module is called %q", module), module, moduleNames(modules), "`"+programName+" tasks list` lists them")
	}
	m := modules[i]
	if m.Err != nil && len(m.Classes) == 0 {
		return m.Err
	}
	classes := m.Classes
	if name != "" {
		var names []string
		for _, class := range classes {
			names = append(names, class.Name)
		}
		classes = slices.DeleteFunc(slices.Clone(classes), func(c *class.Class) bool { return c.Name != name })
		if len(classes) == 0 {
			return near(usagef("%s has no class %q", module, name), name, names, "its classes are "+strings.Join(names, ", "))
		}
	}
	if c.String("output") == "json" {
		return p.printJSON(classes)
	}
	for i, class := range classes {
		if i > 0 {
			fmt.Fprintln(p.Stdout)
		}
		describeClass(p.Stdout, class, m)
	}
	return nil
}

func describeClass(w io.Writer, c *class.Class, m class.Module) {
	fmt.Fprintf(w, "%s of %s  (%s)\n", c.Name, c.Module, m.File)
	if c.Doc != "" {
		fmt.Fprintf(w, "\n%s\n", c.Doc)
	}
	switch {
	case c.Open:
		fmt.Fprintln(w, "\nkwargs: any; it has no schema")
	case len(c.Kwargs) == 0:
		fmt.Fprintln(w, "\nkwargs: none")
	default:
		fmt.Fprintln(w, "\nkwargs:")
		table(w, func(row func(...string)) { kwargRows(row, "", c.Kwargs) })
	}
	fmt.Fprintln(w, "\na definition of it:")
	for line := range strings.Lines(exampleDefinition(c)) {
		fmt.Fprint(w, "  ", line)
	}
}

// kwargRows prints kwargs and, indented, the fields of those that are maps.
func kwargRows(row func(...string), indent string, kwargs []*class.Kwarg) {
	for _, k := range kwargs {
		row(indent+k.Name, kwargType(k), kwargNeed(k), kwargDoc(k))
		kwargRows(row, indent+"  ", k.Fields)
		if k.Of != nil {
			kwargRows(row, indent+"  ", k.Of.Fields)
		}
	}
}

func kwargType(k *class.Kwarg) string {
	if k.Of == nil {
		return string(k.Type)
	}
	return string(k.Type) + " of " + kwargType(k.Of)
}

func kwargNeed(k *class.Kwarg) string {
	switch {
	case k.Required:
		return "required"
	case k.Default == nil:
		return "optional"
	}
	return "default " + yamlText(k.Default)
}

// kwargDoc is what a kwarg is for, and what its values are held to.
func kwargDoc(k *class.Kwarg) string {
	parts := []string{k.Doc}
	if k.Enum != nil {
		var words []string
		for _, word := range k.Enum {
			words = append(words, yamlText(word))
		}
		parts = append(parts, "one of "+strings.Join(words, ", "))
	}
	if k.Min != nil {
		parts = append(parts, fmt.Sprintf("at least %v", *k.Min))
	}
	if k.Max != nil {
		parts = append(parts, fmt.Sprintf("at most %v", *k.Max))
	}
	if k.Pattern != "" {
		parts = append(parts, "pattern "+k.Pattern)
	}
	if len(k.Aliases) > 0 {
		parts = append(parts, "also called "+strings.Join(k.Aliases, ", "))
	}
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), "; ")
}

// exampleDefinition is a definition with every kwarg that must be there, and the others as comments.
func exampleDefinition(c *class.Class) string {
	var b strings.Builder
	fmt.Fprintf(&b, "my-task:\n  description: %s\n  module_name: %s\n  class_name: %s\n  enabled: true\n  args:\n  kwargs:\n",
		yamlText(cmp.Or(firstSentence(c.Doc), c.Name)), c.Module, c.Name)
	for _, k := range c.Kwargs {
		comment := "# "
		if k.Required {
			comment = ""
		}
		fmt.Fprintf(&b, "    %s%s: %s\n", comment, k.Name, sampleValue(k))
	}
	return b.String()
}

// sampleValue is a value to begin with.
func sampleValue(k *class.Kwarg) string {
	switch {
	case k.Default != nil:
		return yamlText(k.Default)
	case len(k.Enum) > 0:
		return yamlText(k.Enum[0])
	}
	switch k.Type {
	case class.Integer, class.Number:
		if k.Min != nil {
			return fmt.Sprint(*k.Min)
		}
		return "1"
	case class.Boolean:
		return "false"
	case class.Duration:
		return "60s"
	case class.Bytes:
		return "1MB"
	case class.List:
		if k.Of == nil {
			return "[]"
		}
		return "[" + sampleValue(k.Of) + "]"
	case class.Map:
		return sampleMap(k.Fields)
	}
	return yamlText(sampleText(k.Name))
}

// sampleMap has the fields that must be there.
func sampleMap(fields []*class.Kwarg) string {
	var pairs []string
	for _, f := range fields {
		if f.Required {
			pairs = append(pairs, f.Name+": "+sampleValue(f))
		}
	}
	return "{" + strings.Join(pairs, ", ") + "}"
}

// yamlText is a value as it may stand in YAML, which JSON is a part of; plain words go without quotes.
func yamlText(value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(data)
}
