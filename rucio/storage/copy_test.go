package storage_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// forgetful is a storage that knows no checksums.
type forgetful struct{ storage.Backend }

func (forgetful) Features() storage.Features { return storage.Features{Rename: true, Folders: true} }

func (forgetful) Checksum(_ context.Context, pfn, _ string) (string, error) {
	return "", &storage.Error{Op: "checksum", PFN: pfn, Kind: storage.Unsupported}
}

// garbling is a storage that stores something else.
type garbling struct{ storage.Backend }

func (garbling) Checksum(context.Context, string, string) (string, error) { return "00000001", nil }

// stuttering is a storage whose first reader breaks off.
type stuttering struct {
	storage.Backend
	broken *bool
}

func (s stuttering) Get(ctx context.Context, pfn string, offset, length int64) (io.ReadCloser, error) {
	r, err := s.Backend.Get(ctx, pfn, offset, length)
	if err != nil || *s.broken {
		return r, err
	}
	*s.broken = true
	return io.NopCloser(io.MultiReader(io.LimitReader(r, 3), failing{})), nil
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func put(t *testing.T, b storage.Backend, pfn, content string) {
	t.Helper()
	if err := b.Put(t.Context(), pfn, storage.FromBytes([]byte(content)), storage.PutOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestCopy(t *testing.T) {
	from, to := storage.NewMem(), storage.NewFile()
	put(t, from, "mem://a/x", "hello")
	put(t, from, "mem://a/folder/z", "")
	target := "file://" + filepath.Join(t.TempDir(), "new folder", "y")
	var moved int64
	done, err := storage.Copy(t.Context(), from, "mem://a/x", to, target, storage.CopyOptions{Moved: func(n int64) { moved += n }})
	if err != nil || moved != 5 || done != (storage.Copied{Bytes: 5, Algorithm: "adler32", Checksum: "062c0215", Verified: true}) {
		t.Errorf("copied %+v, %d bytes, %v", done, moved, err)
	}
	if got, err := read(t, to, target, 0, -1); got != "hello" || err != nil {
		t.Errorf("stored %q, %v", got, err)
	}
	if _, err := storage.Copy(t.Context(), from, "mem://a/x", to, target, storage.CopyOptions{}); !storage.Is(err, storage.Exists) {
		t.Errorf("twice: %v", err)
	}
	if _, err := storage.Copy(t.Context(), from, "mem://a/x", to, target, storage.CopyOptions{Overwrite: true}); err != nil {
		t.Errorf("overwriting: %v", err)
	}
	if _, err := storage.Copy(t.Context(), from, "mem://a/z", to, target, storage.CopyOptions{Overwrite: true}); !storage.Is(err, storage.NotFound) {
		t.Errorf("of nothing: %v", err)
	}
	if _, err := storage.Copy(t.Context(), from, "mem://a/folder", to, target, storage.CopyOptions{Overwrite: true}); err == nil || !strings.Contains(err.Error(), "it is a folder") {
		t.Errorf("of a folder: %v", err)
	}
	put(t, from, "mem://a/empty", "")
	if done, err := storage.Copy(t.Context(), from, "mem://a/empty", from, "mem://b/empty", storage.CopyOptions{}); err != nil || done.Checksum != "00000001" || !done.Verified {
		t.Errorf("of nothing in it: %+v %v", done, err)
	}
}

func TestCopyWithoutChecksums(t *testing.T) {
	b := forgetful{storage.NewMem()}
	put(t, b, "mem://a/x", "hello")
	done, err := storage.Copy(t.Context(), b, "mem://a/x", b, "mem://a/y", storage.CopyOptions{})
	if err != nil || done != (storage.Copied{Bytes: 5, Algorithm: "adler32", Checksum: "062c0215"}) {
		t.Errorf("copied %+v, %v", done, err)
	}
	if sum, err := storage.Sum(t.Context(), b, "mem://a/y", "md5"); sum != "5d41402abc4b2a76b9719d911017c592" || err != nil {
		t.Errorf("md5 %s, %v", sum, err)
	}
	if _, err := storage.Sum(t.Context(), b, "mem://a/y", "crc"); !storage.Is(err, storage.Unsupported) {
		t.Errorf("crc: %v", err)
	}
}

// What a storage has got wrong does not stay.
func TestCopyOfWhatIsGarbled(t *testing.T) {
	from := storage.NewMem()
	put(t, from, "mem://a/x", "hello")
	target := filepath.Join(t.TempDir(), "y")
	_, err := storage.Copy(t.Context(), forgetful{from}, "mem://a/x", garbling{storage.NewFile()}, "file://"+target, storage.CopyOptions{})
	if !storage.Is(err, storage.Corrupt) || !strings.Contains(err.Error(), "adler32 of what is stored is 00000001, that of what was sent 062c0215") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(target); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
}

// A second attempt begins anew, and what the first has moved does not count.
func TestCopyOfWhatBreaksOff(t *testing.T) {
	mem, broken := storage.NewMem(), false
	put(t, mem, "mem://a/x", "hello")
	to := storage.Wrap(storage.NewFile(), storage.Policy{Retries: 1, Pause: 1})
	var all []int64
	done, err := storage.Copy(t.Context(), stuttering{mem, &broken}, "mem://a/x", to, "file://"+t.TempDir()+"/y",
		storage.CopyOptions{Moved: func(n int64) { all = append(all, n) }})
	if err != nil || done.Checksum != "062c0215" || !slices.Equal(all, []int64{3, -3, 5}) {
		t.Errorf("copied %+v, %v, %v", done, all, err)
	}
}

func TestWalk(t *testing.T) {
	b := storage.NewMem()
	for _, name := range []string{"b/2", "b/1", "a", "c/d/e"} {
		put(t, b, "mem://h/top/"+name, name)
	}
	var all []string
	for info, err := range storage.Walk(t.Context(), b, "mem://h/top") {
		all = append(all, fmt.Sprintf("%s %v %v", strings.TrimPrefix(info.PFN, "mem://h/top/"), info.Folder, err))
	}
	want := []string{"a false <nil>", "b/1 false <nil>", "b/2 false <nil>", "b true <nil>", "c/d/e false <nil>", "c/d true <nil>", "c true <nil>"}
	if !slices.Equal(all, want) {
		t.Errorf("walked %q", all)
	}
	for _, err := range storage.Walk(t.Context(), b, "mem://h/none") {
		if !storage.Is(err, storage.NotFound) {
			t.Errorf("of nothing: %v", err)
		}
	}
}

func TestBase(t *testing.T) {
	for pfn, want := range map[string]string{
		"davs://h:1/a/b%20c?x=/y": "b c", "https://h": "", "file:///a/b%20": "b%20", "/a/b/": "b", "x": "x", "root://h//a?authz=/b": "a",
		"s3://h/b/k?": "k?", "file://host:0/a": "a",
	} {
		if got := storage.Base(pfn); got != want {
			t.Errorf("Base(%s) = %q, want %q", pfn, got, want)
		}
	}
}

func TestRel(t *testing.T) {
	for _, c := range []struct{ folder, pfn, want string }{
		{"davs://h/a%20b/", "davs://h/a%20b/c%2Bd/e", "c+d/e"}, {"file:///a", "file:///a/b", "b"}, {"root://h//a?x=y", "root://h//a/b?x=y", "b"},
		{"s3://h/b", "s3://h/b/k 1", "k 1"}, {"file:///", "file:///b", "b"}, {"https://h", "https://h/b", "b"},
	} {
		if got := storage.Rel(c.folder, c.pfn); got != c.want {
			t.Errorf("Rel(%s, %s) = %q, want %q", c.folder, c.pfn, got, c.want)
		}
	}
}

// shrinking is a storage that keeps less than it is given.
type shrinking struct{ storage.Backend }

func (s shrinking) Stat(ctx context.Context, pfn string) (storage.Info, error) {
	info, err := s.Backend.Stat(ctx, pfn)
	info.Size /= 2
	return info, err
}

func TestCopyUnchecked(t *testing.T) {
	ctx, b := t.Context(), storage.NewMem()
	put(t, b, "mem://a/x", "hello")
	done, err := storage.Copy(ctx, b, "mem://a/x", garbling{b}, "mem://a/y", storage.CopyOptions{Unchecked: true})
	if err != nil || done != (storage.Copied{Bytes: 5}) {
		t.Errorf("%+v, %v", done, err)
	}
	if got, err := read(t, b, "mem://a/y", 0, -1); err != nil || got != "hello" {
		t.Errorf("%q, %v", got, err)
	}
	_, err = storage.Copy(ctx, b, "mem://a/x", shrinking{b}, "mem://a/z", storage.CopyOptions{Unchecked: true})
	if !storage.Is(err, storage.Corrupt) || !strings.Contains(err.Error(), "2 bytes are stored, 5 were sent") {
		t.Errorf("error %v, want that the size is wrong", err)
	}
	if _, err := b.Stat(ctx, "mem://a/z"); !storage.Is(err, storage.NotFound) {
		t.Errorf("what is wrong is still there: %v", err)
	}
}
