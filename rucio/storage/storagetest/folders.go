package storagetest

import (
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

func folders(t *testing.T, f *fixture) {
	ctx, folder := t.Context(), f.pfn("a/b c")
	for range 2 { // one that is there is fine
		if err := f.Backend.Mkdir(ctx, folder); err != nil {
			t.Fatal(err)
		}
	}
	info, err := f.Backend.Stat(ctx, folder)
	if err != nil || !info.Folder || info.PFN != folder {
		t.Fatalf("stat of a folder: %+v, %v", info, err)
	}
	if _, err := f.read(ctx, folder, 0, -1); err == nil && !f.Pages {
		t.Error("a folder was read as if it were an object")
	}
	if err := f.Backend.Put(ctx, folder, storage.FromBytes(nil), storage.PutOptions{}); err == nil {
		t.Error("an object was stored over a folder")
	}
	file := storage.Join(folder, "file")
	f.put(t, file, content(5))
	if err := f.Backend.Mkdir(ctx, file); err == nil {
		t.Error("a folder was made where an object is")
	}
	if err := f.Backend.Delete(ctx, folder); err == nil {
		t.Fatal("a folder that is not empty was deleted")
	}
	f.holds(t, file, content(5))
	for _, pfn := range []string{file, folder, f.pfn("a")} {
		if err := f.Backend.Delete(ctx, pfn); err != nil {
			t.Fatal(err)
		}
		f.absent(t, pfn)
	}
}

func list(t *testing.T, f *fixture) {
	want := map[string]int{"one": 1, "two words": 2, "größe": 3, "empty": 0}
	for name, size := range want {
		f.put(t, f.pfn(name), content(size))
	}
	f.put(t, f.pfn("folder/deep"), content(9))
	found := f.list(t, f.base)
	if len(found) != len(want)+1 {
		t.Errorf("%d entries, want %d: %v", len(found), len(want)+1, found)
	}
	for name, size := range want {
		if info, ok := found[f.pfn(name)]; !ok || info.Size != int64(size) || info.Folder {
			t.Errorf("%s is listed as %+v, %t", name, info, ok)
		}
	}
	if info, ok := found[f.pfn("folder")]; !ok || !info.Folder {
		t.Errorf("the folder is listed as %+v, %t", info, ok)
	}
	for _, err := range f.Backend.List(t.Context(), f.base) {
		if err != nil {
			t.Error(err)
		}
		break // stopping early is fine
	}
	if !f.Backend.Features().Folders {
		return
	}
	if err := f.Backend.Mkdir(t.Context(), f.pfn("empty folder")); err != nil {
		t.Fatal(err)
	}
	if found := f.list(t, f.pfn("empty folder")); len(found) != 0 {
		t.Errorf("an empty folder holds %v", found)
	}
	for _, err := range f.Backend.List(t.Context(), f.pfn("one")) {
		if err == nil {
			t.Error("an object was listed like a folder")
		}
	}
}

func checksum(t *testing.T, f *fixture) {
	known := map[string]bool{}
	for _, algorithm := range f.Checksums {
		known[algorithm] = true
	}
	// XRootD's http door has been seen to answer 500 once to what follows a checksum; tidying up is not what is tried here
	patient := storage.Wrap(f.Backend, storage.Policy{Retries: 10, Pause: 10 * time.Millisecond})
	for _, size := range []int{0, 1, 100, 1 << 20} {
		want := content(size)
		pfn := f.pfn("file")
		f.put(t, pfn, want)
		for algorithm, sum := range sums(want) {
			got, err := f.Backend.Checksum(t.Context(), pfn, algorithm)
			if known[algorithm] && (err != nil || got != sum) {
				t.Errorf("%s of %d bytes: %q, %v, want %s", algorithm, size, got, err, sum)
			}
			if !known[algorithm] {
				wantKind(t, algorithm, err, storage.Unsupported)
			}
		}
		_, err := f.Backend.Checksum(t.Context(), pfn, "crc7")
		wantKind(t, "crc7", err, storage.Unsupported)
		if err := patient.Delete(t.Context(), pfn); err != nil {
			t.Fatal(err)
		}
	}
}

func space(t *testing.T, f *fixture) {
	f.put(t, f.pfn("file"), content(100))
	space, err := f.Backend.Space(t.Context(), f.base)
	if err != nil {
		wantKind(t, "space", err, storage.Unsupported)
		return
	}
	if space.Used <= 0 || space.Free == 0 || space.Total > 0 && space.Total < space.Used {
		t.Errorf("%+v can't be", space)
	}
}
