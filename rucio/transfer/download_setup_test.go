package transfer_test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/adler32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testclient"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

// lake is a real Rucio with files that a test has put there.
type lake struct {
	t      *testing.T
	env    *testbed.Env
	c      *rucio.Client
	mover  *transfer.Mover
	meter  *meter
	prefix string // of names
}

// newLake returns a lake whose client moves files as setup says.
func newLake(t *testing.T, change func(*transfer.Setup)) *lake {
	t.Helper()
	env := testbed.Require(t)
	m := &meter{moved: map[string]int64{}, ended: map[string]error{}}
	setup := transfer.Setup{Progress: m}
	if change != nil {
		change(&setup)
	}
	mover := transfer.NewMover(setup)
	t.Cleanup(func() { _ = mover.Close() })
	c := testclient.New(t, func(o *rucio.Options) { o.Transfers = mover })
	return &lake{t, env, c, mover, m, testbed.Unique("down") + "."}
}

// meter is a Progress that remembers.
type meter struct {
	mu      sync.Mutex
	files   int
	planned int64
	moved   map[string]int64
	ended   map[string]error
	onMoved func(name string, n int64)
}

func (m *meter) Plan(files int, bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files += files
	m.planned += bytes
}

func (m *meter) plan() (files int, bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.files, m.planned
}

func (m *meter) Start(string, int64) {}
func (m *meter) Moved(name string, n int64) {
	m.mu.Lock()
	m.moved[name] += n
	hook := m.onMoved
	m.mu.Unlock()
	if hook != nil {
		hook(name, n)
	}
}
func (m *meter) End(name string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended[name] = err
}

// random are n bytes that nothing else has.
func random(n int) []byte {
	content := make([]byte, n)
	seed := rand.NewChaCha8([32]byte(fmt.Appendf(nil, "%032d", rand.Int())))
	_, _ = seed.Read(content)
	return content
}

// put writes content to RSEs and registers it; name gets the test's prefix.
func (l *lake) put(name string, content []byte, rses ...string) string {
	l.t.Helper()
	return l.register("test", l.prefix+name, content, content, rses...)
}

// register puts stored at RSEs under a DID that is registered as content.
func (l *lake) register(scope, name string, content, stored []byte, rses ...string) string {
	l.t.Helper()
	for _, rse := range rses {
		pfn := l.pfn(rse, scope, name)
		file := rucio.DID{Scope: scope, Name: name, Extra: map[string]any{"bytes": len(content), "adler32": adler(content), "md5": md5sum(content)}}
		if stored != nil {
			if err := storage.NewFile().Put(l.t.Context(), pfn, storage.FromBytes(stored), storage.PutOptions{}); err != nil {
				l.t.Fatal(err)
			}
		}
		if err := l.c.AddReplicas(l.t.Context(), rse, []rucio.DID{file}, nil); err != nil {
			l.t.Fatal(err)
		}
	}
	return scope + ":" + name
}

func (l *lake) pfn(rse, scope, name string) string {
	l.t.Helper()
	lfn := scope + ":" + name
	pfns, err := l.c.LFNs2PFNs(l.t.Context(), rse, []string{lfn}, nil)
	if err != nil {
		l.t.Fatal(err)
	}
	return pfns[lfn]
}

// dataset makes a dataset of DIDs.
func (l *lake) dataset(name string, dids ...string) string {
	l.t.Helper()
	name = l.prefix + name
	var files []rucio.DID
	for _, did := range dids {
		scope, file, _ := strings.Cut(did, ":")
		files = append(files, rucio.DID{Scope: scope, Name: file})
	}
	if err := l.c.AddDataset(l.t.Context(), "test", name, &rucio.AddDatasetOptions{Files: files}); err != nil {
		l.t.Fatal(err)
	}
	return "test:" + name
}

func (l *lake) download(items ...transfer.Item) ([]transfer.Item, error) {
	l.t.Helper()
	return transfer.DownloadDIDs(l.t.Context(), l.c, items, nil)
}

func adler(content []byte) string { return fmt.Sprintf("%08x", adler32.Checksum(content)) }

func md5sum(content []byte) string {
	sum := md5.Sum(content)
	return hex.EncodeToString(sum[:])
}

// holds fails the test unless path has content, and nothing temporary is beside it.
func holds(t *testing.T, path string, content []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
	} else if !bytes.Equal(got, content) {
		t.Errorf("%s has %d bytes, not the %d that are meant", path, len(got), len(content))
	}
	clean(t, filepath.Dir(path))
}

// clean fails the test when there are temporary files.
func clean(t *testing.T, folder string) {
	t.Helper()
	left, _ := filepath.Glob(filepath.Join(folder, "*.part*"))
	if len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// failed returns the DownloadError that err is to be.
func failed(t *testing.T, err error, class rucio.Exception) *transfer.DownloadError {
	t.Helper()
	var e *transfer.DownloadError
	var ours *rucio.Error
	if !errors.As(err, &e) || !errors.As(err, &ours) || !errors.Is(err, class) || ours.Class != string(class) {
		t.Fatalf("got %v, want %s", err, class)
	}
	return e
}
