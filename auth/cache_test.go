//go:build unix

package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// rucioCfg writes a rucio.cfg for Python's client, whose token cache is where it is by default.
func rucioCfg(t *testing.T, bed *testbed.Env, password string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rucio.cfg")
	text := fmt.Sprintf("[client]\nrucio_host = %[1]s\nauth_host = %[1]s\nauth_type = userpass\nusername = %[2]s\npassword = %[3]s\naccount = %[4]s\n",
		bed.HTTPURL, bed.Username, password, bed.Account)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const whoami = "from rucio.client import Client; print(Client().whoami()['account'])"

// The cache file is the one of Python's client, for any account, VO and environment.
func TestCachePathAsPython(t *testing.T) {
	bed := testbed.Require(t)
	login := strings.TrimSpace(python(t, bed, nil, "import pwd, os; print(pwd.getpwuid(os.getuid())[0])"))
	dir := t.TempDir()
	config := rucioCfg(t, bed, "x")
	for _, env := range []map[string]string{
		{},
		{"TMPDIR": dir, "TEMP": "/none", "TMP": "/none"},
		{"TEMP": dir, "USER": "jane"},
		{"TMP": dir, "LOGNAME": "john", "USER": "jane"},
		{"TMPDIR": dir, "LNAME": "lname", "USERNAME": "username"},
		{"TMPDIR": "", "USER": "", "USERNAME": "username"},
	} {
		env["RUCIO_CONFIG"] = config
		out := python(t, bed, env, `
import json
from rucio.client.baseclient import BaseClient
paths = []
for account in (None, "root"):
    for vo in ("def", "abc"):
        client = BaseClient.__new__(BaseClient)
        client.account, client.vo = account, vo
        paths.append(client._get_auth_tokens()[2])
print(json.dumps(paths))`)
		var want, got []string
		if err := json.Unmarshal([]byte(out), &want); err != nil {
			t.Fatal(err)
		}
		for _, account := range []string{"", "root"} {
			for _, vo := range []string{"def", "abc"} {
				opts := Options{Account: account, VO: vo}
				opts.TempDir, opts.OSUser = PythonPlace(env, login)
				got = append(got, cachePath(opts))
			}
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%v: got %q, Python uses %q", env, got, want)
		}
	}
	if got := cachePath(Options{CachePath: "/x/y", TempDir: "/tmp", OSUser: "me"}); got != "/x/y" {
		t.Errorf("CachePath is not used, but %s", got)
	}
	if got := cachePath(Options{TempDir: "/tmp", OSUser: "me", Account: "x/../../../etc/passwd"}); got != "" {
		t.Errorf("an account leads to %s", got)
	}
	if got := cachePath(Options{TempDir: "/tmp"}); got != "" {
		t.Errorf("without a user there is a cache: %s", got)
	}
}

// A token that Python's client obtained is used without a login, and one of ours by Python's client.
func TestCacheSharedWithPython(t *testing.T) {
	opts, bed := onTestbed(t)
	env := map[string]string{"TMPDIR": t.TempDir(), "USER": "jane", "RUCIO_CONFIG": rucioCfg(t, bed, bed.Password)}
	opts.TempDir, opts.OSUser = PythonPlace(env, "")
	path := cachePath(opts)

	if got := python(t, bed, env, whoami); got != bed.Account {
		t.Fatalf("python is %s", got)
	}
	theirs, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	usual := opts.Hosts
	opts.Hosts = []string{closedPort(t)} // no login is possible
	s := source(t, opts)
	if got := token(t, s); got.Reveal() != string(theirs) {
		t.Error("the token of the cache is not Python's")
	}
	if got := account(t, bed.HTTPURL, nil, s); got != bed.Account {
		t.Errorf("Python's token is for %s", got)
	}

	if err := os.RemoveAll(filepath.Join(opts.TempDir, opts.OSUser)); err != nil {
		t.Fatal(err)
	}
	opts.Hosts = usual
	ours := token(t, source(t, opts))
	wantFile(t, path, ours.Reveal(), 0o600)
	if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", info.Mode(), err)
	}
	env["RUCIO_CONFIG"] = rucioCfg(t, bed, "wrong") // Python cannot log in
	if got := python(t, bed, env, whoami); got != bed.Account {
		t.Errorf("python is %s with our token", got)
	}
	wantFile(t, path, ours.Reveal(), 0o600)
}

// wantFile checks a file and that its folder holds nothing else.
func wantFile(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != text {
		t.Errorf("the file holds another token, or something else (%d bytes): %v", len(got), err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
		t.Errorf("the file has mode %v, want %v: %v", info.Mode(), mode, err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}

// A token in the cache that the server does not know any more costs one login, and no call.
func TestStaleCache(t *testing.T) {
	opts, bed := onTestbed(t)
	opts.CachePath = filepath.Join(t.TempDir(), "token")
	stale := "root-ddmlab-unknown-0123456789abcdef0123456789abcdef"
	if err := os.WriteFile(opts.CachePath, []byte(stale), 0o600); err != nil {
		t.Fatal(err)
	}
	s := source(t, opts)
	if got := token(t, s); got.Reveal() == stale {
		t.Error("the stale token is used")
	}
	if got := account(t, bed.HTTPURL, nil, s); got != bed.Account {
		t.Errorf("the token is for %s", got)
	}
	wantFile(t, opts.CachePath, token(t, s).Reveal(), 0o600)
}

func TestBelongs(t *testing.T) {
	const rucioToken = "john-doe-x-app-0123456789abcdef"
	for _, test := range []struct {
		token, account, identity string
		want                     bool
	}{
		{rucioToken, "john", "doe-x", true},
		{rucioToken, "john-doe", "x", true}, // a token does not say where the account ends
		{rucioToken, "john", "", true},
		{rucioToken, "", "doe-x", true},
		{rucioToken, "", "", true},
		{rucioToken, "joh", "", false},
		{rucioToken, "john", "doe-y", false},
		{rucioToken, "jane", "doe-x", false},
		{rucioToken, "", "smith", false},
		{jwt(`{"sub":"jane"}`), "john", "doe-x", true},
	} {
		if got := belongs(test.token, test.account, test.identity); got != test.want {
			t.Errorf("belongs(%q, %q, %q) is %t", test.token, test.account, test.identity, got)
		}
	}
}

// A cache that others could have written, or that is no token, is not used; the log says why.
func TestUnusableCaches(t *testing.T) {
	const good = "root-me-app-0123456789abcdef"
	write := func(text string, mode os.FileMode) func(*testing.T, string) {
		return func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, test := range map[string]struct {
		prepare func(t *testing.T, path string)
		used    bool
		log     string // what is logged about it, empty: nothing of level warning
	}{
		"private":             {write(good, 0o600), true, ""},
		"with a line end":     {write(good+"\r\n", 0o600), true, ""},
		"readable by others":  {write(good, 0o644), true, "other users can read the token cache; chmod 600 makes it private"},
		"writable by a group": {write(good, 0o660), false, "other users can write it (mode 0660); chmod 600 makes it private"},
		"writable by all":     {write(good, 0o606), false, "other users can write it (mode 0606); chmod 600 makes it private"},
		"empty":               {write("", 0o600), false, "there is no token in it"},
		"not text":            {write("root-me-\x00\x01", 0o600), false, "there is no token in it"},
		"another account's":   {write("jane-me-app-0123456789abcdef", 0o600), false, ""},
		"another identity's":  {write("root-you-app-0123456789abcdef", 0o600), false, ""},
		"an expired JWT":      {write(jwt(`{"exp":1000}`), 0o600), false, ""},
		"a JWT":               {write(jwt(`{"exp":4000000000}`), 0o600), true, ""},
		"absent":              {func(*testing.T, string) {}, false, ""},
		"a link": {func(t *testing.T, path string) {
			write(good, 0o600)(t, path+".target")
			if err := os.Symlink(path+".target", path); err != nil {
				t.Fatal(err)
			}
		}, true, ""},
		"a pipe": {func(t *testing.T, path string) {
			if err := syscall.Mkfifo(path, 0o600); err != nil {
				t.Fatal(err)
			}
		}, false, "it is not a regular file"},
		"in a folder of all": {func(t *testing.T, path string) {
			write(good, 0o600)(t, path)
			if err := os.Chmod(filepath.Dir(path), 0o777); err != nil { //nolint:gosec // that is the point
				t.Fatal(err)
			}
		}, false, "every user can write its folder"},
		"in a folder like /tmp": {func(t *testing.T, path string) {
			write(good, 0o600)(t, path)
			if err := os.Chmod(filepath.Dir(path), 0o777|os.ModeSticky); err != nil { //nolint:gosec // that is the point
				t.Fatal(err)
			}
		}, true, ""},
		"of another user": {func(t *testing.T, path string) {
			write(good, 0o600)(t, path)
			chown(t, path)
		}, false, "it belongs to another user"},
		"in a folder of another user": {func(t *testing.T, path string) {
			write(good, 0o600)(t, path)
			chown(t, filepath.Dir(path))
		}, false, "belongs to another user"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "token")
			test.prepare(t, path)
			var log logBuffer
			opts := on(closedPort(t))
			opts.Account, opts.CachePath, opts.Log, opts.Unchecked = "root", path, log.logger(), true
			got, err := source(t, opts).Token(t.Context())
			if used := err == nil; used != test.used {
				t.Errorf("used: %t, want %t (%q, %v)", used, test.used, got.Reveal(), err)
			}
			text := log.String()
			if test.log == "" && strings.Contains(text, "WARN") || !strings.Contains(text, test.log) || strings.Contains(text, good) {
				t.Errorf("want %q in the log:\n%s", test.log, text)
			}
		})
	}
}

// chown gives a file to another user, which only root can do.
func chown(t *testing.T, path string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	if err := os.Chown(path, 12345, 12345); err != nil {
		t.Fatal(err)
	}
}

// Without a place for the cache there is a login, and a warning.
func TestCacheThatCannotBeWritten(t *testing.T) {
	opts, _ := onTestbed(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var log logBuffer
	opts.CachePath, opts.Log = filepath.Join(file, "token"), log.logger()
	token(t, source(t, opts))
	if !strings.Contains(log.String(), "cannot keep the token: the next run must log in again") {
		t.Errorf("logged %s", log.String())
	}
	folder := t.TempDir()
	opts.CachePath = filepath.Join(folder, "token")
	if err := os.Mkdir(opts.CachePath, 0o700); err != nil { // a rename onto it fails
		t.Fatal(err)
	}
	token(t, source(t, opts))
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
		t.Errorf("a failed write leaves %v, %v", entries, err)
	}
}

// A ready token is nobody's to keep.
func TestReadyTokenIsNotCached(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	token(t, source(t, Options{Type: "token", Hosts: []string{"http://localhost"}, Token: "root-me-x-1", CachePath: path}))
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("there is a cache: %v", err)
	}
}

// These make the test binary another process: one that logs in, uses its token and ends, for TestManyProcesses, and one that
// works for a time, for startWorker.
const (
	asProcess    = "AUTH_TEST_LOGIN"
	asOIDCWorker = "OIDC_TEST_WORKER"
)

func TestMain(m *testing.M) {
	var err error
	if task := os.Getenv(asOIDCWorker); task != "" {
		err = oidcWorker(task)
	} else if os.Getenv(asProcess) != "" {
		err = loginOnce()
	} else {
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Many processes, ours and Python's, begin at once with a stale token in the cache that they share. All get in, and
// nobody ever sees half a token.
func TestManyProcesses(t *testing.T) {
	opts, bed := onTestbed(t)
	env := map[string]string{
		"TMPDIR": t.TempDir(), "USER": "jane", "RUCIO_CONFIG": rucioCfg(t, bed, bed.Password), asProcess: "1",
		"HOST": bed.HTTPURL, "ACCOUNT": bed.Account, "USERNAME_": bed.Username, "PASSWORD": bed.Password,
	}
	opts.TempDir, opts.OSUser = PythonPlace(env, "")
	c := cache{path: cachePath(opts), log: on("").Log}
	stale := "root-ddmlab-unknown-0123456789abcdef0123456789abcdef"
	if err := c.store(stale); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var processes sync.WaitGroup
	run := func(cmd *exec.Cmd) {
		processes.Go(func() {
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", cmd.Path, err, out)
			}
		})
	}
	for i := range 10 {
		if i%4 == 3 {
			run(pythonCommand(t, bed, env, whoami))
			continue
		}
		cmd := exec.CommandContext(t.Context(), self)
		for name, value := range env {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
		run(cmd)
	}
	done := make(chan struct{})
	go func() { processes.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		text, err := c.load()
		if err != nil || !belongs(text, bed.Account, bed.Username) || len(text) != len(stale) {
			t.Fatalf("read %q, %v", text, err)
		}
	}
	last, err := c.load()
	if err != nil || last == stale {
		t.Fatalf("the stale token is still there: %v", err)
	}
	wantFile(t, c.path, last, 0o600)
}

// loginOnce is the other process of TestManyProcesses.
func loginOnce() error {
	opts := Options{
		Type: "userpass", Hosts: []string{os.Getenv("HOST")}, Account: os.Getenv("ACCOUNT"),
		Username: os.Getenv("USERNAME_"), Password: rucio.Secret(os.Getenv("PASSWORD")),
	}
	opts.TempDir, opts.OSUser = PythonPlace(map[string]string{"TMPDIR": os.Getenv("TMPDIR"), "USER": os.Getenv("USER")}, "")
	s, err := New(opts)
	if err != nil {
		return err
	}
	client, err := rucio.New(rucio.Options{Hosts: opts.Hosts, Credentials: s})
	if err != nil {
		return err
	}
	me, err := client.Whoami(context.Background())
	if err == nil && me.Account != opts.Account {
		err = fmt.Errorf("logged in as %s", me.Account)
	}
	return err
}
