package transfer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage/storagetest"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

// atOnce uploads each item by a client of its own, all at the same time.
func (d *desk) atOnce(items []transfer.Item, change func(*transfer.Setup)) []transfer.Uploaded {
	d.Helper()
	results := make([]transfer.Uploaded, len(items))
	var wg sync.WaitGroup
	for i, item := range items {
		c := client(d, change)
		_, err := c.Account(d.Context())
		must(d, err)
		wg.Go(func() {
			all, err := transfer.UploadFiles(d.Context(), c, []transfer.Item{item}, nil)
			if len(all) != 1 {
				d.Errorf("client %d: %v", i, err)
				return
			}
			results[i] = all[0]
		})
	}
	wg.Wait()
	return results
}

// Of uploads of the same file under the same name at the same time one sends it, and the others see that it is there.
func TestUploadOfTheSameAtOnce(t *testing.T) {
	d := newDesk(t, nil)
	var items []transfer.Item
	for i := range 6 {
		item := d.file("", "content")
		item["did_name"] = d.name
		item["path"] = write(t, filepath.Join(d.dir, fmt.Sprint(i%3), "file"), strings.Repeat("content", 100000))
		items = append(items, item)
	}
	results := d.atOnce(items, nil)
	count := map[transfer.UploadState]int{}
	for _, r := range results {
		count[r.State]++
		if r.Err != nil {
			t.Error(r.Err)
		}
	}
	if count[done] != 1 || count[already] != len(items)-1 {
		t.Errorf("got %v", count)
	}
	if d.stored(results[0]) != strings.Repeat("content", 100000) || d.state(results[0]) != "AVAILABLE" || d.rules(results[0].DID) != 1 {
		t.Errorf("%s, %d rules", d.state(results[0]), d.rules(results[0].DID))
	}
}

// Of uploads of different files under the same name at the same time one wins, on whatever RSEs they are; the others are told,
// and leave nothing.
func TestUploadOfOthersAtOnce(t *testing.T) {
	d := newDesk(t, nil)
	rses := []string{"POSIX1", "POSIX1", "POSIX2", "POSIX1", "POSIX2", "POSIX3"}
	var items []transfer.Item
	for i, rse := range rses {
		item := d.file(fmt.Sprint(".", i), strings.Repeat(fmt.Sprint(i), 1000), "rse", rse)
		item["did_name"] = d.name
		items = append(items, item)
	}
	results := d.atOnce(items, nil)
	winner := -1
	for i, r := range results {
		switch {
		case r.State == done && winner < 0:
			winner = i
		case r.State == done:
			t.Errorf("uploads %d and %d were both done", winner, i)
		case !errors.Is(r.Err, rucio.ErrDataIdentifierAlreadyExists) && !errors.Is(r.Err, rucio.ErrFileReplicaAlreadyExists):
			t.Errorf("upload %d: %s, %v", i, r.State, r.Err)
		}
	}
	if winner < 0 {
		t.Fatal("nobody has won")
	}
	for i, r := range results {
		want, state := "-", ""
		if rses[i] == rses[winner] {
			want, state = strings.Repeat(fmt.Sprint(winner), 1000), "AVAILABLE"
		}
		if r.PFN == "" {
			continue
		}
		if got := d.stored(r); got != want || strings.ReplaceAll(d.state(r), "UNAVAILABLE", "") != state {
			t.Errorf("upload %d (%d has won) has stored %.3q, want %.3q; %q", i, winner, got, want, d.state(r))
		}
	}
}

// The same file goes to several RSEs at once.
func TestUploadToSeveralRSEs(t *testing.T) {
	d := newDesk(t, nil)
	var items []transfer.Item
	for _, rse := range []string{"POSIX1", "POSIX2", "POSIX3"} {
		items = append(items, d.file("", "content", "rse", rse))
	}
	for _, r := range d.atOnce(items, nil) {
		if r.State != done || d.stored(r) != "content" || d.state(r) != "AVAILABLE" {
			t.Errorf("got %+v", r)
		}
	}
}

// In one upload, a file that goes to several RSEs is one file with a replica on each, and the rule of the first; another file of
// its name is refused.
func TestUploadOfOneNameToSeveralRSEs(t *testing.T) {
	d := newDesk(t, nil)
	var items []transfer.Item
	for _, rse := range []string{"POSIX1", "POSIX2", "POSIX3"} {
		items = append(items, d.file("", "content", "rse", rse))
	}
	results, err := d.upload(items, done, done, done)
	must(t, err)
	for _, r := range results {
		if d.stored(r) != "content" || d.state(r) != "AVAILABLE" || r.GUID != results[0].GUID {
			t.Errorf("got %+v", r)
		}
	}
	n := 0
	for rule, err := range d.c.ListDIDRules(t.Context(), "test", d.name) {
		if must(t, err); rule.RSEExpression != "POSIX1" {
			t.Errorf("got %s", rule.JSON())
		}
		n++
	}
	if n != 1 {
		t.Errorf("%d rules", n)
	}
	items = []transfer.Item{d.file(".2", "content"), d.file(".3", "contenu", "rse", "POSIX2")}
	items[1]["did_name"] = d.name + ".2"
	results, err = d.upload(items, done, broken)
	if !errors.Is(err, rucio.ErrDataIdentifierAlreadyExists) || d.stored(results[1]) != "-" || d.state(results[1]) != "" {
		t.Errorf("%v; stored is %q, %s", err, d.stored(results[1]), d.state(results[1]))
	}
}

// So it is at all doors, whatever their storages do with two who write the same name.
func TestUploadOfOthersAtOnceAtEachDoor(t *testing.T) {
	env := testbed.Require(t)
	vars := env.RequireService(t, "rses")
	for _, d := range []door{{"ROOT1", "root", ""}, {"ROOT1", "http", ""}, {"CLUSTER1", "root", ""}, {"DAVS1", "davs", ""}, {"S31", "https", ""}, {"S32", "s3", ""}} {
		for _, overwrite := range []bool{false, true} {
			if overwrite && d.rse == "S31" { // signing takes longer than a registration, and there is no temporary name: see stillUnknown
				continue
			}
			t.Run(fmt.Sprint(d, overwrite), func(t *testing.T) {
				k := newDesk(t, d.setup(t, env, vars))
				var items []transfer.Item
				for i := range 6 {
					item := k.file(fmt.Sprint(".", i), strings.Repeat(fmt.Sprint(i), 100000), "rse", d.rse, "force_scheme", d.scheme, "register_after_upload", overwrite)
					item["did_name"] = k.name
					items = append(items, item)
				}
				results := k.atOnce(items, d.setup(t, env, vars))
				winner := -1
				for i, r := range results {
					switch {
					case r.State == done && winner >= 0:
						t.Errorf("uploads %d and %d were both done", winner, i)
					case r.State == done:
						winner = i
					case !errors.Is(r.Err, rucio.ErrDataIdentifierAlreadyExists) && !errors.Is(r.Err, rucio.ErrFileReplicaAlreadyExists):
						t.Errorf("upload %d: %s, %v", i, r.State, r.Err)
					}
				}
				stored := d.stored(t, vars, k.name)
				if winner < 0 {
					for i, r := range results {
						t.Logf("upload %d: %v", i, r.Err)
					}
				}
				if winner < 0 || len(stored) != 1 || string(stored[onlyKey(stored)]) != strings.Repeat(fmt.Sprint(winner), 100000) {
					for path, content := range stored {
						t.Errorf("%d has won; %s has %.4q (%d bytes)", winner, path, content, len(content))
					}
				}
			})
		}
	}
}

// proxiedRSE makes an RSE whose storage is that of another, behind a proxy.
func proxiedRSE(t *testing.T, c *rucio.Client, of, scheme string) (rse string, proxy *storagetest.Proxy) {
	t.Helper()
	rse = testbed.Unique("PROXIED")
	must(t, c.AddRSE(t.Context(), rse, nil))
	for _, p := range protocols(t, c, of) {
		if p.Scheme != scheme {
			continue
		}
		proxy = storagetest.NewProxy(t, net.JoinHostPort(p.Hostname, fmt.Sprint(p.Port)))
		_, port, _ := net.SplitHostPort(proxy.Addr)
		n := 0
		_, err := fmt.Sscan(port, &n)
		must(t, err)
		must(t, c.AddProtocol(t.Context(), rse, rucio.NewProtocol{
			Scheme: scheme, Hostname: p.Hostname, Port: n, Prefix: p.Prefix + rse, Impl: p.Impl,
			Domains: map[string]map[string]any{"wan": {"read": 1, "write": 1, "delete": 1}, "lan": {"read": 1, "write": 1, "delete": 1}},
		}))
	}
	return rse, proxy
}

// A storage that dies while a file is sent leaves nothing that anybody would take for it; when it is back, the same upload
// goes on, and cleans up.
func TestUploadWhenTheStorageDies(t *testing.T) {
	env := testbed.Require(t)
	vars := env.RequireService(t, "rses")
	for _, d := range []door{{"ROOT1", "root", ""}, {"ROOT1", "http", ""}, {"DAVS1", "davs", ""}, {"S32", "s3", ""}} {
		t.Run(d.String(), func(t *testing.T) {
			k := newDesk(t, d.setup(t, env, vars))
			rse, proxy := proxiedRSE(t, k.c, d.rse, d.scheme)
			item := k.file("", strings.Repeat("content", 1<<20), "rse", rse)
			proxy.CutUp(2 << 20)
			proxy.DownAfterCut()
			results, err := k.upload([]transfer.Item{item}, broken)
			proxy.Check(t)
			if !errors.Is(err, rucio.ErrServiceUnavailable) || k.state(results[0]) != "" {
				t.Errorf("%v, %s", err, k.state(results[0]))
			}
			for path := range d.stored(t, vars, k.name) {
				if !strings.HasSuffix(path, ".rucio.upload") {
					t.Errorf("left behind: %s", path)
				}
			}
			proxy.Up()
			results, _ = k.upload([]transfer.Item{item}, done)
			if stored := d.stored(t, vars, k.name); len(stored) != 1 || !bytes.Equal(stored[onlyKey(stored)], []byte(strings.Repeat("content", 1<<20))) {
				t.Errorf("stored are %d, one of them %s", len(stored), onlyKey(stored))
			}
			if k.state(results[0]) != "AVAILABLE" {
				t.Errorf("the state is %s", k.state(results[0]))
			}
		})
	}
}

// A process that is killed while it sends leaves nothing that anybody would take for the file, and the next one cleans up.
func TestUploadKilled(t *testing.T) {
	env := testbed.Require(t)
	if rse := os.Getenv("UPLOAD_AND_DIE"); rse != "" { // in the process to be killed
		path := os.Getenv("UPLOAD_PATH")
		_, err := transfer.UploadFiles(t.Context(), client(t, nil), []transfer.Item{{"path": path, "rse": rse, "did_scope": "test"}}, nil)
		t.Fatalf("it was not killed: %v", err)
	}
	vars := env.RequireService(t, "rses")
	for _, d := range []door{{"ROOT1", "root", ""}, {"ROOT1", "http", ""}} {
		t.Run(d.String(), func(t *testing.T) {
			k := newDesk(t, d.setup(t, env, vars))
			rse, proxy := proxiedRSE(t, k.c, d.rse, d.scheme)
			item := k.file("", strings.Repeat("content", 1<<20), "rse", rse)
			ctx, kill := context.WithTimeout(t.Context(), time.Minute)
			proxy.Stall(3<<20, kill)
			cmd := exec.CommandContext(ctx, os.Args[0], "-test.run", "^TestUploadKilled$")
			cmd.Env = append(os.Environ(), "UPLOAD_AND_DIE="+rse, "UPLOAD_PATH="+item["path"].(string))
			if out, err := cmd.CombinedOutput(); err == nil || strings.Contains(string(out), "was not killed") {
				t.Fatalf("%v: %s", err, out)
			}
			proxy.Down() // or the server waits for the rest
			for path := range d.stored(t, vars, k.name) {
				if !strings.HasSuffix(path, ".rucio.upload") {
					t.Errorf("left behind: %s", path)
				}
			}
			proxy.Up()
			results, _ := k.upload([]transfer.Item{item}, done)
			if stored := d.stored(t, vars, k.name); len(stored) != 1 || len(stored[onlyKey(stored)]) != 7<<20 || k.state(results[0]) != "AVAILABLE" {
				t.Errorf("stored are %d, one of them %s; %s", len(stored), onlyKey(stored), k.state(results[0]))
			}
		})
	}
}
