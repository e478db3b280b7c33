package output

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
)

// childEnv makes this test binary a process that emits documents, to be killed, or to run out of disk.
const childEnv = "OUTPUT_TEST_CHILD"

type childOrder struct {
	Target    Target
	Spool     string
	Documents int
	FileSize  uint64 // the largest file that the kernel lets it write; 0: any
	Hold      bool   // do not end
}

func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		os.Exit(child(text))
	}
	os.Exit(m.Run())
}

// child prints each id when Emit has returned, and in the end the tally.
func child(text string) int {
	var o childOrder
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		panic(err)
	}
	if o.FileSize > 0 {
		signal.Ignore(syscall.SIGXFSZ)
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: o.FileSize, Max: o.FileSize}); err != nil {
			panic(err)
		}
	}
	d := New(Options{Spool: o.Spool, Getenv: os.Getenv, Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), timing: &fast})
	e := d.Emitter([]Target{o.Target})
	for n := range o.Documents {
		if err := e.Emit(context.Background(), fmt.Sprintf("n-%d", n), json.RawMessage(fmt.Sprintf(`{"n":%d}`, n))); err != nil {
			panic(err)
		}
		fmt.Printf("n-%d\n", n)
	}
	if o.Hold {
		select {}
	}
	tally, err := e.Close(context.Background())
	fmt.Printf("%+v\n", tally)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return int(fail.CodeOf(err))
}

func startChild(t *testing.T, s database, o childOrder) (cmd *exec.Cmd, lines *bufio.Scanner, stderr *logBuffer) {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	cmd = exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(text), "ELASTICSEARCH_USERNAME="+s.user, "ELASTICSEARCH_PASSWORD="+s.password)
	stderr = &logBuffer{}
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out), stderr
}

// A process that is killed while it emits has lost nothing: what Emit had taken is delivered by the next run, once.
func TestKilled(t *testing.T) {
	s := elasticsearch7(t)
	spool := t.TempDir()
	target := s.target(t)
	cmd, lines, stderr := startChild(t, s, childOrder{Target: target, Spool: spool, Documents: 1 << 20, Hold: true})
	var taken []string
	for len(taken) < 1234 && lines.Scan() {
		taken = append(taken, lines.Text())
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		taken = append(taken, lines.Text())
	}
	_ = cmd.Wait() // killed
	if len(taken) < 1234 {
		t.Fatal(stderr)
	}
	d, _ := newDispatcher(t, spool, s.env)
	r, err := d.Flush(t.Context(), nil, false)
	if err != nil || slices.ContainsFunc(r, func(r Delivery) bool { return r.Err != nil }) {
		t.Fatalf("%+v %v", r, err)
	}
	waiting(t, d, 0)
	s.do(t, "POST", "/"+target.Index+"/_refresh", "")
	var answer struct{ Count int }
	if err := json.Unmarshal(s.do(t, "GET", "/"+target.Index+"/_count", ""), &answer); err != nil {
		t.Fatal(err)
	}
	// The kill may come between the writing of a document and the printing of its id.
	if answer.Count != len(taken) && answer.Count != len(taken)+1 {
		t.Errorf("%d documents stored, %d were taken", answer.Count, len(taken))
	}
	var last struct{ Found bool }
	if err := json.Unmarshal(s.do(t, "GET", "/"+target.Index+"/_doc/"+taken[len(taken)-1], ""), &last); err != nil || !last.Found {
		t.Errorf("%s: %+v %v", taken[len(taken)-1], last, err)
	}
}

// The disk is full, as the kernel tells a write that goes beyond RLIMIT_FSIZE: the spool keeps what it has, whole; the rest
// is sent from memory.
func TestDiskFull(t *testing.T) {
	s := elasticsearch7(t)
	target := s.target(t)
	cmd, lines, stderr := startChild(t, s, childOrder{Target: target, Spool: t.TempDir(), Documents: 100, FileSize: 2000})
	last := lastLine(lines)
	if err := cmd.Wait(); err != nil || last != fmt.Sprintf("%+v", Tally{Sent: 100}) {
		t.Fatal(err, last, stderr)
	}
	if n := strings.Count(stderr.String(), "documents are kept in memory until the task ends: the spool cannot be written: write "); n != 1 {
		t.Errorf("%d warnings: %s", n, stderr)
	}
	expect(t, s, target.Index, 100)
}

// The disk is full and the database is down: the exit code says it, and the log has what is lost.
func TestDiskFullAndDown(t *testing.T) {
	s := elasticsearch7(t)
	n := behind(t, s)
	n.down()
	spool := t.TempDir()
	target := s.target(t)
	target.URI = n.URL + "/elastic"
	cmd, lines, stderr := startChild(t, s, childOrder{Target: target, Spool: spool, Documents: 100, FileSize: 2000})
	var got Tally
	last := lastLine(lines)
	if _, err := fmt.Sscanf(last, "{Sent:%d Spooled:%d Rejected:%d Lost:%d}", &got.Sent, &got.Spooled, &got.Rejected, &got.Lost); err != nil {
		t.Fatal(err, last, stderr)
	}
	_ = cmd.Wait()
	if cmd.ProcessState.ExitCode() != int(fail.Output) || got.Spooled == 0 || got.Lost == 0 || got.Spooled+got.Lost != 100 {
		t.Errorf("%s, %+v\n%s", cmd.ProcessState, got, stderr)
	}
	if !strings.Contains(stderr.String(), fmt.Sprintf("%d documents could be neither delivered nor kept; they are in the log", got.Lost)) {
		t.Error(stderr)
	}
	for i := got.Spooled; i < 100; i++ {
		if !strings.Contains(stderr.String(), fmt.Sprintf("document n-%d is lost", i)) || !strings.Contains(stderr.String(), fmt.Sprintf(`{\"n\":%d}`, i)) {
			t.Errorf("n-%d is not in the log", i)
		}
	}
	n.up()
	d, _ := newDispatcher(t, spool, s.env)
	if r, err := d.Flush(t.Context(), nil, false); err != nil || len(r) != 1 || r[0].Sent != got.Spooled || r[0].Err != nil {
		t.Errorf("%+v %v", r, err)
	}
	expect(t, s, target.Index, got.Spooled)
	if b := waiting(t, d, 0); len(b) > 0 { // no half document was left behind
		t.Errorf("%+v", b)
	}
}

func lastLine(lines *bufio.Scanner) (last string) {
	for lines.Scan() {
		last = lines.Text()
	}
	return last
}

func TestNoSpool(t *testing.T) {
	s := elasticsearch7(t)
	occupied := filepath.Join(t.TempDir(), "spool")
	if err := os.WriteFile(occupied, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		spool string
		size  int64
		why   string
	}{
		"none":         {"", 0, "there is no spool"},
		"not a folder": {occupied, 0, "the spool cannot be written: mkdir " + occupied + ": not a directory"},
		"full":         {spoolOf(t, s, 50), 1000, " bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			target := s.target(t)
			d, log := newDispatcher(t, c.spool, s.env, func(o *Options) { o.SpoolSize = c.size })
			e := d.Emitter([]Target{target})
			emit(t, e, 0, 2)
			if err := e.Emit(t.Context(), "n-2", json.RawMessage("{\n  \"n\": 2\n}\n")); err != nil {
				t.Fatal(err)
			}
			closed(t, e, Tally{Sent: 3})
			expect(t, s, target.Index, 3)
			if !strings.Contains(log.String(), "documents are kept in memory until the task ends: ") || !strings.Contains(log.String(), c.why) {
				t.Error(log)
			}
			d, log = newDispatcher(t, c.spool, noEnv, func(o *Options) { o.SpoolSize = c.size })
			e = d.Emitter([]Target{target})
			emit(t, e, 3, 1)
			got, err := e.Close(t.Context())
			if got != (Tally{Lost: 1}) || fail.CodeOf(err) != fail.Output || !strings.Contains(fail.HintOf(err), "--spool") {
				t.Errorf("%+v %v", got, err)
			}
			if !strings.Contains(log.String(), "document n-3 is lost: es "+s.url) || !strings.Contains(log.String(), `{\"n\":3}`) {
				t.Error(log)
			}
		})
	}
}

// spoolOf returns a spool in which documents wait.
func spoolOf(t *testing.T, s database, count int) string {
	spool := t.TempDir()
	d, _ := newDispatcher(t, spool, noEnv)
	e := d.Emitter([]Target{s.target(t)})
	emit(t, e, 0, count)
	closed(t, e, Tally{Spooled: count})
	return spool
}

func TestSpoolIsPrivate(t *testing.T) {
	s := elasticsearch7(t)
	spool := filepath.Join(spoolOf(t, s, 1), "")
	err := filepath.Walk(spool, func(path string, info os.FileInfo, err error) error {
		if err == nil && path != spool && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %s", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestDefaultSpool(t *testing.T) {
	for _, c := range []struct{ state, home, want string }{
		{"/s", "/home/u", "/s/rucio-task-manager/spool"},
		{"relative", "/home/u", "/home/u/.local/state/rucio-task-manager/spool"},
		{"", "/", "/tmp/rucio-task-manager-spool-1000"},
		{"", "", "/tmp/rucio-task-manager-spool-1000"},
	} {
		if got := DefaultSpool(c.state, c.home, "/tmp", 1000); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
