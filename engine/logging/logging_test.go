package logging_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/engine/logging"
	"github.com/rucio-task-manager/rucio-task-manager/engine/redact"
)

// record logs with a fixed time, in local time as the format wants it.
func record(log *slog.Logger, level slog.Level, message string, attrs ...slog.Attr) {
	at := time.Date(2026, 11, 23, 4, 56, 23, 784e6, time.Local)
	r := slog.NewRecord(at, level, message, 0)
	r.AddAttrs(attrs...)
	if log.Enabled(context.Background(), level) {
		_ = log.Handler().Handle(context.Background(), r) // the tests look at what was written
	}
}

func TestTextIsTheOriginals(t *testing.T) {
	module := slog.String(logging.Module, "stubs")
	for _, test := range []struct {
		name  string
		color bool
		log   func(log *slog.Logger)
		want  string
	}{
		{"the original's example", false, func(log *slog.Logger) {
			record(logging.Named(log, "StubHelloWorld"), slog.LevelInfo, "dup", module)
		}, "2026-11-23 04:56:23,784 [StubHelloWorld]                stubs  INFO 13756\tdup\n"},
		{"root", false, func(log *slog.Logger) { record(log, slog.LevelDebug, "x") },
			"2026-11-23 04:56:23,784 [root]                    - DEBUG 13756\tx\n"},
		{"long names", false, func(log *slog.Logger) {
			record(log, slog.LevelWarn, "x", slog.String(logging.Module, "a_module_with_a_very_long_name"))
		}, "2026-11-23 04:56:23,784 [root] a_module_with_a_very_long_name WARNING 13756\tx\n"},
		{"error", false, func(log *slog.Logger) { record(log, slog.LevelError, "x") },
			"2026-11-23 04:56:23,784 [root]                    - ERROR 13756\tx\n"},
		{"attributes", false, func(log *slog.Logger) {
			record(log.With("rse", "XRD1"), slog.LevelInfo, "sent", slog.Int("bytes", 10), slog.String("why", "a b=c"), slog.String("none", ""),
				slog.Any("err", errors.New("no route")), slog.Duration("took", time.Second), slog.Any("list", []int{1, 2}))
		}, "2026-11-23 04:56:23,784 [root]                    -  INFO 13756\tsent rse=XRD1 bytes=10 why=\"a b=c\" none=\"\" err=\"no route\" took=1s list=\"[1 2]\"\n"},
		{"groups", false, func(log *slog.Logger) {
			record(log.WithGroup("http").With("status", 200), slog.LevelInfo, "x", slog.Group("tls", slog.Bool("ok", true)))
		}, "2026-11-23 04:56:23,784 [root]                    -  INFO 13756\tx http.status=200 http.tls.ok=true\n"},
		{"several lines", false, func(log *slog.Logger) { record(log, slog.LevelInfo, "first\n2026-11-23 04:56:23,784 [forged]\n") },
			"2026-11-23 04:56:23,784 [root]                    -  INFO 13756\tfirst\n\t2026-11-23 04:56:23,784 [forged]\n"},
		{"terminal control", false, func(log *slog.Logger) { record(log, slog.LevelInfo, "a\x1b[2Jb\tc\r", slog.String("k", "\x1b")) },
			"2026-11-23 04:56:23,784 [root]                    -  INFO 13756\ta\\x1b[2Jb\tc k=\"\\x1b\"\n"},
		{"secret", false, func(log *slog.Logger) {
			record(log, slog.LevelInfo, "x", slog.Any("password", secret("hunter2")))
		},
			"2026-11-23 04:56:23,784 [root]                    -  INFO 13756\tx password=[redacted]\n"},
		{"colour", true, func(log *slog.Logger) { record(log, slog.LevelWarn, "x") },
			"2026-11-23 04:56:23,784 [root]                    - \x1b[33mWARNING\x1b[0m 13756\tx\n"},
		{"colourless", true, func(log *slog.Logger) { record(log, slog.LevelInfo, "x") },
			"2026-11-23 04:56:23,784 [root]                    -  INFO 13756\tx\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			test.log(logging.New(logging.Options{Writer: &out, Level: slog.LevelDebug, Color: test.color, PID: 13756}))
			if out.String() != test.want {
				t.Errorf("got  %q\nwant %q", out.String(), test.want)
			}
		})
	}
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	log := logging.New(logging.Options{Writer: &out, Format: "json", PID: 7})
	record(logging.Named(log, "StubHelloWorld"), slog.LevelWarn, "two\nlines", slog.String(logging.Module, "stubs"), slog.Int("n", 3))
	record(log, slog.LevelDebug, "not shown")
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	at, err := time.Parse(time.RFC3339Nano, fmt.Sprint(got["time"]))
	if err != nil || !at.Equal(time.Date(2026, 11, 23, 4, 56, 23, 784e6, time.Local)) {
		t.Errorf("time is %v", got["time"])
	}
	delete(got, "time")
	want := "map[level:WARNING logger:StubHelloWorld message:two\nlines module:stubs n:3 pid:7]"
	if fmt.Sprint(got) != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
	if n := strings.Count(out.String(), "\n"); n != 1 {
		t.Errorf("%d lines", n)
	}
}

func TestRedaction(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		redactor := &redact.Redactor{}
		redactor.Add(`pass"word`)
		logging.New(logging.Options{Writer: &out, Format: format, Redactor: redactor}).Info(`the pass"word is out`, "again", `pass"word`)
		if strings.Contains(out.String(), "pass") || strings.Count(out.String(), redact.Mark) != 2 {
			t.Errorf("%s: %s", format, out.String())
		}
	}
}

func TestLevel(t *testing.T) {
	for word, want := range map[string]slog.Level{"debug": slog.LevelDebug, "INFO": slog.LevelInfo, "warn": slog.LevelWarn, "warning": slog.LevelWarn, "error": slog.LevelError} {
		if got, err := logging.Level(word); err != nil || got != want {
			t.Errorf("%s is %v, %v", word, got, err)
		}
	}
	_, err := logging.Level("loud")
	if want := `unknown log level "loud": choose debug, info, warning or error`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	var out bytes.Buffer
	log := logging.New(logging.Options{Writer: &out, Level: slog.LevelWarn})
	log.Info("no")
	log.Warn("yes")
	if strings.Count(out.String(), "\n") != 1 || !strings.HasSuffix(out.String(), "\tyes\n") {
		t.Errorf("logged %q", out.String())
	}
}

// secret logs itself as rucio.Secret does.
type secret string

func (secret) LogValue() slog.Value { return slog.StringValue(redact.Mark) }

// countingWriter counts calls; each must be a whole line.
type countingWriter struct{ lines []string }

func (w *countingWriter) Write(p []byte) (int, error) {
	w.lines = append(w.lines, string(p))
	return len(p), nil
}

func TestLinesAreWhole(t *testing.T) {
	out := &countingWriter{}
	log := logging.New(logging.Options{Writer: out})
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for range 50 {
				log.Info(strings.Repeat("x", i*100), "i", i)
			}
		})
	}
	group.Wait()
	if len(out.lines) != 400 {
		t.Fatalf("%d writes", len(out.lines))
	}
	for _, line := range out.lines {
		if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
			t.Fatalf("a torn line: %q", line)
		}
	}
}
