package bind

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"time"
)

// httpError is what prevented an answer.
type httpError struct {
	Class string // "Timeout"
	What  string // "GET https://host/path": without credentials and query
	Err   error
}

// Error implements error.
func (e *httpError) Error() string { return e.What + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *httpError) Unwrap() error { return e.Err }

var (
	errTooLarge     = errors.New("the answer is larger than max_size")
	errTooManyHops  = errors.New("too many redirects")
	errTimeout      = errors.New("no answer in time")
	repeatable      = []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodTrace}
	temporaryStatus = []int{http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}
)

const (
	defaultRetries = 2
	firstPause     = 500 * time.Millisecond // before the first retry; it doubles
	longestPause   = 30 * time.Second       // also of what a server asks for
)

// send makes a request, again if it may be repeated and the failure may pass.
func (h *Host) send(ctx context.Context, r *request) (*response, error) {
	u, err := r.target()
	if err != nil {
		return nil, err
	}
	client, err := h.httpClient(r)
	if err != nil {
		return nil, err
	}
	retries := r.retries
	if retries < 0 && slices.Contains(repeatable, r.method) {
		retries = defaultRetries
	}
	started := h.now()
	for attempt := int64(0); ; attempt++ {
		answer, err := h.attempt(ctx, client, r, u)
		if attempt >= retries || !passing(answer, err) || ctx.Err() != nil {
			if err != nil {
				return nil, classify(ctx, r.method, u, err)
			}
			answer.duration = h.now().Sub(started)
			return answer, nil
		}
		h.log().DebugContext(ctx, "trying again", "request", r.method+" "+place(u), "attempt", attempt+2)
		select {
		case <-time.After(pause(attempt, answer)):
		case <-ctx.Done():
			return nil, classify(ctx, r.method, u, ctx.Err())
		}
	}
}

// passing tells whether a failure may be gone at the next attempt.
func passing(answer *response, err error) bool {
	if err == nil {
		return slices.Contains(temporaryStatus, answer.status)
	}
	var verification *tls.CertificateVerificationError
	return !errors.Is(err, errTooLarge) && !errors.Is(err, errTooManyHops) && !errors.As(err, &verification)
}

// pause returns how long to wait before the next attempt: what the server asks for, or longer each time.
func pause(attempt int64, answer *response) time.Duration {
	if answer != nil {
		if seconds, err := strconv.Atoi(answer.header.Get("Retry-After")); err == nil && seconds >= 0 {
			return min(time.Duration(seconds)*time.Second, longestPause)
		}
	}
	wait := min(firstPause<<min(attempt, 16), longestPause)
	return wait/2 + rand.N(wait/2) //nolint:gosec // spreads retries, no more
}

// attempt makes a request once and reads the whole answer.
func (h *Host) attempt(ctx context.Context, client *http.Client, r *request, u *url.URL) (*response, error) {
	if r.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, r.timeout, errTimeout)
		defer cancel()
	}
	out, err := http.NewRequestWithContext(ctx, r.method, u.String(), bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	r.setHeaders(out, h.UserAgent)
	in, err := client.Do(out)
	if err != nil {
		return nil, cmp.Or(timedOut(ctx), err)
	}
	defer in.Body.Close()
	body, err := io.ReadAll(io.LimitReader(in.Body, r.maxSize+1))
	if err != nil {
		return nil, cmp.Or(timedOut(ctx), err)
	}
	if int64(len(body)) > r.maxSize {
		return nil, errTooLarge
	}
	request := r.method + " " + place(u)
	h.log().DebugContext(ctx, "http", "request", request, "status", in.StatusCode, "bytes", len(body))
	return &response{status: in.StatusCode, header: in.Header, body: body, url: in.Request.URL, tls: in.TLS, request: request}, nil
}

func timedOut(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), errTimeout) {
		return errTimeout
	}
	return nil
}

func (r *request) setHeaders(out *http.Request, userAgent string) {
	if len(r.body) > 0 && r.contentType != "" {
		out.Header.Set("Content-Type", r.contentType)
	}
	if userAgent != "" {
		out.Header.Set("User-Agent", userAgent)
	}
	switch {
	case r.bearer.IsSet():
		out.Header.Set("Authorization", "Bearer "+r.bearer.Reveal())
	case r.username != "":
		out.SetBasicAuth(r.username, r.password.Reveal())
	}
	for name, values := range r.headers {
		out.Header[name] = values
	}
	if host := out.Header.Get("Host"); host != "" {
		out.Host = host
	}
}

// httpClient returns the client for a request. Connections are shared by all requests that trust alike.
func (h *Host) httpClient(r *request) (*http.Client, error) {
	transport, err := h.transport(r.tls)
	if err != nil {
		return nil, err
	}
	follow, most := r.follow, r.redirects
	return &http.Client{Transport: transport, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		first := via[0].Method
		switch {
		case !follow:
			return http.ErrUseLastResponse
		case next.Method != first && first != http.MethodPost && next.Response.StatusCode != http.StatusSeeOther:
			return http.ErrUseLastResponse // net/http would make a GET of a PUT, which then seems to have been done
		case int64(len(via)) > most:
			return errTooManyHops
		}
		return nil
	}}, nil
}

// transport returns the transport for a kind of trust.
func (h *Host) transport(t trust) (*http.Transport, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if known, ok := h.transports[t]; ok {
		return known, nil
	}
	config, err := t.config(h.TLS)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second}).DialContext,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   30 * time.Second,
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       30 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
	if h.transports == nil {
		h.transports = map[trust]*http.Transport{}
	}
	h.transports[t] = transport
	return transport, nil
}

// config returns the TLS configuration: the host's, changed as the script says.
func (t trust) config(base *tls.Config) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if base != nil {
		config = base.Clone()
	}
	if t.insecure {
		config.InsecureSkipVerify = true // the script says verify = false
	}
	if t.ca != "" {
		pem, err := os.ReadFile(t.ca)
		if err != nil {
			return nil, &httpError{"TLSError", "the option ca", err}
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, &httpError{"TLSError", "the option ca", fmt.Errorf("%s holds no certificate in PEM form", t.ca)}
		}
	}
	if t.cert != "" {
		pair, err := tls.LoadX509KeyPair(t.cert, cmp.Or(t.key, t.cert)) // a proxy certificate is one file
		if err != nil {
			return nil, &httpError{"TLSError", "the options cert and key", err}
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// place returns where a URL leads, without what may be secret in it.
func place(u *url.URL) string { return u.Scheme + "://" + u.Host + u.EscapedPath() }

// classify gives the error of a request its class. The URL in net/http's own error is left out: its query may be secret.
func classify(ctx context.Context, method string, u *url.URL, err error) error {
	e := &httpError{Class: "ConnectionError", What: method + " " + place(u), Err: err}
	var outer *url.Error
	if errors.As(err, &outer) {
		e.Err = outer.Err
	}
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var timeout net.Error
	switch {
	case ctx.Err() != nil:
		e.Class, e.Err = "Cancelled", context.Cause(ctx)
	case errors.Is(err, errTooLarge):
		e.Class = "TooLarge"
	case errors.Is(err, errTooManyHops):
		e.Class = "TooManyRedirects"
	case errors.As(err, &verification), errors.As(err, &record), errors.As(err, &alert):
		e.Class = "TLSError"
	case errors.Is(err, errTimeout), errors.As(err, &timeout) && timeout.Timeout():
		e.Class = "Timeout"
	}
	return e
}
