//go:build unix

package transfer_test

import (
	"errors"
	"os/signal"
	"strings"
	"syscall"
	"testing"

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
