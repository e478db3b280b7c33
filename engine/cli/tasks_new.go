package cli

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
)

//go:embed scaffold
var scaffold embed.FS

func (p *program) tasksNewCommand() *cli.Command {
	return &cli.Command{
		Name:      "new",
		Usage:     "write a script and a definition to begin with",
		ArgsUsage: "NAME",
		Description: `
Writes scripts/tasks/NAME.lua and etc/tasks/NAME.yml, which run as they are. A name with dots makes folders: probes.disk is
scripts/tasks/probes/disk.lua. Nothing that exists is overwritten.

examples:
$ rucio-task-manager tasks new hello
$ rucio-task-manager tasks new probes.disk_space --dir ~/mytasks
`,
		Flags: []cli.Flag{
			&pathFlag{&cli.StringFlag{Name: "dir", Usage: "write below this `DIR` instead of the working folder"}},
		},
		Before: atMost(1),
		Action: p.tasksNew,
	}
}

func (p *program) tasksNew(c *cli.Context) error {
	name := strings.TrimPrefix(c.Args().First(), "tasks.")
	if name == "" {
		return fail.Hint(usagef("tasks new: a name is missing"), "for instance: %s tasks new probes.disk_space", programName)
	}
	if !regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*$`).MatchString(name) {
		return fail.Hint(usagef("tasks new: %q is no name of a module", name),
			"lower case letters, digits and _, with dots between folders: probes.disk_space")
	}
	root := cmp.Or(c.String("dir"), ".")
	slashed := strings.ReplaceAll(name, ".", "/")
	script := filepath.Join(root, "scripts", "tasks", filepath.FromSlash(slashed)+".lua")
	definition := filepath.Join(root, "etc", "tasks", filepath.FromSlash(slashed)+".yml")
	class := camelCase(path.Base(slashed))
	for _, file := range []string{script, definition} {
		if _, err := p.Files.Stat(file); err == nil {
			return fail.Hint(fail.Errorf(fail.Usage, "tasks new: %s exists already", file), "choose another name, or remove it first")
		}
	}
	for file, template := range map[string]string{script: "scaffold/task.lua", definition: "scaffold/task.yml"} {
		if err := p.writeScaffold(file, template, name, class); err != nil {
			return err
		}
	}
	width := max(len(script), len(definition))
	fmt.Fprintf(p.Stdout, "%-*s  the logic: class %s of module tasks.%s\n%-*s  a definition that runs it\n",
		width, script, class, name, width, definition)
	fmt.Fprintf(p.Stdout, "\nrun it: %s run%s %s\n", programName, p.scriptsFlagFor(root), definition)
	return nil
}

// scriptsFlagFor is what must be said so that scripts below root are found.
func (p *program) scriptsFlagFor(root string) string {
	if root == "." && p.Getenv("RUCIO_TASK_MANAGER_ROOT") == "" {
		return ""
	}
	return " --scripts " + filepath.Join(root, "scripts")
}

func (p *program) writeScaffold(file, template, name, class string) error {
	text, err := scaffold.ReadFile(template)
	if err != nil {
		return fail.With(fail.Internal, err)
	}
	slashed := strings.ReplaceAll(name, ".", "/")
	out := strings.NewReplacer(
		"etc/tasks/hello.yml", "etc/tasks/"+slashed+".yml",
		"tasks.hello", "tasks."+name,
		"hello:", strings.ReplaceAll(strings.ReplaceAll(name, ".", "-"), "_", "-")+":",
		"Hello", class,
	).Replace(string(text))
	if err := p.Files.MkdirAll(filepath.Dir(file)); err != nil {
		return fmt.Errorf("make the folder of %s: %w", file, err)
	}
	err = p.Files.WriteNew(file, []byte(out))
	if errors.Is(err, fs.ErrExist) {
		return fail.Errorf(fail.Usage, "tasks new: %s exists already", file)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return nil
}

// camelCase makes DiskSpace of disk_space.
func camelCase(name string) string {
	var b strings.Builder
	for _, part := range strings.Split(name, "_") {
		if part != "" {
			b.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return b.String()
}
