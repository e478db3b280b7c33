package cli

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// traceRequests returns what --trace-http prints of each request to Rucio, or nil without it.
func (p *program) traceRequests(c *cli.Context) func(rucio.RequestTrace) {
	if !c.Bool("trace-http") {
		return nil
	}
	return func(t rucio.RequestTrace) {
		details := fmt.Sprintf("first byte after %s, sent %d bytes, received %d", millis(t.FirstByte), t.Sent, t.Received)
		if !t.Reused && t.Connect > 0 {
			details += ", connected in " + millis(t.Connect)
		}
		if t.Attempt > 1 {
			details += ", attempt " + strconv.Itoa(t.Attempt)
		}
		p.traceLine(t.Verb, t.URL, t.Status, t.Total, details, t.Err)
	}
}

// traceLine prints one request. A line is one Write, so that requests of parallel tasks do not mix.
func (p *program) traceLine(verb, url string, status int, took time.Duration, details string, err error) {
	answer := strconv.Itoa(status)
	if status == 0 {
		answer = "no answer"
	}
	line := fmt.Sprintf("http: %s %s: %s in %s (%s)", verb, url, answer, millis(took), details)
	if err != nil {
		line += ": " + err.Error()
	}
	fmt.Fprintln(p.Stderr, line)
}

func millis(d time.Duration) string { return fmt.Sprintf("%.1fms", float64(d.Microseconds())/1000) }

// tracedLogins makes the requests of logins visible too.
func (p *program) tracedLogins(c *cli.Context, next http.RoundTripper) http.RoundTripper {
	if !c.Bool("trace-http") {
		return next
	}
	return &loginTracer{p, next}
}

type loginTracer struct {
	p    *program
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *loginTracer) RoundTrip(r *http.Request) (*http.Response, error) {
	started := t.p.Now()
	resp, err := t.next.RoundTrip(r)
	status := 0
	if resp != nil {
		status = resp.StatusCode
	}
	t.p.traceLine(r.Method, r.URL.Redacted(), status, t.p.Now().Sub(started), "login", err)
	return resp, err
}
