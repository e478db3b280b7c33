package cli

import "github.com/urfave/cli/v2"

// namesOf returns the names of a flag, its own first and then its aliases. Flag.Names does the same by way of a regular
// expression; that took a fifth of a short command's time.
func namesOf(f cli.Flag) []string {
	switch f := f.(type) {
	case *cli.BoolFlag:
		return append([]string{f.Name}, f.Aliases...)
	case *cli.StringFlag:
		return append([]string{f.Name}, f.Aliases...)
	case *cli.StringSliceFlag:
		return append([]string{f.Name}, f.Aliases...)
	case *cli.IntFlag:
		return append([]string{f.Name}, f.Aliases...)
	case *cli.DurationFlag:
		return append([]string{f.Name}, f.Aliases...)
	case *choiceFlag:
		return namesOf(f.StringFlag)
	case *sizeFlag:
		return namesOf(f.StringFlag)
	case *pathFlag:
		return namesOf(f.StringFlag)
	case *pathsFlag:
		return namesOf(f.StringSliceFlag)
	}
	return f.Names()
}
