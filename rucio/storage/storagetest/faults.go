package storagetest

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

const faultSize = 8 << 20 // more than sockets and proxies hold

func cancelPut(t *testing.T, f *fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := f.Backend.Put(ctx, f.pfn("file"), endless{faultSize, cancel}, storage.PutOptions{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want one that wraps context.Canceled", err)
	}
	wantKind(t, "put", err, storage.Other)
	f.absent(t, f.pfn("file"))
}

func cancelGet(t *testing.T, f *fixture) {
	f.put(t, f.pfn("file"), content(faultSize))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := f.Backend.Get(ctx, f.pfn("file"), 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := io.CopyN(io.Discard, r, 1000); err != nil {
		t.Fatal(err)
	}
	cancel()
	n, err := io.Copy(io.Discard, r)
	if !errors.Is(err, context.Canceled) || n >= faultSize-1000 {
		t.Errorf("%d bytes more, error %v, want context.Canceled before the end", n, err)
	}
	if _, err := f.Backend.Stat(ctx, f.pfn("file")); f.Server != "" && !errors.Is(err, context.Canceled) {
		t.Errorf("stat: error %v, want context.Canceled", err)
	}
}

// behind puts a proxy before the server.
func (f *fixture) behind(t *testing.T) (*Proxy, *fixture) {
	t.Helper()
	proxy := NewProxy(t, f.Server)
	own := *f
	own.base = strings.Replace(f.base, f.Server, proxy.Addr, 1)
	return proxy, &own
}

func brokenPut(t *testing.T, f *fixture) {
	proxy, behind := f.behind(t)
	want := content(faultSize)
	put := func(name string, overwrite bool) error {
		return f.Backend.Put(t.Context(), behind.pfn(name), storage.FromBytes(want), storage.PutOptions{Overwrite: overwrite})
	}
	for name, overwrite := range map[string]bool{"cut": false, "cut where nothing is to be overwritten": true} {
		t.Run(name, func(t *testing.T) {
			proxy.CutUp(faultSize / 4)
			wantKind(t, "put", put("cut", overwrite), storage.Unavailable)
			f.absent(t, f.pfn("cut"))
		})
	}
	t.Run("cut over an object", func(t *testing.T) {
		f.put(t, f.pfn("old"), content(10))
		proxy.CutUp(faultSize / 4)
		wantKind(t, "put", put("old", true), storage.Unavailable)
		if _, err := f.Backend.Stat(t.Context(), f.pfn("old")); !f.InPlace || !storage.Is(err, storage.NotFound) {
			f.holds(t, f.pfn("old"), content(10))
			f.alone(t, "old")
		}
	})
	t.Run("gone", func(t *testing.T) {
		proxy.CutUp(faultSize / 4)
		proxy.DownAfterCut()
		err := put("gone", false)
		proxy.Up()
		wantKind(t, "put", err, storage.Unavailable)
		var ours *storage.Error
		if !errors.As(err, &ours) || !ours.Half {
			t.Errorf("%v doesn't say that something may be left", err)
		}
	})
	t.Run("unreachable", func(t *testing.T) {
		proxy.Down()
		err := put("unreachable", false)
		proxy.Up()
		wantKind(t, "put", err, storage.Unavailable)
		f.absent(t, f.pfn("unreachable"))
	})
}

func brokenGet(t *testing.T, f *fixture) {
	proxy, behind := f.behind(t)
	f.put(t, f.pfn("file"), content(faultSize))
	proxy.CutDown(faultSize / 2)
	_, err := behind.read(t.Context(), behind.pfn("file"), 0, -1)
	wantKind(t, "get", err, storage.Unavailable)
}

// retried wraps the backend: what broke once works.
func retried(t *testing.T, f *fixture) {
	proxy, behind := f.behind(t)
	want := content(faultSize)
	wrapped := *behind
	wrapped.Backend = storage.Wrap(f.Backend, storage.Policy{Retries: 3, Pause: time.Millisecond, Limit: 2})
	proxy.CutUp(faultSize / 4)
	wrapped.put(t, wrapped.pfn("file"), want)
	proxy.Check(t)
	proxy.CutDown(faultSize / 2)
	wrapped.holds(t, wrapped.pfn("file"), want)
	proxy.Check(t)
	if r, err := f.Backend.Stat(t.Context(), f.pfn("file")); err != nil || r.Size != faultSize {
		t.Errorf("in the end the storage has %+v, %v", r, err)
	}
}

// stalled cancels a transfer whose server takes no more bytes, but keeps the connection.
func stalled(t *testing.T, f *fixture) {
	proxy, behind := f.behind(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	proxy.Stall(faultSize/4, cancel)
	done := make(chan error, 1)
	go func() {
		done <- f.Backend.Put(ctx, behind.pfn("file"), endless{256 << 20, func() {}}, storage.PutOptions{})
	}()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want one that wraps context.Canceled", err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the transfer goes on a minute after it was cancelled")
	}
	f.absent(t, f.pfn("file"))
}
