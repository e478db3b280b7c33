package transfer_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

// tracesOf returns the traces with a uuid that the server has passed on, once there are so many.
func tracesOf(t *testing.T, env *testbed.Env, uuid string, n int) []map[string]any {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		f, err := os.Open(env.TraceFile)
		must(t, err)
		var found []map[string]any
		lines := bufio.NewScanner(f)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			if strings.Contains(lines.Text(), uuid) {
				var trace map[string]any
				must(t, json.Unmarshal(lines.Bytes(), &trace))
				found = append(found, trace)
			}
		}
		_ = f.Close()
		if len(found) >= n || time.Now().After(deadline) {
			return found
		}
	}
}

// There is a trace of each file that was sent or should have been, and the caller has those of all.
func TestUploadTraces(t *testing.T) {
	env := testbed.Require(t)
	d := newFaultyDesk(t, &faulty{put: failFor(".bad")})
	d.upload([]transfer.Item{d.file(".there", "content")}, done)
	items := []transfer.Item{d.file(".there", "content"), d.file(".bad", "content"), d.file(".other", "content", "force_scheme", "davs")}
	for i := range 60 {
		items = append(items, d.file(fmt.Sprint(".", i), "content", "dataset_scope", "test", "dataset_name", d.name+".ds"))
	}
	traces := []map[string]any{{"old": true}}
	results, err := transfer.UploadFiles(t.Context(), d.c, items, &transfer.UploadOptions{TracesCopyOut: &traces})
	if err == nil || len(traces) != 1+62 || traces[0]["old"] == nil {
		t.Fatalf("%d traces, %v", len(traces), err)
	}
	there, failed := traces[1], traces[2]
	if there["stateReason"] != "File already exists" || there["clientState"] != nil {
		t.Errorf("got %v", there)
	}
	if failed["clientState"] != "FAILED" || failed["protocol"] != "file" || !strings.Contains(failed["stateReason"].(string), "on purpose") {
		t.Errorf("got %v", failed)
	}
	for i, trace := range traces[3:] {
		if trace["clientState"] != "DONE" || trace["dataset"] != d.name+".ds" || trace["filesize"] != results[i+3].Bytes || trace["transferEnd"].(float64) < trace["transferStart"].(float64) {
			t.Errorf("got %v", trace)
		}
	}
	sent := tracesOf(t, env, there["uuid"].(string), 61)
	if len(sent) != 61 {
		t.Fatalf("%d traces have arrived", len(sent))
	}
	for _, trace := range sent {
		if trace["eventType"] != "upload" || trace["remoteSite"] != "POSIX1" || trace["traceIp"] == nil {
			t.Errorf("got %v", trace)
		}
	}
}
