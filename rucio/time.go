package rucio

import (
	"encoding/json"
	"time"
)

// Time is a point in time as Rucio writes it: "Sat, 01 Jan 2022 10:00:00 UTC". Text in a form that is not known is kept, and
// sent as it is.
//
//rucio:kind datetime
type Time struct {
	time.Time
	text string // what could not be read
}

// At returns t as an argument for Rucio.
func At(t time.Time) Time { return Time{Time: t} }

// layouts are the forms in which servers of several ages, and people, write times. None but RFC 1123 and RFC 3339 name
// their zone; they are in UTC.
var layouts = []string{time.RFC1123, "2006-01-02T15:04:05.999999", time.RFC3339, "2006-01-02 15:04:05.999999", time.DateOnly}

// UnmarshalJSON implements json.Unmarshaler.
func (t *Time) UnmarshalJSON(b []byte) error {
	*t = Time{}
	if err := json.Unmarshal(b, &t.text); err != nil {
		return err
	}
	for _, layout := range layouts {
		if parsed, err := time.Parse(layout, t.text); err == nil {
			*t = Time{Time: parsed.UTC()}
			break
		}
	}
	return nil
}

// MarshalJSON writes what the Python client's render_json does; an absent time is null.
func (t Time) MarshalJSON() ([]byte, error) {
	if t.absent() {
		return []byte("null"), nil
	}
	return json.Marshal(t.rfc1123())
}

func (t Time) absent() bool { return t.IsZero() && t.text == "" }

// rfc1123 is rucio.common.utils.date_to_str.
func (t Time) rfc1123() string { return t.format("Mon, 02 Jan 2006 15:04:05 UTC") }

// iso is the form of the few parameters that want no zone.
func (t Time) iso() string { return t.format("2006-01-02T15:04:05") }

func (t Time) format(layout string) string {
	if t.text != "" || t.IsZero() {
		return t.text
	}
	return t.UTC().Format(layout)
}
