package transfer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

// web is an RSE of the real Rucio whose storage is in this process, to fail as a test wants it to.
type web struct {
	*httptest.Server
	rse string

	mu     sync.Mutex
	files  map[string][]byte
	before func(w http.ResponseWriter, r *http.Request) bool // true: that was the answer
	served atomic.Int64                                      // bytes
	gets   atomic.Int64
}

func (l *lake) web() *web {
	l.t.Helper()
	s := &web{rse: testbed.Unique("WEB"), files: map[string][]byte{}}
	s.Server = httptest.NewServer(s)
	l.t.Cleanup(s.Close)
	address, err := url.Parse(s.URL)
	must(l.t, err)
	host, port, err := net.SplitHostPort(address.Host)
	must(l.t, err)
	number, err := strconv.Atoi(port)
	must(l.t, err)
	domain := map[string]any{"read": 1, "write": 1, "delete": 1}
	must(l.t, l.c.AddRSE(l.t.Context(), s.rse, nil))
	must(l.t, l.c.AddRSEAttribute(l.t.Context(), s.rse, "lfn2pfn_algorithm", "identity"))
	must(l.t, l.c.AddProtocol(l.t.Context(), s.rse, rucio.NewProtocol{
		Scheme: "http", Hostname: host, Port: number, Prefix: "/", Impl: "rucio.rse.protocols.webdav.Default",
		Domains: map[string]map[string]any{"wan": domain, "lan": domain},
	}))
	return s
}

// put stores a file, and registers it as content.
func (l *lake) putWeb(s *web, name string, content, stored []byte) string {
	l.t.Helper()
	name = l.prefix + name
	l.register("test", name, content, nil, s.rse)
	s.mu.Lock()
	s.files["/test/"+name] = stored
	s.mu.Unlock()
	return "test:" + name
}

func (s *web) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	s.mu.Lock()
	content, ok := s.files[r.URL.Path]
	before := s.before
	s.mu.Unlock()
	if r.Method == http.MethodGet {
		s.gets.Add(1)
	}
	if before != nil && before(w, r) {
		return
	}
	if !ok {
		http.NotFound(w, r)
		return
	}
	http.ServeContent(&countingWriter{w, s}, r, "", time.Time{}, bytes.NewReader(content))
}

type countingWriter struct {
	http.ResponseWriter
	s *web
}

func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.s.served.Add(int64(n))
	return n, err
}

const mib = 1 << 20

func (l *lake) path(folder, did string) string {
	return filepath.Join(folder, strings.Replace(did, ":", "/", 1))
}

// TestDownloadStreams: a large file comes in several parts at once, and is the same.
func TestDownloadStreams(t *testing.T) {
	l := newLake(t, nil)
	s := l.web()
	content := random(200*mib + 12345)
	did := l.putWeb(s, "big", content, content)
	var most, now atomic.Int64
	s.before = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet {
			n := now.Add(1)
			most.Store(max(most.Load(), n))
			context.AfterFunc(r.Context(), func() { now.Add(-1) })
		}
		return false
	}
	folder := t.TempDir()
	_, err := l.download(transfer.Item{"did": did, "base_dir": folder})
	must(t, err)
	holds(t, l.path(folder, did), content)
	if most.Load() < 2 || s.served.Load() > int64(len(content))+mib || l.meter.moved[did] != int64(len(content)) {
		t.Errorf("%d streams, %d bytes served, %d told", most.Load(), s.served.Load(), l.meter.moved[did])
	}
}

// TestDownloadResume: what a cancelled download has left is gone on with, if it is of the same content.
func TestDownloadResume(t *testing.T) {
	l := newLake(t, nil)
	s := l.web()
	for _, size := range []int{20 * mib, 150 * mib} { // in one stream, in several
		content := random(size)
		did := l.putWeb(s, fmt.Sprint(size), content, content)
		folder := t.TempDir()
		item := transfer.Item{"did": did, "base_dir": folder}
		ctx, cancel := context.WithCancel(t.Context())
		var seen atomic.Int64
		l.meter.onMoved = func(_ string, n int64) {
			if seen.Add(n) > int64(size)*3/4 {
				cancel()
			}
		}
		_, err := transfer.DownloadDIDs(ctx, l.c, []transfer.Item{item}, &transfer.DownloadDIDsOptions{DeactivateFileDownloadExceptions: true})
		l.meter.onMoved = nil
		if failed(t, err, rucio.ErrCancelled); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		if _, err := os.Stat(l.path(folder, did)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("under the final name: %v", err)
		}
		s.served.Store(0)
		l.meter.moved[did] = 0
		_, err = l.download(item)
		must(t, err)
		holds(t, l.path(folder, did), content)
		if n := s.served.Load(); n > int64(size)/2 || l.meter.moved[did] != int64(size) {
			t.Errorf("%d of %d bytes came again, %d told", n, size, l.meter.moved[did])
		}
	}
}

// TestDownloadResumeOfOther: what is left is not trusted blindly.
func TestDownloadResumeOfOther(t *testing.T) {
	l := newLake(t, nil)
	s := l.web()
	content := random(10 * mib)
	did := l.putWeb(s, "x", content, content)
	folder := t.TempDir()
	path := l.path(folder, did)
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	note := func(size int, sum string) string {
		return fmt.Sprintf(`{"size":%d,"algorithm":"adler32","sum":%q,"segments":[[0,%d,%d]]}`, size, sum, size, 5*mib)
	}
	damaged := bytes.Clone(content[:6*mib])
	damaged[100]++
	for name, c := range map[string]struct {
		part []byte
		note string
		most int64
	}{
		"other content": {random(6 * mib), note(10*mib, "12345678"), 10 * mib},
		"other size":    {random(6 * mib), note(10*mib+1, adler(content)), 10 * mib},
		"damaged":       {damaged, note(10*mib, adler(content)), 15 * mib},
		"cut":           {content[:mib], note(10*mib, adler(content)), 10 * mib},
		"no note":       {content[:6*mib], "", 10 * mib},
		"nonsense":      {content[:6*mib], `{"segments":[[0,-5,3]]}`, 10 * mib},
		"good":          {content[:6*mib], note(10*mib, adler(content)), 5 * mib},
	} {
		must(t, os.RemoveAll(path))
		must(t, os.WriteFile(path+".part", c.part, 0o644))
		must(t, os.WriteFile(path+".part.note", []byte(c.note), 0o600))
		s.served.Store(0)
		l.meter.moved[did] = 0
		_, err := l.download(transfer.Item{"did": did, "base_dir": folder})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		holds(t, path, content)
		if n := s.served.Load(); n > c.most || l.meter.moved[did] != 10*mib {
			t.Errorf("%s: %d bytes came, %d told", name, n, l.meter.moved[did])
		}
	}
}

// TestDownloadBroken: connections that break in the middle cost nothing but what was not sent yet.
func TestDownloadBroken(t *testing.T) {
	l := newLake(t, nil)
	s, other := l.web(), l.web()
	content := random(20 * mib)
	did := l.putWeb(s, "x", content, content)
	l.putWeb(other, "x", content, content)
	breakAfter := func(s *web, n int) {
		var broken atomic.Int64
		s.before = func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != http.MethodGet || broken.Add(1) > 1 {
				return false
			}
			w.Header().Set("Content-Length", strconv.Itoa(len(content)))
			_, _ = w.Write(content[:n])
			panic(http.ErrAbortHandler)
		}
	}
	breakAfter(s, 12*mib)
	breakAfter(other, 12*mib)
	folder := t.TempDir()
	var traces []map[string]any
	result, err := transfer.DownloadDIDs(t.Context(), l.c, []transfer.Item{{"did": did, "base_dir": folder}}, &transfer.DownloadDIDsOptions{TracesCopyOut: &traces})
	must(t, err)
	holds(t, l.path(folder, did), content)
	if result[0]["attemptnr"] != 2 || s.served.Load()+other.served.Load() > 9*mib || len(traces) != 1 || traces[0]["clientState"] != "DONE" {
		t.Errorf("got %v, %d and %d bytes, %v", result, s.served.Load(), other.served.Load(), traces)
	}

	// a storage that dies for good: the other one goes on where it ended
	s.before = func(http.ResponseWriter, *http.Request) bool { panic(http.ErrAbortHandler) }
	breakAfter(other, 12*mib)
	s.served.Store(0)
	other.served.Store(0)
	folder = t.TempDir()
	_, err = l.download(transfer.Item{"did": did, "base_dir": folder})
	must(t, err)
	holds(t, l.path(folder, did), content)
	if n := other.served.Load(); n > 9*mib {
		t.Errorf("%d bytes", n)
	}
}

// TestDownloadTimeout: a storage that hangs is given up, and what it has sent is gone on with.
func TestDownloadTimeout(t *testing.T) {
	l := newLake(t, nil)
	s := l.web()
	content := random(5 * mib)
	did := l.putWeb(s, "x", content, content)
	hang := func(w http.ResponseWriter, r *http.Request) bool {
		w.Header().Set("Content-Length", strconv.Itoa(len(content)))
		_, _ = w.Write(content[:mib])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return true
	}
	s.before = hang
	folder := t.TempDir()
	item := transfer.Item{"did": did, "base_dir": folder, "transfer_timeout": "0.3"}
	_, err := l.download(item)
	if failed(t, err, rucio.ErrNoFilesDownloaded); !strings.Contains(err.Error(), "not done within transfer_timeout of 300ms") || errors.Is(err, context.DeadlineExceeded) ||
		!storage.Is(err, storage.Unavailable) {
		t.Errorf("got %v", err)
	}
	s.before = nil
	s.served.Store(0)
	_, err = l.download(item)
	must(t, err)
	holds(t, l.path(folder, did), content)
	if n := s.served.Load(); n > 4*mib {
		t.Errorf("%d bytes came again", n)
	}
}

// TestDownloadAtOnce: downloads to the same destination at the same time do not disturb each other.
func TestDownloadAtOnce(t *testing.T) {
	l := newLake(t, nil)
	s := l.web()
	content := random(70 * mib)
	did := l.putWeb(s, "x", content, content)
	folder := t.TempDir()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			result, err := l.download(transfer.Item{"did": did, "base_dir": folder})
			if err != nil || result[0]["clientState"] != "DONE" && result[0]["clientState"] != "ALREADY_DONE" {
				t.Errorf("got %v, %v", result, err)
			}
		})
	}
	group.Wait()
	holds(t, l.path(folder, did), content)
}

// TestDownloadLocalTrouble: what is wrong with this machine is not blamed on replicas.
func TestDownloadLocalTrouble(t *testing.T) {
	l := newLake(t, nil)
	s := l.web()
	folder := t.TempDir()
	content := random(10)
	did := l.putWeb(s, "z", content, content)
	must(t, os.MkdirAll(filepath.Join(l.path(folder, did), "y"), 0o755)) // a folder is in the way
	_, err := l.download(transfer.Item{"did": did, "base_dir": folder})
	if failed(t, err, rucio.ErrNoFilesDownloaded); !strings.Contains(err.Error(), "is a folder; remove it") || s.served.Load() != 0 {
		t.Errorf("%d bytes were served, %v", s.served.Load(), err)
	}
	must(t, os.RemoveAll(l.path(folder, did)))
	_, err = l.download(transfer.Item{"did": did, "base_dir": folder})
	must(t, err)
	holds(t, l.path(folder, did), content)
	if s.served.Load() != int64(len(content)) {
		t.Errorf("%d bytes were served", s.served.Load())
	}
	must(t, os.WriteFile(filepath.Join(folder, "file"), nil, 0o600))
	_, err = l.download(transfer.Item{"did": did, "base_dir": filepath.Join(folder, "file")})
	if failed(t, err, rucio.ErrNoFilesDownloaded); !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("got %v", err)
	}
}

// TestDownloadWhole: a server that knows no parts of files is asked for the whole, once that is clear.
func TestDownloadWhole(t *testing.T) {
	l := newLake(t, nil)
	s := l.web()
	content := random(100 * mib)
	did := l.putWeb(s, "x", content, content)
	s.before = func(_ http.ResponseWriter, r *http.Request) bool {
		r.Header.Del("Range")
		return false
	}
	folder := t.TempDir()
	_, err := l.download(transfer.Item{"did": did, "base_dir": folder})
	must(t, err)
	holds(t, l.path(folder, did), content)
	if n := s.served.Load(); n > int64(len(content))*3/2 || l.meter.moved[did] != int64(len(content)) {
		t.Errorf("%d bytes served, %d told", n, l.meter.moved[did])
	}
}
