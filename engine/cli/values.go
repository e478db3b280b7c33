package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/engine/task"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
)

// argument reads the value that was given for a parameter of a Rucio method, as its type wants it: text is text, whatever
// it looks like; a list may be written a,b and a list of DIDs scope:name,scope:name; what begins with [ or { is YAML.
func argument(param catalog.Param, text string) (json.RawMessage, error) {
	if param.Type == "string" {
		return json.Marshal(text)
	}
	if isNull(text) {
		return json.RawMessage("null"), nil
	}
	if param.Type == "datetime" {
		return json.Marshal(text)
	}
	if element, ok := strings.CutPrefix(param.Type, "list of "); ok && !strings.HasPrefix(text, "[") {
		return listArgument(element, text)
	}
	if param.Type == "list" && !strings.HasPrefix(text, "[") {
		return listArgument("any", text)
	}
	value, err := yamlValue(text)
	if err != nil {
		return nil, err
	}
	return typed(param.Type, text, value)
}

// typed checks a value against a parameter's type and returns it as JSON.
func typed(kind, text string, value any) (json.RawMessage, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", text, err)
	}
	fits := true
	switch {
	case kind == "integer":
		fits = isInteger(data)
	case kind == "number":
		_, err := strconv.ParseFloat(string(data), 64)
		fits = err == nil
	case kind == "boolean":
		_, fits = value.(bool)
	case kind == "map":
		fits = data[0] == '{'
	case strings.HasPrefix(kind, "list"):
		fits = data[0] == '['
	}
	if !fits {
		return nil, fmt.Errorf("%q is no %s%s", text, kind, example(kind))
	}
	return data, nil
}

// isInteger tells whether JSON is a whole number, of any size.
func isInteger(data []byte) bool {
	digits := strings.TrimPrefix(string(data), "-")
	return digits != "" && strings.Trim(digits, "0123456789") == ""
}

func example(kind string) string {
	switch {
	case kind == "boolean":
		return ": write true or false"
	case kind == "map":
		return ": write {key: value}"
	case strings.HasPrefix(kind, "list"):
		return ": write [a, b]"
	}
	return ""
}

// listArgument reads a,b,c; each part is an element.
func listArgument(element, text string) (json.RawMessage, error) {
	element = strings.TrimSuffix(element, "s")
	var items []json.RawMessage
	for _, part := range strings.Split(text, ",") {
		item, err := elementArgument(element, strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return json.Marshal(items)
}

func elementArgument(element, text string) (json.RawMessage, error) {
	switch element {
	case "DID":
		scope, name, ok := strings.Cut(text, ":")
		if !ok || scope == "" || name == "" {
			return nil, fmt.Errorf("%q is no DID: write scope:name", text)
		}
		return json.Marshal(map[string]string{"scope": scope, "name": name})
	case "integer", "number", "boolean":
		return argument(catalog.Param{Type: element}, text)
	case "string", "any":
		return json.Marshal(text)
	}
	return nil, fmt.Errorf("%q is no list of %ss: write [{key: value}]", text, element)
}

// yamlValue reads a value as a task definition would.
func yamlValue(text string) (any, error) {
	d := task.Definition{Kwargs: map[string]any{}}
	if err := d.Set("kwargs.value", text); err != nil {
		return nil, fmt.Errorf("%q: %w", text, err)
	}
	return d.Kwargs["value"], nil
}

func isNull(text string) bool { return text == "null" || text == "None" || text == "~" }

// jsonArguments reads an object of arguments.
func jsonArguments(data []byte) (catalog.Args, error) {
	args := catalog.Args{}
	dec := json.NewDecoder(bytes.NewReader(data))
	var wrong *json.UnmarshalTypeError
	switch err := dec.Decode(&args); {
	case errors.As(err, &wrong):
		return nil, fmt.Errorf("the arguments are no JSON object but a JSON %s", wrong.Value)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return nil, errors.New("the JSON object of arguments ends too early")
	case err != nil:
		return nil, fmt.Errorf("the arguments are no JSON object: %w", err)
	case args == nil: // null
		return nil, errors.New("the arguments are no JSON object but null")
	}
	if dec.More() {
		return nil, fmt.Errorf("something follows the JSON object of arguments")
	}
	return args, nil
}

// assignment splits NAME=VALUE.
func assignment(text string) (name, value string, err error) {
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return "", "", fmt.Errorf("%q is no NAME=VALUE", text)
	}
	return name, value, nil
}
