package bind

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

// echo answers with what it was asked.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Add("X-Two", "1")
	w.Header().Add("X-Two", "2")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"method": r.Method, "path": r.URL.EscapedPath(), "query": r.URL.RawQuery, "body": string(body), "type": r.Header.Get("Content-Type"),
		"auth": r.Header.Get("Authorization"), "agent": r.UserAgent(), "x": r.Header.Get("X-Test"), "host": r.Host,
	})
}

// webLab is a lab with a server, whose address is the global url.
func webLab(t *testing.T, handler http.HandlerFunc) *lab {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	b := newLab(t, func(h *Host) {
		h.UserAgent = "test/1"
		h.Now = nil
	})
	b.L.SetGlobal("url", lua.LString(server.URL))
	return b
}

func TestHTTP(t *testing.T) {
	webLab(t, echo).check(t, []example{
		{`local r = http.get(url .. "/a%20b?x=1", {query = {y = {1, "2 3"}, z = true}}) local j = r.json()
		  return r.status, r.ok, j.method, j.path, j.query, j.agent, r:json().body`, `200 true GET /a%20b x=1&y=1&y=2+3&z=true test/1 `},
		{`local r = http.get(url) return r.headers["content-type"], r.headers["Content-Type"], r.headers["X-TWO"], r.headers.none, r.url == url, r.duration > 0, r.tls`,
			`application/json application/json 1, 2 nil true true nil`},
		{`local j = http.post(url, {json = {a = {1, json.null}}}).json() return j.method, j.body, j.type`, `POST {"a":[1,null]} application/json`},
		{`local j = http.post{url = url, form = {a = "1 2", b = {"x", "y"}}}.json() return j.body, j.type`, `a=1+2&b=x&b=y application/x-www-form-urlencoded`},
		{`local j = http.put(url, {body = "\0\255", headers = {["content-type"] = "x/y", ["X-Test"] = 5}}).json() return #j.body, j.type, j.x, j.method`, `4 x/y 5 PUT`},
		{`local j = http.delete(url).json() return j.method, http.patch(url, {json = {}}).json().method, http.head(url).status, http.head(url).body`, `DELETE PATCH 200 `},
		{`return http.request{method = "options", url = url}.json().method, http.request{method = "GET", url = url}.ok`, `OPTIONS true`},
		{`return http.get(url, {bearer = "token-123"}).json().auth, http.get(url, {username = "u", password = "secret-123"}).json().auth`,
			`Bearer token-123 Basic dTpzZWNyZXQtMTIz`},
		{`return http.get(url, {headers = {Host = "other.example"}}).json().host, http.get(url, {headers = {["User-Agent"] = "me"}}).json().agent`, `other.example me`},
		{`return http.get(url).check().json().method, json.decode(json.encode(http.get(url))).status`, `GET 200`},
		// sessions
		{`local s = http.session{base = url .. "/api/", headers = {["X-Test"] = "s"}, query = {k = 1}, bearer = "token-456"}
		  local a, b = s:get("/x").json(), s:post("y", {json = 1, headers = {["x-test"] = "own"}, query = {l = 2}}).json()
		  return a.path, a.x, a.query, a.auth, b.path, b.x, b.query, b.body, b.method`, `/api/x s k=1 Bearer token-456 /api/y own k=1&l=2 1 POST`},
		{`local s = http.session{base = "http://nowhere.invalid"} return s:get(url).status, s:request{method = "PUT", url = url}.json().method, tostring(s)`,
			`200 PUT http session of http://nowhere.invalid`},
		{`local s = http.session{base = url} return parallel.map({"/1", "/2"}, function(path) return s:get(path).json().path end)[2]`, `/2`},
		// misuse
		{`http.get()`, `error: http.get: url must be a string, not nil`},
		{`http.get("example.org")`, `error: the URL "example.org": it must begin with http:// or https:// and name a host`},
		{`http.get("http://[::1")`, `error: ...the URL cannot be read`},
		{`local ok, e = pcall(http.get, "ftp://u:pw-1234@h/") return e.class, tostring(e)`, `InvalidURL the URL "ftp://u:xxxxx@h/": it must begin with http:// or https:// and name a host`},
		{`http.get(url, {timeuot = 1})`, `error: http.get: unknown option "timeuot"`},
		{`http.get(url, {timeout = "long"})`, `error: http.get: timeout must be a number of seconds, not the string "long"`},
		{`http.get(url, {headers = "x"})`, `error: http.get: headers must be a table of strings, not the string "x"`},
		{`http.get(url, {headers = {a = {}, b = {{}}}})`, `error: http.get: headers.b must be a string, not a table`},
		{`http.get(url, {verify = "no"})`, `error: http.get: verify must be true or false, not the string "no"`},
		{`http.post(url, {json = 1, body = "x"})`, `error: http.post: options json, form and body: a request has one body`},
		{`http.post(url, {json = print})`, `error: http.post: cannot write a function as JSON`},
		{`http.get(url, {bearer = "x", username = "y"})`, `error: http.get: options bearer and username: a request has one kind of credentials`},
		{`http.get({url = url}, {})`, `error: http.get: a table of options is the only argument`},
		{`http.request{url = url}`, `error: http.request: method must be a string, not nil`},
		{`http.session{}:gett("x")`, `error: a http session has no method "gett"`},
		{`http.session{}.get("x")`, `error: the methods of a http session are called with a colon`},
		{`http.session{tiemout = 1}`, `error: http.session: unknown option "tiemout"`},
	})
}

func TestHTTPAnswers(t *testing.T) {
	b := webLab(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, "/target", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/see-other":
			http.Redirect(w, r, "/target", http.StatusSeeOther)
		case "/moved":
			http.Redirect(w, r, "/target", http.StatusTemporaryRedirect)
		case "/large":
			_, _ = w.Write(make([]byte, 5000))
		case "/missing":
			http.Error(w, "<h1>no   such\nthing</h1>", http.StatusNotFound)
		case "/cut":
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("short"))
		default:
			echo(w, r)
		}
	})
	b.check(t, []example{
		{`local r = http.get(url .. "/redirect") return r.status, r.json().path, r.url == url .. "/target"`, `200 /target true`},
		{`local r = http.get(url .. "/redirect", {follow = false}) return r.status, r.headers.location, r.ok`, `302 /target false`},
		{`return http.put(url .. "/redirect", {body = "x"}).status, http.delete(url .. "/redirect").status`, `302 302`}, // not a GET that seems to have worked
		{`local j = http.put(url .. "/moved", {body = "x"}).json() return j.method, j.path, j.body`, `PUT /target x`},
		{`return http.post(url .. "/see-other", {body = "x"}).json().method, http.put(url .. "/see-other").json().method`, `GET GET`},
		{`local ok, e = pcall(http.get, url .. "/loop", {redirects = 3}) return e.class, tostring(e):gsub(url, "")`, `TooManyRedirects GET /loop: too many redirects 1`},
		{`local ok, e = pcall(http.get, url .. "/large", {max_size = 4999}) return e.class, #http.get(url .. "/large", {max_size = 5000}).body`, `TooLarge 5000`},
		{`local r = http.get(url .. "/missing") return r.ok, r.status, r.body`, "false 404 <h1>no   such\nthing</h1>\n"},
		{`local ok, e = pcall(http.get(url .. "/missing").check) return e.class, e.status, (tostring(e):gsub(url, ""))`,
			`HTTPError 404 GET /missing: HTTP 404 Not Found: <h1>no such thing</h1>`},
		{`local ok, e = pcall(http.get(url .. "/missing").json) return e.class, (tostring(e):gsub(url, ""))`,
			`InvalidJSON GET /missing: the answer (HTTP 404) is not JSON: invalid JSON: unexpected "<" at line 1, column 1; it begins with "<h1>no such thing</h1>"`},
		{`local ok, e = pcall(http.post, url .. "/cut") return e.class`, `ConnectionError`},
	})
}

func TestHTTPRetries(t *testing.T) {
	var attempts atomic.Int32
	b := webLab(t, func(w http.ResponseWriter, r *http.Request) {
		n := attempts.Add(1)
		switch {
		case r.URL.Path == "/broken" && n < 3:
			panic(http.ErrAbortHandler)
		case r.URL.Path == "/busy" && n < 3:
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.URL.Path == "/dead":
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusBadGateway)
		case r.URL.Path == "/error":
			w.WriteHeader(http.StatusInternalServerError)
		default:
			echo(w, r)
		}
	})
	for _, test := range []struct {
		chunk, want string
		attempts    int32
	}{
		{`return http.get(url .. "/busy").status`, "200", 3},
		{`return http.put(url .. "/busy", {body = "x"}).json().body`, "x", 3},
		{`return http.get(url .. "/dead").status`, "502", 3},
		{`return http.get(url .. "/dead", {retries = 4}).status`, "502", 5},
		{`return http.get(url .. "/busy", {retries = 0}).status`, "503", 1},
		{`return http.post(url .. "/busy").status`, "503", 1}, // may have been done
		{`return http.post(url .. "/busy", {retries = 2, body = "x"}).json().body`, "x", 3},
		{`return http.get(url .. "/error").status`, "500", 1},
		{`return http.get(url .. "/broken").status`, "200", 3},
		{`local ok, e = pcall(http.patch, url .. "/broken") return e.class`, "ConnectionError", 1},
	} {
		attempts.Store(0)
		if got := b.eval(t, test.chunk); got != test.want || attempts.Load() != test.attempts {
			t.Errorf("%s\n got %s with %d attempts\nwant %s with %d", test.chunk, got, attempts.Load(), test.want, test.attempts)
		}
	}
	for attempt, want := range []time.Duration{firstPause, 2 * firstPause, 4 * firstPause} {
		if got := pause(int64(attempt), nil); got < want/2 || got > want {
			t.Errorf("pause %d is %v, want %v to %v", attempt, got, want/2, want)
		}
	}
	if got := pause(1000, nil); got > longestPause {
		t.Errorf("pause grows to %v", got)
	}
	if got := pause(0, &response{header: http.Header{"Retry-After": {"3600"}}}); got != longestPause {
		t.Errorf("a server makes us wait %v", got)
	}
}

func TestHTTPFailures(t *testing.T) {
	release := make(chan struct{})
	b := webLab(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow-body" {
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
		}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := listener.Addr().String()
	listener.Close()
	b.L.SetGlobal("nobody", lua.LString("http://"+nobody))
	b.check(t, []example{
		{`local ok, e = pcall(http.get, url .. "/x?token=abc", {timeout = 0.02, retries = 0}) return e.class, (tostring(e):gsub(url, ""))`, `Timeout GET /x: no answer in time`},
		{`local ok, e = pcall(http.get, url .. "/slow-body", {timeout = 0.02, retries = 0}) return e.class`, `Timeout`},
		{`local ok, e = pcall(http.get, nobody .. "/x?token=abc", {retries = 0}) return e.class, tostring(e):find("connection refused") ~= nil, tostring(e):find("token")`, `ConnectionError true nil`},
		{`local ok, e = pcall(http.get, "http://u:pw-12345@" .. nobody:sub(8) .. "/x", {retries = 0}) return tostring(e):find("pw")`, `nil`},
		{`local ok, e = pcall(http.get, "http://nowhere.invalid/", {retries = 0}) return e.class`, `ConnectionError`},
	})
	run, err := vmLoad(b, "chunk", `http.get(nobody, {retries = 0})`)
	if err != nil {
		t.Fatal(err)
	}
	if err := run(); fail.CodeOf(err) != fail.Unavailable {
		t.Errorf("the exit code of %v is %v", err, fail.CodeOf(err))
	}

	// a script that is stopped stops waiting
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped by the test")
	v := vm.Of(b.L)
	fn, err := v.Load("chunk", `http.get(url)`)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(20*time.Millisecond, func() { cancel(stopped) })
	if _, err := v.Call(ctx, fn); !errors.Is(err, stopped) {
		t.Errorf("got %v", err)
	}
}

// Credentials are in no log and no error, whatever goes wrong.
func TestHTTPKeepsSecrets(t *testing.T) {
	b := webLab(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	got := b.eval(t, `local errors = {}
for _, o in ipairs{{bearer = "hunter2-token"}, {username = "u", password = "hunter2-password"}} do
  o.url, o.retries, o.query = url .. "/p", 0, {api_key = "hunter2-query"}
  local ok, e = pcall(function() http.get(o).check() end)
  errors[#errors + 1] = tostring(e)
  o.url = "http://127.0.0.1:1/p"
  ok, e = pcall(http.get, o)
  errors[#errors + 1] = tostring(e)
  errors[#errors + 1] = tostring(http.session{bearer = o.bearer, password = o.password})
end
return table.concat(errors, "\n")`)
	if all := got + b.logged.String(); strings.Contains(all, "hunter2") || !strings.Contains(all, "502") {
		t.Errorf("shown: %s", all)
	}
	if got := b.Redactor.String("hunter2-token hunter2-password"); strings.Contains(got, "hunter2") {
		t.Errorf("not known as secrets: %s", got)
	}
}

func TestHTTPS(t *testing.T) {
	dir := t.TempDir()
	clientCert, clientKey := certificateFiles(t, dir)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown := "nobody"
		if len(r.TLS.PeerCertificates) > 0 {
			shown = r.TLS.PeerCertificates[0].Subject.CommonName
		}
		fmt.Fprint(w, shown)
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	ca := filepath.Join(dir, "ca.pem")
	writePEM(t, ca, "CERTIFICATE", server.Certificate().Raw)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())

	b := newLab(t)
	for name, v := range map[string]string{"url": server.URL, "ca": ca, "cert": clientCert, "key": clientKey, "expires": fmt.Sprint(server.Certificate().NotAfter.Unix())} {
		b.L.SetGlobal(name, lua.LString(v))
	}
	b.check(t, []example{
		{`local ok, e = pcall(http.get, url) return ok, e.class, tostring(e):find("certificate signed by unknown authority") ~= nil`, `false TLSError true`},
		{`local r = http.get(url, {ca = ca}) return r.body, tostring(r.tls.expires) == expires, r.tls.subject, r.tls.version`, `nobody true O=Acme Co TLS 1.3`},
		{`return http.get(url, {verify = false}).body`, `nobody`},
		{`return http.get(url, {ca = ca, cert = cert, key = key}).body, http.session{ca = ca, cert = cert, key = key}:get(url).body, http.get(url, {ca = ca}).body`, `tester tester nobody`},
		{`local ok, e = pcall(http.get, url, {ca = "/none"}) return e.class, tostring(e)`, `TLSError the option ca: open /none: no such file or directory`},
		{`local ok, e = pcall(http.get, url, {ca = key}) return tostring(e):find("holds no certificate in PEM form") ~= nil`, `true`},
		{`local ok, e = pcall(http.get, url, {cert = ca}) return e.class, tostring(e):find("the options cert and key") ~= nil`, `TLSError true`},
		{`local ok, e = pcall(http.get, (url:gsub("https", "http")), {retries = 0}) return ok`, `true`}, // a 400 that says so
	})
	trusting := newLab(t, func(h *Host) { h.TLS = &tls.Config{RootCAs: roots} })
	trusting.L.SetGlobal("url", lua.LString(server.URL))
	trusting.check(t, []example{{`return http.get(url).body`, `nobody`}})
}

// certificateFiles makes a client's certificate and key.
func certificateFiles(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "tester"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePEM(t, cert, "CERTIFICATE", der)
	writePEM(t, key, "PRIVATE KEY", keyDER)
	return cert, key
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
