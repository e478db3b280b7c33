package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
)

var started = time.Date(2026, 11, 23, 4, 56, 23, 784e6, time.UTC)

// mixed is a run with every way to end.
func mixed() Summary {
	return Summary{
		Started: started, Duration: 3*time.Second + 250*time.Millisecond, Code: fail.Task,
		Results: []Result{
			{Task: "hello", Module: "tasks.stubs", Class: "StubHelloWorld", Status: Passed, Started: started, Duration: 1234567 * time.Nanosecond,
				Metrics: []Metric{{Name: "size", Kind: "gauge", Value: 1e12, Unit: "bytes"}, {Name: "don't=x|y", Kind: "counter", Value: 2},
					{Name: "speed", Kind: "trend", Value: 0.25, Unit: "furlong", Tags: map[string]string{"rse": "XRD1", "dir": "up"}}}},
			{Task: "upload", Module: "tasks.tests.upload", Class: "TestUpload", Status: Failed, Code: fail.Task, Started: started, Duration: 2 * time.Second,
				Reason: "upload to X|Y: \x1b[31mno space\x1b[0m left\nsecond line", Hint: "free some", Traceback: "stack traceback:\n\ttasks/tests/upload.lua:7: in run"},
			{Task: "heartbeats", Module: "tasks.probes.service_heartbeats", Class: "ProbesServiceHeartbeats", Status: Failed, Code: fail.Check, Started: started, Duration: 75 * time.Second,
				Reason: "check failed: fts is alive", Checks: []Check{{Name: "rucio is alive", OK: true}, {Name: "fts is alive", Detail: "connection\nrefused"}}},
			{Task: "later", Module: "tasks.stubs", Class: "StubRucioAPI", Status: Skipped, Reason: "after a failure (--fail-fast)", Started: started},
			{Task: "off", Module: "tasks.stubs", Class: "StubRucioAPI", Status: Disabled, Started: started},
		},
	}
}

func run(t *testing.T, format string, o Options, s Summary) string {
	t.Helper()
	var out bytes.Buffer
	r, err := New(format, &out, o)
	if err != nil {
		t.Fatal(err)
	}
	check := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	check(r.Start(len(s.Results)))
	for _, result := range s.Results {
		check(r.TaskStart(result.Task, result.Module, result.Class))
		check(r.TaskEnd(result))
	}
	check(r.End(s))
	return out.String()
}

// TestGolden compares each format with its file; UPDATE_GOLDEN=1 writes them anew, to be read before they are committed.
func TestGolden(t *testing.T) {
	for name, got := range map[string]string{
		"mixed.txt":       run(t, "text", Options{}, mixed()),
		"colour.txt":      run(t, "text", Options{Color: true}, mixed()),
		"empty.txt":       run(t, "text", Options{}, Summary{Started: started}),
		"mixed.json":      run(t, "json", Options{}, mixed()),
		"mixed.jsonl":     run(t, "jsonl", Options{Now: func() time.Time { return started }}, mixed()),
		"mixed.junit.xml": run(t, "junit", Options{}, mixed()),
		"mixed.nagios":    run(t, "nagios", Options{}, mixed()),
	} {
		path := filepath.Join("testdata", name)
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s:\n%s\nwant:\n%s", name, got, want)
		}
	}
}

func TestMachineFormatsParse(t *testing.T) {
	var doc struct {
		Code    int            `json:"code"`
		Counts  map[string]int `json:"counts"`
		Results []struct {
			Task     string  `json:"task"`
			Duration float64 `json:"duration"`
		} `json:"results"`
	}
	if err := json.Unmarshal([]byte(run(t, "json", Options{}, mixed())), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Code != 1 || doc.Counts["failed"] != 2 || len(doc.Results) != 5 || doc.Results[0].Duration != 0.001235 {
		t.Errorf("json says %+v", doc)
	}
	var suites junitSuites
	if err := xml.Unmarshal([]byte(run(t, "junit", Options{}, mixed())), &suites); err != nil {
		t.Fatal(err)
	}
	if s := suites.Suite; s.Tests != 5 || s.Failures != 1 || s.Errors != 1 || s.Skipped != 2 {
		t.Errorf("junit says %d tests, %d failures, %d errors, %d skipped", s.Tests, s.Failures, s.Errors, s.Skipped)
	}
}

func TestNagiosIsOneLine(t *testing.T) {
	line := run(t, "nagios", Options{}, mixed())
	if strings.Count(line, "\n") != 1 || strings.Count(line, "|") != 1 {
		t.Errorf("not one line with one bar: %q", line)
	}
	for code, want := range map[fail.Code]int{
		fail.OK: 0, fail.Output: 1, fail.Task: 2, fail.Check: 2, fail.Timeout: 2, fail.Auth: 2, fail.Unavailable: 2,
		fail.Definition: 3, fail.Config: 3, fail.Usage: 3, fail.Internal: 3, fail.Interrupted: 3,
	} {
		if got := Nagios(code); got != want {
			t.Errorf("Nagios(%v) = %d, want %d", code, got, want)
		}
	}
}

func TestHuman(t *testing.T) {
	for d, want := range map[time.Duration]string{
		730 * time.Microsecond: "730µs", 3214 * time.Microsecond: "3.2ms", 1530 * time.Millisecond: "1.53s",
		125 * time.Second: "2m05s", 2*time.Hour + 3*time.Minute + 4*time.Second: "2h03m04s",
	} {
		if got := Human(d); got != want {
			t.Errorf("Human(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	_, err := New("xml", nil, Options{})
	if err == nil || err.Error() != `report format "xml" is none of [json jsonl junit nagios text]` {
		t.Errorf("error is %v", err)
	}
}
