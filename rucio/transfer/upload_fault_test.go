package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testclient"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage/storagetest"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

// faulty is a posix storage that does some things wrong.
type faulty struct {
	storage.Backend
	put     func(ctx context.Context, pfn string, src storage.Source, o storage.PutOptions) error
	rename  func(from, to string) error
	renamed func()
	remove  func(pfn string) error
	stat    func(ctx context.Context)
}

// Stat looks, on a storage that lets two rename to one name if it is a slow one.
func (f *faulty) Stat(ctx context.Context, pfn string) (storage.Info, error) {
	if f.stat != nil {
		f.stat(ctx)
	}
	return f.Backend.Stat(ctx, pfn)
}

func (f *faulty) Features() storage.Features {
	features := f.Backend.Features()
	features.Exclusive = features.Exclusive && f.stat == nil
	return features
}

func (f *faulty) Put(ctx context.Context, pfn string, src storage.Source, o storage.PutOptions) error {
	if f.put != nil {
		return f.put(ctx, pfn, src, o)
	}
	return f.Backend.Put(ctx, pfn, src, o)
}

func (f *faulty) Rename(ctx context.Context, from, to string) error {
	if f.rename != nil {
		if err := f.rename(from, to); err != nil {
			return err
		}
	}
	err := f.Backend.Rename(ctx, from, to)
	if f.renamed != nil {
		f.renamed()
	}
	return err
}

func (f *faulty) Delete(ctx context.Context, pfn string) error {
	if f.remove != nil {
		if err := f.remove(pfn); err != nil {
			return err
		}
	}
	return f.Backend.Delete(ctx, pfn)
}

// newFaultyDesk returns a desk whose posix RSEs are faulty.
func newFaultyDesk(t *testing.T, f *faulty) *desk {
	t.Helper()
	d := newDesk(t, nil)
	f.Backend = storage.NewFile()
	d.c.Transfers().(*transfer.Mover).SetDoor("file", f)
	return d
}

func storageError(op, pfn string, kind storage.Kind) error {
	return &storage.Error{Op: op, PFN: pfn, Kind: kind, Err: errors.New("on purpose")}
}

// storesWrong stores other bytes than it was sent.
func storesWrong(change func([]byte) []byte) func(ctx context.Context, pfn string, src storage.Source, o storage.PutOptions) error {
	return func(ctx context.Context, pfn string, src storage.Source, o storage.PutOptions) error {
		in, err := src.Open()
		if err != nil {
			return err
		}
		defer in.Close()
		content, err := io.ReadAll(in)
		if err != nil {
			return err
		}
		return storage.NewFile().Put(ctx, pfn, storage.FromBytes(change(content)), o)
	}
}

// What a storage gets wrong is noticed, and nothing of it is left.
func TestUploadToABadStorage(t *testing.T) {
	for name, test := range map[string]struct {
		faulty faulty
		class  rucio.Exception // of the file's error
		kind   storage.Kind
		says   string
	}{
		"a wrong byte": {faulty{put: storesWrong(func(b []byte) []byte { b[0]++; return b })}, rucio.ErrRucioException, storage.Corrupt, "that of what was sent is"},
		"half a file":  {faulty{put: storesWrong(func(b []byte) []byte { return b[:3] })}, rucio.ErrRucioException, storage.Corrupt, "has 3 bytes, 7 were sent"},
		"a full disk": {faulty{put: func(_ context.Context, pfn string, _ storage.Source, _ storage.PutOptions) error {
			return storageError("put", pfn, storage.NoSpace)
		}}, rucio.ErrRSEOverQuota, storage.NoSpace, "on purpose"},
		"no rename": {faulty{rename: func(from, _ string) error { return storageError("rename", from, storage.Unavailable) }}, rucio.ErrServiceUnavailable, storage.Unavailable, "on purpose"},
		"no permission": {faulty{put: func(_ context.Context, pfn string, _ storage.Source, _ storage.PutOptions) error {
			return storageError("put", pfn, storage.Denied)
		}}, rucio.ErrRSEAccessDenied, storage.Denied, "on purpose"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newFaultyDesk(t, &test.faulty)
			results, err := d.upload([]transfer.Item{d.file("", "content")}, broken)
			is(t, err, rucio.ErrNoFilesUploaded)
			is(t, results[0].Err, test.class)
			var below *storage.Error
			if !errors.As(err, &below) || below.Kind != test.kind || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v", err)
			}
			if d.stored(results[0]) != "-" || d.state(results[0]) != "" {
				t.Errorf("stored is %q, %s", d.stored(results[0]), d.state(results[0]))
			}
		})
	}
}

// A temporary file that can't be removed is told of, and removed by the next upload of the file.
func TestUploadTellsWhatItLeaves(t *testing.T) {
	bad := &faulty{
		rename: func(from, _ string) error { return storageError("rename", from, storage.Unavailable) },
		remove: func(pfn string) error { return storageError("delete", pfn, storage.Unavailable) },
	}
	d := newFaultyDesk(t, bad)
	item := d.file("", "content")
	results, err := d.upload([]transfer.Item{item}, broken)
	if err == nil || !strings.Contains(err.Error(), ".rucio.upload, as it can't be removed") {
		t.Errorf("got %v", err)
	}
	if left, _ := filepath.Glob(local(t, results[0].PFN) + ".*.rucio.upload"); len(left) != 1 {
		t.Errorf("left is %q", left)
	}
	bad.rename, bad.remove = nil, nil
	if results, _ = d.upload([]transfer.Item{item}, done); d.stored(results[0]) != "content" {
		t.Errorf("stored is %q", d.stored(results[0]))
	}
}

// A rename whose answer gets lost has happened.
func TestUploadWhoseRenameSeemsToFail(t *testing.T) {
	d := newFaultyDesk(t, &faulty{rename: func(from, to string) error {
		if err := storage.NewFile().Rename(context.Background(), from, to); err != nil {
			return err
		}
		return storageError("rename", from, storage.Unavailable)
	}})
	results, _ := d.upload([]transfer.Item{d.file("", "content")}, done)
	if d.stored(results[0]) != "content" || d.state(results[0]) != "AVAILABLE" {
		t.Errorf("got %+v", results[0])
	}
}

// One protocol after the other is tried.
func TestUploadByAnotherProtocol(t *testing.T) {
	env := testbed.Require(t)
	env.RequireService(t, "rses")
	d := newDesk(t, nil)
	d.c.Transfers().(*transfer.Mover).SetDoor("davs", &faulty{Backend: unreachable{storage.NewFile()}})
	results, err := d.upload([]transfer.Item{d.file("", "content", "rse", "MULTI1")}, done) // davs is tried twice
	must(t, err)
	if r := results[0]; r.Scheme != "file" || r.Attempts != 3 || d.stored(r) != "content" {
		t.Errorf("got %+v", r)
	}
	_, err = d.upload([]transfer.Item{d.file(".2", "content", "rse", "MULTI1", "force_scheme", "davs")}, broken)
	if !errors.Is(err, rucio.ErrServiceUnavailable) {
		t.Errorf("got %v", err)
	}
}

type unreachable struct{ storage.Backend }

func (unreachable) Put(_ context.Context, pfn string, _ storage.Source, _ storage.PutOptions) error {
	return storageError("put", pfn, storage.Unavailable)
}

func (unreachable) Stat(_ context.Context, pfn string) (storage.Info, error) {
	return storage.Info{}, storageError("stat", pfn, storage.Unavailable)
}

// slowly sends so many bytes and then waits for ctx.
func slowly(n int64, then func()) func(ctx context.Context, pfn string, src storage.Source, o storage.PutOptions) error {
	return func(ctx context.Context, pfn string, src storage.Source, o storage.PutOptions) error {
		if src.Size() < n {
			return storage.NewFile().Put(ctx, pfn, src, o)
		}
		return storage.NewFile().Put(ctx, pfn, &stalling{src, ctx, n, then}, o)
	}
}

type stalling struct {
	storage.Source
	ctx  context.Context
	n    int64
	then func()
}

func (s *stalling) Open() (io.ReadCloser, error) {
	in, err := s.Source.Open()
	return &stallingReader{in, s, s.n}, err
}

type stallingReader struct {
	io.ReadCloser
	s    *stalling
	left int64
}

func (r *stallingReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		r.s.then()
		<-r.s.ctx.Done()
		return 0, r.s.ctx.Err()
	}
	n, err := r.ReadCloser.Read(p[:min(int64(len(p)), r.left)])
	r.left -= int64(n)
	return n, err
}

// A file has so much time; the others have theirs.
func TestUploadTimeout(t *testing.T) {
	d := newFaultyDesk(t, &faulty{put: slowly(1000, func() {})})
	begin := time.Now()
	results, err := d.upload([]transfer.Item{
		d.file(".1", strings.Repeat("x", 5000), "transfer_timeout", 0.3), d.file(".2", "content", "transfer_timeout", 60),
	}, broken, done)
	is(t, err, rucio.ErrNotAllFilesUploaded)
	if !errors.Is(err, rucio.ErrServiceUnavailable) || !strings.Contains(err.Error(), "longer than its transfer_timeout of 300ms") || time.Since(begin) > 10*time.Second {
		t.Errorf("got %v after %v", err, time.Since(begin))
	}
	if d.stored(results[0]) != "-" || d.stored(results[1]) != "content" {
		t.Errorf("stored are %q, %q", d.stored(results[0]), d.stored(results[1]))
	}
}

// Who gives up finds what has moved registered, and nothing of the rest.
func TestUploadCancelled(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	first := make(chan struct{})
	d := newFaultyDesk(t, &faulty{renamed: func() { close(first) }, put: slowly(1000, func() { <-first; cancel(why) })})
	items := []transfer.Item{d.file(".small", "content")}
	for i := range 20 {
		items = append(items, d.file(fmt.Sprint(".", i), strings.Repeat("x", 5000)))
	}
	results, err := transfer.UploadFiles(ctx, d.c, items, nil)
	is(t, err, rucio.ErrCancelled)
	if !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	if results[0].State != done || d.state(results[0]) != "AVAILABLE" || d.rules(results[0].DID) != 1 {
		t.Errorf("got %+v", results[0])
	}
	for _, r := range results[1:] {
		is(t, r.Err, rucio.ErrCancelled)
		if r.State != broken || r.PFN != "" && d.stored(r) != "-" || d.state(r) != "" {
			t.Errorf("got %+v", r)
		}
	}
}

// Who gives up need not wait for a storage that is only looked at again, and has a rule for what is registered.
func TestUploadCancelledAtTheLastLook(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	var moved atomic.Bool
	d := newFaultyDesk(t, &faulty{renamed: func() { moved.Store(true) }, stat: func(ctx context.Context) {
		if moved.Load() {
			cancel(errors.New("enough"))
			<-ctx.Done() // it does not answer
		}
	}})
	begin := time.Now()
	results, err := transfer.UploadFiles(ctx, d.c, []transfer.Item{d.file("", "content")}, nil)
	if err != nil || results[0].State != done || d.state(results[0]) != "AVAILABLE" || d.rules(results[0].DID) != 1 || time.Since(begin) > 20*time.Second {
		t.Errorf("got %v, %+v after %v", err, results, time.Since(begin))
	}
}

// When the catalogue is gone by the time the bytes have moved, they stay: they may be registered. The next upload knows.
func TestUploadWhenTheCatalogueDies(t *testing.T) {
	env := testbed.Require(t)
	proxy := storagetest.NewProxy(t, strings.TrimPrefix(env.HTTPURL, "http://"))
	f := &faulty{Backend: storage.NewFile(), rename: func(string, string) error { proxy.Down(); return nil }}
	mover := transfer.NewMover(transfer.Setup{NoTraces: true})
	mover.SetDoor("file", f)
	d := newDesk(t, nil)
	d.c = testclient.New(t, func(o *rucio.Options) {
		o.Hosts, o.Retries, o.Transfers = []string{"http://" + proxy.Addr}, -1, mover
	})
	item := d.file("", "content")
	results, err := d.upload([]transfer.Item{item}, broken)
	is(t, err, rucio.ErrServerConnectionException)
	if !strings.Contains(err.Error(), "it is not known whether it is registered: its bytes are left as file://localhost") || d.stored(results[0]) != "content" {
		t.Errorf("got %v; stored is %q", err, d.stored(results[0]))
	}
	proxy.Up()
	f.rename = nil
	results, _ = d.upload([]transfer.Item{item}, already)
	if d.state(results[0]) != "AVAILABLE" || d.rules(results[0].DID) != 1 {
		t.Errorf("got %+v", results[0])
	}
}

// A local file that changes while it is sent is not uploaded.
func TestUploadOfAChangingFile(t *testing.T) {
	var path atomic.Pointer[string]
	d := newFaultyDesk(t, &faulty{put: func(ctx context.Context, pfn string, src storage.Source, o storage.PutOptions) error {
		if err := os.WriteFile(*path.Load(), []byte("more content"), 0o644); err != nil {
			return err
		}
		return storage.NewFile().Put(ctx, pfn, src, o)
	}})
	item := d.file("", "content")
	name := item["path"].(string)
	path.Store(&name)
	results, err := d.upload([]transfer.Item{item}, broken)
	if !strings.Contains(err.Error(), "the source has changed") || d.stored(results[0]) != "-" {
		t.Errorf("got %v", err)
	}
}

// failFor stores nothing whose name has a part.
func failFor(part string) func(ctx context.Context, pfn string, src storage.Source, o storage.PutOptions) error {
	return func(ctx context.Context, pfn string, src storage.Source, o storage.PutOptions) error {
		if strings.Contains(pfn, part) {
			return storageError("put", pfn, storage.Denied)
		}
		return storage.NewFile().Put(ctx, pfn, src, o)
	}
}
