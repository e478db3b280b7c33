package xrd

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// frame is a request or a response on its way through a proxy.
type frame struct {
	request uint16 // code of the request, or of the one that this answers
	status  uint16 // of a response
	answer  bool
	n       int // how many frames of this kind and request went before
	raw     []byte
}

func (f *frame) body() []byte { return f.raw[headerSize:] }

// response makes another response in the place of this one.
func (f *frame) response(status uint16, body ...byte) []byte {
	b := append([]byte{}, f.raw[:2]...)
	b = be.AppendUint16(b, status)
	return append(be.AppendUint32(b, uint32(len(body))), body...)
}

// hook returns what is sent on instead of a frame; nil hangs up on both sides.
type hook func(f *frame) []byte

// proxy stands before a real server and does to its frames what the server won't do by itself. It returns its URL.
func proxy(t *testing.T, target string, h hook) string {
	t.Helper()
	u, err := ParseURL(target)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &through{hook: h, counts: map[[2]uint16]int{}}
	var group sync.WaitGroup
	t.Cleanup(func() {
		l.Close()
		p.hangUp()
		group.Wait()
	})
	group.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", u.addr())
			if err != nil {
				client.Close()
				continue
			}
			p.add(client, server)
			codes := &sync.Map{}
			group.Go(func() { p.pump(server, client, codes, false) })
			group.Go(func() { p.pump(client, server, codes, true) })
		}
	})
	return strings.Replace(target, u.addr(), l.Addr().String(), 1)
}

type through struct {
	mu     sync.Mutex
	hook   hook
	counts map[[2]uint16]int
	conns  []net.Conn
}

func (p *through) add(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, conns...)
}

func (p *through) hangUp() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
}

func (p *through) pump(dst, src net.Conn, codes *sync.Map, answers bool) {
	defer dst.Close()
	defer src.Close()
	if !answers {
		if _, err := io.CopyN(dst, src, 20); err != nil { // the handshake is no frame
			return
		}
	}
	for {
		f, err := readFrame(src, codes, answers)
		if err != nil {
			return
		}
		p.mu.Lock()
		key := [2]uint16{f.request, 0}
		if answers {
			key[1] = 1
		}
		f.n = p.counts[key]
		p.counts[key]++
		raw := p.hook(f)
		p.mu.Unlock()
		if raw == nil {
			return
		}
		if _, err := dst.Write(raw); err != nil {
			return
		}
	}
}

func readFrame(src io.Reader, codes *sync.Map, answer bool) (*frame, error) {
	size, at := 24, 20
	if answer {
		size, at = headerSize, 4
	}
	f := &frame{answer: answer, raw: make([]byte, size)}
	more := func(n int) error {
		f.raw = append(f.raw, make([]byte, n)...)
		_, err := io.ReadFull(src, f.raw[len(f.raw)-n:])
		return err
	}
	if _, err := io.ReadFull(src, f.raw); err != nil {
		return nil, err
	}
	if err := more(int(be.Uint32(f.raw[at:]))); err != nil {
		return nil, err
	}
	stream := be.Uint16(f.raw)
	if !answer {
		f.request = be.Uint16(f.raw[2:])
		codes.Store(stream, f.request)
		return f, nil
	}
	f.status = be.Uint16(f.raw[2:])
	if code, ok := codes.Load(stream); ok {
		f.request = code.(uint16)
	}
	if f.status == statusStatus {
		return f, more(int(be.Uint32(f.body()[12:])))
	}
	return f, nil
}
