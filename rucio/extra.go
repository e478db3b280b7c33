package rucio

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"strings"
)

// Arguments that are objects name the fields people use and take all others in a map called Extra, so that nothing a server
// understands is out of reach. marshalExtra and unmarshalExtra are their JSON methods.

// marshalExtra encodes v, a struct, together with extra.
func marshalExtra(v any, extra map[string]any) ([]byte, error) {
	named, err := json.Marshal(v)
	if err != nil || len(extra) == 0 {
		return named, err
	}
	more, err := json.Marshal(extra)
	if err != nil || string(named) == "{}" {
		return more, err
	}
	return append(append(named[:len(named)-1], ','), more[1:]...), nil
}

// unmarshalExtra decodes data into v, a pointer to a struct, and what v has no fields for into extra. Numbers in
// values of type any keep their digits.
func unmarshalExtra(data []byte, v any, extra *map[string]any) error {
	var all map[string]any
	for _, into := range []any{v, &all} {
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		if err := d.Decode(into); err != nil {
			return err
		}
	}
	t := reflect.TypeOf(v).Elem()
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		delete(all, name)
	}
	if len(all) > 0 {
		*extra = maps.Clone(all)
	}
	return nil
}
