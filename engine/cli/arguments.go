package cli

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
)

// envPrefix begins the variable that stands for a flag: RUCIO_TASK_MANAGER_LOG_FORMAT is --log-format.
const envPrefix = "RUCIO_TASK_MANAGER_"

// invocation is a command line that has been understood.
type invocation struct {
	path    []string       // the command's names: ["tasks", "list"]; empty: the program itself
	chain   []*cli.Command // the commands of path
	flags   []givenFlag
	words   []string // what is neither command nor flag
	help    bool
	version bool
}

// givenFlag is one flag with its value, as given on the command line or by the environment.
type givenFlag struct {
	name  string // as in its definition, without dashes
	shown string // as the person wrote it: "-t", "--only", "$RUCIO_TASK_MANAGER_ONLY"
	value string
}

// understand takes arguments apart. Flags may stand before, between and after words, short ones may be combined (-vt
// FILE); cli/v2 alone wants every flag in front of its command's words. Values are checked here too, so that every
// usage error reads alike.
func understand(app *cli.App, args []string, env map[string]string) (*invocation, error) {
	flags, words, err := split(args, flagTable(app))
	if err != nil {
		return nil, err
	}
	inv := &invocation{flags: flags}
	if len(words) > 0 && words[0] == "help" {
		inv.help, words = true, words[1:]
	}
	inv.help = inv.take("help") || inv.help
	inv.version = inv.take("version")
	if len(words) == 0 && !inv.help && !inv.version && (inv.has("task-file") || env["TASK_FILE_YAML"] != "" || env["TASK_FILE_PATH"] != "") {
		words = []string{"run"} // the original's way, and the container's
	}
	if err := inv.resolve(app, words); err != nil {
		return nil, err
	}
	if inv.help || inv.version {
		return inv, nil
	}
	own := slices.Concat(app.Flags, inv.leafFlags())
	for i := range inv.flags {
		if err := inv.check(app, &inv.flags[i], own); err != nil {
			return nil, err
		}
	}
	return inv, inv.addFromEnvironment(own, env)
}

// resolve finds the command that the first words name.
func (inv *invocation) resolve(app *cli.App, words []string) error {
	commands := app.Commands
	for len(words) > 0 && len(commands) > 0 {
		i := slices.IndexFunc(commands, func(c *cli.Command) bool { return c.HasName(words[0]) })
		if i < 0 {
			return unknownCommand(inv.path, words[0], commands)
		}
		inv.path = append(inv.path, commands[i].Name)
		inv.chain = append(inv.chain, commands[i])
		commands, words = commands[i].Subcommands, words[1:]
	}
	inv.words = words
	return nil
}

// leaf returns the command that is to run, or nil for the program itself.
func (inv *invocation) leaf() *cli.Command {
	if len(inv.chain) == 0 {
		return nil
	}
	return inv.chain[len(inv.chain)-1]
}

func (inv *invocation) leafFlags() []cli.Flag {
	if leaf := inv.leaf(); leaf != nil {
		return leaf.Flags
	}
	return nil
}

// take removes every flag of that name and tells whether one was there.
func (inv *invocation) take(name string) bool {
	before := len(inv.flags)
	inv.flags = slices.DeleteFunc(inv.flags, func(f givenFlag) bool { return f.name == name })
	return len(inv.flags) < before
}

func (inv *invocation) has(name string) bool {
	return slices.ContainsFunc(inv.flags, func(f givenFlag) bool { return f.name == name })
}

// values returns the values given for a flag.
func (inv *invocation) values(name string) (all []string) {
	for _, f := range inv.flags {
		if f.name == name {
			all = append(all, f.value)
		}
	}
	return all
}

// value returns the last value given for a flag, or "".
func (inv *invocation) value(name string) string {
	for _, f := range slices.Backward(inv.flags) {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

// check makes sure that the command has the flag and that the value suits it; it may rewrite the value (30 becomes 30s).
func (inv *invocation) check(app *cli.App, given *givenFlag, own []cli.Flag) error {
	flag := find(own, given.name)
	if flag == nil {
		return misplacedFlag(app, inv.path, given)
	}
	value, err := checkValue(flag, given.value)
	if err != nil {
		return badValue(given, err)
	}
	given.value = value
	return nil
}

// addFromEnvironment adds the flags that variables give and the command line does not.
func (inv *invocation) addFromEnvironment(own []cli.Flag, env map[string]string) error {
	for _, flag := range own {
		name := namesOf(flag)[0]
		variable := envName(name)
		text := env[variable]
		if text == "" || inv.has(name) || name == "help" || name == "version" {
			continue // a deployment may well have a variable with its version
		}
		values := []string{text}
		if isRepeatable(flag) {
			values = strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
		}
		for _, v := range values {
			given := givenFlag{name: name, shown: "$" + variable, value: strings.TrimSpace(v)}
			value, err := checkValue(flag, given.value)
			if err != nil {
				return badValue(&given, err)
			}
			given.value = value
			inv.flags = append(inv.flags, given)
		}
	}
	return nil
}

// arguments returns the command line as cli/v2 wants it: global flags, the command, its flags, "--", words.
func (inv *invocation) arguments(app *cli.App) []string {
	args := []string{app.Name}
	add := func(flags []cli.Flag) {
		for _, f := range inv.flags {
			if find(flags, f.name) != nil {
				args = append(args, "--"+f.name+"="+f.value)
			}
		}
	}
	add(app.Flags)
	args = append(args, inv.path...)
	add(inv.leafFlags())
	return append(append(args, "--"), inv.words...)
}

// split divides arguments into flags and words. "--" ends the flags, "-" is a word (standard input).
func split(args []string, table map[string]cli.Flag) (flags []givenFlag, words []string, err error) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--":
			return flags, append(words, args[i+1:]...), nil
		case arg == "-" || !strings.HasPrefix(arg, "-"):
			words = append(words, arg)
			continue
		}
		var found []givenFlag
		var used int
		if strings.HasPrefix(arg, "--") {
			found, used, err = long(arg, args[i+1:], table)
		} else {
			found, used, err = short(arg, args[i+1:], table)
		}
		if err != nil {
			return nil, nil, err
		}
		flags = append(flags, found...)
		i += used
	}
	return flags, words, nil
}

// long reads --name, --name=value or --name value; used is the number of arguments taken from next.
func long(arg string, next []string, table map[string]cli.Flag) (found []givenFlag, used int, err error) {
	name, value, hasValue := strings.Cut(arg[2:], "=")
	flag := table[name]
	if flag == nil || len(name) == 1 {
		return nil, 0, unknownFlag("--"+name, table)
	}
	given := givenFlag{name: namesOf(flag)[0], shown: "--" + name, value: value}
	switch {
	case hasValue:
	case isBool(flag):
		given.value = "true"
	default:
		if given.value, err = valueFrom(given.shown, flag, next, table); err != nil {
			return nil, 0, err
		}
		used = 1
	}
	return []givenFlag{given}, used, nil
}

// short reads -v, -t FILE, -tFILE, -t=FILE and combinations of which the last may take a value: -vt FILE.
func short(arg string, next []string, table map[string]cli.Flag) (found []givenFlag, used int, err error) {
	if word, _, _ := strings.Cut(arg[1:], "="); len(word) > 1 && table[word] != nil {
		return nil, 0, fail.Hint(usagef("unknown flag %s", arg), "long flags begin with two dashes: -%s", arg)
	}
	for rest := arg[1:]; rest != ""; {
		letter := rest[:1]
		flag := table[letter]
		if flag == nil {
			return nil, 0, unknownShort(arg, letter, table)
		}
		rest = rest[1:]
		given := givenFlag{name: namesOf(flag)[0], shown: "-" + letter}
		switch {
		case isBool(flag):
			given.value = "true"
			found = append(found, given)
			continue
		case rest != "":
			given.value = strings.TrimPrefix(rest, "=")
		default:
			if given.value, err = valueFrom(given.shown, flag, next, table); err != nil {
				return nil, 0, err
			}
			used = 1
		}
		return append(found, given), used, nil
	}
	return found, used, nil
}

// valueFrom takes a flag's value from the next argument. A known flag there means that the value was forgotten.
func valueFrom(shown string, flag cli.Flag, next []string, table map[string]cli.Flag) (string, error) {
	if len(next) == 0 {
		return "", usagef("%s needs a value: %s %s", shown, shown, placeholder(flag))
	}
	name, _, _ := strings.Cut(strings.TrimLeft(next[0], "-"), "=")
	if strings.HasPrefix(next[0], "-") && table[name] != nil {
		return "", fail.Hint(usagef("%s needs a value, but the flag %s follows", shown, next[0]),
			"if that is the value, write %s=%s", shown, next[0])
	}
	return next[0], nil
}
