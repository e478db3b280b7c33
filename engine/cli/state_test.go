package cli

import (
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
)

// The first signal cancels and lets tasks clean up, the second ends clean-up, the third the process.
func TestSignals(t *testing.T) {
	s, _, _ := newTestState(t)
	signals := make(chan os.Signal)
	stopped := false
	s.Notify = func() (<-chan os.Signal, func()) { return signals, func() { stopped = true } }
	first, second := make(chan os.Signal, 1), make(chan struct{})
	ctx, off := s.withSignals(t.Context(), func(sig os.Signal) { first <- sig }, func() { close(second) })

	signals <- syscall.SIGTERM
	wait(t, ctx.Done())
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) || cause.Error() != "stopped by signal: terminated" {
		t.Errorf("the context's cause is %v", cause)
	}
	if sig := <-first; sig != syscall.SIGTERM {
		t.Errorf("told of %v", sig)
	}
	select {
	case <-second:
		t.Error("one signal counted as two")
	default:
	}
	signals <- syscall.SIGINT
	wait(t, second)
	exited := make(chan struct{})
	s.Exit = func(code int) {
		if code != int(fail.Interrupted) {
			t.Errorf("exit code %d", code)
		}
		close(exited)
	}
	signals <- syscall.SIGINT
	wait(t, exited)
	off()
	if !stopped {
		t.Error("signals are still taken")
	}
}

func wait(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came")
	}
}

// A command is a function of its State: this is a whole run.
func TestARunIsAFunctionOfState(t *testing.T) {
	s, stdout, stderr := newTestState(t, "version", "--output", "json")
	s.Version = "v9"
	if code := Run(t.Context(), s); code != 0 || stderr.Len() > 0 {
		t.Fatalf("exit code %v: %s", code, stderr)
	}
	if got, want := stdout.String()[:15], `{"version":"v9"`; got != want {
		t.Errorf("printed %s, want %s", got, want)
	}
}

func TestOutputIsRedacted(t *testing.T) {
	s, stdout, stderr := newTestState(t, "methods", "describe", "hunter2hunter2", "--output", "json")
	s.Env["MY_PASSWORD"] = "hunter2hunter2"
	Run(t.Context(), s)
	for name, text := range map[string]string{"stdout": stdout.String(), "stderr": stderr.String()} {
		if want := `"[redacted]"`; !strings.Contains(text, "[redacted]") || strings.Contains(text, "hunter2") {
			t.Errorf("%s: %s, want %s in place of the password", name, text, want)
		}
	}
}

func TestABugIsReported(t *testing.T) {
	s, _, stderr := newTestState(t, "version")
	s.BuildInfo = nil
	if code := Run(t.Context(), s); code != 70 {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(stderr.String(), "rucio-task-manager: a bug: ") || !strings.Contains(stderr.String(), "hint: please report it") {
		t.Errorf("printed %s", stderr)
	}
}
