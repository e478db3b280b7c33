package rucio

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// withDefaults returns a copy of a method's options in which absent ones have Python's defaults, as the tags of their
// fields say: `py:"grouping='DATASET'"`. o may be nil. The tags are what the catalog shows and the inventory compares, so
// what is shown is what is sent.
func withDefaults[T any](o *T) *T {
	filled := new(T)
	if o != nil {
		*filled = *o
	}
	v := reflect.ValueOf(filled).Elem()
	for i := range v.NumField() {
		_, literal, _ := strings.Cut(v.Type().Field(i).Tag.Get("py"), "=")
		if v.Field(i).IsZero() {
			setLiteral(v.Field(i), literal)
		}
	}
	return filled
}

// setLiteral gives a field the value of a Python literal. None and False are what a field is without.
func setLiteral(field reflect.Value, literal string) {
	if literal == "None" || literal == "False" || literal == "" {
		return
	}
	if field.Kind() == reflect.Pointer {
		field.Set(reflect.New(field.Type().Elem()))
		field = field.Elem()
	}
	switch field.Kind() {
	case reflect.String:
		if !strings.HasPrefix(literal, "'") { // a member of an enumeration, by its name
			literal = literal[strings.LastIndexByte(literal, '.')+1:]
		}
		field.SetString(strings.Trim(literal, "'"))
	case reflect.Bool:
		field.SetBool(literal == "True")
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(literal, 10, 64)
		if err != nil {
			panic(fmt.Sprintf("rucio: default %s: %v", literal, err)) // a tag of this package; the inventory test reads all
		}
		field.SetInt(n)
	}
}
