package bind

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestFile(t *testing.T) {
	b := newLab(t)
	b.check(t, []example{
		{`local p = file.temp("a-*.txt") file.write(p, "one\n") file.append(p, "two") return file.read(p), file.size(p), file.exists(p), p:match("/a%-[%x-]+%.txt$") ~= nil`,
			"one\ntwo 7 true true"},
		{`local p = file.temp() return file.exists(p), file.remove(p)`, `false false`},
		{`local p = file.temp() file.append(p, "x") file.write(p, "") return file.size(p), file.remove(p), file.exists(p)`, `0 true false`},
		{`local a = file.random(100000) local b = file.temp() return file.copy(a, b), file.size(b), file.checksum(a) == file.checksum(b), file.read(a) == file.read(b)`, `100000 100000 true true`},
		{`local p = file.temp() file.write(p, "hello") return file.checksum(p), file.checksum(p, "md5"), file.checksum(p, "sha256"):sub(1, 8)`,
			`062c0215 5d41402abc4b2a76b9719d911017c592 2cf24dba`},
		{`local p = file.temp() file.write(p, "\0\255\n") return #file.read(p), file.checksum(p) == file.checksum(p, "adler32")`, `3 true`},
		{`local p = file.random(0, {name = "exact.dat"}) return p:match("[^/]+$"), file.size(p)`, `exact.dat 0`},
		{`local p = file.random(10, {name = "exact.dat"}) local dir = p:match("^(.*)/") local l = file.list(dir, "ex*") return #l, l[1], #file.list(dir, "none*")`, `1 exact.dat 0`},
		{`local p = file.temp() local f = file.open(p, "w") f:write("a", 1, "\n", "b\r\n", "c") f:close()
		  local lines = {} for line in file.open(p):lines() do lines[#lines + 1] = line end return table.concat(lines, "|"), file.size(p)`, `a1|b|c 7`},
		{`local p = file.temp() file.open(p, "a"):write("x") local f = file.open(p) return f:read(10), f:read(1), f:read(), tostring(f) == "file handle of " .. p`, `x nil  true`},
		{`local f = file.open(file.random(5)) f:close() f:close() f:read()`, `error: ...handle:read: `},
		{`local f = file.open(file.random(5)) f:write("x")`, `error: ...handle:write: write `},
		{`file.open(file.temp(), "rw")`, `error: file.open: mode must be "r", "w" or "a", not the string "rw"`},
		{`file.read("/nonexistent/x")`, `error: file.read: open /nonexistent/x: no such file or directory`},
		{`file.write("/nonexistent/x", "")`, `error: file.write: open /nonexistent/x: no such file or directory`},
		{`file.size("/nonexistent/x")`, `error: file.size: stat /nonexistent/x: no such file or directory`},
		{`file.write(file.temp())`, `error: file.write: text must be a string, not nil`},
		{`file.checksum(file.random(1), "crc")`, `error: file.checksum: algorithm must be "adler32", "md5" or "sha256", not the string "crc"`},
		{`file.random(-1)`, `error: file.random: size must be an integer from 0 on, not -1`},
		{`file.random(1.5)`, `error: file.random: size must be an integer from 0 on, not 1.5`},
		{`file.random(1, {name = "../x"})`, `error: file.random: name must be the name of a file, without folders, not the string "../x"`},
		{`file.random(1, {nam = "x"})`, `error: file.random: unknown option "nam"`},
		{`file.list("/", "[")`, `error: file.list: pattern must be a pattern such as *.yml, not the string "["`},
		{`local p = file.random(3) file.copy(p, p)`, `error: ...are the same file`},
		{`file.read("/")`, `error: file.read: read /: is a directory`},
	})
	none := newLab(t, func(h *Host) { h.TempDir = nil })
	none.check(t, []example{{`file.random(1)`, `error: file.random: there is no folder for temporary files here`}})
	full := newLab(t, func(h *Host) { h.TempDir = func() (string, error) { return "", errors.New("disk full") } })
	full.check(t, []example{{`file.temp()`, `error: file.temp: disk full`}})
}

// Random files differ, also of the same size, and fill their size; the bytes look random.
func TestRandomFile(t *testing.T) {
	b := newLab(t)
	sums := map[string]bool{}
	for range 3 {
		path := b.eval(t, `return file.random(3000001)`)
		text, err := os.ReadFile(path)
		if err != nil || len(text) != 3000001 {
			t.Fatalf("%d bytes, %v", len(text), err)
		}
		var counts [256]int
		for _, c := range text {
			counts[c]++
		}
		for c, n := range counts {
			if n < 10000 || n > 13500 { // expected 11719, with a deviation of 108
				t.Fatalf("byte %d occurs %d times", c, n)
			}
		}
		sum := sha256.Sum256(text)
		sums[hex.EncodeToString(sum[:])] = true
	}
	if len(sums) != 3 {
		t.Error("random files are equal")
	}
}

// What takes long stops when the script's context ends, and files that were left open are closed.
func TestFilesStop(t *testing.T) {
	b := newLab(t)
	ctx, cancel := context.WithCancel(t.Context())
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := stopping{ctx, neverEnding{}}
	if _, err := io.CopyN(io.Discard, r, 100000); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := io.CopyN(io.Discard, r, 100000); !errors.Is(err, context.Canceled) {
		t.Errorf("reading went on: %v", err)
	}
	if got := b.eval(t, `kept = file.open("`+path+`") return kept:read()`); got != "x" {
		t.Fatal(got)
	}
	eventually(t, func() bool { return strings.Contains(b.eval(t, `return kept:read()`), "is closed") })
}

// eventually waits for what another goroutine is about to do.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("it does not happen")
		}
	}
}

type neverEnding struct{}

func (neverEnding) Read(p []byte) (int, error) { return len(p), nil }
