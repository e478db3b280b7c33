package cli

import (
	"context"
	"embed"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/auth"
	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/task"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
)

// completionFlag is the hidden last argument with which a shell asks what could stand in place of the last word; the
// name is cli/v2's.
const completionFlag = "--generate-bash-completion"

// filesDirective, as the only line, tells the shell's script to complete names of files.
const filesDirective = ":files"

//go:embed completion/*
var completionScripts embed.FS

func (p *program) completionCommand() *cli.Command {
	return &cli.Command{
		Name:      "completion",
		Usage:     "print a completion script for a shell",
		ArgsUsage: "bash|zsh|fish",
		Description: `
Completes commands, flags and their values, task files, names of tasks, Rucio's methods and their parameters.

examples:
$ source <(rucio-task-manager completion bash)
$ rucio-task-manager completion zsh > "${fpath[1]}/_rucio-task-manager"
$ rucio-task-manager completion fish > ~/.config/fish/completions/rucio-task-manager.fish
`,
		Before: atMost(1),
		Action: func(c *cli.Context) error {
			shell := c.Args().First()
			script, err := completionScripts.ReadFile("completion/" + shell)
			if err != nil {
				return fail.Hint(usagef("completion: %q is no shell that is known", shell), "say bash, zsh or fish")
			}
			_, err = p.Stdout.Write(script)
			return err
		},
	}
}

// candidate is one word that could come next, with what it means.
type candidate struct{ word, doc string }

// complete prints what the last of words could become, a line each: the word, a tab, what it means.
func (p *program) complete(app *cli.App, words []string) error {
	var current string
	if len(words) > 0 {
		current, words = words[len(words)-1], words[:len(words)-1]
	}
	for _, c := range p.candidates(app, words, current) {
		if c.word != filesDirective && !strings.HasPrefix(c.word, current) {
			continue
		}
		doc, _, _ := strings.Cut(c.doc, "\n")
		if _, err := fmt.Fprintf(p.Stdout, "%s\t%s\n", c.word, doc); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) candidates(app *cli.App, words []string, current string) []candidate {
	all := flagTable(app)
	if n := len(words); n > 0 && strings.HasPrefix(words[n-1], "-") {
		if flag := all[strings.TrimLeft(words[n-1], "-")]; flag != nil && !isBool(flag) {
			return p.flagValues(app, flag, words[:n-1])
		}
	}
	inv := p.partial(app, words)
	switch {
	case inv == nil:
		return nil
	case strings.HasPrefix(current, "-"):
		return flagCandidates(slices.Concat(inv.leafFlags(), app.Flags), inv)
	case inv.leaf() == nil:
		return commandCandidates(app.Commands)
	case len(inv.leaf().Subcommands) > 0:
		return commandCandidates(inv.leaf().Subcommands)
	}
	return p.wordCandidates(inv)
}

// partial understands an unfinished command line as far as it goes; nil when it makes no sense.
func (p *program) partial(app *cli.App, words []string) *invocation {
	flags, rest, err := split(words, flagTable(app))
	inv := &invocation{flags: flags}
	if err != nil || inv.resolve(app, rest) != nil {
		return nil
	}
	return inv
}

func commandCandidates(commands []*cli.Command) (all []candidate) {
	for _, c := range commands {
		if !c.Hidden {
			all = append(all, candidate{c.Name, c.Usage})
		}
	}
	return all
}

func flagCandidates(flags []cli.Flag, inv *invocation) (all []candidate) {
	for _, f := range flags {
		name := namesOf(f)[0]
		if isVisible(f) && (isRepeatable(f) || !inv.has(name)) {
			_, usage := flagRow(f)
			all = append(all, candidate{"--" + name, usage})
		}
	}
	return all
}

// flagValues are what may follow a flag.
func (p *program) flagValues(app *cli.App, flag cli.Flag, words []string) (all []candidate) {
	inv := p.partial(app, words)
	if inv == nil {
		inv = &invocation{}
	}
	if own := find(inv.leafFlags(), namesOf(flag)[0]); own != nil {
		flag = own // --output takes other words with another command
	}
	switch f := flag.(type) {
	case *choiceFlag:
		return wordsOf(f.choices)
	case *pathFlag, *pathsFlag:
		return []candidate{{filesDirective, ""}}
	}
	switch namesOf(flag)[0] {
	case "auth-type":
		return wordsOf(auth.Types())
	case "only", "skip":
		return p.taskCandidates(inv)
	}
	return nil
}

func wordsOf(words []string) (all []candidate) {
	for _, word := range words {
		all = append(all, candidate{word, ""})
	}
	return all
}

// taskCandidates are the tasks of the definitions that the command line names so far. URLs are not fetched for that.
func (p *program) taskCandidates(inv *invocation) (all []candidate) {
	sources := slices.DeleteFunc(slices.Clone(inv.words), func(word string) bool { return strings.Contains(word, "://") || word == "-" })
	if file := inv.value("task-file"); file != "" {
		sources = append(sources, file)
	}
	set, _ := task.Load(context.Background(), sources, task.Options{Files: p.Files, Env: p.lookupEnv}) // as far as it can be read
	for _, d := range set.Definitions {
		all = append(all, candidate{d.Name, d.Description})
	}
	return all
}

// wordCandidates are what may follow a command.
func (p *program) wordCandidates(inv *invocation) []candidate {
	if inv.path[0] == "storage" {
		return []candidate{{filesDirective, ""}}
	}
	switch strings.Join(inv.path, " ") {
	case "run", "check", "exec", "upload":
		return []candidate{{filesDirective, ""}}
	case "completion":
		return wordsOf([]string{"bash", "zsh", "fish"})
	case "methods describe":
		return methodCandidates()
	case "tasks describe":
		return p.classCandidates(inv)
	case "call":
		if len(inv.words) == 0 {
			return methodCandidates()
		}
		return parameterCandidates(inv.words)
	}
	return nil
}

// classCandidates are the modules of tasks, and then the classes of the module.
func (p *program) classCandidates(inv *invocation) (all []candidate) {
	modules, _ := p.library(context.Background(), inv.values("scripts")) // as far as it can be read
	for _, m := range modules {
		if len(inv.words) == 0 {
			all = append(all, candidate{m.Name, ""})
		}
		for _, class := range m.Classes {
			if len(inv.words) == 1 && inv.words[0] == m.Name {
				all = append(all, candidate{class.Name, class.Doc})
			}
		}
	}
	return all
}

func methodCandidates() (all []candidate) {
	for i := range catalog.Methods {
		all = append(all, candidate{catalog.Methods[i].Name, firstSentence(catalog.Methods[i].Doc)})
	}
	return all
}

// parameterCandidates are the parameters of a method that have not been given yet.
func parameterCandidates(words []string) (all []candidate) {
	m, ok := catalog.Lookup(words[0])
	if !ok {
		return nil
	}
	for _, param := range m.Params {
		given := slices.ContainsFunc(words[1:], func(word string) bool { return strings.HasPrefix(word, param.Name+"=") })
		if !given && !param.Variadic {
			all = append(all, candidate{param.Name + "=", param.Type + ", " + requirement(param)})
		}
	}
	return all
}
