package cli

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
)

// atTerminal is a State with somebody at the keyboard, and the testbed's Rucio without a password.
func atTerminal(t *testing.T, args ...string) (s *State, stdout, stderr *strings.Builder) {
	t.Helper()
	bed := testbed.Require(t)
	s, stdout, stderr = newTestState(t, args...)
	s.StdinTTY, s.StdoutTTY, s.StderrTTY = true, true, true
	s.Notify = func() (<-chan os.Signal, func()) { return nil, func() {} }
	s.Env = map[string]string{
		"RUCIO_CFG_CLIENT_RUCIO_HOST": bed.HTTPURL, "RUCIO_CFG_CLIENT_AUTH_TYPE": "userpass",
		"RUCIO_CFG_CLIENT_USERNAME": bed.Username, "RUCIO_CFG_CLIENT_ACCOUNT": bed.Account,
	}
	s.ReadPassword = func() (string, error) { return bed.Password, nil }
	return s, stdout, stderr
}

func TestPasswordPrompt(t *testing.T) {
	s, stdout, stderr := atTerminal(t, "call", "whoami")
	if code := Run(t.Context(), s); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	if !strings.HasPrefix(stderr.String(), "password of "+s.Env["RUCIO_CFG_CLIENT_USERNAME"]+" at http://") {
		t.Errorf("asked %q", stderr)
	}
	if !strings.Contains(stdout.String(), "  \"account\": \"root\"") {
		t.Errorf("a terminal gets indented JSON, not %s", stdout)
	}
}

func TestPasswordPromptIsRefused(t *testing.T) {
	s, _, stderr := atTerminal(t, "call", "whoami")
	s.ReadPassword = func() (string, error) { return "", errors.New("no tty") }
	if code := Run(t.Context(), s); code != int(fail.Auth) || !strings.Contains(stderr.String(), "read the password: no tty") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

func TestColors(t *testing.T) {
	for _, c := range []struct {
		name, variable string
		tty            bool
		flags          []string
		want           bool
	}{
		{"a terminal", "", true, nil, true},
		{"a pipe", "", false, nil, false},
		{"NO_COLOR", "1", true, nil, false},
		{"--no-color", "", true, []string{"--no-color"}, false},
	} {
		s, stdout, stderr := newTestState(t, append([]string{"run", "-", "-q"}, c.flags...)...)
		s.Stdin = strings.NewReader("hello: {description: , module_name: tasks.stubs, class_name: StubHelloWorld, enabled: true, args: , kwargs: {text: x}}")
		s.Notify = func() (<-chan os.Signal, func()) { return nil, func() {} }
		s.Env["NO_COLOR"], s.StdoutTTY = c.variable, c.tty
		if code := Run(t.Context(), s); code != 0 {
			t.Errorf("%s: exit code %d: %s", c.name, code, stderr)
		}
		if got := strings.Contains(stdout.String(), "\x1b["); got != c.want {
			t.Errorf("%s: colours %v, want %v:\n%q", c.name, got, c.want, stdout)
		}
	}
}

// The server of an identity provider is played, for a browser would be needed; package auth logs in to a real one.
func TestLoginWithACode(t *testing.T) {
	const token = "header.payload.signature-of-the-token"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/auth/oidc":
			w.Header().Set("X-Rucio-OIDC-Auth-URL", "http://"+r.Host+"/auth/oidc_redirect?begin")
		case r.URL.Path == "/auth/oidc_redirect" && r.URL.RawQuery == "rightcode":
			w.Header().Set("X-Rucio-Auth-Token", token)
		case r.URL.Path == "/auth/validate" && r.Header.Get("X-Rucio-Auth-Token") == token:
			w.Write([]byte("{'account': 'me', 'identity': 'SUB=x, ISS=y', 'lifetime': datetime.datetime(2099, 1, 1, 12, 0)}"))
		default:
			w.Header().Set("ExceptionClass", "CannotAuthenticate")
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer server.Close()
	s, stdout, stderr := newTestState(t, "auth", "login", "--code", "--account", "me")
	s.Env = map[string]string{"RUCIO_CFG_CLIENT_RUCIO_HOST": server.URL, "RUCIO_CFG_CLIENT_AUTH_TYPE": "oidc"}
	s.Stdin = strings.NewReader("wrongcode\nrightcode\n")
	if code := Run(t.Context(), s); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	for _, want := range []string{server.URL + "/auth/oidc_redirect?begin", "the code that it shows then: ", "the server does not know this code"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("told %q, want %q in it", stderr, want)
		}
	}
	if !strings.Contains(stdout.String(), "logged in to account me at "+server.URL+"\nthe token is good until 2099-01-01") || strings.Contains(stdout.String(), token) {
		t.Errorf("printed %s", stdout)
	}
}
