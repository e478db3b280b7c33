package rucio

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"sort"
	"strconv"
	"strings"
	"time"
)

// escapePath escapes one segment of a path, slashes too. It is Python's quote_plus except for a space: quote_plus makes it
// a "+", which most servers take for a plus sign, so "%20" it is, which every server understands.
func escapePath(segment string) string {
	return strings.ReplaceAll(url.QueryEscape(segment), "+", "%20")
}

// queryText renders a query parameter as Python's str does; ok is false when the value is absent.
func queryText(value any) (s string, ok bool) {
	v := reflect.ValueOf(value)
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if !v.IsValid() {
		return "", false
	}
	switch value := v.Interface().(type) {
	case Time:
		return value.rfc1123(), !value.absent()
	case json.Number:
		return value.String(), value != ""
	}
	switch v.Kind() {
	case reflect.String:
		return v.String(), v.Len() > 0
	case reflect.Bool:
		return pythonBool(v.Bool()), true
	case reflect.Int, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10), true
	case reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64), true
	case reflect.Slice, reflect.Map:
		return pythonLiteral(v.Interface()), !v.IsNil()
	}
	return fmt.Sprint(v.Interface()), true
}

// pythonBool is str(bool).
func pythonBool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

// pythonLiteral is repr of lists, maps and plain values. Some endpoints evaluate such text as Python literals.
func pythonLiteral(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return pythonBool(v)
	case string:
		return pythonString(v)
	case time.Time:
		return pythonString(At(v).rfc1123())
	case Time:
		return pythonString(v.rfc1123())
	case json.Number:
		return v.String()
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Slice:
		items := make([]string, r.Len())
		for i := range items {
			items[i] = pythonLiteral(r.Index(i).Interface())
		}
		return "[" + strings.Join(items, ", ") + "]"
	case reflect.Map:
		items := make([]string, 0, r.Len())
		for _, key := range r.MapKeys() {
			items = append(items, pythonLiteral(key.Interface())+": "+pythonLiteral(r.MapIndex(key).Interface()))
		}
		sort.Strings(items)
		return "{" + strings.Join(items, ", ") + "}"
	}
	return fmt.Sprint(v)
}

// pythonString quotes a string so that Python reads the same one.
func pythonString(s string) string {
	var b strings.Builder
	b.WriteByte('\'')
	for _, r := range s {
		switch {
		case r == '\'' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('\'')
	return b.String()
}

// orNull sends an absent string as null, as the Python client sends None.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// orEmpty sends an absent list as an empty one, for parameters that must be lists.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// truthy is Python's bool(value).
func truthy(value any) bool {
	v := reflect.ValueOf(value)
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if !v.IsValid() {
		return false
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() > 0
	}
	return !v.IsZero()
}
