package catalog

import (
	"encoding/json"
	"fmt"
	"iter"
	"reflect"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// object is a result of package rucio, which keeps what the server sent.
type object interface{ JSON() json.RawMessage }

// rows is the result of a method that streams. Rows are handed on as they are, nothing is decoded or copied.
func rows[P object](seq iter.Seq2[P, error]) (Result, error) {
	return Result{Rows: func(yield func(json.RawMessage, error) bool) {
		for row, err := range seq {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(row.JSON(), nil) {
				return
			}
		}
	}}, nil
}

// value is the result of a method that returns one value.
func value(v any, err error) (Result, error) {
	if err != nil {
		return Result{}, err
	}
	raw, err := toJSON(v)
	return Result{Value: raw}, err
}

// toJSON gives what the server sent, also of the elements of a list; other values are encoded.
func toJSON(v any) (json.RawMessage, error) {
	if o, ok := v.(object); ok {
		if reflect.ValueOf(o).IsNil() {
			return json.RawMessage("null"), nil
		}
		return o.JSON(), nil
	}
	if list := reflect.ValueOf(v); list.Kind() == reflect.Slice && list.Type().Elem().Implements(reflect.TypeFor[object]()) {
		raws := make([]json.RawMessage, list.Len())
		for i := range raws {
			raws[i] = list.Index(i).Interface().(object).JSON()
		}
		v = raws
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("cannot write a result as JSON: %w", err)
	}
	return raw, nil
}

// filled adds an argument that the method has added to, if there is one.
func (r Result) filled(name string, list *[]map[string]any) Result { //nolint:unparam // today there is one such list
	if list == nil {
		return r
	}
	rows := *list
	if rows == nil {
		rows = []map[string]any{}
	}
	raw, err := json.Marshal(rows)
	if err != nil {
		return r // it came from JSON, or is a trace, which was sent as JSON
	}
	if r.Out == nil {
		r.Out = map[string]json.RawMessage{}
	}
	r.Out[name] = raw
	return r
}

// done is the result of a method whose success is all it says: Python returns True.
func done(err error) (Result, error) { return value(true, err) }

// nothing is the result of a method whose success is all it says, and for which Python returns None.
func nothing(err error) (Result, error) { return Result{}, err }

var _ object = (*rucio.Object)(nil)
