package rucio

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// Defaults of the Python client.
const (
	// DefaultTimeout is how long a server may stay silent before a request is given up.
	DefaultTimeout = 600 * time.Second
	// DefaultRetries is how often a request is sent again: three attempts in all.
	DefaultRetries = 2
	// DefaultVO is the name of the virtual organisation of servers that have only one.
	DefaultVO = "def"
)

// Options say where the servers are and who is calling. Only Hosts is required.
type Options struct {
	// Hosts are the servers, each as a URL (rucio_host). Requests go to the first until it fails, then to the next.
	Hosts []string
	// TraceHost and OpenDataHost take traces and public open data requests; empty is the same as Hosts.
	TraceHost, OpenDataHost string
	// Account is Rucio's account name. When empty, the server takes the identity's default account.
	Account string
	// VO is the virtual organisation; empty is DefaultVO.
	VO string
	// Script names the caller in the server's statistics (X-Rucio-Script); Python sends "program::subcommand".
	Script string
	// UserAgent names the program and its version.
	UserAgent string
	// HTTP sends the requests; nil is a client on NewTransport(nil). Its redirect policy is replaced.
	HTTP *http.Client
	// Credentials give tokens; nil sends none, which is enough for Ping.
	Credentials Credentials
	// Retries is how often a request is sent again after a broken connection or a 502, 503, 504; 0 is DefaultRetries, a
	// negative number means never. Besides, each further host is asked. As in the Python client this goes for every verb.
	Retries int
	// Timeout is the longest silence of the server, before and within an answer; 0 is DefaultTimeout. A stream may take
	// longer in all; the context bounds a call as a whole.
	Timeout time.Duration
	// Transfers is what package transfer keeps with a client, a *transfer.Mover: how to get in at storages, open connections
	// to them, settings of RSEs. nil is a new one for each transfer, which gets in at storages that let anybody in.
	Transfers any
	// Trace, if set, is told of every HTTP exchange when it is over. It is called from several goroutines at once when the
	// client is.
	Trace func(RequestTrace)
}

// Credentials give the token that a request carries. Implementations are safe for concurrent use, keep the token and make
// sure that many goroutines with the same stale token cause one renewal.
type Credentials interface {
	// Token returns the current token; it gets one when there is none.
	Token(ctx context.Context) (Secret, error)
	// Renew returns a token other than stale, which the server has refused.
	Renew(ctx context.Context, stale Secret) (Secret, error)
}

// Client speaks to Rucio servers. Its methods are those of the Python client, by the same names; they are safe for
// concurrent use and share connections.
type Client struct {
	*shared
	raw bool // results carry their JSON only, see Raw
}

// shared is what a client and its raw twin have in common.
type shared struct {
	options Options
	host    atomic.Int64           // counts the failures of hosts; modulo their number, the one to ask
	learned atomic.Pointer[string] // account that whoami told
	unit    time.Duration          // first pause before an attempt is repeated; it doubles each time
}

// New makes a client. It sends nothing; the first call authenticates.
func New(o Options) (*Client, error) {
	if len(o.Hosts) == 0 {
		return nil, argumentError("", ErrMissingClientParameter, "no server is known: set rucio_host")
	}
	o.Hosts = slices.Clone(o.Hosts)
	for i := range o.Hosts {
		if err := cleanHost(&o.Hosts[i]); err != nil {
			return nil, err
		}
	}
	for _, host := range []*string{&o.TraceHost, &o.OpenDataHost} {
		if err := cleanHost(host); *host != "" && err != nil {
			return nil, err
		}
	}
	o.VO = cmp.Or(o.VO, DefaultVO)
	o.UserAgent = cmp.Or(o.UserAgent, "rucio-go")
	o.Script = cmp.Or(o.Script, o.UserAgent)
	o.Timeout = cmp.Or(o.Timeout, DefaultTimeout)
	o.Retries = max(cmp.Or(o.Retries, DefaultRetries), 0)
	client := http.Client{Transport: NewTransport(nil)}
	if o.HTTP != nil {
		client = *o.HTTP
	}
	client.CheckRedirect = checkRedirect
	o.HTTP = &client
	return &Client{shared: &shared{options: o, unit: backOff}}, nil
}

// NewTransport returns a transport that suits Rucio: many connections kept for reuse, large read buffers for streams, and
// HTTP/1.1, which costs less than HTTP/2 for rows that come one by one. tlsConfig may be nil.
func NewTransport(tlsConfig *tls.Config) *http.Transport {
	dialer := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer.DialContext,
		TLSClientConfig:     tlsConfig,
		TLSHandshakeTimeout: 30 * time.Second,
		MaxIdleConns:        128,
		MaxIdleConnsPerHost: 64,
		IdleConnTimeout:     90 * time.Second,
		ReadBufferSize:      bufferSize,
		WriteBufferSize:     bufferSize,
	}
}

// Raw returns the client in raw mode: results hold what the server sent, to be had by their method JSON, and none of their
// typed fields. Nothing is decoded or copied: the JSON of a streamed row is valid until the next row is read. It is the
// fast way for callers that pass JSON on.
func (c *Client) Raw() *Client { return &Client{shared: c.shared, raw: true} }

// Transfers returns Options.Transfers.
func (c *Client) Transfers() any { return c.options.Transfers }

// VO returns the virtual organisation in whose name requests are made.
func (c *Client) VO() string { return c.options.VO }

// typed returns the client with decoded results, for methods that look into the answer of another.
func (c *Client) typed() *Client { return &Client{shared: c.shared} }

// Account returns the account in whose name requests are made. When New was given none, the server is asked once.
func (c *Client) Account(ctx context.Context) (string, error) {
	if c.options.Account != "" {
		return c.options.Account, nil
	}
	if name := c.learned.Load(); name != nil {
		return *name, nil
	}
	me, err := c.typed().Whoami(ctx)
	if err != nil {
		return "", err
	}
	c.learned.Store(&me.Account)
	return me.Account, nil
}

// cleanHost refuses what is no URL of a server, with the classes of the Python client, and takes the last slash off.
func cleanHost(host *string) error {
	err := checkHost(strings.TrimSpace(*host))
	*host = strings.TrimRight(strings.TrimSpace(*host), "/")
	return err
}

func checkHost(host string) error {
	u, err := url.Parse(host)
	switch {
	case err != nil:
		return argumentError("", ErrClientProtocolNotFound, "host %q is not a URL: %v", host, errors.Unwrap(err))
	case u.Scheme == "" || !strings.Contains(host, "://"):
		return argumentError("", ErrClientProtocolNotFound, "host %q has no protocol: write https://%s", host, host)
	case u.Scheme != "http" && u.Scheme != "https":
		return argumentError("", ErrClientProtocolNotSupported, "host %q: protocol %s is not http or https", u.Redacted(), u.Scheme)
	case u.Host == "":
		return argumentError("", ErrClientProtocolNotFound, "host %q names no server", host)
	}
	return nil
}

// checkRedirect follows redirects of reads only, and only on the same server: a redirected POST would silently become a
// GET, and no other server may see the token.
func checkRedirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	switch {
	case first.Method != http.MethodGet:
		return http.ErrUseLastResponse
	case len(via) >= 10:
		return fmt.Errorf("stopped after %d redirects", len(via))
	case req.URL.Hostname() != first.URL.Hostname(), first.URL.Scheme == "https" && req.URL.Scheme != "https":
		return &redirectError{to: req.URL.Scheme + "://" + req.URL.Host}
	}
	return nil
}

// redirectError is a redirect that is not followed.
type redirectError struct{ to string }

func (e *redirectError) Error() string {
	return fmt.Sprintf("the server redirects to %s, which is not followed: set rucio_host to the right server", e.to)
}
