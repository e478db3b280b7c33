package task

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/nikolalohinski/gonja/v2/builtins"
	"github.com/nikolalohinski/gonja/v2/exec"
)

// methods returns Python's methods of values. Those of strings give plain strings, which the library's do not (so that its
// "==" finds no two of them equal), and those that people use most behave as Python's in all their forms.
func methods() exec.Methods {
	set := map[string]exec.Method[string]{}
	for _, name := range strings.Fields(`capitalize casefold center count encode endswith expandtabs find format format_map
		isalnum isalpha isascii isdecimal isdigit islower isnumeric isprintable isspace istitle isupper join ljust lower
		partition removeprefix removesuffix rfind rjust rpartition splitlines startswith swapcase title upper zfill`) {
		if method, ok := builtins.Methods.Str.Get(name); ok {
			set[name] = func(self string, value *exec.Value, args *exec.VarArgs) (any, error) {
				result, err := method(self, value, args)
				return native(result), err
			}
		}
	}
	set["split"], set["rsplit"] = splitMethod(fields, strings.SplitN), splitMethod(fieldsFromRight, splitFromRight)
	set["strip"], set["lstrip"], set["rstrip"] = stripMethod(true, true), stripMethod(true, false), stripMethod(false, true)
	set["replace"] = replaceMethod
	all := builtins.Methods
	all.Str = exec.NewMethodSet(set)
	return all
}

// native returns strings of the library's own type as string.
func native(v any) any {
	r := reflect.ValueOf(v)
	switch {
	case !r.IsValid():
		return nil
	case r.Kind() == reflect.String:
		return r.String()
	case r.Kind() == reflect.Slice && r.Type().Elem().Kind() == reflect.String:
		list := make([]any, r.Len())
		for i := range list {
			list[i] = r.Index(i).String()
		}
		return list
	}
	return v
}

// splitMethod is str.split(sep=None, maxsplit=-1): by white space without a separator, and into at most maxsplit+1 parts.
func splitMethod(bySpace func(s string, n int) []string, bySeparator func(s, sep string, n int) []string) exec.Method[string] {
	return func(self string, _ *exec.Value, args *exec.VarArgs) (any, error) {
		var separator any
		limit := -1
		if err := args.Take(
			exec.KeywordArgument("sep", exec.AsValue(nil), exec.AnyArgument(&separator)),
			exec.KeywordArgument("maxsplit", exec.AsValue(-1), exec.IntArgument(&limit)),
		); err != nil {
			return nil, exec.ErrInvalidCall(err)
		}
		n := -1
		if limit >= 0 {
			n = limit + 1
		}
		switch sep := separator.(type) {
		case nil:
			return native(bySpace(self, n)), nil
		case string:
			if sep != "" {
				return native(bySeparator(self, sep, n)), nil
			}
		}
		return nil, errors.New("split needs a separator that is not empty")
	}
}

// fields is strings.Fields for at most n parts, the last of which is the rest; all of them when n is negative.
func fields(s string, n int) []string {
	var parts []string
	for s = strings.TrimLeftFunc(s, unicode.IsSpace); s != ""; s = strings.TrimLeftFunc(s, unicode.IsSpace) {
		end := strings.IndexFunc(s, unicode.IsSpace)
		if end < 0 || len(parts)+1 == n {
			return append(parts, s)
		}
		parts, s = append(parts, s[:end]), s[end:]
	}
	return parts
}

func fieldsFromRight(s string, n int) []string {
	return mirrored(s, func(s string) []string { return fields(s, n) })
}

func splitFromRight(s, separator string, n int) []string {
	return mirrored(s, func(s string) []string { return strings.SplitN(s, reversed(separator), n) })
}

// mirrored splits a string from its end.
func mirrored(s string, split func(s string) []string) []string {
	parts := split(reversed(s))
	for i := range parts {
		parts[i] = reversed(parts[i])
	}
	slices.Reverse(parts)
	return parts
}

func reversed(s string) string {
	runes := []rune(s)
	slices.Reverse(runes)
	return string(runes)
}

// stripMethod is str.strip(chars=None) and its siblings for one end.
func stripMethod(left, right bool) exec.Method[string] {
	return func(self string, _ *exec.Value, args *exec.VarArgs) (any, error) {
		remove := unicode.IsSpace
		if len(args.Args) > 1 || len(args.KwArgs) > 0 {
			return nil, errors.New("strip takes one argument, the characters to remove")
		}
		if len(args.Args) == 1 && !args.Args[0].IsNil() {
			characters := args.Args[0].String()
			remove = func(r rune) bool { return strings.ContainsRune(characters, r) }
		}
		if left {
			self = strings.TrimLeftFunc(self, remove)
		}
		if right {
			self = strings.TrimRightFunc(self, remove)
		}
		return self, nil
	}
}

// replaceMethod is str.replace(old, new, count=-1).
func replaceMethod(self string, _ *exec.Value, args *exec.VarArgs) (any, error) {
	if len(args.Args) < 2 || len(args.Args) > 3 {
		return nil, errors.New("replace takes what to replace, what by, and how often")
	}
	count := -1
	if len(args.Args) == 3 {
		count = args.Args[2].Integer()
	}
	return strings.Replace(self, args.Args[0].String(), args.Args[1].String(), count), nil
}
