// Package xrd is a client of the XRootD protocol, version 5.1, on the standard library: files over root and roots URLs with
// pipelined reads and writes, page checksums, redirects of clusters and answers that come later. It logs in anonymously, as
// a unix user, by host, or with a bearer token in TLS; for the rest (GSI) there is Tool, which runs an installed xrdcp.
//
// The protocol is described in https://xrootd.slac.stanford.edu/doc/dev56/XRdv520.htm and XProtocol/XProtocol.hh.
package xrd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// Options of a Client. The zero value works with servers that want no login.
type Options struct {
	// TLS has the CAs to trust; nil for the system's. The name of the host is checked, after redirects as well.
	TLS *tls.Config
	// Token gives the bearer token to log in with (ztn) at a server, "root://host:port/", or none; it is sent in TLS only,
	// to the servers that a cluster redirects to as well.
	Token func(ctx context.Context, server string) (rucio.Secret, error)
	// User and Group are who we say we are (unix, and the server's log); a URL's user comes first. Default "nobody".
	User, Group string
	// PID is for the server's log.
	PID int
	// Protocols are the ways to log in that may be used; nil for all that the server offers and we have.
	Protocols []string
	// Pages sends and reads 4 KiB pages with a crc32c each, and repeats damaged ones, where the server can and TLS
	// doesn't protect them already. It costs the server some of its rate.
	Pages bool
	// Stall is how long a server may keep silent, or keep from reading, before its connection is given up; default 2 min.
	Stall time.Duration
	// Patience is how long one request may be put off by servers that ask to wait; default 30 min.
	Patience time.Duration
	// Dial replaces the dialer, for tests.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Log gets redirects and waits at debug level.
	Log *slog.Logger
}

const (
	maxRedirects = 16 // as in the original client
	maxIdle      = 8  // idle connections kept for a server
	// fresh is for how long an idle connection is taken to be alive without a ping, keepIdle for how long it is kept.
	fresh       = time.Second
	keepIdle    = 90 * time.Second
	dialTimeout = 30 * time.Second
)

// errBusy is for servers that keep asking to wait.
var errBusy = errors.New("the server keeps asking to wait")

// Client talks to any number of servers; its methods take URLs. It keeps connections and may be used by many goroutines.
type Client struct {
	options Options
	keep    time.Duration // keepIdle

	mu     sync.Mutex
	idle   map[endpoint][]*conn
	open   map[*conn]struct{}
	closed bool
}

// endpoint is a server, and who we are there.
type endpoint struct {
	host  string
	port  int
	tls   bool
	user  string
	token string // of a redirect
}

func (e endpoint) addr() string { return URL{Host: e.host, Port: e.port}.addr() }

// New returns a client.
func New(options Options) *Client {
	if options.User == "" {
		options.User = "nobody"
	}
	if options.Stall <= 0 {
		options.Stall = 2 * time.Minute
	}
	if options.Patience <= 0 {
		options.Patience = 30 * time.Minute
	}
	if options.Dial == nil {
		options.Dial = (&net.Dialer{Timeout: dialTimeout}).DialContext
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	return &Client{options: options, keep: keepIdle, idle: map[endpoint][]*conn{}, open: map[*conn]struct{}{}}
}

// Close closes all connections; what is under way fails.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for cn := range c.open {
		_ = cn.raw.Close()
	}
	clear(c.open)
	clear(c.idle)
	return nil
}

func (c *Client) endpoint(u URL) endpoint {
	user := u.User
	if user == "" {
		user = c.options.User
	}
	return endpoint{host: u.Host, port: u.Port, tls: u.TLS, user: user}
}

// take returns a connection to a server, an idle one if it is still alive.
func (c *Client) take(ctx context.Context, at endpoint) (*conn, error) {
	for {
		cn, err := c.pop(at)
		if err != nil {
			return nil, err
		}
		if cn == nil {
			return c.dial(ctx, at)
		}
		if time.Since(cn.idle) < fresh {
			return cn, nil
		}
		stop := cn.watch(ctx)
		err = cn.ping()
		if stop() && err == nil {
			return cn, nil
		}
		c.drop(cn)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

func (c *Client) pop(at endpoint) (*conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, net.ErrClosed
	}
	list := c.idle[at]
	if len(list) == 0 {
		return nil, nil
	}
	cn := list[len(list)-1]
	cn.expiry.Stop()
	c.forget(at, cn)
	return cn, nil
}

// forget takes a connection off the idle ones, and tells whether it was one of them. The client is locked.
func (c *Client) forget(at endpoint, cn *conn) bool {
	i := slices.Index(c.idle[at], cn)
	if i < 0 {
		return false
	}
	if c.idle[at] = slices.Delete(c.idle[at], i, i+1); len(c.idle[at]) == 0 {
		delete(c.idle, at)
	}
	return true
}

// expire lets go of a connection that nobody has needed for a while. There may be thousands of servers, and endpoints that a
// redirect has made for one time only.
func (c *Client) expire(at endpoint, cn *conn) {
	c.mu.Lock()
	idle := c.forget(at, cn)
	c.mu.Unlock()
	if idle {
		c.drop(cn)
	}
}

// give takes a connection back that has no request under way.
func (c *Client) give(at endpoint, cn *conn) {
	c.mu.Lock()
	keep := !c.closed && len(cn.calls) == 0 && len(c.idle[at]) < maxIdle
	if keep {
		cn.idle = time.Now()
		cn.expiry = time.AfterFunc(c.keep, func() { c.expire(at, cn) })
		c.idle[at] = append(c.idle[at], cn)
	}
	c.mu.Unlock()
	if !keep {
		c.drop(cn)
	}
}

func (c *Client) drop(cn *conn) {
	c.mu.Lock()
	delete(c.open, cn)
	c.mu.Unlock()
	_ = cn.raw.Close()
}

// dial connects and logs in.
func (c *Client) dial(ctx context.Context, at endpoint) (*conn, error) {
	nc, err := c.options.Dial(ctx, "tcp", at.addr())
	if err != nil {
		return nil, &dialError{err}
	}
	cn := newConn(nc, at.addr(), c.options.Stall)
	stop := cn.watch(ctx)
	if err := c.greet(ctx, cn, at); err != nil {
		stop()
		_ = cn.raw.Close()
		return nil, because(ctx, err)
	}
	if !stop() {
		return nil, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		_ = cn.raw.Close()
		return nil, net.ErrClosed
	}
	c.open[cn] = struct{}{}
	return cn, nil
}

func (c *Client) greet(ctx context.Context, cn *conn, at endpoint) error {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.options.TLS != nil {
		config = c.options.TLS.Clone()
	}
	if config.ServerName == "" {
		config.ServerName = at.host
	}
	var token rucio.Secret
	if c.options.Token != nil {
		var err error
		if token, err = c.options.Token(ctx, URL{TLS: at.tls, Host: at.host, Port: at.port, Path: ""}.String()); err != nil {
			return fmt.Errorf("a token for %s: %w", cn.addr, err)
		}
	}
	if err := cn.hello(ctx, config, at.tls || token.IsSet()); err != nil {
		return err
	}
	if at.tls && !cn.secured {
		return fmt.Errorf("%w to %s: it has no TLS, which roots:// demands", ErrAuth, cn.addr)
	}
	return cn.login(&c.options, at, token)
}

// dialError tells that no request was sent: trying elsewhere is safe.
type dialError struct{ error }

func (e *dialError) Unwrap() error { return e.error }

// because makes the end of ctx the cause of an error that it brought about.
func because(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil && !errors.Is(err, ctx.Err()) {
		return fmt.Errorf("%w (%w)", ctx.Err(), err)
	}
	return err
}

// answer is what a request ended with: its call, and the connection it came over, which the receiver has to give back.
type answer struct {
	*call
	cn     *conn
	at     endpoint
	opaque string // of the last redirect
}

// trip is a request on its way through redirects and waits.
type trip struct {
	at      endpoint
	opaque  string
	manager *endpoint // the last server that sent us on, to go back to when the next one is dead
	tried   []string
	waited  time.Duration
}

// request sends rq to at and wherever that redirects it, waiting as told. fresh makes the call for each attempt. After an
// error there is no connection to give back.
func (c *Client) request(ctx context.Context, at endpoint, rq *request, fresh func() *call) (*answer, error) {
	t := &trip{at: at}
	for hops := 0; hops <= maxRedirects; {
		cn, err := c.take(ctx, t.at)
		if err != nil {
			if t.detour(ctx, err) {
				c.options.Log.Debug("a server of the cluster is dead, asking the manager for another", "error", err)
				hops++
				continue
			}
			return nil, because(ctx, err)
		}
		stop := cn.watch(ctx)
		k := fresh()
		k.request = rq.code
		err = cn.ask(k, rq.params, rq.payload(t.opaque))
		if !stop() || err != nil {
			c.drop(cn)
			return nil, because(ctx, errors.Join(err, ctx.Err()))
		}
		switch {
		case k.again:
			c.give(t.at, cn)
			if err := t.wait(ctx, k.wait, c.options.Patience); err != nil {
				return nil, err
			}
			c.options.Log.Debug("waited as the server asked", "server", cn.addr, "wait", k.wait)
		case k.redirect != nil:
			c.give(t.at, cn)
			hops++
			c.options.Log.Debug("redirected", "from", cn.addr, "to", k.redirect.host, "port", k.redirect.port)
			t.follow(k.redirect, cn.flags&flagManager != 0)
		case k.err != nil:
			c.give(t.at, cn)
			if !hasCode(k.err, codeNotFound) || !t.elsewhere() {
				return nil, k.err
			}
			c.options.Log.Debug("the manager sent us to a server that has no such file, asking it for another", "server", cn.addr)
			hops++
		default:
			return &answer{call: k, cn: cn, at: t.at, opaque: t.opaque}, nil
		}
	}
	return nil, malformed("more than %d redirects, the last to %s", maxRedirects, t.at.addr())
}

func (t *trip) follow(r *redirect, fromManager bool) {
	if fromManager || t.manager == nil {
		from := t.at
		t.manager = &from
	}
	t.at = endpoint{host: r.host, port: r.port, tls: t.at.tls || r.tls, user: t.at.user, token: r.token}
	t.opaque = r.opaque
}

// detour goes back to the manager when a server that it chose can't be reached, naming the ones that were tried.
func (t *trip) detour(ctx context.Context, err error) bool {
	var dead *dialError
	if t.manager == nil || !errors.As(err, &dead) || ctx.Err() != nil || slices.Contains(t.tried, t.at.host) {
		return false
	}
	t.back("")
	return true
}

// elsewhere goes back to the manager when a server that it chose has not got what the manager thinks it has.
func (t *trip) elsewhere() bool {
	if t.manager == nil || t.at == *t.manager || slices.Contains(t.tried, t.at.host) {
		return false
	}
	t.back("&triedrc=enoent")
	return true
}

func (t *trip) back(why string) {
	t.tried = append(t.tried, t.at.host)
	t.at = *t.manager
	t.opaque = "tried=" + strings.Join(t.tried, ",") + why
}

func (t *trip) wait(ctx context.Context, d, patience time.Duration) error {
	d = max(d, 10*time.Millisecond) // a server that says 0 for ever isn't asked in a tight loop
	if t.waited += d; t.waited > patience {
		return fmt.Errorf("%s: %w", t.at.addr(), errBusy)
	}
	return pause(ctx, d)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// simple makes a request whose answer is a text.
func (c *Client) simple(ctx context.Context, at endpoint, rq *request) (string, error) {
	a, err := c.request(ctx, at, rq, func() *call { return &call{} })
	if err != nil {
		return "", err
	}
	c.give(a.at, a.cn)
	return text(a.body), nil
}
