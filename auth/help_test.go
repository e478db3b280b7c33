package auth

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/engine/suggest"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// logBuffer collects what a Source logs.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// logger returns a logger of everything into the buffer.
func (b *logBuffer) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// onTestbed returns options that log in to the testbed over plain http, without a cache.
func onTestbed(t *testing.T) (Options, *testbed.Env) {
	t.Helper()
	bed := testbed.Require(t)
	return Options{
		Type: "userpass", Hosts: []string{bed.HTTPURL}, Account: bed.Account, Username: bed.Username, Password: rucio.Secret(bed.Password),
		Retries: -1, Suggest: suggest.Hint,
	}, bed
}

// source is New, which must succeed.
func source(t *testing.T, opts Options) *Source {
	t.Helper()
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// token is Token, which must succeed.
func token(t *testing.T, s *Source) rucio.Secret {
	t.Helper()
	got, err := s.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// account asks the server whose token a Source gives.
func account(t *testing.T, host string, transport http.RoundTripper, credentials rucio.Credentials) string {
	t.Helper()
	client, err := rucio.New(rucio.Options{Hosts: []string{host}, Credentials: credentials, HTTP: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	me, err := client.Whoami(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return me.Account
}

// wantError checks the kind, the text and the advice of a failure, and that it shows no password.
func wantError(t *testing.T, err error, kind Kind, text, advice string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || !errors.Is(err, kind) {
		t.Fatalf("got %#v, want an error of kind %q", err, kind)
	}
	if err.Error() != text {
		t.Errorf("got  %s\nwant %s", err, text)
	}
	if e.Hint() != advice {
		t.Errorf("hint %s\nwant %s", e.Hint(), advice)
	}
	if shown := fmt.Sprintf("%v %+v %#v", err, err, e.Err); strings.Contains(shown, "hunter2") {
		t.Errorf("shows the password: %s", shown)
	}
}

// fake is a server for the faults that a real one does not have.
func fake(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

// give answers a login with a token.
func give(w http.ResponseWriter, token string) { w.Header().Set("X-Rucio-Auth-Token", token) }

// closedPort returns a URL at which nothing listens.
func closedPort(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(nil)
	server.Close()
	return server.URL
}

// python runs a script with the testbed's Python, which has the real client, with env as its whole environment.
func python(t *testing.T, bed *testbed.Env, env map[string]string, script string, args ...string) string {
	t.Helper()
	out, err := pythonCommand(t, bed, env, script, args...).Output()
	if err != nil {
		var exit *exec.ExitError
		errors.As(err, &exit)
		t.Fatalf("python: %v\n%s", err, exit.Stderr)
	}
	return strings.TrimSpace(string(out))
}

func pythonCommand(t *testing.T, bed *testbed.Env, env map[string]string, script string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), bed.Python, append([]string{"-c", script}, args...)...)
	cmd.Env = []string{"RUCIO_CLIENT_MODE=1", "PATH=" + os.Getenv("PATH")}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}
