package class

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/suggest"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm/lualib"
)

// Type is the type of a kwarg.
type Type string

// The types of kwargs.
const (
	String   Type = "string"
	Integer  Type = "integer" // a number without fraction; 1e12 is one
	Number   Type = "number"
	Boolean  Type = "boolean"
	List     Type = "list"
	Map      Type = "map"
	Any      Type = "any"
	Duration Type = "duration" // seconds, or "90s", "5m", "1h30m", "2d"; the script gets seconds
	Bytes    Type = "bytes"    // a number, or "10MB", "1GiB"; the script gets a number
)

var types = []string{string(String), string(Integer), string(Number), string(Boolean), string(List), string(Map), string(Any), string(Duration), string(Bytes)}

// Kwarg is the schema of one kwarg, or of what is in a list or map.
type Kwarg struct {
	Name     string   `json:"name,omitempty"`
	Type     Type     `json:"type"`
	Doc      string   `json:"doc,omitempty"`
	Required bool     `json:"required,omitempty"`
	Default  any      `json:"default,omitempty"` // as Go data (see vm.VM.ToGo); nil when there is none
	Min      *float64 `json:"min,omitempty"`     // of a number; characters of a string, entries of a list or map, seconds, bytes
	Max      *float64 `json:"max,omitempty"`
	Enum     []any    `json:"enum,omitempty"`
	Pattern  string   `json:"pattern,omitempty"` // a Lua pattern for the whole of a string
	Aliases  []string `json:"aliases,omitempty"` // names that the kwarg had before
	Secret   bool     `json:"secret,omitempty"`  // the value is never shown
	Of       *Kwarg   `json:"of,omitempty"`      // entries of a list, values of a map; nil when they may be anything
	Fields   []*Kwarg `json:"fields,omitempty"`  // of a map whose keys are known
}

// readKwargs reads a table of kwargs in the order in which the script has them.
func readKwargs(table *lua.LTable, what string) ([]*Kwarg, error) {
	var all []*Kwarg
	err := vm.Each(table, func(key, value lua.LValue) error {
		name, ok := key.(lua.LString)
		if !ok {
			return fmt.Errorf("a %s needs a name; write name = { \"string\" }", what)
		}
		k, err := readKwarg(string(name), value)
		if err != nil {
			return fmt.Errorf("%s %q: %w", what, string(name), err)
		}
		all = append(all, k)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, uniqueNames(all, what)
}

func uniqueNames(all []*Kwarg, what string) error {
	owner := map[string]string{}
	for _, k := range all {
		owner[k.Name] = k.Name
	}
	for _, k := range all {
		for _, alias := range k.Aliases {
			if other, taken := owner[alias]; taken {
				return fmt.Errorf("%s %q: its alias %q is also a name of %q", what, k.Name, alias, other)
			}
			owner[alias] = k.Name
		}
	}
	return nil
}

// readKwarg reads a schema: a type's name, or a table whose first element is one.
func readKwarg(name string, value lua.LValue) (*Kwarg, error) {
	k := &Kwarg{Name: name}
	table, ok := value.(*lua.LTable)
	if !ok {
		return k, k.setType(value)
	}
	kind := table.RawGetInt(1)
	if kind == lua.LNil {
		kind = table.RawGetString("type")
	}
	if err := k.setType(kind); err != nil {
		return nil, err
	}
	err := vm.Each(table, func(key, value lua.LValue) error {
		if key == lua.LNumber(1) {
			return nil
		}
		return k.set(key, value)
	})
	if err != nil {
		return nil, err
	}
	return k, k.verify()
}

func (k *Kwarg) setType(value lua.LValue) error {
	name, ok := value.(lua.LString)
	if !ok {
		return fmt.Errorf("its type is missing; write { \"string\", ... } with one of %s", strings.Join(types, ", "))
	}
	if !slices.Contains(types, string(name)) {
		return fail.Hint(fmt.Errorf("unknown type %q; the types are %s", string(name), strings.Join(types, ", ")), "%s", typeHint(string(name)))
	}
	k.Type = Type(name)
	return nil
}

// otherNames are the words for types that people bring from other languages.
var otherNames = map[string]Type{"int": Integer, "str": String, "text": String, "bool": Boolean, "float": Number, "double": Number, "dict": Map, "table": Map,
	"object": Map, "array": List, "size": Bytes, "seconds": Duration, "time": Duration, "timedelta": Duration}

func typeHint(name string) string {
	if known, ok := otherNames[strings.ToLower(name)]; ok {
		return "write " + string(known)
	}
	if near := suggest.Near(name, types, 1); len(near) > 0 {
		return "did you mean " + near[0] + "?"
	}
	return "write any for a value of any type"
}

// set reads one field of a schema.
func (k *Kwarg) set(key, value lua.LValue) (err error) {
	name := key.String()
	switch name {
	case "type":
	case "doc":
		k.Doc, err = text(value)
	case "required":
		k.Required, err = flag(value)
	case "secret":
		k.Secret, err = flag(value)
	case "pattern":
		k.Pattern, err = text(value)
	case "min":
		k.Min, err = k.bound(value)
	case "max":
		k.Max, err = k.bound(value)
	case "enum":
		k.Enum, err = list(value)
	case "aliases":
		k.Aliases, err = texts(value)
	case "default":
		k.Default, err = vm.ToGo(value)
	case "of":
		k.Of, err = readKwarg("", value)
	case "fields":
		table, ok := value.(*lua.LTable)
		if !ok {
			return fmt.Errorf("fields must be a table, not a %s", value.Type())
		}
		k.Fields, err = readKwargs(table, "field")
	default:
		return unknownField(name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

var schemaFields = []string{"type", "doc", "required", "secret", "pattern", "min", "max", "enum", "aliases", "default", "of", "fields"}

func unknownField(name string) error {
	err := fmt.Errorf("unknown field %q; a schema has %s", name, strings.Join(schemaFields, ", "))
	if near := suggest.Near(name, schemaFields, 1); len(near) > 0 {
		return fail.Hint(err, "did you mean %s?", near[0])
	}
	return err
}

func text(value lua.LValue) (string, error) {
	if s, ok := value.(lua.LString); ok {
		return string(s), nil
	}
	return "", fmt.Errorf("must be a string, not a %s", value.Type())
}

func flag(value lua.LValue) (bool, error) {
	if b, ok := value.(lua.LBool); ok {
		return bool(b), nil
	}
	return false, fmt.Errorf("must be true or false, not a %s", value.Type())
}

func list(value lua.LValue) ([]any, error) {
	converted, err := vm.ToGo(value)
	if err != nil {
		return nil, err
	}
	all, ok := converted.([]any)
	if !ok {
		return nil, errors.New("must be a list that is not empty")
	}
	return all, nil
}

func texts(value lua.LValue) ([]string, error) {
	if s, ok := value.(lua.LString); ok {
		return []string{string(s)}, nil
	}
	all, err := list(value)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(all))
	for i, element := range all {
		name, ok := element.(string)
		if !ok {
			return nil, errors.New("must be a list of strings")
		}
		names[i] = name
	}
	return names, nil
}

// bound reads min or max, which for durations and bytes may have units as their values do.
func (k *Kwarg) bound(value lua.LValue) (*float64, error) {
	converted, err := vm.ToGo(value)
	if err != nil {
		return nil, err
	}
	if k.Type == Duration || k.Type == Bytes {
		if converted, err = convert(k.Type, converted); err != nil {
			return nil, err
		}
	}
	f, ok := number(converted)
	if !ok {
		return nil, fmt.Errorf("must be a number, not %s", describe(converted))
	}
	return &f, nil
}

// verify finds what does not go together.
func (k *Kwarg) verify() error {
	sized := k.Type != Boolean && k.Type != Any
	switch {
	case k.Required && k.Default != nil:
		return errors.New("it is required, so its default is never used")
	case (k.Min != nil || k.Max != nil) && !sized:
		return k.hasNo("min or max")
	case k.Min != nil && k.Max != nil && *k.Min > *k.Max:
		return fmt.Errorf("min %v is greater than max %v", *k.Min, *k.Max)
	case k.Pattern != "" && k.Type != String:
		return k.hasNo("pattern")
	case k.Of != nil && k.Type != List && k.Type != Map:
		return k.hasNo("of")
	case k.Fields != nil && k.Type != Map:
		return k.hasNo("fields")
	case k.Fields != nil && k.Of != nil:
		return errors.New("a map has either fields or of")
	case k.Enum != nil && (k.Type == List || k.Type == Map):
		return fmt.Errorf("the type %s has no enum; give one to what is in it: of = { \"string\", enum = { ... } }", k.Type)
	}
	if k.Pattern != "" {
		if _, err := lualib.MatchAll(k.Pattern, ""); err != nil {
			return fmt.Errorf("pattern: %w", err)
		}
	}
	return k.verifyValues()
}

func (k *Kwarg) hasNo(field string) error { return fmt.Errorf("the type %s has no %s", k.Type, field) }

// verifyValues checks the default, and brings the enum to the kwarg's type.
func (k *Kwarg) verifyValues() error {
	for i, value := range k.Enum {
		converted, err := convert(k.Type, value)
		if err != nil {
			return fmt.Errorf("enum: entry %d %w", i+1, err)
		}
		k.Enum[i] = converted
	}
	if k.Default == nil {
		return nil
	}
	if m, ok := k.Default.(map[string]any); ok && len(m) == 0 && k.Type == List {
		k.Default = []any{} // in Lua, an empty list and an empty map are the same
	}
	c := &checker{at: func(string) int { return 0 }}
	k.Default = c.value(k, k.Default, "default")
	if len(c.problems) > 0 {
		return errors.New(c.problems[0].Field + " " + c.problems[0].Message)
	}
	return nil
}
