//go:build unix

package transfer_test

import (
	"errors"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

// The system's limit of a file's size stands for a disk that is full.
func TestUploadToAFullDisk(t *testing.T) {
	d := newDesk(t, nil)
	items := []transfer.Item{d.file(".large", strings.Repeat("content", 3_000_000)), d.file(".small", "content")}
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var limit syscall.Rlimit
	must(t, syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit))
	small := limit
	small.Cur = 16 << 20 // more than the log that go test itself writes
	must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small))
	results, err := transfer.UploadFiles(t.Context(), d.c, items, nil)
	must(t, syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit))
	is(t, err, rucio.ErrNotAllFilesUploaded)
	if !errors.Is(err, rucio.ErrRSEOverQuota) || !storage.Is(results[0].Err, storage.NoSpace) || d.stored(results[0]) != "-" || d.state(results[0]) != "" {
		t.Errorf("got %v; stored is %.10q", err, d.stored(results[0]))
	}
	if results[1].State != done || d.stored(results[1]) != "content" {
		t.Errorf("got %+v", results[1])
	}
	d.upload(items, done, already)
}

// Where the storage may not be written to, it says so.
func TestUploadToAReadOnlyPlace(t *testing.T) {
	d := newDesk(t, nil)
	_, err := d.upload([]transfer.Item{d.file("", "content", "pfn", "file://localhost/sys/kernel/"+d.name)}, broken) // root may write anywhere else
	if !errors.Is(err, rucio.ErrRSEAccessDenied) {
		t.Errorf("got %v", err)
	}
}

// A server whose disk is full has nothing of what did not fit, under no name, and takes what fits.
func TestUploadToServersWithAFullDisk(t *testing.T) {
	env := testbed.Require(t)
	vars := env.RequireService(t, "rses")
	maps.Copy(vars, env.RequireService(t, "disk"))
	for name, test := range map[string]struct {
		door
		url, disk string
		kind      storage.Kind
	}{
		"root":   {door{"ROOT1", "root", ""}, vars["TESTBED_XROOTD_URL"], "XROOTD", storage.NoSpace},
		"webdav": {door{"DAVS1", "davs", ""}, vars["TESTBED_WEBDAV_URL"], "WEBDAV", storage.Unavailable}, // nginx answers 500
	} {
		t.Run(name, func(t *testing.T) {
			d, disk := newDesk(t, test.setup(t, env, vars)), env.Disk(t, test.disk)
			upload := func(suffix, content string) transfer.Uploaded {
				item := d.file(suffix, content, "rse", test.rse, "pfn", test.url+"/full/"+d.name+suffix, "no_register", true)
				results, err := transfer.UploadFiles(t.Context(), d.c, []transfer.Item{item}, nil)
				if len(results) != 1 {
					t.Fatalf("%d results, %v", len(results), err)
				}
				return results[0]
			}
			room := func() int64 {
				space, err := storage.NewFile().Space(t.Context(), "file://"+disk)
				must(t, err)
				return space.Free
			}
			before := room()
			large := upload(".large", strings.Repeat("content", 2<<20))
			if large.State != broken || !storage.Is(large.Err, test.kind) || errors.Is(large.Err, rucio.ErrRSEOverQuota) != (test.kind == storage.NoSpace) {
				t.Errorf("got %+v", large)
			}
			for end := time.Now().Add(10 * time.Second); room() < before; time.Sleep(time.Millisecond) { // nginx tidies up after it has answered
				if time.Now().After(end) {
					t.Fatalf("%d bytes are free on the disk, %d were before", room(), before)
				}
			}
			if small := upload(".small", "content"); small.State != done {
				t.Errorf("got %+v", small)
			}
			left, err := filepath.Glob(filepath.Join(disk, d.name+"*"))
			must(t, err)
			if len(left) != 1 || filepath.Base(left[0]) != d.name+".small" {
				t.Fatalf("the disk has %q", left)
			}
			must(t, os.Remove(left[0]))
		})
	}
}
