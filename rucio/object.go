package rucio

import (
	"bytes"
	"encoding/json"
)

// Object is a result as the server sent it. Every typed result embeds one, so that fields it does not name, such as those
// of a newer server, are not lost; methods whose answer has no fixed shape return it as it is.
type Object struct{ raw json.RawMessage }

// JSON returns what the server sent. Of a row streamed in raw mode it is valid until the next row is read. Python's Infinity
// is in it as 1e999, because JSON has no such word.
func (o *Object) JSON() json.RawMessage { return o.raw }

// Decode reads the JSON into v as json.Unmarshal does, except that numbers in values of type any become json.Number and
// keep all their digits.
func (o *Object) Decode(v any) error {
	d := json.NewDecoder(bytes.NewReader(o.raw))
	d.UseNumber()
	return d.Decode(v)
}

func (o *Object) setJSON(raw json.RawMessage) { o.raw = raw }

// result is a pointer to a type that embeds Object.
type result[T any] interface {
	*T
	setJSON(json.RawMessage)
}
