package transfer_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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

// BenchmarkUploadBesidePython uploads small files in both ways, at once after each other: a thousand by ours, and as many by
// Python's client as one has patience for.
func BenchmarkUploadBesidePython(b *testing.B) {
	env := testbed.Require(b)
	vars := env.RequireService(b, "rses")
	python := env.RequireService(b, "gfal")["TESTBED_GFAL_PYTHON"]
	for _, d := range []door{{"POSIX1", "file", ""}, {"DAVS1", "davs", ""}} {
		b.Run(d.String(), func(b *testing.B) {
			c := client(b, d.setup(b, env, vars))
			var ours, theirs time.Duration
			for b.Loop() {
				items := manyFiles(b, 1000, d.rse, nil)
				begin := time.Now()
				_, err := transfer.UploadFiles(b.Context(), c, items, nil)
				must(b, err)
				ours += time.Since(begin) / 1000
				items = manyFiles(b, 50, d.rse, nil)
				order, err := json.Marshal(items)
				must(b, err)
				begin = time.Now()
				byGfal(b, python, env, vars, d, fmt.Sprintf("import json\nfrom rucio.client.uploadclient import UploadClient\nUploadClient(client).upload(json.loads(%q))", order))
				theirs += time.Since(begin) / 50
			}
			b.ReportMetric(float64(ours.Microseconds())/1000/float64(b.N), "ms/file")
			b.ReportMetric(float64(theirs.Microseconds())/1000/float64(b.N), "ms/file-by-Python")
			b.ReportMetric(float64(theirs)/float64(ours), "times-as-fast")
		})
	}
}

// BenchmarkUploadLarge uploads a file of 1 GiB to doors of all kinds, and the same by curl and xrdcp where they can.
func BenchmarkUploadLarge(b *testing.B) {
	env := testbed.Require(b)
	vars := env.RequireService(b, "rses")
	const size = 1 << 30
	path := filepath.Join(b.TempDir(), "large")
	must(b, os.WriteFile(path, nil, 0o644))
	must(b, os.Truncate(path, size))
	upload := func(b *testing.B, c *rucio.Client, item transfer.Item) {
		b.Helper()
		results, err := transfer.UploadFiles(b.Context(), c, []transfer.Item{item}, nil)
		must(b, err)
		must(b, c.Transfers().(*transfer.Mover).Remove(b.Context(), results[0].PFN))
	}
	for _, d := range []door{{"DAVS1", "davs", ""}, {"ROOT1", "root", ""}, {"IDENT1", "file", ""}} {
		c := client(b, d.setup(b, env, vars))
		folder := ""
		for _, p := range protocols(b, c, d.rse) {
			if p.Scheme == d.scheme {
				folder = fmt.Sprintf("%s://%s:%d%s", p.Scheme, p.Hostname, p.Port, p.Prefix)
			}
		}
		b.Run(d.String(), func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				upload(b, c, transfer.Item{"path": path, "rse": d.rse, "did_scope": "test", "did_name": testbed.Unique("large"), "no_register": true})
			}
		})
		if d.scheme == "file" {
			continue // cp knows to copy nothing
		}
		b.Run(d.String()+"-others", func(b *testing.B) {
			b.SetBytes(size)
			target := folder + testbed.Unique("large")
			var cmd []string
			switch d.scheme {
			case "davs":
				cmd = []string{"curl", "-sSf", "--cacert", env.CA, "--cert", vars["TESTBED_RSE_DAVS1_CERT"], "--key", vars["TESTBED_RSE_DAVS1_KEY"], "-T", path, strings.Replace(target, "davs:", "https:", 1)}
			default:
				cmd = []string{"xrdcp", "-s", "-f", path, target}
			}
			for b.Loop() {
				if out, err := exec.CommandContext(b.Context(), cmd[0], cmd[1:]...).CombinedOutput(); err != nil {
					b.Fatalf("%v: %s", err, out)
				}
			}
			must(b, c.Transfers().(*transfer.Mover).Remove(b.Context(), target))
		})
	}
}
