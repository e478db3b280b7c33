package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/suggest"
)

// usagef is an error of the person who typed the command line.
func usagef(format string, args ...any) error { return fail.Errorf(fail.Usage, format, args...) }

// near adds a "did you mean" to err; when nothing is close, the hint otherwise (which may be empty).
func near(err error, word string, candidates []string, otherwise string) error {
	hint := suggest.Hint(word, candidates)
	if hint == "" {
		hint = otherwise
	}
	if hint == "" {
		return err
	}
	return fail.Hint(err, "%s", hint)
}

func unknownCommand(path []string, word string, commands []*cli.Command) error {
	var names []string
	for _, c := range commands {
		if !c.Hidden {
			names = append(names, c.Name)
		}
	}
	what := "command"
	if len(path) > 0 {
		what = "command of " + strings.Join(path, " ")
	}
	err := usagef("unknown %s %q", what, word)
	if len(path) == 0 && looksLikeFile(word) {
		return fail.Hint(err, "to run a task file: %s run %s", programName, word)
	}
	return near(err, word, names, "commands: "+strings.Join(names, ", "))
}

// looksLikeFile tells whether a word in the place of a command is rather a task file.
func looksLikeFile(word string) bool {
	for _, suffix := range []string{".yml", ".yaml", ".json", ".lua", "/"} {
		if strings.HasSuffix(strings.ToLower(word), suffix) {
			return true
		}
	}
	return strings.Contains(word, "://")
}

func unknownFlag(shown string, table map[string]cli.Flag) error {
	var names []string
	for name, flag := range table {
		if len(name) > 1 && isVisible(flag) {
			names = append(names, "--"+name)
		}
	}
	return near(usagef("unknown flag %s", shown), shown, names, "--help lists the flags of a command")
}

// unknownShort reports a letter that is no flag; in a whole word after one dash, the word.
func unknownShort(arg, letter string, table map[string]cli.Flag) error {
	if len(arg) > 3 {
		return unknownFlag(arg, table)
	}
	return fail.Hint(usagef("unknown flag -%s", letter), "--help lists the flags of a command")
}

// misplacedFlag reports a flag that exists, but not for this command.
func misplacedFlag(app *cli.App, path []string, given *givenFlag) error {
	name := strings.Join(path, " ")
	if name == "" {
		return fail.Hint(usagef("nothing to do: %s alone is no command", given.shown), "say `%s run FILE`, or see --help", programName)
	}
	var has []string
	walk(app.Commands, nil, func(path []string, c *cli.Command) {
		if find(c.Flags, given.name) != nil {
			has = append(has, strings.Join(path, " "))
		}
	})
	return fail.Hint(usagef("%s has no flag %s", name, given.shown), "it is a flag of: %s", strings.Join(has, ", "))
}

func badValue(given *givenFlag, err error) error {
	return fail.With(fail.Usage, fmt.Errorf("%s: %w", given.shown, err))
}
