package bind

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"
	luar "layeh.com/gopher-luar"

	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// httpArguments is the signature of the functions for one verb.
const httpArguments = "(url [, options]) or (options) -> response"

var httpModule = module{
	name: "http",
	doc: "HTTP requests. An answer is a table: status, ok (2xx), headers (by name, in any case), body, url, duration, tls (expires, " +
		"subject, issuer, version; with https), json() and check(), which raises an HTTPError unless ok. What prevents an answer is " +
		"raised, with a class: ConnectionError, Timeout, TLSError, TooManyRedirects, InvalidURL or TooLarge. Options: query, headers " +
		"(tables); json (any value), form (a table) or body (text); bearer (a token), username and password; timeout (30 seconds, of " +
		"each attempt), retries (2, for verbs that may be repeated, after broken connections and 429, 502, 503, 504; 0 for others), " +
		"follow (true), redirects (10); verify (true; false trusts any server), ca, cert and key (paths of PEM files), max_size " +
		"(268435456 bytes of answer).",
	functions: []function{
		{
			name: "get", signature: httpArguments,
			doc: "Gets.",
			example: `local r = http.get("https://rucio.example.org/ping", { timeout = 5 })
print(r.status, r.json().version)`,
			call: httpVerb(http.MethodGet),
		},
		{
			name: "head", signature: httpArguments,
			doc:     "Asks for the headers alone.",
			example: `print(http.head("https://rucio.example.org").tls.expires)`,
			call:    httpVerb(http.MethodHead),
		},
		{
			name: "post", signature: httpArguments,
			doc:     "Posts.",
			example: `http.post("https://hooks.example.org", { json = { text = "done" } }).check()`,
			call:    httpVerb(http.MethodPost),
		},
		{
			name: "put", signature: httpArguments,
			doc:     "Puts.",
			example: `http.put("https://es.example.org/index/_doc/1", { json = { done = true } })`,
			call:    httpVerb(http.MethodPut),
		},
		{
			name: "patch", signature: httpArguments,
			doc:     "Patches.",
			example: `http.patch("https://api.example.org/x", { json = {} })`,
			call:    httpVerb(http.MethodPatch),
		},
		{
			name: "delete", signature: httpArguments,
			doc:     "Deletes.",
			example: `http.delete("https://api.example.org/x")`,
			call:    httpVerb(http.MethodDelete),
		},
		{
			name: "request", signature: "(options) -> response",
			doc:     "Any request: options method and url, and all others.",
			example: `http.request{ method = "OPTIONS", url = "https://api.example.org" }`,
			call:    httpVerb(""),
		},
		{
			name: "session", signature: "(options) -> session",
			doc: "Remembers options for many requests; base is put before their URLs. Headers and query of a request are added to " +
				"those of the session.",
			example: `local fts = http.session{ base = "https://fts.example.org:8446", cert = "/tmp/x509up_u1000" }
print(fts:get("/whoami").status)`,
			call: httpSession,
		},
		{
			name: "session:get", signature: httpArguments,
			doc: "As http.get, with the session's options; so do head, post, put, patch, delete and request.",
		},
	},
}

// httpVerb makes the function for a verb; "" takes it from the options.
func httpVerb(method string) func(c *call) int {
	return func(c *call) int { return c.exchange(newRequest(method), 1) }
}

// A request is what a script asks for, read from options. It holds nothing of the script's VM.
type request struct {
	method, url    string
	base           string
	query, headers map[string][]string
	body           []byte
	contentType    string
	bearer         rucio.Secret
	username       string
	password       rucio.Secret
	timeout        time.Duration
	retries        int64 // -1: as the method allows
	redirects      int64
	follow         bool
	maxSize        int64
	tls            trust
}

// trust says how a server is trusted and which certificate is shown to it.
type trust struct {
	insecure      bool
	ca, cert, key string
}

func newRequest(method string) *request {
	return &request{method: method, timeout: 30 * time.Second, retries: -1, redirects: 10, follow: true, maxSize: maxText}
}

// exchange makes the request whose options start at argument n and gives the response.
func (c *call) exchange(r *request, n int) int {
	method := r.method
	if _, ok := c.Get(n).(*lua.LTable); ok {
		r.read(c.options(n))
		if c.given(n + 1) {
			c.raise(errors.New("a table of options is the only argument"))
		}
	} else {
		r.url = c.str(n, "url")
		r.read(c.options(n + 1))
	}
	if method == "" && r.method == "" {
		c.wrong("method", "a string", lua.LNil)
	}
	response, err := c.host.send(c.context(), r)
	if err != nil {
		c.raiseHTTP(err)
	}
	return c.give(response.value(c.LState))
}

// read adds options to the request; what they do not say stays.
func (r *request) read(o *options) {
	c := o.call
	r.url = o.str("url", r.url)
	if r.method == "" || o.table != nil && o.table.RawGetString("method") != lua.LNil {
		r.method = strings.ToUpper(o.str("method", r.method))
	}
	r.base = o.str("base", r.base)
	r.query = merge(r.query, o.texts("query"), func(name string) string { return name })
	r.headers = merge(r.headers, o.texts("headers"), http.CanonicalHeaderKey)
	r.readBody(o)
	r.bearer = rucio.Secret(o.str("bearer", r.bearer.Reveal()))
	r.username, r.password = o.str("username", r.username), rucio.Secret(o.str("password", r.password.Reveal()))
	c.host.secret(r.bearer.Reveal(), r.password.Reveal())
	r.timeout = o.seconds("timeout", r.timeout)
	r.retries = o.integer("retries", r.retries, 0)
	r.redirects = o.integer("redirects", r.redirects, 0)
	r.follow = o.boolean("follow", r.follow)
	r.maxSize = o.integer("max_size", r.maxSize, 0)
	r.tls.insecure = !o.boolean("verify", !r.tls.insecure)
	r.tls.ca = o.str("ca", r.tls.ca)
	r.tls.cert = o.str("cert", r.tls.cert)
	r.tls.key = o.str("key", r.tls.key)
	o.done()
	if r.bearer.IsSet() && r.username != "" {
		c.raise(errors.New("options bearer and username: a request has one kind of credentials"))
	}
}

func (r *request) readBody(o *options) {
	c, given := o.call, 0
	if v := o.get("json"); v != lua.LNil {
		doc, err := Encode(v)
		c.check(err)
		r.body, r.contentType = doc, "application/json"
		given++
	}
	if form := o.texts("form"); form != nil {
		r.body, r.contentType = []byte(url.Values(form).Encode()), "application/x-www-form-urlencoded"
		given++
	}
	if o.get("body") != lua.LNil {
		r.body = []byte(o.str("body", ""))
		given++
	}
	if given > 1 {
		c.raise(errors.New("options json, form and body: a request has one body"))
	}
}

// merge adds values to those that are there; a name's new values replace its old ones.
func merge(old, more map[string][]string, canonical func(string) string) map[string][]string {
	if len(more) == 0 {
		return old
	}
	all := maps.Clone(old)
	if all == nil {
		all = map[string][]string{}
	}
	for _, name := range slices.Sorted(maps.Keys(more)) {
		all[canonical(name)] = more[name]
	}
	return all
}

// target returns the request's URL with its query.
func (r *request) target() (*url.URL, error) {
	text := r.url
	if r.base != "" && !strings.Contains(text, "://") {
		text = strings.TrimSuffix(r.base, "/") + "/" + strings.TrimPrefix(text, "/")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, &httpError{"InvalidURL", "the URL cannot be read", errors.New("it must be like https://host/path, with other characters escaped")}
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, &httpError{"InvalidURL", "the URL " + quote(u.Redacted()), errors.New("it must begin with http:// or https:// and name a host")}
	}
	if len(r.query) > 0 {
		query := u.Query()
		maps.Copy(query, r.query)
		u.RawQuery = query.Encode()
	}
	return u, nil
}

// A webSession is the object that http.session returns.
type webSession struct {
	host     *Host
	defaults request
}

func httpSession(c *call) int {
	r := newRequest("")
	r.read(c.options(1))
	return c.give((&webSession{c.host, *r}).value(c.LState))
}

func (s *webSession) value(L *lua.LState) lua.LValue { return object(L, s, "http session") }

// String implements fmt.Stringer, for tostring; it shows no credentials.
func (s *webSession) String() string { return "http session of " + s.defaults.base }

// CrossTo implements vm.Crosser: connections are shared.
func (s *webSession) CrossTo(v *vm.VM) (lua.LValue, error) { return s.value(v.State()), nil }

func (s *webSession) exchange(L *luar.LState, method string) int {
	c := &call{LState: L.LState, host: s.host, name: "session:" + strings.ToLower(method)}
	r := s.defaults
	r.method = method
	if method == "" {
		c.name, r.method = "session:request", s.defaults.method
	}
	return c.exchange(&r, 1)
}

// Get is session:get.
func (s *webSession) Get(L *luar.LState) int { return s.exchange(L, http.MethodGet) }

// Head is session:head.
func (s *webSession) Head(L *luar.LState) int { return s.exchange(L, http.MethodHead) }

// Post is session:post.
func (s *webSession) Post(L *luar.LState) int { return s.exchange(L, http.MethodPost) }

// Put is session:put.
func (s *webSession) Put(L *luar.LState) int { return s.exchange(L, http.MethodPut) }

// Patch is session:patch.
func (s *webSession) Patch(L *luar.LState) int { return s.exchange(L, http.MethodPatch) }

// Delete is session:delete.
func (s *webSession) Delete(L *luar.LState) int { return s.exchange(L, http.MethodDelete) }

// Request is session:request.
func (s *webSession) Request(L *luar.LState) int { return s.exchange(L, "") }
