package logging

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"regexp"
	"testing"
)

func TestTextLineIsTheOriginals(t *testing.T) {
	var out bytes.Buffer
	log := New(Options{Writer: &out, PID: 13756}).With(Logger, "StubHelloWorld")
	log.Info("Hello World!", Module, "stubs")
	want := regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \[StubHelloWorld\]                stubs  INFO 13756\tHello World!\n$`)
	if !want.MatchString(out.String()) {
		t.Errorf("line is %q, want a match of %s", out.String(), want)
	}
}

func TestTextAttributes(t *testing.T) {
	for _, c := range []struct {
		name string
		log  func(*slog.Logger)
		want string
	}{
		{"defaults", func(l *slog.Logger) { l.Error("broken") }, `\[root\]                    - ERROR 1\tbroken\n$`},
		{"attributes", func(l *slog.Logger) { l.Warn("slow", "url", "http://a/b", "text", "two words") },
			`WARNING 1\tslow url=http://a/b text="two words"\n$`},
		{"with and group", func(l *slog.Logger) { l.With("a", 1).WithGroup("g").Info("m", "b", 2, slog.Group("h", "c", 3)) },
			`INFO 1\tm a=1 g\.b=2 g\.h\.c=3\n$`},
		{"logger inside a group is an attribute", func(l *slog.Logger) { l.WithGroup("g").Info("m", Logger, "x") }, `\[root\].*\tm g\.logger=x\n$`},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			c.log(New(Options{Writer: &out, PID: 1}))
			if !regexp.MustCompile(c.want).MatchString(out.String()) {
				t.Errorf("line is %q, want a match of %s", out.String(), c.want)
			}
		})
	}
}

func TestLevels(t *testing.T) {
	for name, want := range map[string]int{"debug": 4, "info": 3, "warning": 2, "error": 1} {
		level, ok := Level(name)
		if !ok {
			t.Fatalf("Level(%q) is unknown", name)
		}
		var out bytes.Buffer
		log := New(Options{Writer: &out, Level: level})
		log.Debug("d")
		log.Info("i")
		log.Warn("w")
		log.Error("e")
		if got := bytes.Count(out.Bytes(), []byte("\n")); got != want {
			t.Errorf("%s: %d lines, want %d", name, got, want)
		}
	}
	if _, ok := Level("loud"); ok {
		t.Error(`Level("loud") is known`)
	}
}

func TestColourOnlyWhenAsked(t *testing.T) {
	for _, color := range []bool{false, true} {
		var out bytes.Buffer
		New(Options{Writer: &out, Color: color}).Error("broken")
		if got := bytes.Contains(out.Bytes(), []byte("\x1b[")); got != color {
			t.Errorf("Color: %v, escape codes in %q", color, out.String())
		}
	}
}

func TestJSONLine(t *testing.T) {
	var out bytes.Buffer
	New(Options{Writer: &out, Format: "json", PID: 7}).Warn("slow", Logger, "TestUpload", "seconds", 2.5)
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("%q: %v", out.String(), err)
	}
	for key, want := range map[string]any{"level": "WARNING", "message": "slow", "logger": "TestUpload", "seconds": 2.5, "pid": 7.0} {
		if line[key] != want {
			t.Errorf("%s = %v, want %v", key, line[key], want)
		}
	}
	if line["time"] == nil {
		t.Error("no time")
	}
}
