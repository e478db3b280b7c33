package xrd

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// Flags of the answer to kXR_protocol.
const (
	flagManager  = 0x00000002
	flagPOSC     = 0x00100000 // can remove files that were never closed
	flagPages    = 0x00200000
	flagGotoTLS  = 0x40000000
	protoVersion = 0x00000511
)

const readBuffer = 64 << 10

// conn is a connection after its login. One goroutine uses it at a time: requests are pipelined by sending several before
// waiting for the first answer, and whoever waits reads, so that there is nothing in the background that could be left
// behind. A connection with an error is of no more use.
type conn struct {
	raw     net.Conn // what nc is, below TLS
	nc      net.Conn
	in      *bufio.Reader
	addr    string
	stall   time.Duration
	flags   uint32
	secured bool // TLS
	stream  uint16
	calls   map[uint16]*call
	idle    time.Time
	expiry  *time.Timer   // ends it while it is idle
	patient time.Duration // what waitresp announced, added to stall
	broken  bool

	reading *call     // whose bytes are left in the connection, for its reader to take
	left    int       // bytes of it that come next
	expires time.Time // the deadline that reads have now
}

// call is a request under way, and then its answer.
type call struct {
	request uint16
	want    int    // bytes that were asked for, by a reader who takes them from the connection; dst has those that came out of turn
	dst     []byte // where the bytes of a read go; n is how many came
	n       int
	offset  int64 // of dst or of the written bytes in the file, for pages
	bad     []damaged
	body    []byte                             // any other answer
	sink    func(piece []byte, end bool) error // takes it piece by piece instead

	done     bool
	err      error         // the server's refusal
	redirect *redirect     // or where it sends us,
	wait     time.Duration // or when to ask again; 0 is "at once" when again is set
	again    bool
}

// redirect is where a server sends us.
type redirect struct {
	host          string
	port          int
	tls           bool
	opaque, token string // for the path, for the login
}

func newConn(nc net.Conn, addr string, stall time.Duration) *conn {
	return &conn{raw: nc, nc: nc, in: bufio.NewReaderSize(nc, readBuffer), addr: addr, stall: stall, calls: map[uint16]*call{}}
}

// watch makes the end of ctx close the connection, which ends reads and writes under way. The returned function ends that.
func (c *conn) watch(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = c.raw.Close() })
}

// send writes a request; data follows its header in one go. k.request tells the code.
func (c *conn) send(k *call, params [16]byte, data []byte) (err error) {
	defer func() { c.broken = c.broken || err != nil }()
	for c.stream++; c.calls[c.stream] != nil || c.stream == 0; c.stream++ {
	}
	var head [24]byte
	be.PutUint16(head[:], c.stream)
	be.PutUint16(head[2:], k.request)
	copy(head[4:], params[:])
	be.PutUint32(head[20:], uint32(len(data))) //nolint:gosec // our own pieces, a few MiB
	c.calls[c.stream] = k
	if err := c.nc.SetWriteDeadline(time.Now().Add(c.stall)); err != nil {
		return err
	}
	return c.write(head[:], data)
}

func (c *conn) write(head, data []byte) error {
	const small = 16 << 10
	if len(data) <= small { // one packet, one TLS record
		_, err := c.nc.Write(append(head, data...))
		return err
	}
	buffers := net.Buffers{head, data}
	_, err := buffers.WriteTo(c.nc)
	return err
}

// await reads answers until that of k is complete. Its error is that of the connection; the server's refusal is k.err.
func (c *conn) await(k *call) error {
	for !k.done {
		if err := c.step(); err != nil {
			return err
		}
	}
	return nil
}

// step reads one answer, whichever comes.
func (c *conn) step() error {
	if err := c.next(); err != nil {
		c.broken = true
		return fmt.Errorf("connection to %s: %w", c.addr, err)
	}
	return nil
}

// ask sends a request without data and waits for its answer.
func (c *conn) ask(k *call, params [16]byte, data []byte) error {
	if err := c.send(k, params, data); err != nil {
		return fmt.Errorf("connection to %s: %w", c.addr, err)
	}
	return c.await(k)
}

// next reads one response and gives it to its call.
func (c *conn) next() error {
	if c.left > 0 {
		return malformed("%d bytes are still to be read", c.left) // by our own mistake
	}
	if err := c.arm(); err != nil {
		return err
	}
	h, err := c.readHeader()
	if err != nil {
		return err
	}
	if h.status != statusAttn {
		return c.dispatch(h, c.in)
	}
	// out of turn: action, four reserved bytes, and a whole response
	const prefix = 8 + headerSize
	if h.size < 4 {
		return malformed("an attention of %d bytes", h.size)
	}
	body, err := readBody(c.in, h.size)
	if err != nil {
		return noEOF(err)
	}
	if be.Uint32(body) != actionAsyncResp {
		return nil // a message for people
	}
	if len(body) < prefix {
		return malformed("a late answer of %d bytes", len(body))
	}
	h, err = parseHeader(body[8:])
	if err != nil {
		return err
	}
	rest := body[prefix:]
	if h.status == statusAttn || h.size > len(rest) {
		return malformed("a late answer of %d bytes that holds %d", h.size, len(rest))
	}
	c.patient = 0
	return c.dispatch(h, &sliceReader{rest})
}

func (c *conn) readHeader() (header, error) {
	var b [headerSize]byte
	if _, err := io.ReadFull(c.in, b[:]); err != nil {
		return header{}, noEOF(err) // an EOF would be taken for that of the file
	}
	return parseHeader(b[:])
}

// arm gives reads their deadline; not each time, which would cost more than small reads do.
func (c *conn) arm() error {
	expires := time.Now().Add(c.stall + c.patient)
	if expires.Sub(c.expires).Abs() < c.stall/8 {
		return nil
	}
	c.expires = expires
	return c.nc.SetReadDeadline(expires)
}

// body takes bytes of the call that is being read, as many as there are.
func (c *conn) body(p []byte) (int, error) {
	if err := c.arm(); err != nil {
		return 0, err
	}
	n, err := c.in.Read(p[:min(len(p), c.left)])
	c.left -= n
	if err != nil {
		c.broken = true
		return n, fmt.Errorf("connection to %s: %w", c.addr, noEOF(err))
	}
	return n, nil
}

// dispatch reads the body of a response from r into its call.
func (c *conn) dispatch(h header, r io.Reader) error {
	k := c.calls[h.stream]
	if k == nil {
		return malformed("an answer to no request")
	}
	if (h.status == statusOK || h.status == statusOKSoFar) && k.dst != nil {
		if h.size > len(k.dst)-k.n {
			return malformed("more bytes than were asked for")
		}
		if _, err := io.ReadFull(r, k.dst[k.n:k.n+h.size]); err != nil {
			return noEOF(err)
		}
		k.n += h.size
		c.finish(h, k, h.status == statusOK)
		return nil
	}
	if (h.status == statusOK || h.status == statusOKSoFar) && k.want > 0 {
		return c.wanted(h, k, r)
	}
	body, err := readBody(r, h.size)
	if err != nil {
		return noEOF(err)
	}
	return c.settle(h, k, body, r)
}

// wanted leaves the bytes for a reader in the connection if it is their turn, and keeps them otherwise.
func (c *conn) wanted(h header, k *call, r io.Reader) error {
	if h.size > k.want-k.n {
		return malformed("more bytes than were asked for")
	}
	k.n += h.size
	if k == c.reading && len(k.dst) == 0 && r == io.Reader(c.in) {
		c.left = h.size
	} else {
		at := len(k.dst)
		k.dst = append(k.dst, make([]byte, h.size)...)
		if _, err := io.ReadFull(r, k.dst[at:]); err != nil {
			return noEOF(err)
		}
	}
	c.finish(h, k, h.status == statusOK)
	return nil
}

func (c *conn) settle(h header, k *call, body []byte, r io.Reader) (err error) {
	end := true
	switch h.status {
	case statusOK, statusOKSoFar:
		end = h.status == statusOK
		if k.sink != nil {
			if k.err == nil { // after the first error the rest is only read
				k.err = k.sink(body, end)
			}
			break
		}
		if len(k.body)+len(body) > maxBody {
			return malformed("an answer of more than %d bytes", maxBody)
		}
		k.body = append(k.body, body...)
	case statusStatus:
		end, err = c.status(k, h, body, r)
	case statusError:
		k.err = parseError(c.addr, body)
	case statusRedirect:
		k.redirect, err = parseRedirect(body)
	case statusWait:
		k.again = true
		k.wait, err = parseWait(body)
	case statusWaitResp:
		end = false
		c.patient, err = parseWait(body)
	case statusAuthMore:
		k.err = fmt.Errorf("%w: %s wants another step of authentication", ErrAuth, c.addr)
	default:
		return malformed("an answer with the status %d", h.status)
	}
	if err != nil {
		return err
	}
	c.finish(h, k, end)
	return nil
}

func (c *conn) finish(h header, k *call, end bool) {
	if end {
		k.done = true
		delete(c.calls, h.stream)
	}
}

// status reads what follows a kXR_status response: pages, or the list of those that the server got damaged.
func (c *conn) status(k *call, h header, body []byte, r io.Reader) (end bool, err error) {
	s, err := parseStatus(body)
	if err != nil {
		return false, err
	}
	if s.stream != h.stream || s.code != k.request {
		return false, malformed("a status of another request")
	}
	switch k.request {
	case reqPgRead:
		start := s.offset - k.offset
		if start < 0 || start > int64(len(k.dst)) {
			return false, malformed("bytes at %d, which were not asked for", s.offset)
		}
		n, bad, err := readPages(r, k.dst[start:], s.offset, s.size)
		if err != nil {
			return false, noEOF(err)
		}
		k.n += n
		k.bad = append(k.bad, bad...)
		return s.final, nil
	case reqPgWrite:
		list, err := readBody(r, s.size)
		if err != nil {
			return false, noEOF(err)
		}
		k.bad, err = parseDamaged(list, k.offset, k.n)
		return s.final, err
	}
	return false, malformed("a status for request %d", k.request)
}

// noEOF is for a connection that ends amid a response, or before one that is awaited.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

type sliceReader struct{ b []byte }

func (s *sliceReader) Read(p []byte) (int, error) {
	if len(s.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.b)
	s.b = s.b[n:]
	return n, nil
}

// hello makes the handshake: what both speak, and TLS if either wants it.
func (c *conn) hello(ctx context.Context, config *tls.Config, want bool) error {
	first := make([]byte, 20, 44)
	be.PutUint32(first[12:], 4)
	be.PutUint32(first[16:], 2012)
	c.stream = 1
	first = be.AppendUint16(first, c.stream)
	first = be.AppendUint16(first, reqProtocol)
	first = be.AppendUint32(first, protoVersion)
	flags := byte(0x01 | 0x02) // return what has to be signed; able to speak TLS
	if want {
		flags |= 0x04
	}
	first = append(first, flags, 0x03) // a login will follow
	first = append(first, make([]byte, 14)...)
	if _, err := c.nc.Write(first); err != nil {
		return err
	}
	k := &call{request: reqProtocol}
	greeting := &call{}
	c.calls[0], c.calls[1] = greeting, k
	for _, k := range []*call{greeting, k} {
		if err := c.await(k); err != nil {
			return err
		}
	}
	if k.err != nil {
		return k.err
	}
	if len(greeting.body) < 8 || len(k.body) < 8 {
		return malformed("a greeting of %d and %d bytes", len(greeting.body), len(k.body))
	}
	c.flags = be.Uint32(k.body[4:])
	if c.flags&flagGotoTLS == 0 {
		return nil
	}
	if c.in.Buffered() > 0 {
		return malformed("%d bytes before TLS", c.in.Buffered()) // somebody between us and the server could have put them there
	}
	secure := tls.Client(c.nc, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		return fmt.Errorf("TLS with %s: %w", c.addr, err)
	}
	c.nc, c.secured = secure, true
	c.in = bufio.NewReaderSize(secure, readBuffer)
	return nil
}

// ping finds out whether the server still keeps the connection.
func (c *conn) ping() error {
	k := &call{request: reqPing}
	if err := c.ask(k, [16]byte{}, nil); err != nil {
		return err
	}
	return k.err
}
