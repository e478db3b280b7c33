package class

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/suggest"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm/lualib"
)

// Problem is something wrong with a definition's kwargs.
type Problem struct {
	Field   string // path: "kwargs.sites[0].name"
	Line    int    // as the definition's LineOf tells; 0 when unknown
	Message string // what follows the field in a sentence: "must be an integer, not ..."
	Hint    string // may be empty
	Warning bool   // the task can run nevertheless
}

// alwaysKnown are kwargs that the engine itself reads, whatever the class says.
var alwaysKnown = []string{"task_name", "output", "databases"}

// Check checks a definition's kwargs against the class's schema and returns those that run gets: with defaults, under their
// present names, durations as seconds and sizes as bytes; a null counts as absent. Values are as YAML gives them: nil, bool,
// int64, float64, string, time.Time, []any, map[string]any. at returns the line of a field and may be nil. With a problem
// that is no warning, the task cannot run.
func (c *Class) Check(kwargs map[string]any, at func(field string) int) (map[string]any, []Problem) {
	if at == nil {
		at = func(string) int { return 0 }
	}
	if c.Open {
		return maps.Clone(kwargs), nil
	}
	k := &checker{at: at}
	result := k.fields(c.Kwargs, kwargs, "kwargs", "class "+c.Name+" has no kwarg", alwaysKnown)
	return result, k.problems
}

// Secrets returns the values among checked kwargs that the schema marks as secret, so that output can be redacted.
func (c *Class) Secrets(kwargs map[string]any) []string {
	var found []string
	for _, k := range c.Kwargs {
		found = append(found, k.secrets(kwargs[k.Name], false)...)
	}
	return found
}

func (k *Kwarg) secrets(value any, inSecret bool) (found []string) {
	inSecret = inSecret || k != nil && k.Secret
	switch value := value.(type) {
	case string:
		if inSecret {
			return []string{value}
		}
	case []any:
		for _, element := range value {
			found = append(found, k.inner("").secrets(element, inSecret)...)
		}
	case map[string]any:
		for name, element := range value {
			found = append(found, k.inner(name).secrets(element, inSecret)...)
		}
	}
	return found
}

// inner returns the schema of what is in a list or map, or nil.
func (k *Kwarg) inner(name string) *Kwarg {
	if k == nil {
		return nil
	}
	for _, field := range k.Fields {
		if field.Name == name {
			return field
		}
	}
	return k.Of
}

type checker struct {
	at       func(field string) int
	problems []Problem
}

func (c *checker) report(field, hint, format string, args ...any) {
	c.problems = append(c.problems, Problem{Field: field, Line: c.at(field), Message: fmt.Sprintf(format, args...), Hint: hint})
}

func (c *checker) warn(field, hint, format string, args ...any) {
	c.report(field, hint, format, args...)
	c.problems[len(c.problems)-1].Warning = true
}

// fields checks the entries of a map against their schemas.
func (c *checker) fields(schemas []*Kwarg, given map[string]any, path, unknown string, known []string) map[string]any {
	result := map[string]any{}
	used := map[string]bool{}
	for _, k := range schemas {
		name := c.nameUsed(k, given, path, used)
		value := given[name]
		switch {
		case value != nil:
			result[k.Name] = c.value(k, value, join(path, name))
		case k.Required:
			c.report(join(path, k.Name), k.Doc, "is required")
		case k.Default != nil:
			result[k.Name] = k.Default
		}
	}
	names := make([]string, len(schemas))
	for i, k := range schemas {
		names[i] = k.Name
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if used[name] {
			continue
		}
		result[name] = given[name]
		if slices.Contains(known, name) {
			continue
		}
		hint := "its kwargs: " + strings.Join(names, ", ")
		if near := suggest.Near(name, names, 1); len(near) > 0 {
			hint = fmt.Sprintf("did you mean %q?", near[0])
		} else if len(names) == 0 {
			hint = ""
		}
		c.warn(join(path, name), hint, "%s %q", unknown, name)
	}
	return result
}

// nameUsed returns the name under which a kwarg is given: its own or an alias.
func (c *checker) nameUsed(k *Kwarg, given map[string]any, path string, used map[string]bool) string {
	name := k.Name
	_, own := given[name]
	used[name] = true
	for _, alias := range k.Aliases {
		if _, ok := given[alias]; !ok {
			continue
		}
		used[alias] = true
		if own {
			c.report(join(path, alias), "remove it", "is the old name of %q, which is given too", k.Name)
			continue
		}
		c.warn(join(path, alias), "", "is now called %q", k.Name)
		name, own = alias, true
	}
	return name
}

// join returns the path of an entry, as task.Key does.
func join(path, name string) string {
	if name == "" || strings.ContainsAny(name, `.[]"`) {
		return path + "[" + strconv.Quote(name) + "]"
	}
	return path + "." + name
}

// value checks one value and returns it as the script gets it.
func (c *checker) value(k *Kwarg, value any, path string) any {
	converted, err := convert(k.Type, value)
	if err != nil {
		message := err.Error()
		if k.Secret {
			message = "must be " + article(k.Type) + ", and is not"
		}
		c.report(path, fail.HintOf(err), "%s", message)
		return value
	}
	switch inner := converted.(type) {
	case []any:
		converted = c.list(k, inner, path)
	case map[string]any:
		converted = c.table(k, inner, path)
	}
	c.limits(k, converted, path)
	return converted
}

func (c *checker) list(k *Kwarg, values []any, path string) any {
	if k.Of == nil {
		return values
	}
	result := make([]any, len(values))
	for i, element := range values {
		result[i] = c.value(k.Of, element, path+"["+strconv.Itoa(i)+"]")
	}
	return result
}

func (c *checker) table(k *Kwarg, values map[string]any, path string) any {
	if k.Fields != nil {
		return c.fields(k.Fields, values, path, "this map has no field", nil)
	}
	if k.Of == nil {
		return values
	}
	result := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		result[name] = c.value(k.Of, values[name], join(path, name))
	}
	return result
}

// limits checks enum, pattern, min and max.
func (c *checker) limits(k *Kwarg, value any, path string) {
	shown := describe(value)
	if k.Secret {
		shown = "its value"
	}
	if k.Enum != nil && !slices.ContainsFunc(k.Enum, func(allowed any) bool { return equal(allowed, value) }) {
		c.report(path, enumHint(k.Enum, value), "must be one of %s, not %s", listed(k.Enum), shown)
		return
	}
	if text, ok := value.(string); ok && k.Pattern != "" {
		if ok, err := lualib.MatchAll(k.Pattern, text); err != nil || !ok {
			c.report(path, "", "must match the Lua pattern %s, as %s does not", k.Pattern, shown)
		}
	}
	size, unit := measure(k.Type, value)
	switch {
	case k.Min != nil && size < *k.Min:
		c.report(path, "", "must %s at least %s%s, not %s", unit.verb, format(*k.Min), unit.of(*k.Min), unit.shown(size, shown))
	case k.Max != nil && size > *k.Max:
		c.report(path, "", "must %s at most %s%s, not %s", unit.verb, format(*k.Max), unit.of(*k.Max), unit.shown(size, shown))
	}
}

// unit is what min and max count.
type unit struct{ verb, singular, plural string }

func (u unit) of(n float64) string {
	switch {
	case u.singular == "":
		return ""
	case n == 1:
		return " " + u.singular
	}
	return " " + u.plural
}

func (u unit) shown(size float64, value string) string {
	if u.verb == "be" {
		return value
	}
	return format(size)
}

// measure returns what min and max are compared with.
func measure(kind Type, value any) (float64, unit) {
	switch value := value.(type) {
	case string:
		return float64(utf8.RuneCountInString(value)), unit{"have", "character", "characters"}
	case []any:
		return float64(len(value)), unit{"have", "entry", "entries"}
	case map[string]any:
		return float64(len(value)), unit{"have", "entry", "entries"}
	}
	size, ok := number(value)
	if !ok {
		size = math.NaN()
	}
	switch kind {
	case Duration:
		return size, unit{"be", "second", "seconds"}
	case Bytes:
		return size, unit{"be", "byte", "bytes"}
	}
	return size, unit{"be", "", ""}
}

// equal compares simple values; 1 and 1.0 are equal.
func equal(a, b any) bool {
	x, isNumber := number(a)
	if y, ok := number(b); ok || isNumber {
		return ok && isNumber && x == y
	}
	switch b.(type) {
	case string, bool:
		return a == b
	}
	return false
}

func enumHint(enum []any, value any) string {
	text, ok := value.(string)
	if !ok {
		return ""
	}
	var names []string
	for _, allowed := range enum {
		names = append(names, fmt.Sprint(allowed))
	}
	if near := suggest.Near(text, names, 1); len(near) > 0 {
		return fmt.Sprintf("did you mean %q?", near[0])
	}
	return ""
}

func listed(values []any) string {
	words := make([]string, len(values))
	for i, value := range values {
		words[i] = fmt.Sprint(value)
	}
	return strings.Join(words, ", ")
}

func format(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
