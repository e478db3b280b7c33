package class

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
)

// maxExact is the largest magnitude up to which every integer is a Lua number.
const maxExact = 1 << 53

// convert brings a value to a type. The error says what it must be, and hints at how to write it.
func convert(kind Type, value any) (any, error) {
	switch kind {
	case Any:
		return value, nil
	case String:
		return toString(value)
	case Integer, Number:
		return toNumber(kind, value)
	case Boolean:
		return toBoolean(value)
	case Duration:
		return toDuration(value)
	case Bytes:
		return toBytes(value)
	case List:
		if list, ok := value.([]any); ok {
			return list, nil
		}
		return nil, wrong(kind, value, "write a list: each entry on a line of its own after \"- \", or [a, b]")
	case Map:
		if table, ok := value.(map[string]any); ok {
			return table, nil
		}
		return nil, wrong(kind, value, "write key: value pairs, indented")
	}
	return nil, fmt.Errorf("has the unknown type %q", kind)
}

func wrong(kind Type, value any, hint string) error {
	err := fmt.Errorf("must be %s, not %s", article(kind), describe(value))
	if hint == "" {
		return err
	}
	return fail.Hint(err, "%s", hint)
}

// article returns the type with its article.
func article(kind Type) string {
	switch kind {
	case Integer:
		return "an integer"
	case Boolean:
		return "true or false"
	case Bytes:
		return "a size in bytes"
	}
	return "a " + string(kind)
}

// describe names a value for a message.
func describe(value any) string {
	switch value := value.(type) {
	case nil:
		return "null"
	case string:
		if len(value) > 60 {
			value = value[:57] + "..."
		}
		return "the string " + strconv.Quote(value)
	case bool:
		return fmt.Sprint(value)
	case []any:
		return "a list"
	case map[string]any:
		return "a map"
	case time.Time:
		return "the date " + dateText(value)
	}
	return fmt.Sprint(value)
}

func dateText(t time.Time) string {
	if t.Equal(t.Truncate(24 * time.Hour)) {
		return t.Format(time.DateOnly)
	}
	return t.Format(time.RFC3339Nano)
}

func toString(value any) (any, error) {
	switch value := value.(type) {
	case string:
		return value, nil
	case time.Time:
		return dateText(value), nil // YAML makes dates of text that looks like one
	case int64, float64, bool:
		return nil, wrong(String, value, fmt.Sprintf("put it in quotes: \"%v\"", value))
	}
	return nil, wrong(String, value, "")
}

// number returns any of Go's numbers as a float.
func number(value any) (float64, bool) {
	switch value := value.(type) {
	case int:
		return float64(value), true
	case int64:
		return float64(value), true
	case uint64:
		return float64(value), true
	case float64:
		return value, true
	}
	return 0, false
}

func toNumber(kind Type, value any) (any, error) {
	f, ok := number(value)
	if text, isText := value.(string); isText {
		hint := ""
		if _, err := strconv.ParseFloat(text, 64); err == nil {
			hint = "drop the quotes"
		}
		return nil, wrong(kind, value, hint)
	}
	if !ok {
		return nil, wrong(kind, value, "")
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, wrong(kind, value, "")
	}
	if kind == Number {
		return value, nil
	}
	if f != math.Trunc(f) {
		return nil, wrong(kind, value, "")
	}
	if math.Abs(f) > maxExact {
		return nil, fmt.Errorf("must be an integer of at most 2^53, beyond which Lua loses digits, not %v", value)
	}
	return int64(f), nil
}

func toBoolean(value any) (any, error) {
	if b, ok := value.(bool); ok {
		return b, nil
	}
	hint := ""
	switch value := value.(type) {
	case string:
		switch strings.ToLower(value) {
		case "true", "false", "yes", "no", "on", "off":
			hint = "drop the quotes"
		}
	case int64:
		if value == 0 || value == 1 {
			hint = "write " + strconv.FormatBool(value == 1)
		}
	}
	return nil, wrong(Boolean, value, hint)
}

var (
	durationText = regexp.MustCompile(`^(\d+(\.\d+)?(ms|s|m|h|d|w))+$`)
	durationPart = regexp.MustCompile(`(\d+(?:\.\d+)?)(ms|s|m|h|d|w)`)
	sizeText     = regexp.MustCompile(`^(\d+(?:\.\d+)?)\s*([kKMGTPE]?)(i?)[bB]?$`)
)

var secondsOf = map[string]float64{"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}

// toDuration returns seconds: an int64 when they are whole, else a float64.
func toDuration(value any) (any, error) {
	const hint = "write seconds, or a number with its unit: 90s, 5m, 1h30m, 2d"
	seconds, ok := number(value)
	if text, isText := value.(string); isText {
		text = strings.ReplaceAll(text, " ", "")
		if ok = durationText.MatchString(text); ok {
			for _, part := range durationPart.FindAllStringSubmatch(text, -1) {
				n, _ := strconv.ParseFloat(part[1], 64) // the expression takes numbers only
				seconds += n * secondsOf[part[2]]
			}
		}
	}
	if !ok || math.IsNaN(seconds) || math.IsInf(seconds, 0) {
		return nil, wrong(Duration, value, hint)
	}
	if seconds < 0 {
		return nil, fail.Hint(errors.New("must not be negative"), "%s", hint)
	}
	if seconds == math.Trunc(seconds) && seconds <= maxExact {
		return int64(seconds), nil
	}
	return seconds, nil
}

// toBytes returns an int64.
func toBytes(value any) (any, error) {
	const hint = "write a number, or one with its unit: 10MB (ten million), 1GiB (1024 x 1024 x 1024)"
	size, ok := number(value)
	if text, isText := value.(string); isText {
		if match := sizeText.FindStringSubmatch(strings.TrimSpace(text)); match != nil {
			size, ok = sizeOf(match[1], match[2], match[3])
		}
	}
	switch {
	case !ok || math.IsNaN(size):
		return nil, wrong(Bytes, value, hint)
	case size < 0:
		return nil, fail.Hint(errors.New("must not be negative"), "%s", hint)
	case size > maxExact:
		return nil, fmt.Errorf("must be at most 2^53 bytes (8 PiB), not %v", value)
	case size != math.Trunc(size):
		return nil, fail.Hint(fmt.Errorf("must be a whole number of bytes, not %v", value), "%s", hint)
	}
	return int64(size), nil
}

func sizeOf(digits, prefix, binary string) (float64, bool) {
	n, err := strconv.ParseFloat(digits, 64)
	power := strings.Index("KMGTPE", strings.ToUpper(prefix)) + 1
	if prefix == "" {
		power = 0
	}
	base := 1000.0
	if binary != "" {
		base = 1024
	}
	return math.Round(n * math.Pow(base, float64(power))), err == nil && (binary == "" || prefix != "")
}
