package transfer

import (
	"context"
	"encoding/json"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// uploadItem is an Item of Upload.
type uploadItem struct {
	number int // from 1, for messages

	path, rse                 string
	scope, name               string // of the DID
	lifetime                  *int   // of the rule, in seconds
	impl, pfn, forceScheme    string
	timeout                   time.Duration // of the transfer of a file
	guid                      string
	noRegister, registerAfter bool
	recursive                 bool
	datasetScope, datasetName string
	datasetMeta, meta         map[string]any
}

// uploadKeys are the keys of an item: how each is read. They return what is wrong, "" if nothing is.
var uploadKeys = map[string]func(i *uploadItem, v any) (wrong string){
	"path":                  func(i *uploadItem, v any) string { return readString(&i.path, v) },
	"rse":                   func(i *uploadItem, v any) string { return readString(&i.rse, v) },
	"did_scope":             func(i *uploadItem, v any) string { return readString(&i.scope, v) },
	"did_name":              func(i *uploadItem, v any) string { return readString(&i.name, v) },
	"lifetime":              func(i *uploadItem, v any) string { return readLifetime(&i.lifetime, v) },
	"impl":                  func(i *uploadItem, v any) string { return readString(&i.impl, v) },
	"pfn":                   func(i *uploadItem, v any) string { return readPFN(&i.pfn, v) },
	"force_scheme":          func(i *uploadItem, v any) string { return readString(&i.forceScheme, v) },
	"transfer_timeout":      func(i *uploadItem, v any) string { return readSeconds(&i.timeout, v) },
	"guid":                  func(i *uploadItem, v any) string { return readGUID(&i.guid, v) },
	"no_register":           func(i *uploadItem, v any) string { return readBool(&i.noRegister, v) },
	"register_after_upload": func(i *uploadItem, v any) string { return readBool(&i.registerAfter, v) },
	"recursive":             func(i *uploadItem, v any) string { return readBool(&i.recursive, v) },
	"dataset_scope":         func(i *uploadItem, v any) string { return readString(&i.datasetScope, v) },
	"dataset_name":          func(i *uploadItem, v any) string { return readString(&i.datasetName, v) },
	"dataset_meta":          func(i *uploadItem, v any) string { return readMap(&i.datasetMeta, v) },
	"meta":                  func(i *uploadItem, v any) string { return readMap(&i.meta, v) },
}

// readItem reads an item, the number-th. A key that is null is as if it was not there; one that nobody knows is ignored, as
// Python's client does, but not silently.
func (u *upload) readItem(ctx context.Context, number int, item Item) (*uploadItem, error) {
	i := &uploadItem{number: number}
	for _, key := range slices.Sorted(maps.Keys(item)) {
		read, known := uploadKeys[key]
		switch {
		case !known:
			u.m.setup.Log.WarnContext(ctx, "upload: an item has a key that means nothing", "item", number, "key", key)
		case item[key] == nil:
		default:
			if wrong := read(i, item[key]); wrong != "" {
				return nil, refuse("upload", rucio.ErrInputValidationError, "item %d: %s %s", number, key, wrong)
			}
		}
	}
	i.impl = implementation(i.impl)
	if i.pfn != "" {
		scheme, _, _ := strings.Cut(i.pfn, ":")
		i.forceScheme = scheme
	}
	return i, nil
}

func readString(to *string, v any) string {
	s, ok := v.(string)
	if !ok {
		return "must be a string, not " + kindOf(v)
	}
	*to = s
	return ""
}

var hasScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`)

func readPFN(to *string, v any) string {
	wrong := readString(to, v)
	if wrong == "" && *to != "" && !hasScheme.MatchString(*to) {
		return "must be a URL such as davs://door.example.org/file, not " + kindOf(v)
	}
	return wrong
}

// isGUID matches what servers take for one, of which they would only tell when all bytes have moved.
var isGUID = regexp.MustCompile(`^[0-9a-fA-F]{32}$`)

func readGUID(to *string, v any) string {
	wrong := readString(to, v)
	*to = strings.ReplaceAll(*to, "-", "")
	if wrong == "" && *to != "" && !isGUID.MatchString(*to) {
		return "must be 32 hexadecimal digits, not " + kindOf(v)
	}
	return wrong
}

func readBool(to *bool, v any) string {
	b, ok := v.(bool)
	if !ok {
		return "must be true or false, not " + kindOf(v)
	}
	*to = b
	return ""
}

func readMap(to *map[string]any, v any) string {
	m, ok := v.(map[string]any)
	if !ok {
		return "must be a map, not " + kindOf(v)
	}
	*to = m
	return ""
}

func readLifetime(to **int, v any) string {
	n, ok := number(v)
	if !ok || n != math.Trunc(n) {
		return "must be a whole number of seconds, not " + kindOf(v)
	}
	seconds := int(n)
	*to = &seconds
	return ""
}

func readSeconds(to *time.Duration, v any) string {
	n, ok := number(v)
	if !ok || n <= 0 {
		return "must be a number of seconds above 0, not " + kindOf(v)
	}
	*to = time.Duration(n * float64(time.Second))
	return ""
}

// number reads a number in the ways in which JSON, YAML, Lua and Go have them.
func number(v any) (float64, bool) {
	switch v := v.(type) {
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case float64:
		return v, true
	case json.Number:
		n, err := v.Float64()
		return n, err == nil
	}
	return 0, false
}

// kindOf names what a value is, for a message.
func kindOf(v any) string {
	switch v := v.(type) {
	case string:
		return "the string " + strconv.Quote(v)
	case bool:
		return strconv.FormatBool(v)
	case []any:
		return "a list"
	case map[string]any:
		return "a map"
	}
	if n, ok := number(v); ok {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	return "a value of another kind"
}
