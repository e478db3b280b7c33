package auth

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// Tokens that are there before a login are shown to the server, once: it tells whose they are and when they end.
func TestHeldTokens(t *testing.T) {
	opts, bed := onTestbed(t)
	opts.CachePath = filepath.Join(t.TempDir(), "token")
	first := token(t, source(t, opts))

	again := source(t, opts)
	if got := token(t, again); got != first {
		t.Error("the cached token is not used")
	}
	if left := time.Until(again.Expires()); left < 58*time.Minute || left > 61*time.Minute {
		t.Errorf("the cached token ends in %v, want in an hour", left)
	}

	jane := opts
	jane.Account, jane.Username, jane.CachePath = "jdoe", "jdoe", ""
	janes := token(t, source(t, jane))
	_, err := source(t, Options{Hosts: opts.Hosts, Account: bed.Account, Token: janes + "\n"}).Token(t.Context())
	wantError(t, err, UnknownAccount, "the token that was given is for account jdoe, not root",
		"set RUCIO_CFG_CLIENT_ACCOUNT, or account in the [client] section of rucio.cfg, to jdoe; or get a token for root")
	other := opts
	other.CachePath, other.Token = "", janes
	if got := account(t, bed.HTTPURL, nil, source(t, other)); got != bed.Account {
		t.Errorf("with a password the token of another account is used, for %s", got)
	}

	_, err = source(t, Options{Hosts: opts.Hosts, Token: "root-ddmlab-unknown-0123456789abcdef0123456789abcdef"}).Token(t.Context())
	wantError(t, err, TokenRefused, "the server refuses the token that was given, or it has expired",
		"set RUCIO_CFG_CLIENT_AUTH_TOKEN to a new one, or log in another way (RUCIO_CFG_CLIENT_AUTH_TYPE)")
}

// The question about a token costs one request; when nobody answers it, or it is not wanted, the token is used all the same.
func TestHeldTokenQuestions(t *testing.T) {
	var mu sync.Mutex
	var asked []string
	server := fake(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.URL.Path)
		w.WriteHeader(http.StatusNotFound)
	})
	for _, test := range []struct {
		host      string
		unchecked bool
		want      []string
	}{
		{server.URL, false, []string{"/auth/validate"}},
		{server.URL, true, nil},
		{closedPort(t), false, nil},
	} {
		asked = nil
		s := source(t, Options{Hosts: []string{test.host}, Account: "root", Token: "jdoe-x-y-z", Unchecked: test.unchecked, Retries: 5})
		for range 3 {
			if got := token(t, s); got != "jdoe-x-y-z" {
				t.Errorf("%+v: another token", test)
			}
		}
		if !slices.Equal(asked, test.want) {
			t.Errorf("%+v: asked %v", test, asked)
		}
	}
}

// Without the check an expired token is found out when a call is refused; the reason is the same.
func TestOIDCUnchecked(t *testing.T) {
	opts, idp := onOIDC(t)
	name := testbed.Unique("oidc")
	robot := "robot-" + name
	idp.Account(t, name, robot, robot+"-expired")
	opts.Account, opts.Unchecked = name, true
	fine := opts
	fine.robot(idp, robot)
	if got := account(t, idp.HTTPURL, nil, source(t, fine)); got != name {
		t.Errorf("the token is for %s", got)
	}
	small := opts
	small.OIDC.AccessToken = rucio.Secret(idp.Token(t, robot, "openid", "rucio"))
	s := source(t, small)
	stale := token(t, s)
	_, err := s.Renew(t.Context(), stale)
	var e *Error
	if !errors.As(err, &e) || e.Problem != `the token has the scope "openid", which is less than the server asks for` {
		t.Errorf("got %v", err)
	}
}

// A password is asked for when a login needs it, and only then.
func TestPasswordIsAskedLate(t *testing.T) {
	opts, bed := onTestbed(t)
	opts.CachePath = filepath.Join(t.TempDir(), "token")
	asked := 0
	opts.Password, opts.AskPassword = "", func() (rucio.Secret, error) { asked++; return rucio.Secret(bed.Password), nil }
	first := token(t, source(t, opts))
	if got := token(t, source(t, opts)); got != first || asked != 1 {
		t.Errorf("asked %d times, want once", asked)
	}
	s := source(t, opts)
	anew, err := s.Login(t.Context())
	if err != nil || anew == first || asked != 2 {
		t.Errorf("a login that is wanted took the kept token: %v, asked %d times", err, asked)
	}
	if got := token(t, s); got != anew {
		t.Error("the new token is not used")
	}

	opts.AskPassword = nil // nobody is there, but the token is
	if got := token(t, source(t, opts)); got != anew {
		t.Error("the kept token is not used")
	}
	if err := os.WriteFile(opts.CachePath, []byte("root-ddmlab-unknown-0123456789abcdef0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = source(t, opts).Token(t.Context())
	wantError(t, err, Config, "auth_type is userpass, but password is not set",
		"set RUCIO_CFG_CLIENT_PASSWORD, or RUCIO_CFG_CLIENT_PASSWORD_FILE to a file that holds the password")
	opts.AskPassword = func() (rucio.Secret, error) { return "", errors.New("no tty") }
	_, err = source(t, opts).Token(t.Context())
	wantError(t, err, WrongCredentials, "read the password: no tty",
		"set RUCIO_CFG_CLIENT_PASSWORD, or RUCIO_CFG_CLIENT_PASSWORD_FILE to a file that holds the password")
}
