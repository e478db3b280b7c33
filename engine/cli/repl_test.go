package cli

import (
	"bytes"
	"context"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/rucio-task-manager/rucio-task-manager/engine/bind"
	"github.com/rucio-task-manager/rucio-task-manager/engine/redact"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// terminal is a program at a terminal.
type terminal struct {
	t    *testing.T
	tty  *os.File
	cmd  *exec.Cmd
	more chan struct{} // something was written

	mu     sync.Mutex
	screen bytes.Buffer // what has not been waited for
}

// startTerminal runs the program (see TestMain) at a terminal, with a home of its own.
func startTerminal(t *testing.T, home string, args ...string) *terminal {
	t.Helper()
	bed := testbed.Require(t)
	cmd := exec.Command("rucio-task-manager", args...)
	cmd.Env = append(os.Environ(), "RUCIO_CONFIG="+bed.Config, "HOME="+home, "TERM=xterm", "XDG_STATE_HOME=")
	tty, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 50, Cols: 200})
	if err != nil {
		t.Fatal(err)
	}
	x := &terminal{t: t, tty: tty, cmd: cmd, more: make(chan struct{}, 1)}
	go func() {
		io.Copy(x, tty) // ends with an error when the program does
		close(x.more)
	}()
	t.Cleanup(func() { tty.Close(); cmd.Process.Kill() })
	return x
}

// Write takes what the program shows.
func (x *terminal) Write(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	select {
	case x.more <- struct{}{}:
	default:
	}
	return x.screen.Write(p)
}

// expect waits until the screen shows a pattern.
func (x *terminal) expect(pattern string) {
	x.t.Helper()
	find := regexp.MustCompile(pattern)
	late := time.After(time.Minute)
	for {
		x.mu.Lock()
		if at := find.FindIndex(x.screen.Bytes()); at != nil {
			x.screen.Next(at[1])
			x.mu.Unlock()
			return
		}
		text := x.screen.String()
		x.mu.Unlock()
		select {
		case _, running := <-x.more:
			if !running {
				x.t.Fatalf("the program ended; %q is not in %q", pattern, text)
			}
		case <-late:
			x.t.Fatalf("after a minute, %q is not in %q", pattern, text)
		}
	}
}

func (x *terminal) press(keys string) {
	x.t.Helper()
	if _, err := io.WriteString(x.tty, keys); err != nil {
		x.t.Fatal(err)
	}
}

const (
	ctrlC = "\x03"
	ctrlD = "\x04"
	up    = "\x1b[A"
)

func TestReplAtATerminal(t *testing.T) {
	home := t.TempDir()
	x := startTerminal(t, home, "repl")
	x.expect(`rucio-task-manager \S+: Lua with Rucio; :help tells more, Ctrl-D ends\r\n(?s:.*)account root\r\n`) // a login may tell of itself in between
	x.expect(`> $`)

	x.press("rucio.add_replication_ru\t{di\t")
	x.expect(`rucio\.add_replication_rule\{dids = `)
	x.press(ctrlC) // gives up the line
	x.expect(`> $`)

	x.press("for i = 1, 2 do\r")
	x.expect(`\.\.\. $`)
	x.press("print('number', i) end\r")
	x.expect("number\t1\r\nnumber\t2\r\n")
	x.expect(`> $`)

	x.press("kept = 6 * 7; print('running') while true do end\r")
	x.expect("\nrunning\r\n")
	x.press(ctrlC)
	x.expect("error: .*interrupted\r\n")
	x.expect(`> $`)
	x.press("print('sleeping') time.sleep(3600)\r")
	x.expect("\nsleeping\r\n")
	x.press(ctrlC)
	x.expect("error: .*interrupted\r\n")
	x.expect(`> $`)
	x.press("ke\t\r") // the session has kept its variables
	x.expect(`kept`)
	x.expect(`\n42\r\n`)
	x.expect(`> $`)

	x.press(ctrlD)
	if err := x.cmd.Wait(); err != nil {
		t.Errorf("after Ctrl-D: %v", err)
	}

	path := filepath.Join(home, ".local", "state", "rucio-task-manager", "history")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the history has mode %v", info.Mode())
	}
	y := startTerminal(t, home, "repl")
	y.expect(`> $`)
	y.press(up + up + "\r") // what was typed in the session before
	y.expect(`\nsleeping\r\n`)
	if err := y.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	y.expect("interrupted\r\n")
}

func TestReplCompletion(t *testing.T) {
	s, _, _ := newTestState(t)
	for _, c := range []struct{ line, want string }{
		{"ruc", "rucio"},
		{"x = ruc", "x = rucio"},
		{"rucio.add_replication_r", "rucio.add_replication_rule"},
		{"other.whoa", "other.whoami"},
		{"file.chec", "file.checksum"},
		{"string.up", "string.upper"},
		{"own.na", "own.name"},
		{"own.deep.ma", "own.deep.math"},
		{"rucio.get_did{ sc", "rucio.get_did{ scope = "},
		{"rucio.get_did({ scope = 'x', na", "rucio.get_did({ scope = 'x', name = "},
		{"rucio.add_dids{ dids = {{ scope = 'a' }}, issu", ""},
		{"rucio.get_did{ scope = ow", "rucio.get_did{ scope = own"},
		{":he", ":help "},
		{":help whoa", ":help whoami"},
		{":help file.chec", ":help file.checksum"},
		{"nothing.x", ""},
	} {
		head, found, tail := testRepl(t, s).complete(c.line, len([]rune(c.line)))
		var got []string
		for _, word := range found {
			got = append(got, head+word+tail)
		}
		switch {
		case c.want == "" && len(got) > 0:
			t.Errorf("%q: got %q", c.line, got)
		case c.want != "" && !slices.Contains(got, c.want):
			t.Errorf("%q: got %q, want %q", c.line, got, c.want)
		}
	}
}

func TestReplHistory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "history")
	h := &history{files: osFiles{}, path: path}
	for _, line := range []string{"one", "one", "two"} {
		h.add(line)
	}
	if got := strings.Join(h.lines(), ","); got != "one,two" {
		t.Errorf("got %s", got)
	}
	for range 2 {
		for range 600 {
			h.add("x")
			h.last = ""
		}
	}
	if got := len(h.lines()); got != 1000 {
		t.Errorf("%d lines are kept", got)
	}
	if leftover, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".new-*")); len(leftover) > 0 {
		t.Errorf("left over: %v", leftover)
	}
	blocked := &history{files: osFiles{}, path: filepath.Join(path, "below", "a-file")}
	blocked.add("line")
	if blocked.path != "" {
		t.Error("a history that cannot be written is tried again")
	}
}

// testRepl is a session without a program around it, with a variable of its own.
func testRepl(t *testing.T, s *State) *repl {
	t.Helper()
	p := &program{State: s, redactor: &redact.Redactor{}}
	openers := bind.Modules(&bind.Host{NewClient: func(context.Context, map[string]any) (*rucio.Client, error) {
		return rucio.New(rucio.Options{Hosts: []string{"http://localhost"}})
	}})
	v := vm.New(vm.Options{Modules: openers, Prepare: bind.Prepare, Fill: bind.Fill})
	t.Cleanup(v.Close)
	r := &repl{p: p, vm: v, modules: slices.Collect(maps.Keys(openers)), env: v.State().NewTable()}
	meta := v.State().NewTable()
	meta.RawSetString("__index", v.State().G.Global)
	r.env.Metatable = meta
	fn, err := r.compile(`own = { name = 1, deep = { math = 2 } } other = rucio.client{ account = "root" }`)
	if err == nil {
		err = r.run(t.Context(), fn)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}
