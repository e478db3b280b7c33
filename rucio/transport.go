package rucio

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Headers that Rucio's servers read.
const (
	tokenHeader   = "X-Rucio-Auth-Token" //nolint:gosec // a name, not a token
	accountHeader = "X-Rucio-Account"
	voHeader      = "X-Rucio-VO"
	scriptHeader  = "X-Rucio-Script"
)

const (
	bufferSize = 64 << 10               // bytes read from or written to a connection at once
	backOff    = 250 * time.Millisecond // first pause between two attempts, as the Python client has it
	maxBackOff = 10 * time.Second       // longest pause between two attempts
	drainSize  = 32 << 10               // bytes that are worth reading to keep a connection
	drainTime  = 10 * time.Millisecond
)

// errSilent ends a request whose server has not sent a byte for Options.Timeout.
var errSilent = errors.New("the server stopped answering")

// send makes a request until it is answered, as the Python client does: after a 502, 503 or 504 and after a broken
// connection it pauses and tries again, at the next host if there is one; after a 401 it renews the token, once. The answer
// is a success; everything else is an error. The caller closes the answer's body.
func (c *shared) send(ctx context.Context, r *request) (*http.Response, error) {
	body, err := r.encode()
	if err != nil {
		return nil, err
	}
	token, err := c.token(ctx, r)
	if err != nil {
		return nil, err
	}
	renewed := false
	for attempt := 1; ; {
		resp, at, err := c.attempt(ctx, r, body, token, attempt)
		switch {
		case err == nil && (resp.StatusCode/100 == 2 || resp.StatusCode == r.none):
			return resp, nil
		case err == nil && !renewed && token.IsSet() && tokenRefused(resp):
			discard(resp)
			if token, err = c.options.Credentials.Renew(ctx, token); err != nil {
				return nil, err
			}
			renewed = true
		case attempt > c.retries(r) || !retryable(resp, err):
			return nil, failure(ctx, r, at, resp, err)
		default:
			if err := c.pause(ctx, r, resp, attempt); err != nil {
				return nil, failure(ctx, r, at, nil, err)
			}
			attempt++
		}
	}
}

// retries is how often a request may be repeated: each host is asked at least once.
func (c *shared) retries(r *request) int {
	if r.host != "" {
		return c.options.Retries
	}
	return c.options.Retries + len(c.options.Hosts) - 1
}

// token returns the token of a request, none when it needs none.
func (c *shared) token(ctx context.Context, r *request) (Secret, error) {
	if r.public || c.options.Credentials == nil {
		return "", nil
	}
	return c.options.Credentials.Token(ctx)
}

// attempt makes one HTTP exchange. at is the URL it went to.
func (c *shared) attempt(ctx context.Context, r *request, body []byte, token Secret, number int) (resp *http.Response, at *url.URL, err error) {
	host := c.host.Load()
	base := cmp.Or(r.host, c.options.Hosts[host%int64(len(c.options.Hosts))])
	watch := newWatch(ctx, c.options.Timeout)
	req, err := http.NewRequestWithContext(watch.ctx, r.verb, base+r.target(), bytes.NewReader(body))
	if err != nil {
		watch.stop()
		return nil, &url.URL{}, err
	}
	if r.body == nil {
		req.Body, req.GetBody = http.NoBody, nil
	}
	c.setHeaders(req, r, token)
	done := func(*http.Response, int64, error) {}
	if c.options.Trace != nil {
		req, done = c.traced(req, r.method, number, len(body))
	}
	resp, err = c.options.HTTP.Do(req)
	if err != nil {
		err = watch.cause(err)
		watch.stop()
		done(nil, 0, err)
		if retryable(nil, err) {
			c.failOver(r, host)
		}
		return nil, req.URL, err
	}
	watch.feed()
	resp.Body = &watchedBody{ReadCloser: resp.Body, watch: watch, done: func(n int64, err error) { done(resp, n, err) }}
	if unavailable(resp) {
		c.failOver(r, host)
	}
	return resp, req.URL, nil
}

// setHeaders writes what every request carries.
func (c *shared) setHeaders(req *http.Request, r *request, token Secret) {
	for name, values := range r.headers {
		req.Header[name] = values
	}
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("User-Agent", c.options.UserAgent)
	req.Header.Set(voHeader, c.options.VO)
	req.Header.Set(scriptHeader, c.options.Script)
	if c.options.Account != "" {
		req.Header.Set(accountHeader, c.options.Account)
	}
	if token.IsSet() {
		req.Header.Set(tokenHeader, token.Reveal())
	}
}

// failOver makes the following requests go to the next host, unless another request has done so already.
func (c *shared) failOver(r *request, host int64) {
	if r.host == "" {
		c.host.CompareAndSwap(host, host+1)
	}
}

// pause waits before the next attempt; not while there are hosts that have not been asked.
func (c *shared) pause(ctx context.Context, r *request, resp *http.Response, attempt int) error {
	var wait time.Duration
	rounds := attempt
	if r.host == "" {
		rounds = attempt / len(c.options.Hosts)
	}
	if rounds > 0 {
		wait = min(c.unit<<(rounds-1), maxBackOff)
	}
	if resp != nil {
		if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && wait > 0 {
			wait = min(time.Duration(seconds)*time.Second, maxBackOff)
		}
		discard(resp)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// tokenRefused tells a 401 that a new token may mend. Rucio answers 401 to AccessDenied as well.
func tokenRefused(resp *http.Response) bool {
	switch Exception(resp.Header.Get("ExceptionClass")) {
	case "", ErrCannotAuthenticate, ErrCannotAuthorize:
		return resp.StatusCode == http.StatusUnauthorized
	}
	return false
}

// unavailable tells answers of a server, or of the proxy before it, that is down.
func unavailable(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// retryable tells failures that may pass: not those of certificates, redirects, or of a server that is silent for long.
func retryable(resp *http.Response, err error) bool {
	if err == nil {
		return unavailable(resp)
	}
	var (
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		redirect    *redirectError
	)
	return !errors.As(err, &certificate) && !errors.As(err, &record) && !errors.As(err, &redirect) &&
		!errors.Is(err, errSilent) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}

// failure makes the error of a request that is given up.
func failure(ctx context.Context, r *request, at *url.URL, resp *http.Response, err error) error {
	if resp != nil {
		e := ResponseError(r.method, resp)
		if to := resp.Header.Get("Location"); resp.StatusCode/100 == 3 && to != "" {
			e.Message = (&redirectError{to: to}).Error()
		}
		return e
	}
	e := &Error{Method: r.method, Verb: r.verb, URL: at.Redacted(), Err: err}
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		e.Err = wrapped.Err
	}
	e.Class, e.Message = string(ErrServerConnectionException), "cannot reach the server: "+e.Err.Error()
	var redirect *redirectError
	switch {
	case errors.As(err, &redirect):
		e.Class, e.Message = string(ErrRucioException), redirect.Error()
	case ctx.Err() != nil:
		e.Class, e.Message, e.Err = string(ErrCancelled), "given up: "+context.Cause(ctx).Error(), context.Cause(ctx)
	case errors.Is(err, errSilent):
		e.Class, e.Message = string(ErrReadTimeout), err.Error()
	}
	return e
}

// discard reads what is left of a short answer and closes it, so that its connection can be used again.
func discard(resp *http.Response) { resp.Body.Close() }
