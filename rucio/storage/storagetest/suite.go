// Package storagetest holds the one suite that every storage.Backend passes, and a proxy that breaks connections.
package storagetest

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// Door is a backend under test.
type Door struct {
	Backend storage.Backend
	// Base is the PFN of a folder that may be written to; the suite keeps to a new folder in it.
	Base string
	// ReadOnly is the PFN of something in a folder that may not be written to, empty when the storage has no such thing.
	ReadOnly string
	// Names are those of Names that this server can tell apart, if not all.
	Names []string
	// InPlace is set when an overwrite that fails takes the old object with it.
	InPlace bool
	// Pages is set when reading a folder gives a page for browsers.
	Pages bool
	// Checksums are those that this server knows, if not all of the backend's.
	Checksums []string
	// Server is "host:port" as Base has it, where connections can be broken; empty for a storage without a server.
	Server string
}

// Names are those that the suite stores objects under, besides ordinary ones.
var Names = []string{"with space", "per%cent", "100%25", "a+b&c=d;e", "größe-日本語", "quo'te\"s", "hash#q?x", "dots..", "colon:at@", "(br)[a]{c}e~"}

// Run runs the suite.
func Run(t *testing.T, door Door) {
	t.Helper()
	if door.Checksums == nil {
		door.Checksums = door.Backend.Features().Checksums
	}
	if door.Names == nil {
		door.Names = Names
	}
	base := storage.Join(door.Base, fmt.Sprintf("suite-%08x", rand.Uint32())) //nolint:gosec // no secret
	f := &fixture{Door: door, base: base}
	tests := []test{
		{"RoundTrip", roundTrip}, {"Names", names}, {"Ranges", ranges}, {"Missing", missing}, {"Exists", exists},
		{"Rename", rename}, {"List", list}, {"Checksum", checksum}, {"WrongSource", wrongSource}, {"Faster", faster}, {"CancelPut", cancelPut},
		{"CancelGet", cancelGet}, {"Space", space}, {"Parallel", parallel},
	}
	if door.Backend.Features().Folders {
		tests = append(tests, test{"Folders", folders})
	}
	if door.ReadOnly != "" {
		tests = append(tests, test{"ReadOnly", readOnly})
	}
	if door.Server != "" {
		tests = append(tests, test{"BrokenPut", brokenPut}, test{"BrokenGet", brokenGet}, test{"Retried", retried}, test{"Stalled", stalled})
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			own := *f
			own.base = storage.Join(f.base, strings.ToLower(test.name))
			test.run(t, &own)
		})
	}
}

type test struct {
	name string
	run  func(*testing.T, *fixture)
}

// fixture is a Door with a folder of a test's own, and short forms of its calls.
type fixture struct {
	Door
	base string
}

func (f *fixture) pfn(name string) string { return storage.Join(f.base, name) }

func (f *fixture) put(t *testing.T, pfn string, content []byte) {
	t.Helper()
	if err := f.Backend.Put(t.Context(), pfn, storage.FromBytes(content), storage.PutOptions{Checksums: sums(content)}); err != nil {
		t.Fatal(err)
	}
}

// holds fails the test unless pfn has this content and size.
func (f *fixture) holds(t *testing.T, pfn string, want []byte) {
	t.Helper()
	got, err := f.read(t.Context(), pfn, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%s: %d bytes that are not the %d stored", pfn, len(got), len(want))
	}
	info, err := f.Backend.Stat(t.Context(), pfn)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size != int64(len(want)) || info.Folder || info.PFN != pfn {
		t.Fatalf("stat of %d bytes at %s: %+v", len(want), pfn, info)
	}
}

func (f *fixture) read(ctx context.Context, pfn string, offset, length int64) ([]byte, error) {
	r, err := f.Backend.Get(ctx, pfn, offset, length)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// absent fails the test unless there is nothing under pfn.
func (f *fixture) absent(t *testing.T, pfn string) {
	t.Helper()
	info, err := f.Backend.Stat(t.Context(), pfn)
	if !storage.Is(err, storage.NotFound) {
		t.Fatalf("%s: stat says %+v, %v; want that nothing is there", pfn, info, err)
	}
}

// alone fails the test unless the folder of pfn has nothing but the named: no half file under another name either.
func (f *fixture) alone(t *testing.T, names ...string) {
	t.Helper()
	if _, err := f.Backend.Stat(t.Context(), f.base); storage.Is(err, storage.NotFound) && len(names) == 0 {
		return
	}
	found := f.list(t, f.base)
	var got []string
	for pfn := range found {
		got = append(got, pfn)
	}
	var want []string
	for _, name := range names {
		want = append(want, f.pfn(name))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("%s holds %q, want %q", f.base, got, want)
	}
}

func (f *fixture) list(t *testing.T, pfn string) map[string]storage.Info {
	t.Helper()
	found := map[string]storage.Info{}
	for info, err := range f.Backend.List(t.Context(), pfn) {
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := found[info.PFN]; twice {
			t.Fatalf("%s is listed twice", info.PFN)
		}
		found[info.PFN] = info
	}
	return found
}

// content is n bytes that repeat nowhere and compress badly.
func content(n int) []byte {
	random := rand.NewChaCha8([32]byte{byte(n % 251)}) //nolint:gosec // test data
	out := make([]byte, n)
	_, _ = random.Read(out)
	return out
}

func sums(content []byte) map[string]string {
	out := map[string]string{}
	for _, algorithm := range []string{"adler32", "md5"} {
		h, err := storage.NewHash(algorithm)
		if err != nil {
			panic(err)
		}
		h.Write(content)
		out[algorithm] = hex.EncodeToString(h.Sum(nil))
	}
	return out
}

func wantKind(t *testing.T, what string, err error, kind storage.Kind) {
	t.Helper()
	var ours *storage.Error
	if !errors.As(err, &ours) || ours.Kind != kind {
		t.Errorf("%s: error %v, want a storage error of kind %q", what, err, kind)
	}
}

// Zeros is a source of zeros.
func Zeros(size int64) storage.Source { return endless{size, func() {}} }

// endless is a source of zeros that tells when half of them are read.
type endless struct {
	size int64
	half func()
}

func (s endless) Size() int64                  { return s.size }
func (s endless) Open() (io.ReadCloser, error) { return io.NopCloser(&zeros{s, 0}), nil }

type zeros struct {
	endless
	read int64
}

func (r *zeros) Read(p []byte) (int, error) {
	if r.read == r.size {
		return 0, io.EOF
	}
	n := min(int64(len(p)), r.size-r.read, 64<<10)
	clear(p[:n])
	r.read += n
	if r.read >= r.size/2 {
		r.half()
	}
	return int(n), nil
}
