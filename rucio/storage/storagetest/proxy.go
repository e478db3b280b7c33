package storagetest

import (
	"context"
	"net"
	"sync"
	"testing"
)

// Proxy passes bytes on to a server, and breaks connections when it is told to.
type Proxy struct {
	Addr   string // host:port, the host as the server's, so that certificates are right
	target string
	ctx    context.Context

	mu        sync.Mutex
	conns     map[net.Conn]bool
	down      bool
	cutDown   bool  // be down once a connection was cut
	stall     int64 // stop passing bytes of the first connection that has sent so many; 0 is never
	stalled   func()
	up, below int64 // cut the first connection that has passed so many bytes to, from the server; 0 is never
}

// NewProxy starts a proxy for host:port, and ends it with the test.
func NewProxy(t *testing.T, target string) *Proxy {
	t.Helper()
	host, _, err := net.SplitHostPort(target)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	p := &Proxy{Addr: net.JoinHostPort(host, port), target: target, ctx: t.Context(), conns: map[net.Conn]bool{}}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go p.serve(conn)
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		p.Down()
	})
	return p
}

// CutUp resets the first connection that has sent n bytes to the server from now on; once.
func (p *Proxy) CutUp(n int64) { p.set(func() { p.up = n }) }

// CutDown resets the first connection that has got n bytes from the server from now on; once.
func (p *Proxy) CutDown(n int64) { p.set(func() { p.below = n }) }

// Stall keeps the first connection that has sent n bytes to the server from now on, but passes nothing more of it to the
// server, and calls then; once.
func (p *Proxy) Stall(n int64, then func()) { p.set(func() { p.stall, p.stalled = n, then }) }

// DownAfterCut makes the server disappear with the next connection that is cut.
func (p *Proxy) DownAfterCut() { p.set(func() { p.cutDown = true }) }

// Down breaks all connections, and new ones as soon as they are made.
func (p *Proxy) Down() {
	p.set(func() {
		p.down = true
		for conn := range p.conns {
			_ = conn.Close()
		}
	})
}

// Up ends Down.
func (p *Proxy) Up() { p.set(func() { p.down = false }) }

// Check fails the test when a cut that was asked for did not happen.
func (p *Proxy) Check(t *testing.T) {
	t.Helper()
	p.set(func() {
		if p.up != 0 || p.below != 0 {
			t.Errorf("no connection was cut: %d, %d bytes were never reached", p.up, p.below)
		}
	})
}

func (p *Proxy) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *Proxy) serve(client net.Conn) {
	server, err := (&net.Dialer{}).DialContext(p.ctx, "tcp", p.target)
	if err != nil {
		_ = client.Close()
		return
	}
	refuse := false
	p.set(func() {
		p.conns[client], p.conns[server] = true, true
		refuse = p.down
	})
	if refuse {
		p.cut(client, server)
		return
	}
	go p.pass(client, server, server, client, &p.up)
	p.pass(server, client, server, client, &p.below)
}

// pass moves bytes until one side ends, or a limit that was set is reached.
func (p *Proxy) pass(from, to, server, client net.Conn, limit *int64) {
	defer p.cut(client, server)
	buffer := make([]byte, 32<<10)
	var passed int64
	for {
		n, err := from.Read(buffer)
		passed += int64(n)
		cut, hang := false, func() {}
		p.set(func() {
			if limit == &p.up && p.stall > 0 && passed >= p.stall {
				p.stall, hang = 0, func() { p.stalled(); <-p.ctx.Done() }
			}
			if cut = *limit > 0 && passed >= *limit; cut {
				*limit = 0
				p.down = p.down || p.cutDown
				p.cutDown = false
			}
		})
		hang()
		if cut {
			for _, conn := range []net.Conn{client, server} { // a reset, as of a machine that dies
				if tcp, ok := conn.(*net.TCPConn); ok {
					_ = tcp.SetLinger(0)
				}
			}
			return
		}
		if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
			return
		}
	}
}

func (p *Proxy) cut(conns ...net.Conn) {
	p.set(func() {
		for _, conn := range conns {
			_ = conn.Close()
			delete(p.conns, conn)
		}
	})
}
