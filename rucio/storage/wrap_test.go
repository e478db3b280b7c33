package storage_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// flaky does what it is told, but says that the connection broke, as often as its counter has it.
type flaky struct {
	storage.Backend
	lies atomic.Int64
	half bool
}

func (f *flaky) lie(op string, err error) error {
	if f.lies.Add(-1) < 0 {
		return err
	}
	return &storage.Error{Op: op, PFN: "x", Kind: storage.Unavailable, Err: errors.New("connection reset"), Half: f.half}
}

func (f *flaky) Put(ctx context.Context, pfn string, src storage.Source, options storage.PutOptions) error {
	return f.lie("put", f.Backend.Put(ctx, pfn, src, options))
}

func (f *flaky) Delete(ctx context.Context, pfn string) error {
	return f.lie("delete", f.Backend.Delete(ctx, pfn))
}

func (f *flaky) Rename(ctx context.Context, from, to string) error {
	return f.lie("rename", f.Backend.Rename(ctx, from, to))
}

func (f *flaky) List(ctx context.Context, pfn string) iter.Seq2[storage.Info, error] {
	return func(yield func(storage.Info, error) bool) {
		if err := f.lie("list", nil); err != nil {
			yield(storage.Info{}, err)
			return
		}
		f.Backend.List(ctx, pfn)(yield)
	}
}

// What broke may have worked: the next attempt takes that for what it is.
func TestRetries(t *testing.T) {
	ctx, pfn, src := t.Context(), "mem://h/d/file", storage.FromBytes([]byte("content"))
	f := &flaky{Backend: storage.NewMem(), half: true}
	b := storage.Wrap(f, storage.Policy{Retries: 2, Pause: time.Millisecond})
	steps := []struct {
		name string
		call func() error
	}{
		{"put over our own half", func() error { return b.Put(ctx, pfn, src, storage.PutOptions{}) }},
		{"rename", func() error { return b.Rename(ctx, pfn, pfn+"2") }},
		{"list", func() error {
			for info, err := range b.List(ctx, "mem://h/d") {
				if err != nil || info.PFN != pfn+"2" {
					t.Errorf("listed %+v, %v", info, err)
				}
			}
			return nil
		}},
		{"delete", func() error { return b.Delete(ctx, pfn+"2") }},
	}
	for _, step := range steps {
		f.lies.Store(2)
		if err := step.call(); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
		if left := f.lies.Load(); left > 0 {
			t.Errorf("%s: %d of two lies were not told", step.name, left)
		}
	}
	f.lies.Store(3)
	if err := b.Put(ctx, pfn, src, storage.PutOptions{}); !storage.Is(err, storage.Unavailable) {
		t.Errorf("error %v after three attempts, want the last one's", err)
	}
	if err := b.Delete(ctx, pfn); err != nil {
		t.Fatal(err)
	}
	f.lies.Store(1) // after which the source is gone
	err := b.Put(ctx, pfn, &vanishing{Source: src}, storage.PutOptions{})
	var ours *storage.Error
	if !errors.As(err, &ours) || !ours.Half || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v of the second attempt, want one that tells of the half that the first one left", err)
	}
	f.lies.Store(0)
	if err := b.Delete(ctx, pfn+"3"); !storage.Is(err, storage.NotFound) {
		t.Errorf("error %v, want not found at the first attempt", err)
	}
	f.half = false
	f.lies.Store(1)
	if err := b.Put(ctx, pfn, src, storage.PutOptions{}); !storage.Is(err, storage.Exists) {
		t.Errorf("error %v: somebody else's object must not be overwritten", err)
	}
}

// vanishing can be opened once.
type vanishing struct {
	storage.Source
	gone bool
}

func (v *vanishing) Open() (io.ReadCloser, error) {
	if v.gone {
		return nil, fs.ErrNotExist
	}
	v.gone = true
	return v.Source.Open()
}

func TestRetriesEndWithTheirContext(t *testing.T) {
	f := &flaky{Backend: storage.NewMem()}
	f.lies.Store(1000)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		b := storage.Wrap(f, storage.Policy{Retries: 999, Pause: time.Hour, MaxPause: time.Hour})
		done <- b.Delete(ctx, "mem://h/a")
	}()
	cancel()
	if err := <-done; !storage.Is(err, storage.Unavailable) {
		t.Errorf("error %v, want why the last attempt failed", err)
	}
}

// counting notes how many calls are under way at once.
type counting struct {
	storage.Backend
	mu        sync.Mutex
	now, most int
}

func (c *counting) Stat(ctx context.Context, pfn string) (storage.Info, error) {
	c.mu.Lock()
	c.now++
	c.most = max(c.most, c.now)
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.now--
		c.mu.Unlock()
	}()
	return c.Backend.Stat(ctx, pfn)
}

func TestLimit(t *testing.T) {
	c := &counting{Backend: storage.NewMem()}
	b := storage.Wrap(c, storage.Policy{Limit: 2})
	if err := b.Put(t.Context(), "mem://h/f", storage.FromBytes([]byte("content")), storage.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	var readers []io.Closer
	for range 2 {
		r, err := b.Get(t.Context(), "mem://h/f", 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		readers = append(readers, r)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := b.Stat(ctx, "mem://h/f"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v while two readers are open, want that there was no turn", err)
	}
	for _, r := range readers {
		r.Close()
		r.Close() // twice gives one turn back
	}
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if _, err := b.Stat(t.Context(), "mem://h/f"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if c.most > 2 {
		t.Errorf("%d calls at once, want at most 2", c.most)
	}
}

// breaking has readers that break after some bytes, as often as its counter has it.
type breaking struct {
	storage.Backend
	breaks atomic.Int64
}

func (b *breaking) Get(ctx context.Context, pfn string, offset, length int64) (io.ReadCloser, error) {
	r, err := b.Backend.Get(ctx, pfn, offset, length)
	if err == nil && b.breaks.Add(-1) >= 0 {
		r = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(io.LimitReader(r, 3), iotest.ErrReader(io.ErrUnexpectedEOF)), r}
	}
	return r, err
}

// Who waits for a turn holds none: not the broken reader that is to be replaced, nor a listing that stands still.
func TestLimitOfOne(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	inner := &breaking{Backend: storage.NewMem()}
	b := storage.Wrap(inner, storage.Policy{Limit: 1, Retries: 2, Pause: time.Millisecond})
	if err := b.Put(ctx, "mem://h/d/file", storage.FromBytes([]byte("content")), storage.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	inner.breaks.Store(2)
	if got, err := readAll(ctx, b, "mem://h/d/file"); got != "content" || err != nil {
		t.Errorf("a reader that breaks twice: %q, %v", got, err)
	}
	done := make(chan error, 1)
	go func() {
		for info, err := range b.List(ctx, "mem://h/d") {
			r, opening := b.Get(ctx, info.PFN, 0, -1)
			if err := errors.Join(err, opening); err != nil {
				done <- err
				return
			}
			defer r.Close() // after the loop, which ends here
			break
		}
		done <- nil
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-ctx.Done():
		t.Error("a loop over a listing can't be left while there is no turn")
	}
}

func readAll(ctx context.Context, b storage.Backend, pfn string) (string, error) {
	r, err := b.Get(ctx, pfn, 0, -1)
	if err != nil {
		return "", err
	}
	content, err := io.ReadAll(r)
	return string(content), errors.Join(err, r.Close())
}

func TestLog(t *testing.T) {
	var out bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	url, options := fake(t, nil)
	b := storage.Wrap(open(t, url, options), storage.Policy{Log: logger})
	_, _ = b.Stat(t.Context(), "davs://user:hidden@127.0.0.1:1/f?X-Amz-Signature=hidden")
	mem := storage.Wrap(storage.NewMem(), storage.Policy{Log: logger})
	if err := mem.Put(t.Context(), "mem://h/f", storage.FromBytes([]byte("content")), storage.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := read(t, mem, "mem://h/f", 2, -1); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, want := range []string{`msg="storage stat" pfn=davs://127.0.0.1:1/f`, "connection refused", `msg="storage put" pfn=mem://h/f`,
		`msg="storage get" pfn=mem://h/f`, "offset=2 bytes=5"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in the log:\n%s", want, text)
		}
	}
	if strings.Contains(text, "hidden") {
		t.Errorf("the log tells secrets:\n%s", text)
	}
}
