package bind

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// withStorage gives a lab files, a memory, and doors that are shut.
func withStorage(h *Host) {
	mem := sync.OnceValue(storage.NewMem)
	h.Storage = func(_ context.Context, pfn string) (storage.Backend, error) {
		switch storage.Scheme(pfn) {
		case "mem":
			return mem(), nil
		case "down":
			return shut{mem(), storage.Unavailable}, nil
		case "denied":
			return shut{mem(), storage.Denied}, nil
		case "unset":
			return nil, fail.Errorf(fail.Config, "the client certificate is nowhere")
		}
		return storage.Open(pfn, storage.Options{})
	}
}

// shut is a door that lets nobody in.
type shut struct {
	storage.Backend
	kind storage.Kind
}

func (s shut) Stat(_ context.Context, pfn string) (storage.Info, error) {
	return storage.Info{}, storage.Fail("stat", pfn, s.kind, errors.New("knocked in vain"))
}

func (s shut) Get(_ context.Context, pfn string, _, _ int64) (io.ReadCloser, error) {
	return nil, storage.Fail("get", pfn, s.kind, errors.New("knocked in vain"))
}

func TestStorage(t *testing.T) {
	newLab(t, withStorage).check(t, []example{
		{`local path = file.temp("up") file.write(path, "hello")
		  local done = storage.put(path, "mem://h/a/b") return done.bytes, done.algorithm, done.checksum, done.verified`, `5 adler32 062c0215 true`},
		{`local i = storage.stat("mem://h/a/b") return i.pfn, i.name, i.size, i.folder, time.since(i.modified) < 1e9`, `mem://h/a/b b 5 false true`},
		{`return storage.stat("mem://h/a").folder, storage.exists("mem://h/a/b"), storage.exists("mem://h/a/c")`, `true true false`},
		{`return storage.checksum("mem://h/a/b"), storage.checksum("mem://h/a/b", "md5")`, `062c0215 5d41402abc4b2a76b9719d911017c592`},
		{`local path = file.temp() storage.get("mem://h/a/b", path) return file.read(path)`, `hello`},
		{`storage.copy("mem://h/a/b", "mem://h/a/c/d") storage.rename("mem://h/a/c/d", "mem://h/a/c/e")
		  local names = {} for _, e in ipairs(storage.list("mem://h/a", {recursive = true})) do names[#names + 1] = e.name end
		  return table.concat(names, " "), #storage.list("mem://h/a"), storage.list(file.temp("gone"))`, `error: ...gone: no such file or directory`},
		{`local names = {} for _, e in ipairs(storage.list("mem://h/a", {recursive = true})) do names[#names + 1] = e.name end
		  return table.concat(names, " "), #storage.list("mem://h/a")`, `b e c 2`},
		{`storage.mkdir("mem://h/empty") return json.encode(storage.list("mem://h/empty"))`, `[]`},
		{`return storage.delete("mem://h/a/b"), storage.delete("mem://h/a/b"), storage.delete("mem://h/a", {recursive = true}), storage.exists("mem://h/a")`, `true false true false`},
		{`return storage.space("/tmp").free > 0, storage.stat("/").folder`, `true true`},
		{`local path = file.temp() file.write(path, "x") storage.put(path, "mem://h/x") file.write(path, "y")
		  local ok, e = pcall(storage.put, path, "mem://h/x")
		  storage.put(path, "mem://h/x", {overwrite = true}) storage.get("mem://h/x", path, {overwrite = true})
		  return ok, e.kind, e.class, e.pfn, tostring(e), file.read(path)`, `false exists FileReplicaAlreadyExists mem://h/x put mem://h/x: file already exists y`},
		{`local ok, e = pcall(storage.stat, "mem://h/none") return e.kind, e.class, e.pfn, e.message`, `not_found SourceNotFound mem://h/none stat mem://h/none: file does not exist`},
		{`local ok, e = pcall(storage.stat, "down://h/x") return e.kind, e.class, e.message`, `unavailable ServiceUnavailable stat down://h/x: knocked in vain`},
		{`local ok, e = pcall(storage.exists, "denied://h/x?sig=secret") return e.kind, e.class`, `denied RSEAccessDenied`},
		{`local ok, e = pcall(storage.stat, "unset://h/x") return e.kind, e.class, e.message`, `nil nil the client certificate is nowhere`},
		{`local ok, e = pcall(storage.stat, "gopher://h/x") return e.kind, e.message:match("no storage of scheme \"gopher\"")`, `unsupported no storage of scheme "gopher"`},
		{`storage.rename("mem://h/x", "/tmp/x")`, `error: storage.rename: a mem:// object cannot become a file:// one`},
		{`storage.checksum("mem://h/x", "sha1")`, `error: storage.checksum: algorithm must be "adler32" or "md5", not the string "sha1"`},
		{`storage.stat("")`, `error: storage.stat: pfn must be a PFN such as davs://host:443/path, or a path, not the string ""`},
		{`storage.stat()`, `error: storage.stat: pfn must be a string, not nil`},
		{`storage.put("/nowhere/x", "mem://h/y")`, `error: stat file:///nowhere/x: no such file or directory`},
		{`storage.delete("mem://h/x", {recursiv = true})`, `error: storage.delete: unknown option "recursiv"`},
	})
}

// A task that lets an error of a storage pass ends with the exit code and the hint that the host gives it.
func TestStorageErrorsAreExplained(t *testing.T) {
	b := newLab(t, withStorage, func(h *Host) {
		h.Explain = func(err error) error { return fail.Hint(fail.With(fail.Unavailable, err), "knock again") }
	})
	_, err := run(t, b.L, `storage.stat("down://h/x")`)
	if e := vm.AsError(err); fail.CodeOf(e) != fail.Unavailable || fail.HintOf(e) != "knock again" {
		t.Errorf("ends with %v, hint %q", fail.CodeOf(e), fail.HintOf(e))
	}
	if got := newLab(t).eval(t, `storage.stat("mem://h/x")`); got != "error: storage.stat: there is no storage here" {
		t.Error(got)
	}
}
