package bind

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
)

// A response is an answer that was read to its end.
type response struct {
	status   int
	header   http.Header
	body     []byte
	url      *url.URL // after redirects
	tls      *tls.ConnectionState
	duration time.Duration // of all attempts
	request  string        // "GET https://host/path"
}

// value makes the table that scripts have.
func (r *response) value(L *lua.LState) lua.LValue {
	table := L.CreateTable(0, 10)
	table.RawSetString("status", lua.LNumber(r.status))
	table.RawSetString("ok", lua.LBool(r.ok()))
	table.RawSetString("headers", headers(L, r.header))
	table.RawSetString("body", lua.LString(r.body))
	table.RawSetString("url", lua.LString(r.url.Redacted()))
	table.RawSetString("duration", lua.LNumber(r.duration.Seconds()))
	if r.tls != nil && len(r.tls.PeerCertificates) > 0 {
		table.RawSetString("tls", certificate(L, r.tls))
	}
	methods, meta := L.CreateTable(0, 2), L.CreateTable(0, 1)
	methods.RawSetString("json", L.NewFunction(func(L *lua.LState) int {
		v, err := Decode(L, string(r.body))
		if err != nil {
			err = fmt.Errorf("the answer (HTTP %d) is not JSON: %w; it begins with %q", r.status, err, r.excerpt())
			raiseHTTP(L, &httpError{"InvalidJSON", r.request, err})
		}
		L.Push(v)
		return 1
	}))
	methods.RawSetString("check", L.NewFunction(func(L *lua.LState) int {
		if !r.ok() {
			err := &httpError{"HTTPError", r.request, fmt.Errorf("HTTP %d %s: %s", r.status, http.StatusText(r.status), r.excerpt())}
			value := httpErrorValue(L, err)
			value.RawSetString("status", lua.LNumber(r.status))
			L.Error(value, 1)
		}
		L.Push(table)
		return 1
	}))
	meta.RawSetString("__index", methods) // apart from the fields, so that these print as JSON
	table.Metatable = meta
	return table
}

func (r *response) ok() bool { return r.status >= 200 && r.status < 300 }

// excerpt returns the beginning of the body in one line.
func (r *response) excerpt() string {
	const most = 200
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(r.body[:min(len(r.body), 4*most)]), "\uFFFD")), " ")
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}

// headers makes a table of headers that is read in any case; several values of one name are joined by ", ".
func headers(L *lua.LState, header http.Header) lua.LValue {
	table, meta := L.CreateTable(0, len(header)), L.CreateTable(0, 1)
	for name, values := range header {
		table.RawSetString(strings.ToLower(name), lua.LString(strings.Join(values, ", ")))
	}
	meta.RawSetString("__index", L.NewFunction(func(L *lua.LState) int {
		L.Push(table.RawGetString(strings.ToLower(L.Get(2).String())))
		return 1
	}))
	table.Metatable = meta
	return table
}

// certificate makes a table of what the server showed.
func certificate(L *lua.LState, state *tls.ConnectionState) lua.LValue {
	leaf := state.PeerCertificates[0]
	table := L.CreateTable(0, 5)
	table.RawSetString("expires", seconds(leaf.NotAfter))
	table.RawSetString("subject", lua.LString(leaf.Subject.String()))
	table.RawSetString("issuer", lua.LString(leaf.Issuer.String()))
	table.RawSetString("version", lua.LString(tls.VersionName(state.Version)))
	return table
}

// raiseHTTP raises what prevented an answer, with its class.
func (c *call) raiseHTTP(err error) { raiseHTTP(c.LState, err) }

func raiseHTTP(L *lua.LState, err error) { L.Error(httpErrorValue(L, err), 1) }

func httpErrorValue(L *lua.LState, err error) *lua.LTable {
	fields := map[string]lua.LValue{}
	var failed *httpError
	if errors.As(err, &failed) {
		fields["class"] = lua.LString(failed.Class)
		if slices.Contains([]string{"ConnectionError", "Timeout", "TLSError"}, failed.Class) {
			err = fail.With(fail.Unavailable, err)
		}
	}
	return newError(L, err, fields)
}
