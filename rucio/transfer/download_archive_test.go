package transfer_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

// member is a file in an archive.
type member struct {
	name    string
	content []byte
}

func zipped(t *testing.T, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, m := range members {
		out, err := w.Create(m.name)
		must(t, err)
		_, err = out.Write(m.content)
		must(t, err)
	}
	must(t, w.Close())
	return b.Bytes()
}

func tarred(t *testing.T, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	packed := gzip.NewWriter(&b)
	w := tar.NewWriter(packed)
	must(t, w.WriteHeader(&tar.Header{Name: "link", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink}))
	for _, m := range members {
		must(t, w.WriteHeader(&tar.Header{Name: "./" + m.name, Size: int64(len(m.content)), Mode: 0o600}))
		_, err := w.Write(m.content)
		must(t, err)
	}
	must(t, w.Close())
	must(t, packed.Close())
	return b.Bytes()
}

// archive puts an archive on an RSE and tells Rucio what is in it.
func (l *lake) archive(s *web, name string, content []byte, members ...member) (did string) {
	l.t.Helper()
	did = l.putWeb(s, name, content, content)
	var files []rucio.DID
	for _, m := range members {
		files = append(files, rucio.DID{Scope: "test", Name: m.name, Type: "FILE", Extra: map[string]any{
			"bytes": len(m.content), "adler32": adler(m.content), "md5": md5sum(m.content),
		}})
	}
	must(l.t, l.c.AddFilesToArchive(l.t.Context(), "test", strings.TrimPrefix(did, "test:"), files))
	return did
}

func TestDownloadFromArchives(t *testing.T) {
	l := newLake(t, nil)
	s := l.web()
	for _, kind := range []string{"zip", "tar.gz"} {
		a, b, bad := member{l.prefix + kind + "a", random(100_000)}, member{l.prefix + kind + "sub/b", random(10)}, member{l.prefix + kind + "bad", random(10)}
		other := member{"../../evil", random(10)}
		stored := bad
		stored.content = random(10)
		var content []byte
		if kind == "zip" {
			content = zipped(t, a, other, stored, b)
		} else {
			content = tarred(t, a, other, stored, b)
		}
		archive := l.archive(s, "x."+kind, content, a, b, bad)
		s.gets.Store(0)
		folder := t.TempDir()
		items := []transfer.Item{{"did": "test:" + a.name, "base_dir": folder}, {"did": "test:" + b.name, "base_dir": folder, "no_subdir": true}}
		result, err := l.download(items...)
		must(t, err)
		holds(t, l.path(folder, "test:"+a.name), a.content)
		holds(t, filepath.Join(folder, b.name), b.content)
		inside, _ := result[0]["archive_items"].([]transfer.Item)
		if len(result) != 1 || len(inside) != 2 || inside[0]["clientState"] != "DONE" || result[0]["clientState"] != "DONE" || result[0]["name"] != l.prefix+"x."+kind {
			t.Errorf("%s: got %v", kind, result)
		}
		if n := s.gets.Load(); n != 1 {
			t.Errorf("%s: fetched %d times", kind, n)
		}
		if _, err := os.Stat(l.path(folder, archive)); err == nil {
			t.Errorf("%s: the archive is left", kind)
		}
		result, err = l.download(items...)
		if err != nil || result[0]["clientState"] != "ALREADY_DONE" {
			t.Errorf("%s: got %v, %v", kind, result, err)
		}

		// with one that is not what it is meant to be, and the archive for its own sake
		_, err = l.download(transfer.Item{"did": []string{"test:" + a.name, "test:" + bad.name, archive}, "base_dir": folder})
		e := failed(t, err, rucio.ErrNotAllFilesDownloaded)
		if len(e.Items) != 2 || !strings.Contains(err.Error(), bad.name+": checksum validation failed: adler32 in the archive is "+adler(stored.content)) {
			t.Errorf("%s: got %v", kind, err)
		}
		holds(t, l.path(folder, archive), content)
		if _, err := os.Stat(l.path(folder, "test:"+bad.name)); err == nil {
			t.Errorf("%s: there is a file of wrong content", kind)
		}

		_, err = l.download(transfer.Item{"did": "test:" + a.name, "base_dir": t.TempDir(), "no_resolve_archives": true})
		failed(t, err, rucio.ErrNoFilesDownloaded)
	}
}

// TestDownloadArchiveOrNot: a file that is somewhere on its own is fetched alone, unless many come out of the same archive.
func TestDownloadArchiveOrNot(t *testing.T) {
	l := newLake(t, nil)
	s := l.web()
	var members []member
	var dids []string
	for i := range 10 {
		m := member{l.prefix + fmt.Sprint(i), random(1000 + i)}
		members = append(members, m)
		dids = append(dids, "test:"+m.name)
		l.register("test", m.name, m.content, m.content, "POSIX1")
	}
	l.archive(s, "all.zip", zipped(t, members...), members...)
	for _, n := range []int{9, 10} {
		folder := t.TempDir()
		s.gets.Store(0)
		_, err := l.download(transfer.Item{"did": dids[:n], "base_dir": folder})
		must(t, err)
		for _, m := range members[:n] {
			holds(t, filepath.Join(folder, "test", m.name), m.content)
		}
		if fetched := s.gets.Load() > 0; fetched != (n == 10) {
			t.Errorf("%d files: the archive was fetched: %v", n, fetched)
		}
	}
}

// TestDownloadMember: of a zip archive whose PFN names the file in it nothing but this file is fetched.
func TestDownloadMember(t *testing.T) {
	l := newLake(t, nil)
	s := l.web()
	inside := member{"a/b c+d", []byte(strings.Repeat("compress me ", 100_000))}
	s.files["/x.zip"] = zipped(t, member{"big", random(10 * mib)}, inside, member{"more", random(5 * mib)})
	folder := t.TempDir()
	item := func(name string) transfer.Item {
		return transfer.Item{"did": "test:b", "rse": "POSIX1", "pfn": s.URL + "/x.zip?q=1&xrdcl.unzip=" + name, "base_dir": folder, "adler32": adler(inside.content)}
	}
	_, err := transfer.DownloadPFNs(t.Context(), l.c, []transfer.Item{item("a/b+c%2Bd")}, nil)
	must(t, err)
	holds(t, filepath.Join(folder, "test", "b"), inside.content)
	if n := s.served.Load(); n > mib {
		t.Errorf("%d bytes were sent", n)
	}
	must(t, os.Remove(filepath.Join(folder, "test", "b")))
	_, err = transfer.DownloadPFNs(t.Context(), l.c, []transfer.Item{item("nope")}, nil)
	if failed(t, err, rucio.ErrNoFilesDownloaded); !storage.Is(err, storage.NotFound) || !strings.Contains(err.Error(), `no file "nope"`) {
		t.Errorf("got %v", err)
	}
}
