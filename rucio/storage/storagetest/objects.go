package storagetest

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

func roundTrip(t *testing.T, f *fixture) {
	for name, size := range map[string]int{"empty": 0, "one": 1, "small": 1000, "large": 5<<20 + 3} {
		want := content(size)
		f.put(t, f.pfn(name), want)
		f.holds(t, f.pfn(name), want)
		if err := f.Backend.Delete(t.Context(), f.pfn(name)); err != nil {
			t.Fatal(err)
		}
		f.absent(t, f.pfn(name))
	}
}

func names(t *testing.T, f *fixture) {
	for i, name := range f.Names {
		f.put(t, f.pfn(name), content(i))
	}
	for i, name := range f.Names {
		f.holds(t, f.pfn(name), content(i))
	}
	f.alone(t, f.Names...)
	for _, name := range f.Names {
		if f.Backend.Features().Rename {
			moved := f.pfn(name + "_moved")
			if err := f.Backend.Rename(t.Context(), f.pfn(name), moved); err != nil {
				t.Fatal(err)
			}
			if err := f.Backend.Rename(t.Context(), moved, f.pfn(name)); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Backend.Delete(t.Context(), f.pfn(name)); err != nil {
			t.Fatal(err)
		}
	}
	f.alone(t)
}

func ranges(t *testing.T, f *fixture) {
	want := content(1000)
	pfn := f.pfn("file")
	f.put(t, pfn, want)
	for _, r := range []struct {
		offset, length int64
		want           []byte
	}{
		{0, 1000, want}, {0, 10, want[:10]}, {1, -1, want[1:]}, {990, 10, want[990:]}, {990, 100, want[990:]}, {5, 1, want[5:6]},
		{7, 0, nil}, {1000, -1, nil}, {1000, 5, nil}, {5000, -1, nil}, {5000, 5, nil},
	} {
		got, err := f.read(t.Context(), pfn, r.offset, r.length)
		if err != nil || string(got) != string(r.want) {
			t.Errorf("%d bytes from %d: got %d, error %v, want %d", r.length, r.offset, len(got), err, len(r.want))
		}
	}
	r, err := f.Backend.Get(t.Context(), pfn, 0, -1) // closed early
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func missing(t *testing.T, f *fixture) {
	f.put(t, f.pfn("other"), nil)
	for _, name := range []string{"missing", "no/such/folder/missing"} {
		pfn, b, ctx := f.pfn(name), f.Backend, t.Context()
		_, err := f.read(ctx, pfn, 0, -1)
		wantKind(t, "get", err, storage.NotFound)
		_, err = b.Stat(ctx, pfn)
		wantKind(t, "stat", err, storage.NotFound)
		wantKind(t, "delete", b.Delete(ctx, pfn), storage.NotFound)
		wantKind(t, "rename", b.Rename(ctx, pfn, f.pfn("new")), storage.NotFound)
		for _, algorithm := range b.Features().Checksums {
			_, err = b.Checksum(ctx, pfn, algorithm)
			wantKind(t, "checksum", err, storage.NotFound)
		}
		if b.Features().Folders {
			for _, err := range b.List(ctx, pfn) {
				wantKind(t, "list", err, storage.NotFound)
			}
		}
	}
	f.alone(t, "other")
}

func exists(t *testing.T, f *fixture) {
	pfn := f.pfn("file")
	for _, size := range []int{0, 10, 1 << 20} {
		f.put(t, pfn, content(size))
		err := f.Backend.Put(t.Context(), pfn, storage.FromBytes(content(20)), storage.PutOptions{})
		wantKind(t, "put", err, storage.Exists)
		f.holds(t, pfn, content(size))
		if err := f.Backend.Put(t.Context(), pfn, storage.FromBytes(content(30)), storage.PutOptions{Overwrite: true}); err != nil {
			t.Fatal(err)
		}
		f.holds(t, pfn, content(30))
		if err := f.Backend.Delete(t.Context(), pfn); err != nil {
			t.Fatal(err)
		}
	}
}

func rename(t *testing.T, f *fixture) {
	want := content(1000)
	ctx, from, to := t.Context(), f.pfn("from"), f.pfn("new/folder/to")
	f.put(t, from, want)
	if err := f.Backend.Rename(ctx, from, to); err != nil {
		t.Fatal(err)
	}
	f.absent(t, from)
	f.holds(t, to, want)
	f.put(t, from, content(5))
	wantKind(t, "rename to what is there", f.Backend.Rename(ctx, from, to), storage.Exists)
	f.holds(t, from, content(5))
	f.holds(t, to, want)
}

// wrongSource tries sources that don't keep what was announced; nothing of them may become an object.
func wrongSource(t *testing.T, f *fixture) {
	size := 3 << 20
	good := content(size)
	broken := errors.New("disk failure")
	patient := storage.Wrap(f.Backend, storage.Policy{Retries: 10, Pause: 10 * time.Millisecond}) // the last attempt may still lock the object
	f.put(t, f.pfn("old"), content(10))
	for name, test := range map[string]struct {
		src  storage.Source
		sums map[string]string
		kind storage.Kind
	}{
		"adler32":  {storage.FromBytes(good), map[string]string{"adler32": "00000001"}, storage.Corrupt},
		"md5":      {storage.FromBytes(good), map[string]string{"md5": sums(content(1))["md5"]}, storage.Corrupt},
		"empty":    {storage.FromBytes(nil), map[string]string{"adler32": "00000002"}, storage.Corrupt},
		"short":    {announced{storage.FromBytes(good), int64(size) + 1}, nil, storage.Corrupt},
		"long":     {announced{storage.FromBytes(good), int64(size) - 1}, nil, storage.Corrupt},
		"failing":  {failing{storage.FromBytes(good), broken}, nil, storage.Other},
		"unopened": {unopened{broken}, nil, storage.Other},
	} {
		t.Run(name, func(t *testing.T) {
			err := patient.Put(t.Context(), f.pfn(name), test.src, storage.PutOptions{Checksums: test.sums})
			wantKind(t, "put", err, test.kind)
			if test.kind == storage.Other && !errors.Is(err, broken) {
				t.Errorf("error %v doesn't wrap the source's %v", err, broken)
			}
			f.absent(t, f.pfn(name))
			err = patient.Put(t.Context(), f.pfn("old"), test.src, storage.PutOptions{Checksums: test.sums, Overwrite: true})
			wantKind(t, "put over an object", err, test.kind)
		})
	}
	if _, err := f.Backend.Stat(t.Context(), f.pfn("old")); f.InPlace && storage.Is(err, storage.NotFound) {
		f.alone(t)
		return
	}
	f.alone(t, "old")
	f.holds(t, f.pfn("old"), content(10))
}

// faster has somebody else store an object before ours is on its way: a failure of ours must not take that along.
func faster(t *testing.T, f *fixture) {
	broken := errors.New("disk failure")
	other := func() { f.put(t, f.pfn("file"), content(10)) }
	err := f.Backend.Put(t.Context(), f.pfn("file"), meanwhile{unopened{broken}, sync.OnceFunc(other)}, storage.PutOptions{})
	wantKind(t, "put", err, storage.Other)
	if !errors.Is(err, broken) {
		t.Errorf("error %v doesn't wrap the source's %v", err, broken)
	}
	f.holds(t, f.pfn("file"), content(10))
}

// meanwhile does something when it is opened.
type meanwhile struct {
	storage.Source
	then func()
}

func (s meanwhile) Open() (io.ReadCloser, error) {
	s.then()
	return s.Source.Open()
}

type announced struct {
	storage.Source
	size int64
}

func (a announced) Size() int64 { return a.size }

// failing breaks when half of it is read.
type failing struct {
	storage.Source
	err error
}

func (s failing) Open() (io.ReadCloser, error) {
	r, err := s.Source.Open()
	if err != nil {
		return nil, err
	}
	return io.NopCloser(io.MultiReader(io.LimitReader(r, s.Size()/2), brokenReader{s.err})), nil
}

type brokenReader struct{ err error }

func (r brokenReader) Read([]byte) (int, error) { return 0, r.err }

type unopened struct{ err error }

func (s unopened) Open() (io.ReadCloser, error) { return nil, s.err }
func (s unopened) Size() int64                  { return 5 }

// readOnly tries to write where it may not.
func readOnly(t *testing.T, f *fixture) {
	ctx := t.Context()
	for _, overwrite := range []bool{false, true} {
		err := f.Backend.Put(ctx, f.ReadOnly, storage.FromBytes(content(10)), storage.PutOptions{Overwrite: overwrite})
		wantKind(t, "put", err, storage.Denied)
		f.absent(t, f.ReadOnly)
	}
	if !f.Backend.Features().Folders {
		return
	}
	wantKind(t, "mkdir", f.Backend.Mkdir(ctx, f.ReadOnly), storage.Denied)
	f.absent(t, f.ReadOnly)
}

// parallel uses one backend from many goroutines.
func parallel(t *testing.T, f *fixture) {
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			pfn := f.pfn(fmt.Sprint("file", i))
			err := f.Backend.Put(t.Context(), pfn, storage.FromBytes(content(1000+i)), storage.PutOptions{})
			if err != nil {
				t.Error(err)
				return
			}
			got, err := f.read(t.Context(), pfn, 0, -1)
			if err != nil || string(got) != string(content(1000+i)) {
				t.Errorf("%s: %d bytes, error %v", pfn, len(got), err)
			}
			if err := f.Backend.Delete(t.Context(), pfn); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	f.alone(t)
}
