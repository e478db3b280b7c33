//go:build unix

package storage_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage/storagetest"
)

// The disks of these servers have room for some MB. What doesn't fit is refused and leaves nothing, under no name, so that something
// smaller still does.
func TestFullDisks(t *testing.T) {
	env := testbed.Require(t)
	vars := env.RequireService(t, "disk")
	root, pages := storage.NewRoot(storage.Options{}, storage.RootOptions{}), storage.NewRoot(storage.Options{}, storage.RootOptions{Pages: true})
	gsi, err := storage.NewRootTool(rootOptions(t, vars))
	if err != nil {
		t.Fatal(err)
	}
	web := open(t, "davs", storage.Options{TLS: trust(t, env, env.UserCert, env.UserKey)})
	s3 := open(t, "s3", storage.Options{TLS: trust(t, env, "", ""), S3: func(string) (storage.S3Keys, error) {
		return storage.S3Keys{Access: vars["TESTBED_S3_ACCESS_KEY"], Secret: rucio.Secret(vars["TESTBED_S3_SECRET_KEY"])}, nil
	}})
	for name, test := range map[string]struct {
		backend storage.Backend
		url     string
		disk    string
		kind    storage.Kind
		inPlace bool // an overwrite that fails costs the old object
	}{
		"root":              {root, vars["TESTBED_XROOTD_URL"] + "/full", "XROOTD", storage.NoSpace, false},
		"pages":             {pages, vars["TESTBED_XROOTD_URL"] + "/full", "XROOTD", storage.NoSpace, false},
		"gsi":               {gsi, vars["TESTBED_XROOTD_GSI_URL"] + "/full", "GSI", storage.NoSpace, false},
		"xrootd over https": {web, vars["TESTBED_XROOTD_X509_URL"] + "/full", "GSI", storage.Unavailable, true}, // 5.5 hangs up without a word
		"webdav":            {web, vars["TESTBED_WEBDAV_URL"] + "/full", "WEBDAV", storage.Unavailable, false},  // nginx answers 500
		"s3":                {s3, vars["TESTBED_S3_FULL_URL"], "S3", storage.NoSpace, false},
	} {
		t.Run(name, func(t *testing.T) {
			disk := env.Disk(t, test.disk)
			base := storage.Join(test.url, testbed.Unique("full-"))
			put := func(name, content string) {
				t.Helper()
				if err := test.backend.Put(t.Context(), storage.Join(base, name), storage.FromBytes([]byte(content)), storage.PutOptions{}); err != nil {
					t.Fatal(err)
				}
			}
			refused := func(name string, src storage.Source, overwrite bool) {
				t.Helper()
				err := test.backend.Put(t.Context(), storage.Join(base, name), src, storage.PutOptions{Overwrite: overwrite})
				var ours *storage.Error
				if !errors.As(err, &ours) || ours.Kind != test.kind || ours.Half {
					t.Errorf("put of %s: error %v, want one of kind %q that leaves nothing", name, err, test.kind)
				}
			}
			put("old", "old")
			full := fill(t, disk)
			refused("byte", storagetest.Zeros(1), false)
			full()
			before := room(t, disk)
			large := storagetest.Zeros(2 * before)
			refused("large", large, false)
			refused("large", large, true)
			awaitRoom(t, disk, before)
			refused("old", large, true)
			awaitRoom(t, disk, before)
			if got, err := read(t, test.backend, storage.Join(base, "old"), 0, -1); got != "old" && (!test.inPlace || !storage.Is(err, storage.NotFound)) {
				t.Errorf("the object that was to be overwritten: %d bytes, %v", len(got), err)
			}
			put("small", "small")
			var names []string
			for info, err := range storage.Entries(t.Context(), test.backend, base) {
				if err != nil {
					t.Fatal(err)
				}
				names = append(names, storage.Base(info.PFN))
			}
			if want := []string{"old", "small"}; !slices.Equal(names, want) && (!test.inPlace || !slices.Equal(names, want[1:])) {
				t.Errorf("there are %q, want %q", names, want)
			}
			if err := storage.DeleteAll(t.Context(), test.backend, base); err != nil {
				t.Error(err)
			}
		})
	}
}

// room tells how many bytes are free on a disk.
func room(t *testing.T, disk string) int64 {
	t.Helper()
	space, err := storage.NewFile().Space(t.Context(), "file://"+disk)
	if err != nil {
		t.Fatal(err)
	}
	return space.Free
}

// awaitRoom waits until a server has cleaned up, which it may do after it has answered.
func awaitRoom(t *testing.T, disk string, want int64) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); room(t, disk) < want; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d bytes are free on the disk, %d were before", room(t, disk), want)
		}
	}
}

// fill takes all that is free on a disk, until free is called.
func fill(t *testing.T, disk string) (free func()) {
	t.Helper()
	name := filepath.Join(disk, "filler")
	filler, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	free = func() {
		if err := errors.Join(filler.Close(), os.Remove(name)); err != nil {
			t.Fatal(err)
		}
	}
	zeros, err := storagetest.Zeros(1 << 40).Open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(filler, zeros); !errors.Is(err, syscall.ENOSPC) {
		free()
		t.Fatalf("error %v of filling %s, want that it is full", err, disk)
	}
	return free
}
