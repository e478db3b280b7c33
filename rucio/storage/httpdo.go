package storage

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	maxHops      = 10
	answerSize   = 32 << 10        // bytes of an answer worth reading to keep the connection
	waitContinue = 5 * time.Second // for "100 Continue" from a server that may not know it
	lastWords    = time.Second     // for what a server that hangs up has said before
)

// request is one call of a server, over as many redirections as it takes.
type request struct {
	method, pfn string
	header      http.Header
	body        string // of a PROPFIND
	src         Source // of a PUT
	put         PutOptions
	sent        *atomic.Bool // whether the last server that was asked may have got something; nil: nobody wants to know
}

// newTransport makes HTTP/1.1 connections, which move bulk data better than HTTP/2's shared one.
func newTransport(options Options) *http.Transport {
	dialer := &net.Dialer{Timeout: min(options.Silence, 30*time.Second), KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy: nil, // storage is reached directly, as gfal does
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return newWatchedConn(conn, options.Silence), nil
		},
		TLSClientConfig:       options.TLS.Clone(),
		TLSHandshakeTimeout:   min(options.Silence, 30*time.Second),
		MaxIdleConnsPerHost:   32,
		IdleConnTimeout:       90 * time.Second,
		ExpectContinueTimeout: min(options.Silence, waitContinue),
		DisableCompression:    true,     // the bytes as they are stored
		WriteBufferSize:       32 << 10, // large bodies go past it
		ReadBufferSize:        16 << 10, // reads of more go past it, without another copy
	}
}

// watchedConn breaks when nothing moves either way for a while. Any byte puts off the end of both directions, as a long
// upload has a read pending all the time. A write that fails waits until all that has come is read, as net/http would let the
// connection go at once: a server that has no more room says so and hangs up amid an upload.
type watchedConn struct {
	net.Conn
	silence time.Duration
	armed   atomic.Int64  // when the deadline was last put off; doing so each time would cost more than a small read
	over    chan struct{} // closed when there is nothing to read any more
	end     func()
}

func newWatchedConn(conn net.Conn, silence time.Duration) *watchedConn {
	over := make(chan struct{})
	return &watchedConn{Conn: conn, silence: silence, over: over, end: sync.OnceFunc(func() { close(over) })}
}

func (c *watchedConn) putOff() {
	now := time.Now()
	if last := c.armed.Load(); last == 0 || now.UnixNano()-last > int64(c.silence/8) {
		c.armed.Store(now.UnixNano())
		_ = c.SetDeadline(now.Add(c.silence))
	}
}

func (c *watchedConn) Read(p []byte) (int, error) {
	c.putOff()
	n, err := c.Conn.Read(p)
	if err != nil {
		c.end()
	}
	return n, err
}

func (c *watchedConn) Write(p []byte) (int, error) {
	c.putOff()
	n, err := c.Conn.Write(p)
	if err != nil {
		select {
		case <-c.over:
		case <-time.After(lastWords):
		}
	}
	return n, err
}

// Close implements net.Conn.
func (c *watchedConn) Close() error {
	c.end()
	return c.Conn.Close()
}

// do makes a request and follows redirections by hand: net/http would turn a redirected PUT into a GET that "succeeds". An
// answer is a success; the caller closes its body.
func (b *HTTP) do(ctx context.Context, r request) (*http.Response, error) {
	door, err := parseURL(r.pfn)
	if err != nil {
		return nil, err
	}
	at := door
	for range maxHops {
		resp, err := b.hop(ctx, r, door, at)
		if err != nil {
			return nil, err
		}
		switch resp.StatusCode {
		case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		case http.StatusSeeOther: // see the result elsewhere; only a read has one
			if r.method != http.MethodGet && r.method != http.MethodHead {
				return nil, answered(resp)
			}
		default:
			return judge(resp)
		}
		discard(resp)
		next, err := at.Parse(resp.Header.Get("Location"))
		if err != nil || next.Host == "" || (next.Scheme != "http" && next.Scheme != "https") {
			return nil, fmt.Errorf("%s redirects to an address that can't be used", at.Host)
		}
		if r.method == http.MethodGet && next.Path == at.Path+"/" && next.Host == at.Host {
			return nil, errFolder // how web servers answer for a folder
		}
		at = next
	}
	return nil, fmt.Errorf("%s redirects more than %d times", door.Host, maxHops)
}

// hop makes one exchange, at the door or where it redirected to.
func (b *HTTP) hop(ctx context.Context, r request, door, at *url.URL) (*http.Response, error) {
	if r.sent != nil {
		r.sent.Store(false)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, at.String(), strings.NewReader(r.body))
	if err != nil {
		return nil, errors.New("no usable address") // the cause would quote it
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	if r.method == "PROPFIND" || r.method == "MKCOL" {
		req.Header["Idempotency-Key"] = nil // not sent; net/http may repeat these when an idle connection turns out to be closed
	}
	req.Header.Set("User-Agent", "rucio-task-manager")
	if err := b.authorize(ctx, req, r.pfn, door); err != nil {
		return nil, err
	}
	var in *checkedReader
	if r.src != nil {
		if in, err = openSource(ctx, r.src, r.put); err != nil {
			return nil, err
		}
		req.Body, req.ContentLength, req.GetBody = in, r.src.Size(), nil
		if r.src.Size() == 0 {
			_ = in.Close()
			req.Body = http.NoBody
		}
	}
	if r.sent != nil {
		req = req.WithContext(traced(ctx, r.sent))
	}
	resp, err := b.transport.RoundTrip(req)
	if err == nil {
		b.servers.Store(at.Host, resp.Header.Get("Server"))
		return resp, nil
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if in != nil {
		if failed := in.failure(); failed != nil {
			return nil, failed
		}
	}
	return nil, connectionError(err)
}

// traced notes in sent that a server was reached: from then on it may have got something.
func traced(ctx context.Context, sent *atomic.Bool) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { sent.Store(true) }})
}

// authorize adds the bearer token, for the door alone and never in the clear: wherever a door redirects to, the address
// that it gives is what opens.
func (b *HTTP) authorize(ctx context.Context, req *http.Request, pfn string, door *url.URL) error {
	if b.options.Token == nil || req.URL.Scheme != "https" || req.URL.Scheme != door.Scheme || req.URL.Host != door.Host || signed(pfn) {
		return nil
	}
	token, err := b.options.Token(ctx, pfn)
	if err != nil {
		return fmt.Errorf("get a token: %w", err)
	}
	if token.IsSet() {
		req.Header.Set("Authorization", "Bearer "+token.Reveal())
	}
	return nil
}

// connectionError classifies what went wrong before an answer came, or in the middle of one.
func connectionError(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err // without the address, which may be signed
	}
	var alert tls.AlertError
	var untrusted *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &untrusted), errors.As(err, &authority):
		return fmt.Errorf("the server's certificate is not trusted: %w", err)
	case errors.As(err, &alert):
		return ofKind(Denied, fmt.Errorf("the server refuses our certificate, or wants one: %w", err))
	}
	return ofKind(Unavailable, err)
}

// statusError is an answer that is no success.
type statusError struct {
	code int
	text string // the first words of the body, if it is text for people
}

func (e *statusError) Error() string {
	return strings.TrimSuffix(fmt.Sprintf("the server answers %d %s: %s", e.code, http.StatusText(e.code), e.text), ": ")
}

// hasStatus tells whether err is an answer of this status, or of any when code is 0.
func hasStatus(err error, code int) bool {
	var answer *statusError
	return errors.As(err, &answer) && (code == 0 || answer.code == code)
}

// judge returns an answer that is a success, and an error for every other.
func judge(resp *http.Response) (*http.Response, error) {
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	return nil, answered(resp)
}

// answered makes an error of an answer, and closes it.
func answered(resp *http.Response) error {
	defer discard(resp)
	head, _ := io.ReadAll(io.LimitReader(resp.Body, 500))
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(head), "?")), " ")
	switch kind := resp.Header.Get("Content-Type"); {
	case strings.HasPrefix(kind, "text/html"):
		text = title(text, resp.StatusCode)
	case !strings.HasPrefix(kind, "text/plain") && !strings.HasSuffix(kind, "/xml"):
		text = ""
	}
	return ofKind(kindOfStatus(resp.StatusCode, text), &statusError{resp.StatusCode, text})
}

// title returns what the title of a page says beside its status: nginx tells there that it wants a certificate.
func title(page string, status int) string {
	_, rest, _ := strings.Cut(page, "<title>")
	text, _, ok := strings.Cut(rest, "</title>")
	if !ok {
		return ""
	}
	text = strings.TrimSpace(strings.TrimPrefix(html.UnescapeString(text), strconv.Itoa(status)))
	if strings.EqualFold(text, http.StatusText(status)) {
		return ""
	}
	return text
}

func kindOfStatus(status int, text string) Kind {
	switch status {
	case http.StatusNotFound, http.StatusGone:
		return NotFound
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusUnavailableForLegalReasons:
		return Denied
	case http.StatusPreconditionFailed:
		return Exists
	case http.StatusRequestEntityTooLarge, http.StatusInsufficientStorage:
		return NoSpace
	case http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return Unsupported
	case http.StatusBadRequest:
		if strings.Contains(text, "BadDigest") || strings.Contains(strings.ToLower(text), "checksum") {
			return Corrupt
		}
		if strings.Contains(text, "SSL certificate") { // nginx, of one that it does not take
			return Denied
		}
	case http.StatusRequestTimeout, http.StatusLocked, http.StatusTooEarly, http.StatusTooManyRequests:
		return Unavailable
	}
	if status >= 500 {
		return Unavailable
	}
	return Other
}

// discard ends an answer; a short one is read, to keep the connection.
func discard(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, answerSize)
	_ = resp.Body.Close()
}
