package config

import (
	"errors"
	"fmt"
	"strings"
)

// maxDepth is how deep references may be nested, as in Python's configparser.
const maxDepth = 10

var (
	errPercent = errors.New("a % must be doubled (%%), or begin a reference %(option)s")
	errDepth   = fmt.Errorf("references to other options are nested more than %d deep; do they run in a circle?", maxDepth)
)

// interpolate replaces %% by % and %(name)s by the value of another option, as Python's BasicInterpolation does. lookup
// finds the text of an option as written.
func interpolate(text string, lookup func(option string) (string, bool)) (string, error) {
	var out strings.Builder
	if err := interpolateInto(&out, text, lookup, 1); err != nil {
		return "", err
	}
	return out.String(), nil
}

func interpolateInto(out *strings.Builder, text string, lookup func(string) (string, bool), depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	for {
		before, after, found := strings.Cut(text, "%")
		out.WriteString(before)
		if !found {
			return nil
		}
		if rest, ok := strings.CutPrefix(after, "%"); ok {
			out.WriteByte('%')
			text = rest
			continue
		}
		name, rest, ok := reference(after)
		if !ok {
			return errPercent
		}
		value, ok := lookup(strings.ToLower(name))
		if !ok {
			return fmt.Errorf("refers to %%(%s)s, but there is no option %q in this section or [%s]", name, strings.ToLower(name), defaultSection)
		}
		if !strings.Contains(value, "%") {
			out.WriteString(value)
		} else if err := interpolateInto(out, value, lookup, depth+1); err != nil {
			return err
		}
		text = rest
	}
}

// wellFormed tells whether each % in text is doubled or begins a reference.
func wellFormed(text string) bool {
	_, err := interpolate(text, func(string) (string, bool) { return "", true })
	return err == nil
}

// reference splits "(name)s rest", what follows the percent sign of a reference.
func reference(after string) (name, rest string, ok bool) {
	after, ok = strings.CutPrefix(after, "(")
	if !ok {
		return "", "", false
	}
	name, rest, ok = strings.Cut(after, ")")
	if !ok || name == "" {
		return "", "", false
	}
	rest, ok = strings.CutPrefix(rest, "s")
	return name, rest, ok
}
