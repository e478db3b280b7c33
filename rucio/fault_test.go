package rucio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The faults here are those that a real server does not produce on demand.

// handler answers requests; n counts them from 1.
type handler func(w http.ResponseWriter, r *http.Request, n int)

// serve starts a server and a client of it. Pauses between attempts are short.
func serve(t *testing.T, h handler, change func(*Options)) (*Client, *atomic.Int32) {
	t.Helper()
	var n atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h(w, r, int(n.Add(1))) }))
	t.Cleanup(server.Close)
	o := Options{Hosts: []string{server.URL}, Account: "root", HTTP: &http.Client{Transport: NewTransport(nil)}}
	if change != nil {
		change(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	c.unit = time.Millisecond
	return c, &n
}

// asError returns err as an *Error.
func asError(t *testing.T, err error) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %T %v, want an *Error", err, err)
	}
	return e
}

func TestRetriesWhileTheServerIsDown(t *testing.T) {
	for _, status := range []int{502, 503, 504} {
		c, n := serve(t, func(w http.ResponseWriter, _ *http.Request, n int) {
			if n < 3 {
				w.WriteHeader(status)
				return
			}
			fmt.Fprint(w, `{"version":"1"}`)
		}, nil)
		if v, err := c.Ping(t.Context()); err != nil || v.Version != "1" || n.Load() != 3 {
			t.Errorf("after two answers %d: got %+v, %v after %d attempts", status, v, err, n.Load())
		}
	}
}

func TestGivesUpAfterItsRetries(t *testing.T) {
	for retries, attempts := range map[int]int32{0: DefaultRetries + 1, -1: 1, 4: 5} {
		c, n := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
			w.Header().Set("ExceptionClass", "DatabaseException")
			w.Header().Set("ExceptionMessage", "too many requests")
			w.WriteHeader(503)
		}, func(o *Options) { o.Retries = retries })
		_, err := c.Ping(t.Context())
		if e := asError(t, err); e.Class != "DatabaseException" || e.Status != 503 || n.Load() != attempts {
			t.Errorf("Retries %d: got %v after %d attempts, want %d", retries, err, n.Load(), attempts)
		}
	}
}

func TestRetriesBrokenConnectionsWithTheSameBody(t *testing.T) {
	c, n := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
		body, _ := io.ReadAll(r.Body)
		if n < 3 {
			panic(http.ErrAbortHandler)
		}
		if string(body) != `{"dids":[]}` {
			t.Errorf("attempt %d sent %q", n, body)
		}
		w.WriteHeader(201)
	}, nil)
	if err := c.AttachDIDs(t.Context(), "s", "n", nil, nil); err != nil || n.Load() != 3 {
		t.Errorf("got %v after %d attempts", err, n.Load())
	}
}

func TestFailsOverToTheNextHost(t *testing.T) {
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead.Close()
	var attempts []string
	var mu sync.Mutex
	c, n := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) { fmt.Fprint(w, `{"version":"1"}`) }, func(o *Options) {
		o.Hosts = append([]string{"http://" + dead.Addr().String() + "/"}, o.Hosts...)
		o.Retries = -1 // each host is asked nevertheless
		o.Trace = func(r RequestTrace) {
			mu.Lock()
			defer mu.Unlock()
			attempts = append(attempts, fmt.Sprint(r.Status, " ", r.Err != nil))
		}
	})
	for range 2 { // the second call goes to the living host at once
		if _, err := c.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(attempts, ", "); got != "0 true, 200 false, 200 false" || n.Load() != 2 {
		t.Errorf("attempts: %s", got)
	}
}

func TestNobodyListens(t *testing.T) {
	c, err := New(Options{Hosts: []string{"http://user:hush@127.0.0.1:1"}, Retries: -1})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Ping(t.Context())
	if e := asError(t, err); !errors.Is(err, ErrServerConnectionException) || strings.Contains(err.Error(), "hush") ||
		!strings.Contains(e.Message, "connection refused") || e.Method != "ping" {
		t.Errorf("got %v", err)
	}
	var op *net.OpError
	if !errors.As(err, &op) {
		t.Errorf("the cause is lost: %#v", err)
	}
}

// fakeCredentials count renewals.
type fakeCredentials struct{ renewals atomic.Int32 }

func (f *fakeCredentials) Token(context.Context) (Secret, error) { return "old", nil }

func (f *fakeCredentials) Renew(_ context.Context, stale Secret) (Secret, error) {
	f.renewals.Add(1)
	if stale != "old" {
		return "", errors.New("asked to renew a token that was not refused")
	}
	return "new", nil
}

func TestRenewsTheTokenOnce(t *testing.T) {
	for name, test := range map[string]struct {
		accept, class string
		renewals      int32
		status        int
	}{
		"stale token":          {accept: "new", class: "CannotAuthenticate", renewals: 1},
		"class is not told":    {accept: "new", renewals: 1},
		"no token is accepted": {accept: "none", class: "CannotAuthenticate", renewals: 1, status: 401},
		"access denied":        {accept: "none", class: "AccessDenied", status: 401},
	} {
		t.Run(name, func(t *testing.T) {
			credentials := &fakeCredentials{}
			c, _ := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
				if r.Header.Get("X-Rucio-Auth-Token") != test.accept {
					w.Header().Set("ExceptionClass", test.class)
					w.WriteHeader(401)
					return
				}
				fmt.Fprint(w, `["s"]`)
			}, func(o *Options) { o.Credentials = credentials })
			_, err := c.ListScopes(t.Context())
			if test.status == 0 && err != nil || test.status != 0 && asError(t, err).Status != test.status {
				t.Errorf("got %v", err)
			}
			if credentials.renewals.Load() != test.renewals {
				t.Errorf("renewed %d times, want %d", credentials.renewals.Load(), test.renewals)
			}
		})
	}
}

func TestSendsTheHeadersRucioReads(t *testing.T) {
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		for name, want := range map[string]string{
			"X-Rucio-Account": "root", "X-Rucio-VO": "atl", "X-Rucio-Script": "manager::run", "User-Agent": "manager/1",
			"X-Rucio-Auth-Token": "old", "Accept-Encoding": "gzip",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		fmt.Fprint(w, `[]`)
	}, func(o *Options) {
		o.VO, o.Script, o.UserAgent, o.Credentials = "atl", "manager::run", "manager/1", &fakeCredentials{}
	})
	if _, err := c.ListScopes(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestRedirects(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the other server got %s with token %q", r.URL, r.Header.Get("X-Rucio-Auth-Token"))
	}))
	t.Cleanup(other.Close)
	elsewhere := strings.Replace(other.URL, "127.0.0.1", "localhost", 1)
	c, n := serve(t, func(w http.ResponseWriter, r *http.Request, _ int) {
		switch {
		case r.URL.Path == "/accounts/whoami":
			http.Redirect(w, r, "jdoe", http.StatusSeeOther)
		case r.URL.Path == "/accounts/jdoe" && r.Header.Get("X-Rucio-Auth-Token") == "old":
			fmt.Fprint(w, `{"account":"jdoe"}`)
		default:
			http.Redirect(w, r, elsewhere+"/x", http.StatusFound)
		}
	}, func(o *Options) { o.Credentials, o.Account = &fakeCredentials{}, "" })
	if account, err := c.Account(t.Context()); err != nil || account != "jdoe" {
		t.Errorf("got %q, %v", account, err)
	}
	before := n.Load()
	if account, err := c.Account(t.Context()); err != nil || account != "jdoe" || n.Load() != before {
		t.Errorf("the account is asked for again: %q, %v", account, err)
	}
	for what, call := range map[string]func() error{
		"GET":  func() error { _, err := c.GetRSE(t.Context(), "X"); return err },
		"POST": func() error { return c.AddScope(t.Context(), "root", "s") },
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), "set rucio_host to the right server") {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

func TestErrorPagesAreReadable(t *testing.T) {
	for name, test := range map[string]struct {
		status                 int
		header                 map[string]string
		body                   string
		class, message, notice string
	}{
		"exception in the body": {404, map[string]string{"ExceptionClass": "X", "ExceptionMessage": "cut..."},
			`{"ExceptionClass": "RSENotFound", "ExceptionMessage": "RSE 'A'\nis not there"}`, "RSENotFound", "RSE 'A'\nis not there", ""},
		"exception in the headers": {400, map[string]string{"ExceptionClass": "ValueError", "ExceptionMessage": "bad"}, `oops`, "ValueError", "bad", ""},
		"a class of its own":       {409, nil, `{"ExceptionClass": "SKAOError", "ExceptionMessage": "no"}`, "SKAOError", "no", ""},
		"message is no text":       {409, nil, `{"ExceptionClass": "InvalidObject", "ExceptionMessage": {"a": 1}}`, "InvalidObject", `{"a":1}`, ""},
		"proxy page with a title": {413, map[string]string{"Content-Type": "text/html"},
			"<html><head><title>413 Request &amp; Entity\n Too Large</title></head><body>nginx</body></html>", "RucioException", "413 Request & Entity Too Large", ""},
		"proxy page without one": {400, map[string]string{"Content-Type": "text/html; charset=utf-8"},
			"<html><head><style>p {}</style></head><body><p>Bad <b>request</b></p></body></html>", "RucioException", "Bad request", ""},
		"plain text": {500, map[string]string{"Content-Type": "text/plain"}, "first line\n  second line\n", "RucioException", "first line second line", ""},
		"long text":  {500, nil, strings.Repeat("é", 1000), "RucioException", strings.Repeat("é", 150) + " ...", ""},
		"nothing":    {500, nil, "", "RucioException", "the server gave no reason: Internal Server Error", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
				for k, v := range test.header {
					w.Header().Set(k, v)
				}
				w.WriteHeader(test.status)
				io.WriteString(w, test.body)
			}, nil)
			_, err := c.GetRSE(t.Context(), "A")
			e := asError(t, err)
			if e.Class != test.class || e.Message != test.message || e.Status != test.status || e.Verb != "GET" || e.Method != "get_rse" {
				t.Errorf("got %q %q %d", e.Class, e.Message, e.Status)
			}
			if want := fmt.Sprintf("get_rse: %s: %s (HTTP %d from GET %s)", test.class, test.message, test.status, e.URL); err.Error() != want {
				t.Errorf("got  %s\nwant %s", err, want)
			}
		})
	}
}

func TestALoginPageIsNoAnswer(t *testing.T) {
	c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html><title>Sign in</title></html>")
	}, nil)
	_, one := c.GetRSE(t.Context(), "A")
	_, value := c.ListScopes(t.Context())
	for _, err := range []error{one, value} {
		if err == nil || !strings.Contains(err.Error(), "expected JSON, got text/html: Sign in") {
			t.Errorf("got %v", err)
		}
	}
}

func TestTraceTellsAllButSecrets(t *testing.T) {
	var got RequestTrace
	c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.Header().Set("X-Rucio-Auth-Token", "hush-answer")
		fmt.Fprint(w, `["s"]`)
	}, func(o *Options) {
		o.Credentials = &fakeCredentials{}
		o.Trace = func(r RequestTrace) { got = r }
	})
	if _, err := c.ListScopes(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got.Method != "list_scopes" || got.Verb != "GET" || !strings.HasSuffix(got.URL, "/scopes/") || got.Status != 200 || got.Attempt != 1 ||
		got.Received != 5 || got.Total < got.FirstByte || got.FirstByte == 0 || got.Start.IsZero() || got.Err != nil {
		t.Errorf("got %+v", got)
	}
	if got.RequestHeader.Get("X-Rucio-Auth-Token") != redacted || got.ResponseHeader.Get("X-Rucio-Auth-Token") != redacted {
		t.Errorf("the token shows: %v %v", got.RequestHeader, got.ResponseHeader)
	}
}

func TestHostsAreChecked(t *testing.T) {
	for host, want := range map[string]string{
		"":                     "",
		"rucio.example.org":    "ClientProtocolNotFound: host \"rucio.example.org\" has no protocol: write https://rucio.example.org",
		"localhost:443":        "ClientProtocolNotFound: host \"localhost:443\" has no protocol: write https://localhost:443",
		"ftp://x":              "ClientProtocolNotSupported: host \"ftp://x\": protocol ftp is not http or https",
		"https://":             "ClientProtocolNotFound: host \"https://\" names no server",
		"https://h%zz":         "ClientProtocolNotFound: host \"https://h%zz\" is not a URL: invalid URL escape \"%zz\"",
		" https://h/prefix/ ":  "",
		"http://127.0.0.1:80/": "",
	} {
		hosts := []string{host}
		if host == "" {
			hosts, want = nil, "MissingClientParameter: no server is known: set rucio_host"
		}
		_, err := New(Options{Hosts: hosts})
		if got := fmt.Sprint(err); got != want && (err != nil || want != "") {
			t.Errorf("%q: got %s, want %s", host, got, want)
		}
	}
}

// TestManyAtOnce shares a client between goroutines: run it under the race detector.
func TestManyAtOnce(t *testing.T) {
	c, n := serve(t, func(w http.ResponseWriter, _ *http.Request, n int) {
		if n%7 == 0 {
			w.WriteHeader(503)
			return
		}
		w.Header().Set("Content-Type", "application/x-json-stream")
		fmt.Fprint(w, "{\"rse\":\"A\"}\n")
	}, func(o *Options) { o.Retries, o.Trace = 20, func(RequestTrace) {} })
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for range 10 {
				for _, err := range c.ListRSEs(t.Context(), nil) {
					if err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	group.Wait()
	if n.Load() < 160 {
		t.Errorf("%d requests", n.Load())
	}
}

func TestScopeOwnersOfAnOldServer(t *testing.T) {
	c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(http.StatusNotFound) }, nil)
	_, err := c.ListScopeOwners(t.Context())
	if e := asError(t, err); e.Class != "RucioException" || e.Message != "list_scope_owners requires a rucio server version >=40." {
		t.Errorf("got %+v", e)
	}
}

// TestAccountUsageHistory reads what a daemon of the server writes once an hour.
func TestAccountUsageHistory(t *testing.T) {
	c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `[{"bytes":12,"files":1,"updated_at":"2026-11-23T08:22:26"},{"bytes":9007199254740993,"files":2,"updated_at":"2026-11-23T09:22:26"}]`)
	}, nil)
	got, err := c.GetAccountUsageHistory(t.Context(), "root", "MOCK1")
	if err != nil || len(got) != 2 || got[1].Bytes != 9007199254740993 || got[1].Files != 2 || got[1].UpdatedAt.Hour() != 9 {
		t.Errorf("got %+v, %v", got, err)
	}
}
