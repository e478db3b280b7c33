package task

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// maxRedirects is how often a server may send us elsewhere for a file of definitions.
const maxRedirects = 5

func isURL(s string) bool {
	scheme, _, ok := strings.Cut(s, "://")
	return ok && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https"))
}

// url makes a source of a URL. Its name has neither credentials nor query, which hold tokens; these are kept as secrets.
func (l *loader) url(address string) []source {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		scheme, _, _ := strings.Cut(address, "://")
		l.problem(scheme+"://...", &fault{"is not a valid URL", ""})
		return nil
	}
	if password, ok := u.User.Password(); ok {
		l.keepSecret(password)
	}
	for name, values := range u.Query() {
		if isSecretName(name) || strings.Contains(strings.ToLower(name), "sig") {
			for _, value := range values {
				l.keepSecret(value)
			}
		}
	}
	return []source{{publicURL(u), func(ctx context.Context) (string, error) { return l.fetch(ctx, u) }}}
}

// publicURL is a URL without what may be secret in it.
func publicURL(u *url.URL) string {
	public := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return public.String()
}

// fetch gets a URL. It fails for any status but 200 (as the Python original did not, and then read an error page as YAML),
// after the timeout, beyond the size limit, and when it is redirected from https to http.
func (l *loader) fetch(ctx context.Context, u *url.URL) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, l.opts.Timeout, fmt.Errorf("no answer within %s", l.opts.Timeout))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return "", fmt.Errorf("cannot be fetched: %s", withoutURL(err))
	}
	request.Header.Set("Accept", "application/yaml, text/yaml, text/plain, */*;q=0.5")
	client := *l.opts.HTTP
	client.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		switch {
		case len(via) > maxRedirects:
			return fmt.Errorf("redirected more than %d times", maxRedirects)
		case next.URL.Scheme != "https" && via[len(via)-1].URL.Scheme == "https":
			return fmt.Errorf("redirected from https to %s", publicURL(next.URL))
		}
		return nil
	}
	response, err := client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return "", fmt.Errorf("cannot be fetched: %s", withoutURL(err))
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	if response.StatusCode != http.StatusOK {
		return "", statusFault(response)
	}
	text, err := readAll(response.Body, l.opts.MaxBytes)
	if err != nil && ctx.Err() != nil {
		return "", fmt.Errorf("cannot be fetched: %w", context.Cause(ctx))
	}
	return text, err
}

func statusFault(response *http.Response) *fault {
	f := &fault{message: "cannot be fetched: the server answered " + response.Status}
	switch response.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		f.hint = "the address needs a login; download the file, or put user:password@ or a token into the URL"
	case http.StatusNotFound:
		f.hint = "check the address, the branch and the path"
	}
	return f
}

// withoutURL drops the URL that net/http puts before its errors: it may hold a token.
func withoutURL(err error) string {
	var at *url.Error
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}
