package bind

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// timeLayouts are the forms of time.parse beside date math, Rucio's first. Those without a zone are in the caller's.
var timeLayouts = []string{
	"Mon, 02 Jan 2006 15:04:05 UTC", time.RFC1123, time.RFC1123Z,
	time.RFC3339, "2006-01-02T15:04:05Z0700",
	"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z0700", "2006-01-02 15:04:05 Z07:00", "2006-01-02 15:04:05 MST",
	"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly, "2006-01",
}

// parseTime reads a time in any of the forms that time.parse knows. now is the present, in the zone of times that name none;
// up rounds date math to the end of its unit.
func parseTime(text string, now time.Time, up bool) (time.Time, error) {
	text = strings.TrimSpace(text)
	if rest, ok := strings.CutPrefix(text, "now"); ok {
		return dateMath(text, now, rest, up)
	}
	date, math, hasMath := strings.Cut(text, "||")
	for _, layout := range timeLayouts {
		t, err := time.ParseInLocation(layout, date, now.Location())
		if err != nil {
			continue
		}
		if strings.HasSuffix(layout, "UTC") {
			t = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
		}
		if hasMath {
			return dateMath(text, t, math, up)
		}
		return t, nil
	}
	return time.Time{}, fmt.Errorf(`%q is not a time: expected one such as "Sat, 01 Jan 2022 10:00:00 UTC", `+
		`"2022-01-01T10:00:00Z", "2022-01-01" or "now-24h"`, text)
}

// dateMath applies the terms of Elasticsearch's date math to t: +1h adds, -1d subtracts, /d rounds.
// https://www.elastic.co/docs/reference/elasticsearch/rest-apis/common-options#date-math
func dateMath(whole string, t time.Time, terms string, up bool) (time.Time, error) {
	for terms != "" {
		sign, rest := terms[0], terms[1:]
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n := 1
		if digits > 0 {
			var err error
			if n, err = strconv.Atoi(rest[:digits]); err != nil || n > maxTerm {
				return t, fmt.Errorf("%q: %s is too large a number", whole, rest[:digits])
			}
		}
		if !strings.ContainsRune("+-/", rune(sign)) || len(rest) == digits || sign == '/' && digits > 0 {
			return t, mathError(whole, terms)
		}
		unit := rest[digits]
		terms = rest[digits+1:]
		var ok bool
		switch sign {
		case '/':
			t, ok = roundTime(t, unit, up)
		case '-':
			n = -n
			fallthrough
		default:
			t, ok = addTime(t, n, unit)
		}
		if !ok {
			return t, mathError(whole, string(unit))
		}
	}
	return t, nil
}

// maxTerm bounds the number of a term; ten million seconds, hours or years are enough.
const maxTerm = 10_000_000

func mathError(whole, at string) error {
	return fmt.Errorf("%q is not date math, at %q: expected terms such as -24h, +1M or /d, "+
		"with the units y, M (month), w, d, h, m (minute), s", whole, at)
}

// addTime adds n units. A month later than January 31 is the last day of February, as in Elasticsearch.
func addTime(t time.Time, n int, unit byte) (time.Time, bool) {
	switch unit {
	case 'y':
		return addMonths(t, 12*n), true
	case 'M':
		return addMonths(t, n), true
	case 'w':
		return t.AddDate(0, 0, 7*n), true
	case 'd':
		return t.AddDate(0, 0, n), true
	case 'h', 'H':
		return t.Add(time.Duration(n) * time.Hour), true
	case 'm':
		return t.Add(time.Duration(n) * time.Minute), true
	case 's':
		return t.Add(time.Duration(n) * time.Second), true
	}
	return t, false
}

func addMonths(t time.Time, n int) time.Time {
	first := time.Date(t.Year(), t.Month()+time.Month(n), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location())
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}

// roundTime returns the start of the unit that t is in, or its last millisecond.
func roundTime(t time.Time, unit byte, up bool) (time.Time, bool) {
	y, month, d := t.Date()
	hour, minute, second := t.Clock()
	switch unit {
	case 'y':
		month, d, hour, minute, second = 1, 1, 0, 0, 0
	case 'M':
		d, hour, minute, second = 1, 0, 0, 0
	case 'w': // begins on Monday
		d, hour, minute, second = d-(int(t.Weekday())+6)%7, 0, 0, 0
	case 'd':
		hour, minute, second = 0, 0, 0
	case 'h', 'H':
		minute, second = 0, 0
	case 'm':
		second = 0
	case 's':
	default:
		return t, false
	}
	start := time.Date(y, month, d, hour, minute, second, 0, t.Location())
	if !up {
		return start, true
	}
	next, _ := addTime(start, 1, unit)
	return next.Add(-time.Millisecond), true
}
