package rucio

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
)

// This file holds the helpers that carry the methods: exec, one, list, value, text and stream.

// exec makes a request whose answer says nothing but success. (Python: return True.)
func exec(ctx context.Context, c *Client, r *request) error {
	resp, err := c.send(ctx, r)
	if err == nil {
		discard(resp)
	}
	return err
}

// one makes a request whose answer is an object: the whole of it, or a stream of one row, which is read to its end so that
// the connection can be used again; nil when the server says by its status that there is none. (Python: return loads(r.text),
// or next(self._load_json_data(r)).)
func one[T any, P result[T]](ctx context.Context, c *Client, r *request) (*T, error) {
	var first []byte
	for row, err := range rows(ctx, c, r) {
		switch {
		case err != nil:
			return nil, err
		case first != nil:
			return nil, broken(r, nil, errors.New("expected one object, got several"))
		}
		first = bytes.Clone(row)
	}
	switch {
	case first != nil:
		return decode[T, P](c, r, first)
	case r.none != 0:
		return nil, nil
	}
	return nil, broken(r, nil, errors.New("expected an object, got nothing"))
}

// list makes a request whose answer is a short list of objects, in one piece. (Python: return loads(r.text), or
// next(self._load_json_data(r)).)
func list[T any, P result[T]](ctx context.Context, c *Client, r *request) ([]*T, error) {
	rows, err := value[[]json.RawMessage](ctx, c, r)
	if err != nil {
		return nil, err
	}
	objects := make([]*T, len(rows))
	for i, row := range rows {
		if objects[i], err = decode[T, P](c, r, row); err != nil {
			return nil, err
		}
	}
	return objects, nil
}

// value makes a request whose answer is a plain value, such as a list of names. (Python: return loads(r.text).)
func value[T any](ctx context.Context, c *Client, r *request) (v T, err error) {
	err = whole(ctx, c, r, func(header http.Header, body []byte) error {
		body, err := validJSON(header, body)
		if err != nil {
			return err
		}
		return json.Unmarshal(body, &v)
	})
	return v, err
}

// text makes a request whose answer is text. (Python: return r.text.)
func text(ctx context.Context, c *Client, r *request) (s string, err error) {
	err = whole(ctx, c, r, func(_ http.Header, body []byte) error {
		s = string(body)
		return nil
	})
	return s, err
}

// stream makes a request whose answer is a sequence of objects, read as they come. Nothing is sent before the sequence is
// ranged over, and each range sends anew. An error ends the sequence; a row that is a list, as some endpoints answer with
// one, counts as its elements unless the client is raw. (Python: return self._load_json_data(r).)
func stream[T any, P result[T]](ctx context.Context, c *Client, r *request) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		var reused T
		for row, err := range rows(ctx, c, r) {
			if err != nil {
				yield(nil, err)
				return
			}
			if c.raw {
				P(&reused).setJSON(row)
				if !yield(&reused, nil) {
					return
				}
				continue
			}
			if !decodeRow[T, P](c, r, row, yield) {
				return
			}
		}
	}
}

// decodeRow yields a row decoded, or its elements; false ends the stream. A type that has a method to read JSON reads lists
// itself.
func decodeRow[T any, P result[T]](c *Client, r *request, row []byte, yield func(*T, error) bool) bool {
	row = append([]byte(nil), row...)
	elements := []json.RawMessage{row}
	if _, whole := any(new(T)).(json.Unmarshaler); row[0] == '[' && !whole {
		if err := json.Unmarshal(row, &elements); err != nil {
			yield(nil, broken(r, nil, err))
			return false
		}
	}
	for _, element := range elements {
		v, err := decode[T, P](c, r, element)
		if !yield(v, err) || err != nil {
			return false
		}
	}
	return true
}

// decode makes a result of its JSON, which it keeps.
func decode[T any, P result[T]](c *Client, r *request, row []byte) (*T, error) {
	v := new(T)
	P(v).setJSON(row)
	if c.raw {
		return v, nil
	}
	var err error
	if named, ok := any(v).(interface{ setText(string) }); ok && row[0] == '"' {
		var s string
		err = json.Unmarshal(row, &s)
		named.setText(s)
	} else if _, untyped := any(v).(*Object); !untyped {
		err = json.Unmarshal(row, v)
		if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) && strings.HasPrefix(wrong.Value, "number") {
			err = json.Unmarshal(wholeNumbers(row), v)
		}
	}
	if err != nil {
		return nil, broken(r, nil, err)
	}
	return v, nil
}

// rows makes a request and gives the rows of its answer, each valid until the next. Leaving the loop ends the request.
func rows(ctx context.Context, c *Client, r *request) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		resp, err := c.send(ctx, r)
		if err != nil {
			yield(nil, err)
			return
		}
		defer resp.Body.Close()
		if resp.StatusCode == r.none {
			return
		}
		next := rowsOf(resp)
		for n := 0; ; n++ {
			row, err := next()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, cutOff(ctx, r, resp, n, err))
				return
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// whole makes a request and hands its whole answer to read.
func whole(ctx context.Context, c *Client, r *request, read func(http.Header, []byte) error) error {
	resp, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return cutOff(ctx, r, resp, 0, err)
	}
	return broken(r, resp, read(resp.Header, body))
}

// errNotJSON is a success that is not JSON, for example a login page that a proxy answers with.
var errNotJSON = errors.New("expected JSON")

func notJSON(header http.Header, body []byte) error {
	return fmt.Errorf("%w, got %s: %s", errNotJSON, header.Get("Content-Type"), plainText(header, body))
}

// broken is the error of an answer that is not what it should be.
func broken(r *request, resp *http.Response, err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Class: string(ErrRucioException), Message: "cannot read the server's answer: " + err.Error(), Method: r.method, Verb: r.verb, Err: err}
	if resp != nil {
		e.Status, e.URL = resp.StatusCode, resp.Request.URL.Redacted()
	}
	return e
}

// cutOff is the error of an answer that broke after n rows.
func cutOff(ctx context.Context, r *request, resp *http.Response, n int, err error) error {
	if errors.Is(err, errNotJSON) {
		return broken(r, resp, err)
	}
	e := &Error{Method: r.method, Verb: r.verb, URL: resp.Request.URL.Redacted(), Err: err}
	switch {
	case ctx.Err() != nil:
		e.Class, e.Message, e.Err = string(ErrCancelled), "given up: "+context.Cause(ctx).Error(), context.Cause(ctx)
	case errors.Is(err, errSilent):
		e.Class, e.Message = string(ErrReadTimeout), fmt.Sprintf("after %d rows: %v", n, err)
	default:
		e.Class, e.Message = string(ErrServerConnectionException), fmt.Sprintf("the answer was cut off after %d rows: %v", n, err)
	}
	return e
}
