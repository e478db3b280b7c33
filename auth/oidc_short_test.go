package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// tokenLife is how long the tokens of these tests live, and runLife how long the runs are. OIDC_TEST_LONG=1 makes both longer.
func tokenLife() (word string, run time.Duration) {
	if os.Getenv("OIDC_TEST_LONG") != "" {
		return "60s", 5 * time.Minute
	}
	return "10s", 30 * time.Second
}

// worked is what came of a run.
type worked struct {
	Calls, Tokens int
	Bad           []string // calls that failed, also those that were repeated
}

// work makes calls from several goroutines at once, all with one login, for as long as told.
func work(ctx context.Context, s *Source, host string, long time.Duration) worked {
	var mu sync.Mutex
	var did worked
	tokens := map[rucio.Secret]bool{}
	bad := func(text string) {
		mu.Lock()
		defer mu.Unlock()
		did.Bad = append(did.Bad, time.Now().Format("15:04:05.000 ")+text)
	}
	client, err := rucio.New(rucio.Options{Hosts: []string{host}, Credentials: s, Trace: func(r rucio.RequestTrace) {
		if r.Err != nil || r.Status >= 400 {
			bad(fmt.Sprintf("%s: HTTP %d, %v", r.URL, r.Status, r.Err))
		}
	}})
	if err != nil {
		return worked{Bad: []string{err.Error()}}
	}
	var all sync.WaitGroup
	end := time.Now().Add(long)
	for range 3 {
		all.Go(func() {
			for time.Now().Before(end) && ctx.Err() == nil {
				token, err := s.Token(ctx)
				if err == nil {
					_, err = client.Whoami(ctx)
				}
				if err != nil {
					bad(err.Error())
				}
				mu.Lock()
				did.Calls++
				tokens[token] = true
				mu.Unlock()
				_ = wait(ctx, 50*time.Millisecond) // leave the server to others, too
			}
		})
	}
	all.Wait()
	did.Tokens = len(tokens)
	return did
}

func (w worked) check(t *testing.T) {
	t.Helper()
	t.Logf("%d calls with %d tokens", w.Calls, w.Tokens)
	if len(w.Bad) > 0 || w.Calls == 0 {
		t.Errorf("of %d calls %d failed: %q", w.Calls, len(w.Bad), w.Bad[:min(10, len(w.Bad))])
	}
	if w.Tokens < 3 {
		t.Errorf("used %d tokens, want at least 3", w.Tokens)
	}
}

// Runs that last longer than a token lose no call: with client credentials, with a token file that another program renews,
// and in two processes that share a refresh token which changes with each use. All go on at once.
func TestOIDCShortTokens(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute")
	}
	t.Parallel()
	opts, idp := onOIDC(t)
	life, long := tokenLife()
	name := testbed.Unique("oidc")
	robot, user := "robot-"+life+"-"+name, "user-"+name
	idp.Account(t, name, robot, user)
	opts.Account = name

	alone := opts
	alone.TempDir = t.TempDir()
	alone.robot(idp, robot)

	renewer, reader := alone, opts
	renewer.TempDir, renewer.CachePath = "", filepath.Join(t.TempDir(), "access_token")
	renewing := source(t, renewer)
	token(t, renewing) // writes the file
	reader.TempDir, reader.OIDC.TokenFiles = t.TempDir(), []string{renewer.CachePath}

	shared := opts
	shared.TempDir = t.TempDir()
	shared.agent(t, idp, "agent-rotating-"+life, user)

	other := startWorker(t, shared, idp.CA, long)
	results := make([]worked, 4)
	var all sync.WaitGroup
	for i, s := range []*Source{source(t, alone), source(t, reader), source(t, shared), renewing} {
		all.Go(func() { results[i] = work(t.Context(), s, idp.HTTPURL, long) })
	}
	all.Wait()
	for i, what := range []string{"client credentials", "token file", "rotating refresh token", "the program that renews the token file"} {
		t.Run(what, func(t *testing.T) { results[i].check(t) })
	}
	if rotated, err := filepath.Glob(filepath.Join(filepath.Dir(cachePath(shared)), "oidc_agent_*")); err != nil || len(rotated) != 1 {
		t.Errorf("the refresh token was not replaced: %v, %v", rotated, err)
	}
	t.Run("rotating refresh token, the other process", func(t *testing.T) { other().check(t) })
	t.Run("rotating refresh token, a later run", func(t *testing.T) { token(t, source(t, shared)) })
}

// workerTask is what another process is told to do.
type workerTask struct {
	Host, Account, TempDir, CA, Config, Password string
	Long                                         time.Duration
}

// startWorker starts another process that works with the oidc-agent configuration of opts, and returns what waits for it.
func startWorker(t *testing.T, opts Options, ca string, long time.Duration) func() worked {
	t.Helper()
	task, err := json.Marshal(workerTask{opts.Hosts[0], opts.Account, opts.TempDir, ca, opts.OIDC.AgentConfig.Reveal(), opts.OIDC.AgentPassword.Reveal(), long})
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), asOIDCWorker+"="+string(task))
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() (did worked) {
		t.Helper()
		err := cmd.Wait()
		line, _, _ := bytes.Cut(out.Bytes(), []byte("\n"))
		if err != nil || json.Unmarshal(line, &did) != nil {
			t.Fatalf("the other process: %v\n%s", err, out.Bytes())
		}
		return did
	}
}

// oidcWorker is the other process: it prints how it did the task, JSON.
func oidcWorker(text string) error {
	var task workerTask
	if err := json.Unmarshal([]byte(text), &task); err != nil {
		return err
	}
	transport, err := NewTransport(TLSOptions{CACert: task.CA})
	if err != nil {
		return err
	}
	s, err := New(Options{Type: "oidc", Hosts: []string{task.Host}, Account: task.Account, TempDir: task.TempDir, OSUser: "tester", HTTP: &http.Client{Transport: transport},
		OIDC: OIDCOptions{Scope: "openid profile", Audience: "rucio", AgentConfig: rucio.Secret(task.Config), AgentPassword: rucio.Secret(task.Password)}})
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(work(context.Background(), s, task.Host, task.Long))
}
