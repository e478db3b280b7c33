package transfer

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

func TestDestination(t *testing.T) {
	file := rucio.DID{Scope: "s", Name: "a/b"}
	lfn := rucio.DID{Scope: "s", Name: "/x/y/z"}
	for _, c := range []struct {
		file, asked rucio.DID
		noSubdir    bool
		want        string
	}{
		{file, file, false, "/base/s/a/b"},
		{file, file, true, "/base/a/b"},
		{file, rucio.DID{Scope: "t", Name: "set"}, false, "/base/set/a/b"},
		{lfn, lfn, false, "/base/s/x/y/z"},
		{lfn, rucio.DID{Scope: "t", Name: "/x/y"}, false, "/base/x/y/z"},
		{lfn, rucio.DID{Scope: "t", Name: "/x/y"}, true, "/base/z"},
	} {
		if got, err := destination(c.file, c.asked, &order{baseDir: "/base", noSubdir: c.noSubdir}); err != nil || got != c.want {
			t.Errorf("%s of %s: got %s, %v, want %s", c.file, c.asked, got, err, c.want)
		}
	}
}

// FuzzDestination: whatever files and datasets are called, they stay below the folder.
func FuzzDestination(f *testing.F) {
	for _, name := range []string{"a", "/a/b", "../x", "a/../../x", "..", "", "/", "//", "a//b", "./x", "a\x00b", `..\x`} {
		f.Add("s", name, "set", false)
		f.Add("..", "x", name, true)
		f.Add(name, "x", name, false)
	}
	f.Fuzz(func(t *testing.T, scope, name, set string, noSubdir bool) {
		for _, asked := range []rucio.DID{{Scope: scope, Name: name}, {Scope: scope, Name: set}} {
			path, err := destination(rucio.DID{Scope: scope, Name: name}, asked, &order{baseDir: "/base/dir", noSubdir: noSubdir})
			if err == nil && (!strings.HasPrefix(path, "/base/dir/") || path != filepath.Clean(path) || strings.ContainsRune(path, 0)) {
				t.Errorf("%q %q of %q: %q", scope, name, set, path)
			}
		}
	})
}

func TestTimeouts(t *testing.T) {
	for _, c := range []struct {
		timeout, speed float64 // negative is none
		size           int64
		want           time.Duration
	}{
		{-1, -1, 1000, 360 * time.Second},
		{-1, -1, -1, 360 * time.Second},
		{-1, -1, 500e9, 1_000_060 * time.Second}, // Python: 360 s
		{0.5, 10, 1000, 500 * time.Millisecond},
		{0, -1, 1000, 0},
		{-1, 100, 1e9, 10_060 * time.Second},
		{-1, 0, 1e9, 2_060 * time.Second},
		{-1, 100, -1, 360 * time.Second},
	} {
		var m merged
		if c.timeout >= 0 {
			m.timeout = &c.timeout
		}
		if c.speed >= 0 {
			m.speed = &c.speed
		}
		if got := m.limit(c.size); got != c.want {
			t.Errorf("%+v: got %s", c, got)
		}
	}
}
