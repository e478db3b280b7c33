package task

import (
	"fmt"
	"strconv"
	"strings"
)

// Key returns the path of a map's entry: Key("kwargs", "text") is "kwargs.text". Keys that would be read as something
// else are quoted: kwargs["a.b"].
func Key(path, key string) string {
	switch {
	case key == "" || strings.ContainsAny(key, `.[]"`):
		return path + "[" + strconv.Quote(key) + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

// Item returns the path of a list's entry, counted from 0: Item("kwargs.sizes", 0) is "kwargs.sizes[0]".
func Item(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

// parsePath splits a path into keys (string) and list indexes (int).
func parsePath(path string) ([]any, error) {
	var steps []any
	rest := path
	for rest != "" || len(steps) == 0 {
		if rest[:min(1, len(rest))] == "[" {
			inner, after, err := bracket(rest)
			if err != nil {
				return nil, fmt.Errorf("path %q: %w", path, err)
			}
			steps, rest = append(steps, inner), after
		} else {
			end := strings.IndexAny(rest, ".[")
			if end < 0 {
				end = len(rest)
			}
			if end == 0 {
				return nil, fmt.Errorf("path %q has an empty part", path)
			}
			steps, rest = append(steps, rest[:end]), rest[end:]
		}
		if strings.HasPrefix(rest, ".") {
			rest = rest[1:]
			if rest == "" || rest[0] == '[' {
				return nil, fmt.Errorf("path %q has an empty part", path)
			}
		} else if rest != "" && rest[0] != '[' {
			return nil, fmt.Errorf("path %q: expected a dot after ]", path)
		}
	}
	return steps, nil
}

// bracket reads `[3]` or `["a key"]` at the start of s.
func bracket(s string) (step any, rest string, err error) {
	if quoted, err := strconv.QuotedPrefix(s[1:]); err == nil {
		key, err := strconv.Unquote(quoted)
		rest, closed := strings.CutPrefix(s[1+len(quoted):], "]")
		if err != nil || !closed {
			return nil, "", fmt.Errorf("expected ] after %s", quoted)
		}
		return key, rest, nil
	}
	inner, rest, closed := strings.Cut(s[1:], "]")
	n, err := strconv.Atoi(inner)
	if !closed || err != nil || n < 0 {
		return nil, "", fmt.Errorf("expected [number] or [\"key\"] at %q", s)
	}
	return n, rest, nil
}

// parent returns the path without its last step; "" for a path of one step.
func parent(path string) string {
	if strings.HasSuffix(path, `"]`) {
		for start := strings.LastIndex(path, `["`); start >= 0; start = strings.LastIndex(path[:start], `["`) {
			if quoted, err := strconv.QuotedPrefix(path[start+1:]); err == nil && len(quoted)+2 == len(path)-start {
				return path[:start]
			}
		}
	}
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}

// assign puts value at the place that steps lead to below root, and returns the root, which may be a new one. Missing maps
// are made; a list can grow by one entry at its end. at is the path of root, for messages.
func assign(root any, at string, steps []any, value any) (any, error) {
	if len(steps) == 0 {
		return value, nil
	}
	switch step := steps[0].(type) {
	case string:
		m, ok := root.(map[string]any)
		if root == nil {
			m, ok = map[string]any{}, true
		}
		if !ok {
			return nil, fmt.Errorf("%s is %s, so it has no %q", at, kindOf(root), step)
		}
		inner, err := assign(m[step], Key(at, step), steps[1:], value)
		if err != nil {
			return nil, err
		}
		m[step] = inner
		return m, nil
	default:
		i := step.(int)
		list, ok := root.([]any)
		if !ok && root != nil {
			return nil, fmt.Errorf("%s is %s, so it has no [%d]", at, kindOf(root), i)
		}
		if i > len(list) {
			return nil, fmt.Errorf("%s has %d entries, so [%d] can be neither changed nor added", at, len(list), i)
		}
		if i == len(list) {
			list = append(list, nil)
		}
		inner, err := assign(list[i], Item(at, i), steps[1:], value)
		if err != nil {
			return nil, err
		}
		list[i] = inner
		return list, nil
	}
}
