package transfer_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

// tracesOf waits until n traces of a file have come through the real server, and returns all there are.
func (l *lake) tracesOf(name string, n int) []map[string]any {
	l.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		f, err := os.Open(l.env.TraceFile)
		must(l.t, err)
		var traces []map[string]any
		for lines := bufio.NewScanner(f); lines.Scan(); {
			var trace map[string]any
			if strings.Contains(lines.Text(), name) && json.Unmarshal(lines.Bytes(), &trace) == nil && trace["filename"] == name {
				traces = append(traces, trace)
			}
		}
		_ = f.Close()
		if len(traces) >= n || time.Now().After(deadline) {
			return traces
		}
	}
}

func TestDownloadTraces(t *testing.T) {
	l := newLake(t, func(s *transfer.Setup) { s.Location.Site = "NOWHERE" })
	s := l.web()
	content := random(100)
	did := l.putWeb(s, "x", content, random(100))
	name := strings.TrimPrefix(did, "test:")
	o := &transfer.DownloadDIDsOptions{
		TraceCustomFields: map[string]any{"appid": "5", "eventType": "get"}, DeactivateFileDownloadExceptions: true, TracesCopyOut: &[]map[string]any{{"earlier": true}},
	}
	download := func() {
		_, err := transfer.DownloadDIDs(t.Context(), l.c, []transfer.Item{{"did": did, "base_dir": t.TempDir()}}, o)
		must(t, err)
	}
	download() // damaged: both attempts fail
	s.files["/test/"+name] = content
	download()
	traces := l.tracesOf(name, 3)
	counts := map[string]int{}
	uuids := map[any]bool{}
	for _, trace := range traces {
		counts[fmt.Sprint(trace["clientState"])]++
		uuids[trace["uuid"]] = true
		if trace["appid"] != "5" || trace["eventType"] != "get" || trace["localSite"] != "NOWHERE" || trace["remoteSite"] != s.rse || trace["protocol"] != "http" ||
			trace["dataset"] != name || trace["filesize"] != 100.0 || trace["account"] != "root" {
			t.Errorf("got %v", trace)
		}
		if reason := fmt.Sprint(trace["stateReason"]); trace["clientState"] == "FAIL_VALIDATE" && !strings.Contains(reason, "Rucio has "+adler(content)) {
			t.Errorf("got %v", reason)
		}
	}
	if len(traces) != 3 || counts["FAIL_VALIDATE"] != 2 || counts["DONE"] != 1 || len(uuids) != 2 {
		t.Errorf("got %v", traces)
	}
	if copied := *o.TracesCopyOut; len(copied) != 3 || copied[0]["earlier"] != true || copied[1]["clientState"] != "FAIL_VALIDATE" || copied[2]["clientState"] != "DONE" {
		t.Errorf("got %v", copied)
	}
	l = newLake(t, func(s *transfer.Setup) { s.NoTraces = true })
	did = l.put("y", content, "POSIX1")
	_, err := l.download(transfer.Item{"did": did, "base_dir": t.TempDir()})
	must(t, err)
	s.files["/test/"+name] = content
	if traces := l.tracesOf(strings.TrimPrefix(did, "test:"), 0); len(traces) > 0 {
		t.Errorf("got %v", traces)
	}
}
