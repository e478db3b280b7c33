package catalog

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Lookup returns the method of a Python name.
func Lookup(name string) (*Method, bool) {
	i, found := slices.BinarySearchFunc(Methods, name, func(m Method, name string) int { return strings.Compare(m.Name, name) })
	if !found {
		return nil, false
	}
	return &Methods[i], true
}

// Names returns the Python names of all methods, sorted.
func Names() []string {
	names := make([]string, len(Methods))
	for i, m := range Methods {
		names[i] = m.Name
	}
	return names
}

// Bind gives positional arguments their names, in the order of Python's parameters.
func (m *Method) Bind(positional []json.RawMessage) (Args, error) {
	args := make(Args, len(positional))
	names := m.paramNames()
	if len(positional) > len(names) {
		return nil, &ArgumentError{Method: m.Name, Class: "TypeError", Known: names,
			Message: fmt.Sprintf("takes at most %d positional arguments (%s), got %d", len(names), strings.Join(names, ", "), len(positional))}
	}
	for i, value := range positional {
		args[names[i]] = value
	}
	return args, nil
}

// paramNames returns the names of the parameters that have one.
func (m *Method) paramNames() []string {
	var names []string
	for _, p := range m.Params {
		if !p.Variadic {
			names = append(names, p.Name)
		}
	}
	return names
}

// Signature returns the method as Python declares it: "get_did(scope, name, dynamic=False, dynamic_depth=None)".
func (m *Method) Signature() string {
	params := make([]string, len(m.Params))
	for i, p := range m.Params {
		switch {
		case p.Variadic:
			params[i] = "**" + p.Name
		case p.Required:
			params[i] = p.Name
		default:
			params[i] = p.Name + "=" + p.Default
		}
	}
	return m.Name + "(" + strings.Join(params, ", ") + ")"
}
