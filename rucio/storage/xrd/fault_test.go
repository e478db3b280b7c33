package xrd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
)

// noLeaks fails the test when it leaves more goroutines behind than there were.
func noLeaks(t *testing.T) {
	t.Helper()
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Errorf("%d goroutines, there were %d", runtime.NumGoroutine(), before)
				return
			}
		}
	})
}

// place returns a URL on the server without a login, and a client that talks to it directly.
func place(t *testing.T) (string, *Client) {
	t.Helper()
	return servers(t)["TESTBED_XROOTD_URL"] + "/" + testbed.Unique("fault-"), newClient(t, Options{})
}

func gone(t *testing.T, c *Client, url string) {
	t.Helper()
	if _, err := c.Stat(t.Context(), url); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a half file remains: %v", err)
	}
}

func TestServerDiesInUpload(t *testing.T) {
	noLeaks(t)
	url, direct := place(t)
	data := randomBytes(20 * chunk)
	for _, pages := range []bool{false, true} {
		c := newClient(t, Options{Pages: pages})
		err := c.Put(t.Context(), proxy(t, url, func(f *frame) []byte {
			if !f.answer && (f.request == reqWrite || f.request == reqPgWrite) && f.n == 15 {
				return nil
			}
			return f.raw
		}), bytes.NewReader(data), int64(len(data)), false)
		if !Temporary(err) {
			t.Errorf("%v, want an error that another attempt may not meet", err)
		}
		gone(t, direct, url)
	}
}

func TestServerDiesInDownload(t *testing.T) {
	noLeaks(t)
	url, direct := place(t)
	put(t, direct, url, randomBytes(20*chunk))
	c := newClient(t, Options{})
	dying := proxy(t, url, func(f *frame) []byte { // the connection ends between two answers
		if f.answer && f.request == reqRead && f.n == 15 {
			return nil
		}
		return f.raw
	})
	got, err := get(t.Context(), c, dying, 0, -1)
	if !Temporary(err) || errors.Is(err, io.EOF) || len(got) >= 20*chunk {
		t.Errorf("%d bytes, %v, want an error that another attempt may not meet", len(got), err)
	}
}

func TestRedirectLoop(t *testing.T) {
	url, c := place(t)
	var port byte
	var high byte
	looping := proxy(t, url, func(f *frame) []byte {
		if f.answer && f.request == reqStat {
			return f.response(statusRedirect, append([]byte{0, 0, high, port}, "localhost?tried=x"...)...)
		}
		return f.raw
	})
	u, err := ParseURL(looping)
	if err != nil {
		t.Fatal(err)
	}
	high, port = byte(u.Port>>8), byte(u.Port)
	_, err = c.Stat(t.Context(), looping)
	if err == nil || !strings.Contains(err.Error(), "more than 16 redirects, the last to localhost:") {
		t.Errorf("%v, want an end of the redirects", err)
	}
}

// A manager that sends us to a dead server is asked again, and told so.
func TestDetour(t *testing.T) {
	url, direct := place(t)
	put(t, direct, url, []byte("alive"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := l.Addr().(*net.TCPAddr).Port
	l.Close()
	var asked []string
	got, err := get(t.Context(), newClient(t, Options{}), proxy(t, url, func(f *frame) []byte {
		switch {
		case f.request == reqOpen && !f.answer:
			asked = append(asked, string(f.raw[24:]))
		case f.request == reqOpen && f.n == 0:
			return f.response(statusRedirect, append([]byte{0, 0, byte(dead >> 8), byte(dead)}, "127.0.0.1"...)...)
		}
		return f.raw
	}), 0, -1)
	if err != nil || string(got) != "alive" {
		t.Errorf("%q, %v", got, err)
	}
	if len(asked) != 2 || !strings.HasSuffix(asked[1], "?tried=127.0.0.1") {
		t.Errorf("opened %q, want the dead server named the second time", asked)
	}
}

func TestWaits(t *testing.T) {
	url, direct := place(t)
	put(t, direct, url, []byte("later"))
	for name, test := range map[string]struct {
		times int
		busy  bool
	}{"twice": {2, false}, "for ever": {1 << 30, true}} {
		waiting := proxy(t, url, func(f *frame) []byte {
			if f.answer && f.request == reqOpen && f.n < test.times {
				return f.response(statusWait, 0, 0, 0, 0)
			}
			return f.raw
		})
		got, err := get(t.Context(), newClient(t, Options{Patience: 200 * time.Millisecond}), waiting, 0, -1)
		if test.busy && !Temporary(err) || !test.busy && (err != nil || string(got) != "later") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// An answer that is announced first and comes out of turn.
func TestLateAnswers(t *testing.T) {
	url, direct := place(t)
	data := randomBytes(5*chunk + 3)
	put(t, direct, url, data)
	late := proxy(t, url, func(f *frame) []byte {
		if !f.answer || f.request != reqOpen && f.request != reqRead && f.request != reqStat && f.request != reqClose {
			return f.raw
		}
		said := append([]byte{0, 0, 0x13, 0x8a, 0, 0, 0, 0}, "a message for people"...) // asyncms
		attn := append([]byte{0, 0, 0x13, 0x90, 0, 0, 0, 0}, f.raw...)                  // asynresp
		b := append(f.response(statusWaitResp, 0, 0, 0, 9), f.response(statusAttn, said...)...)
		return append(b, f.response(statusAttn, attn...)...)
	})
	c := newClient(t, Options{})
	if got, err := get(t.Context(), c, late, 0, -1); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if info, err := c.Stat(t.Context(), late); err != nil || info.Size != int64(len(data)) {
		t.Errorf("%+v, %v", info, err)
	}
}

func TestDamagedPages(t *testing.T) {
	url, direct := place(t)
	data := randomBytes(3*chunk + 5000)
	for name, times := range map[string]int{"once": 1, "always": 1 << 30} {
		for _, code := range []uint16{reqPgWrite, reqPgRead} {
			damaging := proxy(t, url, func(f *frame) []byte {
				if f.answer == (code == reqPgRead) && f.request == code && f.n < times {
					f.raw[len(f.raw)-1] ^= 1
					f.raw[len(f.raw)-5000] ^= 4
				}
				return f.raw
			})
			if times > 1 { // then single pages come as well
				damaging = proxy(t, url, func(f *frame) []byte {
					if f.answer == (code == reqPgRead) && f.request == code {
						f.raw[len(f.raw)-1] ^= 1
					}
					return f.raw
				})
			}
			c := newClient(t, Options{Pages: true})
			err := c.Put(t.Context(), damaging, bytes.NewReader(data), int64(len(data)), true)
			if times > 1 && code == reqPgWrite {
				if !errors.Is(err, ErrChecksum) {
					t.Errorf("%s: put: %v, want a wrong checksum", name, err)
				}
				gone(t, direct, url)
				continue
			}
			if err != nil {
				t.Errorf("%s: put: %v", name, err)
			}
			if sum, err := direct.Checksum(t.Context(), url, "adler32"); sum != adler(data) {
				t.Errorf("%s: put left %s, %v, want %s", name, sum, err, adler(data))
			}
			got, err := get(t.Context(), c, damaging, 0, -1)
			if times > 1 {
				if !errors.Is(err, ErrChecksum) {
					t.Errorf("%s: get: %v, want a wrong checksum", name, err)
				}
				continue
			}
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%s: get: %d bytes, %v", name, len(got), err)
			}
		}
	}
}

func TestSilentServer(t *testing.T) {
	noLeaks(t)
	url, _ := place(t)
	silent := proxy(t, url, func(f *frame) []byte {
		if f.answer && f.request == reqStat {
			return []byte{}
		}
		return f.raw
	})
	_, err := newClient(t, Options{Stall: 300 * time.Millisecond}).Stat(t.Context(), silent)
	if !Temporary(err) {
		t.Errorf("%v, want a timeout", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := newClient(t, Options{}).Stat(ctx, silent); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want the end of the context", err)
	}
}

// source cancels when so many bytes were read.
type source struct {
	left   int
	cancel func()
}

func (s *source) Read(p []byte) (int, error) {
	if s.left -= len(p); s.left < 0 {
		s.cancel()
	}
	return len(p), nil
}

func TestCancel(t *testing.T) {
	noLeaks(t)
	base, direct := place(t)
	for _, pages := range []bool{false, true} {
		url := fmt.Sprint(base, pages)
		c := newClient(t, Options{Pages: pages})
		ctx, cancel := context.WithCancel(t.Context())
		err := c.Put(ctx, url, &source{5 * chunk, cancel}, 1<<40, false)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("put: %v", err)
		}
		gone(t, direct, url)
		put(t, c, url, randomBytes(30*chunk))
		ctx, cancel = context.WithCancel(t.Context())
		r, err := c.Get(ctx, url, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(r, make([]byte, 100)); err != nil {
			t.Error(err)
		}
		cancel()
		if _, err := io.Copy(io.Discard, r); !errors.Is(err, context.Canceled) {
			t.Errorf("get: %v", err)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if _, err := r.Read(make([]byte, 1)); err == nil {
			t.Error("a closed reader reads")
		}
		if err := c.Remove(t.Context(), url); err != nil {
			t.Error(err)
		}
	}
}

// A connection that the server closed while it was idle is not used again.
func TestIdleConnections(t *testing.T) {
	url, _ := place(t)
	dead := false
	c := newClient(t, Options{})
	through := proxy(t, url, func(f *frame) []byte {
		if f.request == reqPing && !f.answer && !dead {
			dead = true
			return nil
		}
		return f.raw
	})
	for range 2 {
		put(t, c, through+testbed.Unique("-"), []byte("x"))
		for _, list := range c.idle {
			for _, cn := range list {
				cn.idle = time.Now().Add(-time.Hour)
			}
		}
	}
	if !dead {
		t.Error("an idle connection was not looked at")
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Stat(t.Context(), through); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// closing tells when it is closed.
type closing struct {
	net.Conn
	closed func()
}

func (c closing) Close() error { c.closed(); return c.Conn.Close() }

// Connections that nobody needs any more are let go of, whether there are others or not.
func TestIdleConnectionsEnd(t *testing.T) {
	url, _ := place(t)
	closed := make(chan struct{})
	c := newClient(t, Options{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		nc, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		return closing{nc, sync.OnceFunc(func() { close(closed) })}, err
	}})
	c.keep = 10 * time.Millisecond
	if _, err := c.Stat(t.Context(), url); !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Fatal("the connection is still there")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.open)+len(c.idle) != 0 {
		t.Errorf("%d connections to %d servers are kept in mind", len(c.open), len(c.idle))
	}
}
