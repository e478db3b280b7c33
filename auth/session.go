package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

const (
	attemptTimeout = 60 * time.Second       // for a login, which does little; Python waits for ten minutes
	firstPause     = 250 * time.Millisecond // doubled each time, as in Python's client
	maxPause       = 10 * time.Second
	maxAnswer      = 64 << 10 // bytes read of an answer; what counts is in its headers
)

// errSilent ends a request that takes longer than attemptTimeout.
var errSilent = fmt.Errorf("no answer within %v", attemptTimeout)

// session sends what logging in needs to the authentication servers. It is what the ways to log in are built on.
type session struct {
	opts   Options // with defaults filled in
	client *http.Client
	host   atomic.Uint32 // index in Hosts of the server that answered last
	skew   atomic.Int64  // of the server's clock, in nanoseconds: positive when it is ahead of this machine's
}

func newSession(opts Options) *session {
	client := http.Client{Transport: opts.HTTP.Transport, Jar: opts.HTTP.Jar, Timeout: opts.HTTP.Timeout}
	// A redirect would carry the password to wherever the server says; Python's client follows it.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &session{opts: opts, client: &client}
}

// answer is a successful answer (2xx) to a login request.
type answer struct {
	status int
	header http.Header
	body   []byte // its beginning
	host   string
}

// get sends a GET to path ("/auth/userpass") with the headers of every request and those given. It tries one host after
// the other, beginning with the one that answered last, and all of them again after a pause, Options.Retries times, while
// the failure may pass. Every error is an *Error; one that the server sent wraps a *rucio.Error.
func (s *session) get(ctx context.Context, path string, header http.Header) (*answer, error) {
	return s.getWith(ctx, path, header, s.opts.Retries)
}

// getWith is get with another number of retries.
func (s *session) getWith(ctx context.Context, path string, header http.Header, retries int) (*answer, error) {
	for round := 0; ; round++ {
		failures, passing := []error(nil), false
		first := s.host.Load()
		for i := range s.opts.Hosts {
			at := (int(first) + i) % len(s.opts.Hosts)
			got, failure := s.getFrom(ctx, s.opts.Hosts[at], path, header)
			if failure == nil {
				s.host.Store(uint32(at)) //nolint:gosec // an index of a short list
				return got, nil
			}
			if failure.Kind != Unreachable && failure.Kind != TLS && !failure.Passing {
				return nil, failure // the server has spoken: another one would say the same
			}
			failures, passing = append(failures, failure), passing || failure.Passing
		}
		failure := combine(failures, passing)
		if round >= retries || !passing {
			return nil, failure
		}
		pause := min(firstPause<<round, maxPause)
		s.opts.Log.Warn("cannot log in, trying again", "error", failure, "pause", pause)
		if err := wait(ctx, pause); err != nil {
			return nil, connectionError(ctx, s.opts.Hosts[first], err)
		}
	}
}

// combine makes one error of those of all hosts.
func combine(failures []error, passing bool) error {
	if len(failures) == 1 {
		return failures[0]
	}
	first := failures[0].(*Error) //nolint:errorlint // made above
	texts := make([]string, len(failures))
	for i, failure := range failures {
		texts[i] = failure.Error()
	}
	return &Error{
		Kind:    first.Kind,
		Problem: fmt.Sprintf("none of the %d servers can be used: %s", len(failures), strings.Join(texts, "; ")),
		Advice:  first.Advice,
		Err:     errors.Join(failures...),
		Passing: passing,
	}
}

// getFrom asks one host once.
func (s *session) getFrom(ctx context.Context, host, path string, header http.Header) (*answer, *Error) {
	limited, cancel := context.WithTimeoutCause(ctx, attemptTimeout, errSilent)
	defer cancel()
	req, err := http.NewRequestWithContext(limited, http.MethodGet, host+path, nil)
	if err != nil {
		return nil, &Error{Kind: Config, Problem: fmt.Sprintf("auth_host %q is not a URL", host), Err: err}
	}
	req.Header = header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	s.sign(req)
	resp, err := s.client.Do(req) //nolint:gosec // the host is the operator's choice
	if err != nil {
		if cause := context.Cause(limited); errors.Is(cause, errSilent) {
			err = cause
		}
		return nil, connectionError(ctx, host, err)
	}
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		s.skew.Store(int64(date.Sub(s.opts.Now())))
	}
	if resp.StatusCode/100 == 2 {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer)) // to its end, so that the connection can be used again
		resp.Body.Close()
		return &answer{status: resp.StatusCode, header: resp.Header, body: body, host: host}, nil
	}
	return nil, answerError(host, path, resp)
}

// sign names this program and the virtual organisation, as every request does.
func (s *session) sign(req *http.Request) {
	req.Header.Set("User-Agent", s.opts.UserAgent)
	req.Header.Set("X-Rucio-VO", s.opts.VO)
	req.Header.Set("X-Rucio-Script", s.opts.Script)
}

// answerError explains an answer that is no success, and closes it.
func answerError(host, path string, resp *http.Response) *Error {
	location := resp.Header.Get("Location")
	cause := rucio.ResponseError("", resp)
	e := &Error{Kind: Server, Host: host, Err: cause, Problem: fmt.Sprintf("%s (HTTP %d)", cause.Message, cause.Status)}
	switch status := resp.StatusCode; {
	case status == http.StatusUnauthorized:
		e.Kind, e.Problem = WrongCredentials, cause.Message
	case status/100 == 3:
		e.Kind = Config
		e.Problem = fmt.Sprintf("it redirects logins to %s, and passwords do not follow redirects", location)
		if target, ok := strings.CutSuffix(location, path); ok {
			e.Advice = fmt.Sprintf("set RUCIO_CFG_CLIENT_AUTH_HOST=%s if you trust it", target)
		}
	case status == http.StatusNotFound:
		e.Kind = Config
		e.Problem = fmt.Sprintf("there is no %s (HTTP 404)", path)
		e.Advice = "set auth_host to the address of a Rucio server, with its path if it has one"
	case status == http.StatusBadGateway, status == http.StatusServiceUnavailable, status == http.StatusGatewayTimeout:
		e.Kind, e.Passing = Unreachable, true
	}
	return e
}

// wait pauses, unless the context ends first.
func wait(ctx context.Context, pause time.Duration) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// warnPlain warns, once for each server, when a secret is about to travel unencrypted to another machine.
func (s *session) warnPlain(what string) {
	for _, host := range s.opts.Hosts {
		u, err := url.Parse(host)
		if err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()) {
			s.opts.Log.Warn(what+" goes unencrypted over the network: set auth_host to https://...", slog.String("auth_host", host))
		}
	}
}
