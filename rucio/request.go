package rucio

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// request is one call of one endpoint, built by its method and sent by the helpers in call.go.
type request struct {
	method  string // Python's name, for errors
	verb    string
	path    string // escaped, with a leading slash
	params  url.Values
	headers http.Header
	body    any    // sent as JSON unless nil
	host    string // where to, if not one of the client's hosts
	public  bool   // sent without a token
	none    int    // a status that means "nothing there" instead of an error
	err     error  // what was wrong while building
}

// get, post, put and del start a request. path is a template such as "/dids/{scope}/{name}", whose placeholders take values
// in turn, escaped.
func get(method, path string, values ...string) *request {
	return newRequest("GET", method, path, values)
}
func post(method, path string, values ...string) *request {
	return newRequest("POST", method, path, values)
}
func put(method, path string, values ...string) *request {
	return newRequest("PUT", method, path, values)
}
func del(method, path string, values ...string) *request {
	return newRequest("DELETE", method, path, values)
}

// newRequest fills a path in. The generator of the catalog checks that there are as many values as placeholders.
func newRequest(verb, method, path string, values []string) *request {
	var b strings.Builder
	for rest := path; rest != ""; {
		before, after, found := strings.Cut(rest, "{")
		b.WriteString(before)
		if !found {
			break
		}
		b.WriteString(escapePath(values[0]))
		values = values[1:]
		_, rest, _ = strings.Cut(after, "}")
	}
	return &request{method: method, verb: verb, path: b.String()}
}

// query adds a parameter, unless value is absent: nil, a nil pointer, or an empty string.
func (r *request) query(name string, value any) *request {
	if s, ok := queryText(value); ok {
		if r.params == nil {
			r.params = url.Values{}
		}
		r.params.Add(name, s)
	}
	return r
}

// flag adds a parameter only when it is true, as most methods of the Python client do.
func (r *request) flag(name string, value bool) *request {
	if value {
		return r.query(name, true)
	}
	return r
}

// queryMap adds a parameter for each key; a list becomes a parameter for each of its values, as the requests library does.
func (r *request) queryMap(filters map[string]any) *request {
	for name, value := range filters {
		if list, ok := value.([]any); ok {
			for _, v := range list {
				r.query(name, v)
			}
			continue
		}
		r.query(name, value)
	}
	return r
}

// json sets the body.
func (r *request) json(body any) *request {
	r.body = body
	return r
}

// accept sets the Accept header.
func (r *request) accept(mime string) *request {
	r.headers = http.Header{"Accept": {mime}}
	return r
}

// anonymous sends the request without a token.
func (r *request) anonymous() *request {
	r.public = true
	return r
}

// at sends the request to another server; empty is no change.
func (r *request) at(host string) *request {
	r.host = host
	return r
}

// noneOn makes a status mean an empty result.
func (r *request) noneOn(status int) *request {
	r.none = status
	return r
}

// refuse makes the request fail with err, unless that is nil, before anything is sent.
func (r *request) refuse(err error) *request {
	r.err = err
	return r
}

// target returns path and query.
func (r *request) target() string {
	if len(r.params) == 0 {
		return r.path
	}
	return r.path + "?" + r.params.Encode()
}

// encode renders the body.
func (r *request) encode() ([]byte, error) {
	if r.body == nil || r.err != nil {
		return nil, r.err
	}
	b, err := json.Marshal(r.body)
	if err != nil {
		return nil, fmt.Errorf("%s: cannot write the request as JSON: %w", r.method, err)
	}
	return b, nil
}

// fields is the JSON object of a body. A nil value is sent as null.
type fields map[string]any

// with adds a field if its value is truthy in Python's sense: not zero, not empty, not nil.
func (f fields) with(name string, value any) fields {
	if truthy(value) {
		f[name] = value
	}
	return f
}
