package transfer_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testclient"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

// manyFiles makes files of 10 KiB and the items that upload them.
func manyFiles(b *testing.B, n int, rse string, more map[string]any) []transfer.Item {
	b.Helper()
	dir, name := b.TempDir(), testbed.Unique("bench")
	items := make([]transfer.Item, n)
	for i := range items {
		path := filepath.Join(dir, fmt.Sprintf("%s.%d", name, i))
		must(b, os.WriteFile(path, random(10<<10), 0o644))
		items[i] = transfer.Item{"path": path, "rse": rse, "did_scope": "test"}
		maps.Copy(items[i], more)
		if more["dataset_name"] != nil {
			items[i]["dataset_name"] = name
		}
	}
	return items
}

// BenchmarkUpload uploads a thousand small files, and tells which calls of the server take how long. SetBytes would count the
// wrong thing: servers decide how long this takes.
func BenchmarkUpload(b *testing.B) {
	for name, more := range map[string]map[string]any{
		"files": nil, "dataset": {"dataset_scope": "test", "dataset_name": "its own"},
	} {
		b.Run(name, func(b *testing.B) {
			var mu sync.Mutex
			calls, spent := map[string]int{}, map[string]time.Duration{}
			mover := transfer.NewMover(transfer.Setup{})
			defer mover.Close()
			c := testclient.New(b, func(o *rucio.Options) {
				o.Transfers = mover
				o.Trace = func(r rucio.RequestTrace) {
					mu.Lock()
					defer mu.Unlock()
					calls[r.Method]++
					spent[r.Method] += r.Total
				}
			})
			for b.Loop() {
				b.StopTimer()
				items := manyFiles(b, 1000, "POSIX1", more)
				b.StartTimer()
				_, err := transfer.UploadFiles(b.Context(), c, items, nil)
				must(b, err)
			}
			for _, method := range slices.Sorted(maps.Keys(calls)) {
				b.Logf("%6d %-28s %8v in all", calls[method], method, spent[method].Round(time.Millisecond))
			}
		})
	}
}

// BenchmarkUploadPython is the same by Python's client, for as many files as one has patience for.
func BenchmarkUploadPython(b *testing.B) {
	env := testbed.Require(b)
	for b.Loop() {
		b.StopTimer()
		items := manyFiles(b, 200, "POSIX1", nil)
		b.StartTimer()
		if _, raised := byPython(b, env, items, nil); raised != "" {
			b.Fatal(raised)
		}
	}
}
