package storage_test

import (
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage/storagetest"
)

func open(t testing.TB, scheme string, options storage.Options) storage.Backend {
	t.Helper()
	b, err := storage.Open(scheme, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func TestFile(t *testing.T) {
	readOnly := filepath.Join(t.TempDir(), "locked")
	if os.Geteuid() == 0 {
		readOnly = "/sys/kernel" // root may write anywhere else
	} else if err := os.Mkdir(readOnly, 0o500); err != nil {
		t.Fatal(err)
	}
	storagetest.Run(t, storagetest.Door{
		Backend: open(t, "file", storage.Options{}), Base: "file://host:0" + t.TempDir(), ReadOnly: "file://" + readOnly + "/file",
	})
}

func TestMem(t *testing.T) {
	storagetest.Run(t, storagetest.Door{Backend: open(t, "mem", storage.Options{}), Base: "mem://host/base"})
}

// Wrapped, a backend is still one.
func TestWrapped(t *testing.T) {
	b := storage.Wrap(open(t, "mem", storage.Options{}), storage.Policy{Retries: 2, Limit: 3, Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))})
	storagetest.Run(t, storagetest.Door{Backend: b, Base: "mem://host/base"})
}

// The system's limit of a file's size stands for a disk that is full.
func TestFileOnAFullDisk(t *testing.T) {
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	small := limit
	small.Cur = 1 << 20
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	err := storage.NewFile().Put(t.Context(), "file://"+folder+"/file", storage.FromBytes(make([]byte, 3<<20)), storage.PutOptions{})
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	if !storage.Is(err, storage.NoSpace) {
		t.Errorf("error %v, want no space", err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Of many writers of one name one stores its file, whole; the others are told.
func TestFileHasOneWriter(t *testing.T) {
	pfn := "file://" + t.TempDir() + "/file"
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			errs[i] = storage.NewFile().Put(t.Context(), pfn, storage.FromBytes(make([]byte, 1000)), storage.PutOptions{})
		})
	}
	wg.Wait()
	stored := 0
	for _, err := range errs {
		if err == nil {
			stored++
		} else if !storage.Is(err, storage.Exists) {
			t.Error(err)
		}
	}
	if stored != 1 {
		t.Errorf("%d writers stored the file, want 1", stored)
	}
}

func read(t *testing.T, b storage.Backend, pfn string, offset, length int64) (string, error) {
	t.Helper()
	r, err := b.Get(t.Context(), pfn, offset, length)
	if err != nil {
		return "", err
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	return string(content), err
}
