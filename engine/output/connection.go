package output

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"
)

// connection is how a database is spoken to over HTTP: with credentials, a timeout, TLS, and retries.
type connection struct {
	client    *http.Client
	auth      Auth
	userAgent string
	attempts  int           // in all
	pause     time.Duration // before the second; doubled for each further one
}

// longestPause bounds what a server may ask for by Retry-After: what takes longer is the next run's business.
const longestPause = 10 * time.Second

// do sends r. No answer is an error that retry takes up again; any answer is the caller's, redirections included.
func (c *connection) do(r *http.Request) (*http.Response, error) {
	c.auth.apply(r)
	r.Header.Set("User-Agent", c.userAgent)
	answer, err := c.client.Do(r) //nolint:gosec // the operator says where to
	if err != nil {
		var request *url.Error
		if errors.As(err, &request) {
			err = request.Err // without the verb and the address: messages name the target
		}
		var cert *tls.CertificateVerificationError
		if errors.As(err, &cert) {
			return nil, fmt.Errorf("%w (ca: FILE in the definition names authorities to trust; verify: false trusts anyone)", err)
		}
		return nil, &temporary{err: err}
	}
	return answer, nil
}

// retry calls f until it succeeds, fails for a reason that will not pass within seconds, or the attempts are used up.
func (c *connection) retry(ctx context.Context, f func() error) error {
	pause := c.pause
	for attempt := 1; ; attempt++ {
		err := f()
		var t *temporary
		if !errors.As(err, &t) || attempt >= c.attempts || ctx.Err() != nil {
			return err
		}
		wait := max(pause/2+rand.N(pause), t.after) //nolint:gosec // no secret
		pause *= 2
		select {
		case <-ctx.Done():
			return err
		case <-time.After(min(wait, longestPause)):
		}
	}
}

// temporary is an error that may be gone in a moment.
type temporary struct {
	err   error
	after time.Duration // as the server asked, or 0
}

func (e *temporary) Error() string { return e.err.Error() }
func (e *temporary) Unwrap() error { return e.err }

// statusError makes err temporary when the status is that of a server that is overloaded or being restarted.
func statusError(status int, retryAfter string, err error) error {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		seconds, _ := strconv.Atoi(retryAfter) // absent, or a date, which nobody sends: 0
		return &temporary{err, time.Duration(seconds) * time.Second}
	}
	return err
}

// newClient makes the HTTP client for a target. Redirections are not followed: a redirected POST becomes a GET that
// seems to succeed, and credentials would go where the definition did not send them.
func newClient(t Target, timeout time.Duration) (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: t.Insecure, //nolint:gosec // only by `verify: false` in the definition
	}
	if t.CA != "" {
		pem, err := os.ReadFile(t.CA)
		if err != nil {
			return nil, fmt.Errorf("%s: read its ca: %w", t, err)
		}
		transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		if !transport.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: its ca %s holds no certificate in PEM form", t, t.CA)
		}
	}
	return &http.Client{
		Transport:     transport,
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}
