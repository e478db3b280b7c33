package transfer_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testclient"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

// gate is a way to the server on which a list of replicas stops after some lines.
type gate struct {
	lines int
	after func() error // what then happens; nil: it goes on
}

func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && strings.HasSuffix(r.URL.Path, "/replicas/list") {
		resp.Body = &gated{ReadCloser: resp.Body, gate: g}
	}
	return resp, err
}

type gated struct {
	io.ReadCloser
	gate  *gate
	lines int
}

// Read gives what there is byte by byte until the gate.
func (b *gated) Read(p []byte) (int, error) {
	if b.lines == b.gate.lines {
		b.lines++
		if err := b.gate.after(); err != nil {
			return 0, err
		}
	}
	if b.lines > b.gate.lines {
		return b.ReadCloser.Read(p)
	}
	n, err := b.ReadCloser.Read(p[:1])
	if n == 1 && p[0] == '\n' {
		b.lines++
	}
	return n, err
}

// gated is a dataset of four files whose list of replicas stops after the first two.
func (l *lake) gated(after func() error) (dataset string, contents map[string][]byte) {
	contents = map[string][]byte{}
	var dids []string
	for i := range 4 {
		name := fmt.Sprintf("%s%d", l.prefix, i)
		contents[name] = random(1000)
		dids = append(dids, l.register("test", name, contents[name], contents[name], "POSIX1"))
	}
	l.c = testclient.New(l.t, func(o *rucio.Options) {
		o.Transfers, o.HTTP = l.mover, &http.Client{Transport: &gate{2, after}}
	})
	return l.dataset("ds", dids...), contents
}

// Files come while the server still tells of others.
func TestDownloadWhileListed(t *testing.T) {
	l := newLake(t, nil)
	ended := make(chan struct{}, 4)
	l.meter.onMoved = func(string, int64) { ended <- struct{}{} }
	dataset, contents := l.gated(func() error {
		if files, bytes := l.meter.plan(); files != 4 || bytes != 4000 {
			t.Errorf("%d files of %d bytes are foreseen", files, bytes)
		}
		for range 2 {
			select {
			case <-ended:
			case <-time.After(30 * time.Second):
				return errors.New("nothing comes while the list is open")
			}
		}
		return nil
	})
	dir := t.TempDir()
	items, err := l.download(transfer.Item{"did": dataset, "base_dir": dir})
	must(t, err)
	for name, content := range contents {
		holds(t, filepath.Join(dir, strings.TrimPrefix(dataset, "test:"), name), content)
	}
	if files, bytes := l.meter.plan(); len(items) != 4 || files != 4 || bytes != 4000 {
		t.Errorf("got %v, %d files of %d bytes", items, files, bytes)
	}
}

// A list that breaks off leaves what came, says so, and the same download goes on from there.
func TestDownloadOfABrokenList(t *testing.T) {
	l := newLake(t, nil)
	dataset, contents := l.gated(func() error { return errors.New("cable cut") })
	dir := t.TempDir()
	_, err := l.download(transfer.Item{"did": dataset, "base_dir": dir})
	e := failed(t, err, rucio.ErrServerConnectionException)
	if files, bytes := l.meter.plan(); files != 2 || bytes != 2000 {
		t.Errorf("%d files of %d bytes were to come in the end", files, bytes)
	}
	if len(e.Items) != 2 || !strings.Contains(err.Error(), "cable cut") || !strings.Contains(err.Error(), "of 2 files that were known by then") {
		t.Errorf("got %v with %v", err, e.Items)
	}
	there := len(e.Items) - len(e.Failed)
	l.c = testclient.New(t, func(o *rucio.Options) { o.Transfers = l.mover })
	items, err := l.download(transfer.Item{"did": dataset, "base_dir": dir})
	must(t, err)
	states := map[any]int{}
	for _, item := range items {
		states[item["clientState"]]++
	}
	if states["ALREADY_DONE"] != there || states["DONE"] != 4-there {
		t.Errorf("got %v, want %d files that are there already", states, there)
	}
	for name, content := range contents {
		holds(t, filepath.Join(dir, strings.TrimPrefix(dataset, "test:"), name), content)
	}
}

// Two files of one name, which only the list tells, are not put in one place.
func TestDownloadToOnePlace(t *testing.T) {
	l := newLake(t, nil)
	scope := "other" + strings.ReplaceAll(l.prefix[len(l.prefix)-8:], ".", "")
	must(t, l.c.AddScope(t.Context(), l.env.Account, scope))
	content := random(100)
	dataset := l.dataset("ds", l.put("x", content, "POSIX1"), l.register(scope, l.prefix+"x", content, content, "POSIX1"))
	dir := t.TempDir()
	_, err := l.download(transfer.Item{"did": dataset, "base_dir": dir})
	if e := failed(t, err, rucio.ErrInputValidationError); len(e.Items) != 1 || !strings.Contains(err.Error(), "have the same destination") {
		t.Errorf("got %v with %v", err, e.Items)
	}
	clean(t, filepath.Join(dir, strings.TrimPrefix(dataset, "test:")))
}

// An RSE that there is not is named.
func TestDownloadFromNowhere(t *testing.T) {
	l := newLake(t, nil)
	_, err := l.download(transfer.Item{"did": l.put("x", random(10), "POSIX1"), "base_dir": t.TempDir(), "rse": "NOWHERE"})
	if !errors.Is(err, rucio.ErrInvalidRSEExpression) || !strings.Contains(err.Error(), "there is no RSE NOWHERE") {
		t.Errorf("got %v", err)
	}
}
