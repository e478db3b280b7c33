package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/engine/suggest"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// on returns options for a server that takes any password.
func on(hosts ...string) Options {
	return Options{Type: "userpass", Hosts: hosts, Username: "me", Password: "hunter2", Retries: -1, Suggest: suggest.Hint}
}

func (o Options) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}

func TestTypes(t *testing.T) {
	if want := []string{"gss", "oidc", "ssh", "token", "userpass", "x509", "x509_proxy"}; !slices.Equal(Types(), want) {
		t.Errorf("got %v, want %v", Types(), want)
	}
	all := "one of gss, oidc, ssh, token, userpass, x509, x509_proxy"
	set := "set RUCIO_CFG_CLIENT_AUTH_TYPE, or auth_type in the [client] section of rucio.cfg, to " + all
	opts := on("http://localhost")
	for name, want := range map[string][2]string{
		"":         {"auth_type is not set", set},
		"userpas":  {`auth_type "userpas" is not ` + all, `did you mean "userpass"?`},
		"kerberos": {`auth_type "kerberos" is not ` + all, set},
	} {
		opts.Type = name
		_, err := New(opts)
		wantError(t, err, Config, want[0], want[1])
	}
	opts.Type = "UserPass"
	source(t, opts)
}

// roundTrip is a server without a network, for tests of time and order in a synctest bubble.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// reply is an answer of such a server.
func reply(r *http.Request, status int, header ...string) *http.Response {
	resp := &http.Response{StatusCode: status, Header: http.Header{}, Body: http.NoBody, Request: r}
	for i := 0; i < len(header); i += 2 {
		resp.Header.Set(header[i], header[i+1])
	}
	return resp
}

// Many goroutines that need a token at once cause one login, and one renewal.
func TestOneLoginForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		logins := 0
		proceed := make(chan struct{})
		opts := on("http://localhost")
		opts.HTTP = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			logins++
			<-proceed
			return reply(r, 200, "X-Rucio-Auth-Token", fmt.Sprintf("root-me-x-%d", logins)), nil
		})}
		s := source(t, opts)
		all := func(get func() (rucio.Secret, error), want string) {
			t.Helper()
			for range 50 {
				go func() {
					if got, err := get(); err != nil || got.Reveal() != want {
						t.Errorf("got %q, %v; want %s", got.Reveal(), err, want)
					}
				}()
			}
			synctest.Wait() // one of them asks the server, the others wait for it
			proceed <- struct{}{}
			synctest.Wait()
		}
		all(func() (rucio.Secret, error) { return s.Token(t.Context()) }, "root-me-x-1")
		all(func() (rucio.Secret, error) { return s.Renew(t.Context(), "root-me-x-1") }, "root-me-x-2")
		if got, err := s.Renew(t.Context(), "root-me-x-1"); err != nil || got.Reveal() != "root-me-x-2" {
			t.Errorf("a late renewal of the first token: %q, %v", got.Reveal(), err)
		}
		if logins != 2 {
			t.Errorf("%d logins, want 2", logins)
		}
	})
}

// Those who wait for a login that fails share its failure: a wrong password is tried once, not fifty times.
func TestOneFailureForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		proceed := make(chan struct{})
		opts := on("http://localhost")
		opts.HTTP = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			asked++
			<-proceed
			return reply(r, 401, "ExceptionClass", "CannotAuthenticate"), nil
		})}
		s := source(t, opts)
		for range 50 {
			go func() {
				if _, err := s.Token(t.Context()); !errors.Is(err, WrongCredentials) {
					t.Errorf("got %v", err)
				}
			}()
		}
		synctest.Wait()
		close(proceed)
		synctest.Wait()
		if asked != 1 {
			t.Errorf("asked %d times, want once", asked)
		}
		if _, err := s.Token(t.Context()); !errors.Is(err, WrongCredentials) || asked != 2 {
			t.Errorf("later: %v after asking %d times, want another attempt", err, asked)
		}
	})
}

// The login of one whose context ends is no failure of those who wait for it.
func TestCancelledLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		opts := on("http://localhost")
		opts.HTTP = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if asked++; asked == 1 {
				<-r.Context().Done()
				return nil, r.Context().Err()
			}
			return reply(r, 200, "X-Rucio-Auth-Token", "root-me-x-1"), nil
		})}
		s := source(t, opts)
		first, cancel := context.WithCancel(t.Context())
		go func() {
			if _, err := s.Token(first); !errors.Is(err, Cancelled) || !errors.Is(err, context.Canceled) {
				t.Errorf("the cancelled one got %v", err)
			}
		}()
		synctest.Wait()
		go func() {
			if got, err := s.Token(t.Context()); err != nil || got.Reveal() != "root-me-x-1" {
				t.Errorf("the waiting one got %q, %v", got.Reveal(), err)
			}
		}()
		synctest.Wait()
		cancel()
		synctest.Wait()
		if asked != 2 {
			t.Errorf("asked %d times, want 2", asked)
		}
	})
}

// A server that never answers is given up, and not asked a second time.
func TestSilentServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		opts := on("http://localhost")
		opts.Retries = 5
		opts.HTTP = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			asked++
			<-r.Context().Done()
			return nil, r.Context().Err()
		})}
		start := time.Now()
		_, err := source(t, opts).Token(t.Context())
		wantError(t, err, Unreachable, "log in as me: http://localhost: no answer within 1m0s", "check that the server is up, and that no firewall is in the way")
		if took := time.Since(start); took != time.Minute || asked != 1 {
			t.Errorf("took %v and %d requests", took, asked)
		}
	})
}

// One who waits for another's login can give up.
func TestCancelledWait(t *testing.T) {
	s := source(t, on("http://127.0.0.1:1"))
	<-s.login // somebody is logging in
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	_, err := s.Token(ctx)
	if !errors.Is(err, Cancelled) || err.Error() != "given up: enough" {
		t.Errorf("got %v", err)
	}
}

// clock is a clock that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A token is replaced a minute before its end, by this machine's clock, which may differ from the server's.
func TestExpiry(t *testing.T) {
	here := &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	var logins atomic.Int32
	var down atomic.Bool
	server := fake(t, func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		there := here.Now().Add(48 * time.Hour)
		w.Header().Set("Date", there.Format(http.TimeFormat))
		w.Header().Set("X-Rucio-Auth-Token-Expires", there.Add(time.Hour).Format("Mon, 02 Jan 2006 15:04:05")+" UTC")
		give(w, fmt.Sprintf("root-me-x-%d", logins.Add(1)))
	})
	opts := on(server.URL)
	var log logBuffer
	opts.Now, opts.Log = here.Now, log.logger()
	s := source(t, opts)
	expect := func(after time.Duration, want string) {
		t.Helper()
		here.advance(after)
		if got := token(t, s); got.Reveal() != want {
			t.Errorf("at %v: got %s, want %s", here.Now(), got.Reveal(), want)
		}
	}
	expect(0, "root-me-x-1")
	expect(58*time.Minute, "root-me-x-1")
	expect(time.Minute, "root-me-x-2")
	down.Store(true)
	expect(59*time.Minute+30*time.Second, "root-me-x-2")
	if n := strings.Count(log.String(), "cannot get a new token yet"); n != 1 {
		t.Errorf("warned %d times, want once: %s", n, log.String())
	}
	expect(5*time.Second, "root-me-x-2")
	if n := strings.Count(log.String(), "cannot get a new token yet"); n != 1 {
		t.Errorf("tried again at once: %s", log.String())
	}
	here.advance(25 * time.Second)
	if _, err := s.Token(t.Context()); !errors.Is(err, Unreachable) {
		t.Errorf("after the end: %v", err)
	}
	down.Store(false)
	expect(0, "root-me-x-3")
}

// jwt makes a token as identity providers do, unsigned.
func jwt(claims string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none"}`)) + "." + encode([]byte(claims)) + "." + encode([]byte("signature"))
}

func TestReadyToken(t *testing.T) {
	opts, bed := onTestbed(t)
	ready := token(t, source(t, opts))
	// Of the type "token", also when no type is given.
	for _, name := range []string{"token", ""} {
		s := source(t, Options{Type: name, Hosts: opts.Hosts, Token: ready})
		if got := account(t, bed.HTTPURL, nil, s); got != bed.Account {
			t.Errorf("the token is for %s", got)
		}
		_, err := s.Renew(t.Context(), ready)
		wantError(t, err, TokenRefused, "the server refuses the token that was given, or it has expired",
			"set RUCIO_CFG_CLIENT_AUTH_TOKEN to a new one, or log in another way (RUCIO_CFG_CLIENT_AUTH_TYPE)")
	}
	// With another type it is used until it is refused.
	opts.Token = "root-ddmlab-unknown-0123456789abcdef0123456789abcdef"
	s := source(t, opts)
	if got := account(t, bed.HTTPURL, nil, s); got != bed.Account {
		t.Errorf("the token is for %s", got)
	}
	_, err := New(Options{Type: "token", Hosts: opts.Hosts})
	wantError(t, err, Config, "auth_type is token, but there is none", "set RUCIO_CFG_CLIENT_AUTH_TOKEN, or RUCIO_CFG_CLIENT_AUTH_TOKEN_FILE to a file that holds the token")
}

func TestReadyTokenExpires(t *testing.T) {
	here := &clock{now: time.Unix(1000, 0)}
	s := source(t, Options{Hosts: []string{"http://localhost"}, Token: rucio.Secret(jwt(`{"exp": 1600}`)), Now: here.Now})
	here.advance(599 * time.Second)
	token(t, s)
	here.advance(time.Second)
	_, err := s.Token(t.Context())
	wantError(t, err, TokenRefused, "the token that was given expired at 1970-01-01T00:26:40Z",
		"set RUCIO_CFG_CLIENT_AUTH_TOKEN to a new one, or log in another way (RUCIO_CFG_CLIENT_AUTH_TYPE)")
}

func TestJWTExpiry(t *testing.T) {
	for text, want := range map[string]int64{
		jwt(`{"exp": 1700000000}`): 1700000000, jwt(`{"exp": 1.7e9}`): 1700000000, jwt(`{"exp": "soon"}`): 0, jwt(`{}`): 0, jwt(`{"exp": -1}`): 0,
		"eyJ.*.x": 0, jwt("not json"): 0, "root-CN=a.b.c-unknown-0123": 0, "": 0,
	} {
		if got := jwtExpiry(text); want == 0 && !got.IsZero() || want != 0 && got.Unix() != want {
			t.Errorf("%s: %v, want %d", text, got, want)
		}
	}
}

func TestHeaderExpiry(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for _, test := range []struct {
		expires, date string
		want          time.Time
	}{
		{"Mon, 23 Nov 2026 08:15:31 UTC", "", time.Date(2026, 11, 23, 8, 15, 31, 0, time.UTC)},
		{"Mon, 23 Nov 2026 08:15:31 UTC", "Mon, 23 Nov 2026 07:15:31 GMT", now.Add(time.Hour)},
		{"1700003600", "", now.Add(time.Hour)},
		{"", "Mon, 23 Nov 2026 07:15:31 GMT", time.Time{}},
		{"None", "", time.Time{}},
	} {
		header := http.Header{"X-Rucio-Auth-Token-Expires": {test.expires}, "Date": {test.date}}
		if got := headerExpiry(header, now); !got.Equal(test.want) {
			t.Errorf("%q, %q: got %v, want %v", test.expires, test.date, got, test.want)
		}
	}
}
