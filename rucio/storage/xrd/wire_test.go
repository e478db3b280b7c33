package xrd

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseURL(t *testing.T) {
	for raw, want := range map[string]URL{
		"root://h//a b/ü%20?authz=x": {Host: "h", Port: 1094, Path: "/a b/ü%20?authz=x"},
		"roots://u:pw@h.org:7//x":    {TLS: true, User: "u", Host: "h.org", Port: 7, Path: "/x"},
		"xroot://[::1]:1095/rel":     {Host: "::1", Port: 1095, Path: "/rel"},
		"xroots://[::1]//":           {TLS: true, Host: "::1", Port: 1094, Path: "/"},
	} {
		got, err := ParseURL(raw)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", raw, got, err, want)
		}
		if again, err := ParseURL(got.String()); err != nil || again != want {
			t.Errorf("%s: written as %s", raw, got)
		}
	}
	for raw, want := range map[string]string{
		"https://h/x":     "not a root URL, as in root://host:1094//path",
		"root:///x":       "a root URL needs a host",
		"root://h:0//x":   `port "0" of a root URL is not one`,
		"root://h:99999/": `port "99999" of a root URL is not one`,
		"root://h//a\nb":  "can't hold a line break",
	} {
		if _, err := ParseURL(raw); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", raw, err, want)
		}
	}
}

func TestParseRedirect(t *testing.T) {
	for text, want := range map[string]redirect{
		"\x00\x00\x04\x46h.org":                {host: "h.org", port: 1094},
		"\x00\x00\x04\x47[::1]?a=b&c=d?token":  {host: "::1", port: 1095, opaque: "a=b&c=d", token: "token"},
		"\xff\xff\xff\xffroots://h:5//x?a=b":   {host: "h", port: 5, tls: true, opaque: "a=b"},
		"\x00\x00\x04\x46h.org??token\x00\x00": {host: "h.org", port: 1094, token: "token"},
	} {
		if got, err := parseRedirect([]byte(text)); err != nil || *got != want {
			t.Errorf("%q: %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "\x00\x00\x04\x46", "\x00\x00\x00\x00h", "\x00\x01\x00\x00h", "\xff\xff\xff\xffhttp://h", "\x00\x00\x04\x46?x"} {
		if _, err := parseRedirect([]byte(text)); !errors.Is(err, ErrProtocol) {
			t.Errorf("%q: %v, want an error of the protocol", text, err)
		}
	}
}

// A listing may be cut anywhere.
func TestListerPieces(t *testing.T) {
	stats := ".\n0 0 0 0\na b\n1 5 16 100\n.hidden\n2 0 2 100\n\x00"
	names := ".x\na b\n\x00"
	for text, want := range map[string]string{
		stats: "[{a b 5 false} {.hidden 0 true}]", names: "[{.x 0 false} {a b 0 false}]", "": "[]", ".\n0 0 0 0\n\x00": "[]",
	} {
		for cut := range len(text) + 1 {
			l := &lister{}
			first, err1 := l.add([]byte(text[:cut]), false)
			second, err2 := l.add([]byte(text[cut:]), true)
			type short struct {
				name   string
				size   int64
				folder bool
			}
			got := []short{}
			for _, i := range slices.Concat(first, second) {
				got = append(got, short{i.Name, i.Size, i.Folder})
			}
			if err := errors.Join(err1, err2); err != nil || fmt.Sprint(got) != want {
				t.Errorf("%q cut at %d: %v, %v, want %s", text, cut, got, err, want)
			}
		}
	}
}

func TestPages(t *testing.T) {
	for _, offset := range []int64{0, 1, 4095, 4096, 10000} {
		for _, size := range []int{0, 1, 4095, 4096, 4097, 3*4096 + 1} {
			data := randomBytes(size)
			wire := appendPages(nil, data, offset)
			if len(wire) != pagedSize(offset, size) {
				t.Errorf("%d bytes at %d: %d on the wire, want %d", size, offset, len(wire), pagedSize(offset, size))
			}
			dst := make([]byte, size)
			n, bad, err := readPages(bytes.NewReader(wire), dst, offset, len(wire))
			if n != size || bad != nil || err != nil || !bytes.Equal(dst, data) {
				t.Errorf("%d bytes at %d: %d, %v, %v", size, offset, n, bad, err)
			}
			if size == 0 {
				continue
			}
			wire[len(wire)-1] ^= 1
			last := int64(size) - 1 + offset
			at := max(last-last%pageSize, offset)
			if _, bad, _ := readPages(bytes.NewReader(wire), dst, offset, len(wire)); !reflect.DeepEqual(bad, []damaged{{at, int(last-at) + 1}}) {
				t.Errorf("%d bytes at %d: damaged %v, want the page at %d", size, offset, bad, at)
			}
		}
	}
}

func TestPlainIPv4(t *testing.T) {
	for host, want := range map[string]string{"::127.0.0.1": "127.0.0.1", "::7f00:1": "127.0.0.1", "::1": "::1", "2001:db8::1": "2001:db8::1", "h.org": "h.org"} {
		if got := plainIPv4(host); got != want {
			t.Errorf("%s: %s, want %s", host, got, want)
		}
	}
}

func TestChecksumAnswers(t *testing.T) {
	if got, err := parseChecksum("adler32 0A1b2c3d", "adler32"); got != "0a1b2c3d" || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := parseChecksum("adler32 0a1b2c3d", "md5"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("another algorithm: %v", err)
	}
	if _, err := parseChecksum("adler32", "adler32"); !errors.Is(err, ErrProtocol) {
		t.Errorf("no checksum: %v", err)
	}
}

// received is a connection on which a server sent these bytes, and then hung up.
type received struct {
	net.Conn
	io.Reader
}

func (r received) Read(p []byte) (int, error)       { return r.Reader.Read(p) }
func (r received) SetReadDeadline(time.Time) error  { return nil }
func (r received) SetWriteDeadline(time.Time) error { return nil }

// FuzzAnswers gives what a server may send to calls of all kinds.
func FuzzAnswers(f *testing.F) {
	answer := func(stream, status uint16, body ...byte) []byte {
		b := be.AppendUint16(be.AppendUint16(nil, stream), status)
		return append(be.AppendUint32(b, uint32(len(body))), body...)
	}
	f.Add(answer(1, statusOK, []byte("1 2 3 4")...))
	f.Add(append(answer(2, statusOKSoFar, 1, 2, 3), answer(2, statusOK, 4)...))
	f.Add(answer(3, statusOK, []byte(".\n0 0 0 0\na\n1 5 16 100\n\x00")...))
	f.Add(answer(1, statusAttn, append([]byte{0, 0, 0x13, 0x90, 0, 0, 0, 0}, answer(1, statusOK, 'x')...)...))
	f.Add(append(answer(1, statusWaitResp, 0, 0, 0, 9), answer(1, statusWait, 0, 0, 0, 1)...))
	f.Add(answer(1, statusRedirect, append([]byte{0, 0, 4, 70}, "h?a=b?c"...)...))
	f.Add(answer(1, statusError, append([]byte{0, 0, 0x0b, 0xc3}, "no such file\x00"...)...))
	pages := appendPages(nil, make([]byte, 5000), 4000)
	status := make([]byte, statusSize+8)
	be.PutUint16(status[4:], 4)
	status[6] = reqPgRead - reqAuth
	be.PutUint32(status[12:], uint32(len(pages)))
	be.PutUint64(status[16:], 4000)
	be.PutUint32(status, crc32.Checksum(status[4:], castagnoli))
	f.Add(append(answer(4, statusStatus, status...), pages...))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := newConn(received{Reader: bytes.NewReader(data)}, "fuzz:1094", time.Minute)
		l := &lister{}
		listed := 0
		calls := map[uint16]*call{
			1: {request: reqStat}, 2: {request: reqRead, dst: make([]byte, 100)},
			3: {request: reqDirlist, sink: func(b []byte, end bool) error {
				found, err := l.add(b, end)
				listed += len(found)
				return err
			}},
			4: {request: reqPgRead, dst: make([]byte, 6000), offset: 4000}, 5: {request: reqPgWrite, n: 6000, offset: 4000},
		}
		for stream, k := range calls {
			c.calls[stream] = k
		}
		for c.next() == nil {
		}
		for stream, k := range calls {
			if k.done == (c.calls[stream] != nil) {
				t.Errorf("call %d: done is %v, but it is under way: %v", stream, k.done, c.calls[stream] != nil)
			}
			if len(k.body) > len(data) || k.dst != nil && k.request == reqRead && k.n > len(k.dst) {
				t.Errorf("call %d: %d bytes and %d kept of %d", stream, len(k.body), k.n, len(data))
			}
			for _, page := range k.bad {
				if page.offset < k.offset || page.n <= 0 || page.n > pageSize || page.offset+int64(page.n) > k.offset+6000 {
					t.Errorf("call %d: a damaged page of %d bytes at %d", stream, page.n, page.offset)
				}
			}
		}
		if listed > len(data) {
			t.Errorf("%d entries in %d bytes", listed, len(data))
		}
	})
}

// FuzzTexts reads what servers write in letters.
func FuzzTexts(f *testing.F) {
	for _, s := range []string{"1 2 3 4", "adler32 0a", "&P=ztn,0:4096:&P=unix", "oss.cgroup=p&oss.space=1&oss.free=2", "root://u@[::1]:1//a?b", "::127.0.0.1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if info, err := parseStat(s); err == nil && info.Size < 0 {
			t.Errorf("%+v", info)
		}
		if sum, err := parseChecksum(s, "adler32"); err == nil && sum == "" {
			t.Error("an empty checksum")
		}
		if space, err := parseSpace(s); err == nil && space.Free < 0 && space.Total < 0 {
			t.Errorf("%+v", space)
		}
		if slices.Contains(parseProtocols(s), "") {
			t.Error("a protocol without a name")
		}
		plainIPv4(s)
		u, err := ParseURL(s)
		if err != nil {
			return
		}
		if again, err := ParseURL(u.String()); err != nil || again.Path != u.Path || again.Port != u.Port {
			t.Errorf("%q is written as %q: %v", s, u.String(), err)
		}
	})
}
