package rucio

import (
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"
)

// RequestTrace tells of one HTTP exchange, for a request log. Tokens and passwords in it are hidden.
type RequestTrace struct {
	Method         string        // Python's name of the method: "list_rses"
	Attempt        int           // 1 for the first
	Verb, URL      string        // without secrets
	Status         int           // 0 when there was no answer
	Start          time.Time     // when the exchange began
	Connect        time.Duration // until there was a connection: name lookup, TCP, TLS; about 0 when one was reused
	Reused         bool          // whether the connection had been used before
	FirstByte      time.Duration // until the answer began
	Total          time.Duration // until the answer was read or given up
	Sent, Received int64         // size of both bodies in bytes, the answer's after decompression
	RequestHeader  http.Header   // as sent
	ResponseHeader http.Header   // nil when there was no answer
	Err            error         // what broke the exchange; nil for an answer of any status
}

// secretHeaders are never shown.
var secretHeaders = []string{
	tokenHeader, "Authorization", "Cookie", "Set-Cookie", "Proxy-Authorization",
	"X-Rucio-Password", "X-Rucio-Ssh-Signature",
}

// traced makes req tell of itself; the function it returns ends the trace and hands it over.
func (c *shared) traced(req *http.Request, method string, attempt, sent int) (*http.Request, func(*http.Response, int64, error)) {
	t := RequestTrace{
		Method: method, Attempt: attempt, Verb: req.Method, URL: req.URL.Redacted(), Start: time.Now(),
		Sent: int64(sent), RequestHeader: hideSecrets(req.Header),
	}
	var mu sync.Mutex // a cancelled exchange may still call the hooks
	hooks := &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			mu.Lock()
			defer mu.Unlock()
			t.Connect, t.Reused = time.Since(t.Start), info.Reused
		},
		GotFirstResponseByte: func() {
			mu.Lock()
			defer mu.Unlock()
			t.FirstByte = time.Since(t.Start)
		},
	}
	done := func(resp *http.Response, received int64, err error) {
		mu.Lock()
		defer mu.Unlock()
		t.Total, t.Received, t.Err = time.Since(t.Start), received, err
		if resp != nil {
			t.Status, t.ResponseHeader = resp.StatusCode, hideSecrets(resp.Header)
		}
		c.options.Trace(t)
	}
	return req.WithContext(httptrace.WithClientTrace(req.Context(), hooks)), done
}

// hideSecrets copies a header without its secrets.
func hideSecrets(header http.Header) http.Header {
	header = header.Clone()
	for _, name := range secretHeaders {
		if _, ok := header[http.CanonicalHeaderKey(name)]; ok {
			header.Set(name, redacted)
		}
	}
	return header
}
