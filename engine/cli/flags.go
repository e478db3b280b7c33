package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/suggest"
)

// choiceFlag is a string flag that takes one of a few words.
type choiceFlag struct {
	*cli.StringFlag
	choices []string
}

// choice makes a choiceFlag; the first choice is the default.
func choice(name, category, usage string, choices ...string) *choiceFlag {
	return &choiceFlag{&cli.StringFlag{Name: name, Category: category, Usage: usage, Value: choices[0]}, choices}
}

// outputFlag is --output, which many commands have, each with formats of its own.
func outputFlag(usage string, choices ...string) *choiceFlag {
	f := choice("output", catOut, usage, choices...)
	f.Aliases = []string{"o"}
	return f
}

// withoutDefault is a choice that need not be made.
func withoutDefault(f *choiceFlag) *choiceFlag {
	f.Value = ""
	return f
}

// sizeFlag is a string flag that takes a number of bytes: 512MiB, 2GB, 1000000.
type sizeFlag struct{ *cli.StringFlag }

// pathFlag and pathsFlag take paths; shell completion offers them.
type (
	pathsFlag struct{ *cli.StringSliceFlag }
	pathFlag  struct{ *cli.StringFlag }
)

func isBool(f cli.Flag) bool {
	_, ok := f.(*cli.BoolFlag)
	return ok
}

func isRepeatable(f cli.Flag) bool {
	s, ok := f.(cli.DocGenerationSliceFlag)
	return ok && s.IsSliceFlag()
}

func isVisible(f cli.Flag) bool {
	v, ok := f.(cli.VisibleFlag)
	return !ok || v.IsVisible()
}

// find returns the flag of that name among flags, or nil.
func find(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		if slices.Contains(namesOf(f), name) {
			return f
		}
	}
	return nil
}

// flagTable maps each name of each flag of the program and of all its commands to the flag. A name that several commands
// have must take a value in all of them, or in none (a test holds this).
func flagTable(app *cli.App) map[string]cli.Flag {
	table := map[string]cli.Flag{}
	add := func(flags []cli.Flag) {
		for _, f := range flags {
			for _, name := range namesOf(f) {
				table[name] = f
			}
		}
	}
	walk(app.Commands, nil, func(_ []string, c *cli.Command) { add(c.Flags) })
	add(app.Flags)
	return table
}

// walk visits every command with its path.
func walk(commands []*cli.Command, path []string, visit func(path []string, c *cli.Command)) {
	for _, c := range commands {
		here := append(slices.Clone(path), c.Name)
		visit(here, c)
		walk(c.Subcommands, here, visit)
	}
}

// envName is the variable that stands for a flag.
func envName(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// placeholder is the word that stands for a flag's value in help: the part of its usage in backquotes, else VALUE.
func placeholder(f cli.Flag) string {
	if d, ok := f.(cli.DocGenerationFlag); ok {
		if parts := strings.SplitN(d.GetUsage(), "`", 3); len(parts) == 3 {
			return parts[1]
		}
	}
	return "VALUE"
}

// checkValue returns the value as cli/v2 is to see it, or an error that says what the flag takes.
func checkValue(f cli.Flag, value string) (string, error) {
	switch f := f.(type) {
	case *choiceFlag:
		if slices.Contains(f.choices, value) {
			return value, nil
		}
		err := fmt.Errorf("%q is none of %s", value, strings.Join(f.choices, ", "))
		if hint := suggest.Hint(value, f.choices); hint != "" {
			return "", fail.Hint(err, "%s", hint)
		}
		return "", err
	case *sizeFlag:
		_, err := parseSize(value)
		return value, err
	case *cli.DurationFlag:
		d, err := parseDuration(value)
		return d.String(), err
	case *cli.IntFlag:
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 {
			return "", fmt.Errorf("%q is not a number from 1 on", value)
		}
		return value, nil
	case *cli.BoolFlag:
		b, err := parseBool(value)
		return strconv.FormatBool(b), err
	}
	if isRepeatable(f) && value == "" {
		return "", fmt.Errorf("the value is empty")
	}
	return value, nil
}

// parseDuration reads 90s, 5m, 1h30m, and a bare number as seconds.
func parseDuration(text string) (time.Duration, error) {
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		text = strconv.FormatFloat(n, 'f', -1, 64) + "s"
	}
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is not a duration such as 90s, 5m or 1h30m", text)
	case d < 0:
		return 0, fmt.Errorf("%q is negative", text)
	}
	return d, nil
}

func parseBool(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "1", "t", "true", "yes", "on":
		return true, nil
	case "0", "f", "false", "no", "off":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true nor false", text)
}

// parseSize reads a number of bytes with an optional unit: kB, MB, GB (powers of 1000), KiB, MiB, GiB (of 1024).
func parseSize(text string) (int64, error) {
	digits := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
	unit := strings.ToLower(strings.TrimSpace(text[len(digits):]))
	factor, ok := map[string]float64{
		"": 1, "b": 1, "k": 1 << 10, "kb": 1e3, "kib": 1 << 10, "m": 1 << 20, "mb": 1e6, "mib": 1 << 20,
		"g": 1 << 30, "gb": 1e9, "gib": 1 << 30,
	}[unit]
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || !ok || n < 0 || n*factor > 1<<62 {
		return 0, fmt.Errorf("%q is not a size such as 512MiB, 2GB or 1000000", text)
	}
	return int64(n * factor), nil
}
