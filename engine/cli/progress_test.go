package cli

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/engine/redact"
)

// seen is a screen of which a test awaits that it shows something.
type seen struct {
	mu    sync.Mutex
	b     bytes.Buffer
	wants string
	found chan struct{}
}

func (s *seen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b.Write(p)
	if s.found != nil && strings.Contains(s.b.String(), s.wants) {
		close(s.found)
		s.found = nil
	}
	return len(p), nil
}

func (s *seen) await(t *testing.T, text string) {
	t.Helper()
	s.mu.Lock()
	found := make(chan struct{})
	s.wants, s.found = text, found
	s.mu.Unlock()
	select {
	case <-found:
	case <-time.After(10 * time.Second):
		t.Fatalf("never showed %q: %.500q", text, s.String())
	}
}

func (s *seen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func TestBars(t *testing.T) {
	eyes := &seen{}
	now := time.Now()
	p := &program{State: &State{Now: func() time.Time { now = now.Add(time.Second); return now }}, redactor: &redact.Redactor{}, screen: &screen{w: eyes}}
	p.redactor.Add("hunter2")
	b := p.newBars()
	b.Plan(2, 4e6)
	b.Start("test:a-name-with-hunter2", 3e6)
	b.Moved("test:a-name-with-hunter2", 2e6)
	eyes.await(t, "0/2 files [")
	eyes.await(t, "2.00 MB of 4.00 MB, ")
	eyes.await(t, "test:a-name-with-[redacted] [")
	eyes.await(t, " left")
	if _, err := p.screen.Write([]byte("a line of the log\n")); err != nil {
		t.Error(err)
	}
	eyes.await(t, "a line of the log\n")
	b.Moved("test:a-name-with-hunter2", -2e6) // another attempt
	b.Moved("nobody", 5)                      // what has ended
	b.Start("test:b", -1)
	b.End("test:a-name-with-hunter2", errors.New("broken"))
	eyes.await(t, "1/2 files [")
	b.close()
	before := eyes.String()
	if _, err := p.screen.Write([]byte("and then")); err != nil || eyes.String() != before+"and then" {
		t.Errorf("after the bars: %v", err)
	}
	if strings.Contains(before, "hunter2") {
		t.Error("a secret was shown")
	}
}

func TestShortName(t *testing.T) {
	if got := shortName("scope:" + strings.Repeat("é", 50) + ".dat"); got != "..."+strings.Repeat("é", 33)+".dat" {
		t.Error(got)
	}
}

func TestMeter(t *testing.T) {
	var m meter
	at := time.Now()
	m.begin(at)
	for i, c := range []struct {
		moved, of int64
		after     time.Duration
		want      string
	}{
		{1e6, 0, 100 * time.Millisecond, "1.00 MB"},
		{2e6, 10e6, time.Second, "2.00 MB of 10.0 MB, 2.00 MB/s, 4s left"},
		{2e6, 10e6, 2 * time.Second, "2.00 MB of 10.0 MB, 1.60 MB/s, 5s left"}, // stalled for a second
		{3e6, 400e6, 30 * time.Second, "3.00 MB of 400 MB, 35.7 kB/s, 3h05m16s left"},
		{400e6, 400e6, 31 * time.Second, "400 MB of 400 MB, 79.4 MB/s"},
		{-5, 400e6, 60 * time.Second, "0 B of 400 MB, 0 B/s"},
	} {
		m.moved = c.moved
		if got := m.text(c.of, at.Add(c.after)); got != c.want {
			t.Errorf("%d: %q, want %q", i, got, c.want)
		}
	}
}

func TestLogProgress(t *testing.T) {
	var out bytes.Buffer
	now := time.Now()
	p := newLogProgress(slog.New(slog.NewTextHandler(&out, nil)), func() time.Time { return now }, slog.LevelInfo)
	p.Plan(2, 10)
	p.Start("a", 1e9)
	p.Moved("a", 1e6)
	now = now.Add(20 * time.Second)
	p.Moved("a", 399e6)
	p.Moved("a", 1)
	now = now.Add(20 * time.Second)
	p.End("a", nil)
	p.Start("b", -1)
	now = now.Add(20 * time.Second)
	p.Moved("b", 5)
	p.Moved("c", 5)
	p.End("b", errors.New("broken"))
	for _, want := range []string{`"moving a: 40 % of 1.00 GB, 20.0 MB/s"`, `"moved a: 400 MB in 40.00s, 10.0 MB/s"`, `"moving b: 5 B, 0 B/s"`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %s in %s", want, out.String())
		}
	}
	if n := strings.Count(out.String(), "\n"); n != 3 {
		t.Errorf("%d lines", n)
	}
}

// At a terminal bars leave nothing behind but the summary.
func TestCopyAtATerminal(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), strings.Repeat("x", 5e6))
	s, stdout, stderr := newTestState(t, "storage", "cp", filepath.Join(dir, "a"), filepath.Join(dir, "b"))
	s.StderrTTY = true
	s.Notify = func() (<-chan os.Signal, func()) { return nil, func() {} }
	if code := Run(t.Context(), s); code != 0 || !strings.HasPrefix(stdout.String(), "copied 1 file, 5.00 MB in ") {
		t.Errorf("exit code %d, %s%s", code, stdout, stderr)
	}
	if strings.Contains(stderr.String(), "INFO") {
		t.Errorf("told %q", stderr)

	}
}

// One that has no columns gets log lines, as bars would not be seen.
func TestCopyAtATerminalWithoutColumns(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), "x")
	s, _, stderr := newTestState(t, "storage", "cp", filepath.Join(dir, "a"), filepath.Join(dir, "b"))
	s.StderrTTY, s.NoColumns = true, true
	s.Notify = func() (<-chan os.Signal, func()) { return nil, func() {} }
	if code := Run(t.Context(), s); code != 0 || !strings.Contains(stderr.String(), "INFO") {
		t.Errorf("exit code %d, told %q", code, stderr)
	}
}
