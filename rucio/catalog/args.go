package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// ArgumentError is an argument that a method cannot take. Nothing was sent.
type ArgumentError struct {
	Method  string   // Python's name
	Param   string   // Python's name of the parameter, if it is about one
	Message string   // what was expected and what was given
	Class   string   // the exception that Python would raise: "TypeError"
	Known   []string // the parameters of the method, for a "did you mean" when Param is not one of them
}

// Error implements error.
func (e *ArgumentError) Error() string {
	if e.Param == "" {
		return e.Method + ": " + e.Message
	}
	return e.Method + ": kwarg " + e.Param + ": " + e.Message
}

// reader decodes the arguments of one call into the parameters of the Go method, which generated code names one by one.
type reader struct {
	method string
	args   Args
	known  []string
	err    error
}

func read(method string, args Args) *reader { return &reader{method: method, args: args} }

// need decodes a required argument.
func (r *reader) need(name, kind string, into any) *reader { return r.param(name, kind, into, true) }

// take decodes an optional argument. null is the same as absent: Python's None where that is the default.
func (r *reader) take(name, kind string, into any) *reader { return r.param(name, kind, into, false) }

func (r *reader) param(name, kind string, into any, required bool) *reader {
	r.known = append(r.known, name)
	value, given := r.args[name]
	switch {
	case r.err != nil:
	case !given && required:
		r.err = &ArgumentError{Method: r.method, Param: name, Class: "TypeError", Message: "is required: " + kind}
	case !given, isNull(value) && !required:
	case isNull(value) && !nullable(into): // Python's None breaks where a list or a map is needed, there or on the server
		r.err = &ArgumentError{Method: r.method, Param: name, Class: "TypeError", Message: "expected " + kind + ", got null"}
	default:
		r.err = decode(r.method, name, kind, value, into)
	}
	return r
}

// rest takes every argument that no parameter has the name of. (Python: **kwargs.)
func (r *reader) rest(into *map[string]any) *reader {
	*into = map[string]any{}
	for name, value := range r.args {
		if slices.Contains(r.known, name) || r.err != nil {
			continue
		}
		var v any
		r.err = decode(r.method, name, "any", value, &v)
		(*into)[name] = v
		r.known = append(r.known, name)
	}
	return r
}

// done returns the first error. An argument of an unknown name is one.
func (r *reader) done() error {
	if r.err != nil {
		return r.err
	}
	var unknown []string
	for name := range r.args {
		if !slices.Contains(r.known, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	takes := "takes no arguments"
	if len(r.known) > 0 {
		takes = "takes " + strings.Join(r.known, ", ")
	}
	return &ArgumentError{Method: r.method, Param: unknown[0], Class: "TypeError", Known: r.known, Message: "unknown; " + r.method + " " + takes}
}

// decode reads one argument. Numbers of free-form values keep their digits.
func decode(method, name, kind string, value json.RawMessage, into any) error {
	if v := reflect.ValueOf(into).Elem(); isInteger(v.Type()) {
		value = wholeNumber(value)
	}
	d := json.NewDecoder(bytes.NewReader(value))
	d.UseNumber()
	err := d.Decode(into)
	if err == nil {
		return nil
	}
	e := &ArgumentError{Method: method, Param: name, Class: "TypeError", Message: fmt.Sprintf("expected %s, got %s", kind, kindOf(value))}
	var wrong *json.UnmarshalTypeError
	switch {
	case !errors.As(err, &wrong) && !json.Valid(value):
		e.Class, e.Message = "ValueError", fmt.Sprintf("not JSON: %v", err)
	case !errors.As(err, &wrong):
		e.Message = err.Error()
	case wrong.Field != "":
		e.Message = fmt.Sprintf("expected %s, got %s at %s", kind, wrong.Value, wrong.Field)
	case kindOf(value) == "list":
		e.Message = fmt.Sprintf("expected %s, got a list with %s", kind, wrong.Value)
	}
	return e
}

func isInteger(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() == reflect.Int || t.Kind() == reflect.Int64
}

// wholeNumber writes 1e12 and 3.0 as the integers they are; YAML and Lua make such numbers of large and of plain ones.
func wholeNumber(value json.RawMessage) json.RawMessage {
	f, err := strconv.ParseFloat(string(value), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > 1<<53 || !bytes.ContainsAny(value, ".eE") {
		return value
	}
	return strconv.AppendInt(nil, int64(f), 10)
}

func isNull(value json.RawMessage) bool { return string(bytes.TrimSpace(value)) == "null" }

// nullable tells whether a parameter can hold Python's None.
func nullable(into any) bool {
	switch reflect.TypeOf(into).Elem().Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Map:
		return true
	}
	return false
}

// kindOf names the kind of a JSON value.
func kindOf(value json.RawMessage) string {
	value = bytes.TrimSpace(value)
	if len(value) == 0 {
		return "nothing"
	}
	switch value[0] {
	case '"':
		return "string"
	case '{':
		return "map"
	case '[':
		return "list"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return "number"
}
