package storage

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"strings"
)

// Public returns a PFN fit for logs and errors: without user information and without a query, which may be a signature.
func Public(pfn string) string {
	switch Scheme(pfn) {
	case "root", "roots", "xroot", "xroots":
	default:
		if !escapes(pfn) {
			return pfn // a name on a disk or in a bucket may have a question mark
		}
		pfn, _, _ = strings.Cut(pfn, "#")
	}
	pfn, _, _ = strings.Cut(pfn, "?")
	scheme, rest, ok := strings.Cut(pfn, "://")
	if !ok {
		return pfn
	}
	host, path, _ := strings.Cut(rest, "/")
	if at := strings.LastIndexByte(host, '@'); at >= 0 {
		return scheme + "://" + host[at+1:] + "/" + path
	}
	return pfn
}

// Scheme returns a PFN's scheme in lower case; a plain path has "file".
func Scheme(pfn string) string {
	scheme, _, ok := strings.Cut(pfn, ":")
	if !ok || strings.HasPrefix(pfn, "/") {
		return "file"
	}
	return strings.ToLower(scheme)
}

// escapes tells whether the PFNs of a scheme are URLs in which names are escaped. In all others they stand as they are.
func escapes(pfn string) bool {
	switch Scheme(pfn) {
	case "http", "https", "dav", "davs":
		return true
	}
	return false
}

// Join adds a name to a folder's PFN, escaped where the PFN's scheme is one that escapes. A query stays at the end.
func Join(folder, name string) string {
	query := ""
	if escapes(folder) {
		folder, query, _ = strings.Cut(folder, "?")
		name = escapePath(name)
	}
	joined := strings.TrimRight(folder, "/") + "/" + strings.TrimLeft(name, "/")
	if query != "" {
		joined += "?" + query
	}
	return joined
}

// Parent returns the folder that a PFN's object is in, "" when that is the top.
func Parent(pfn string) string {
	query := ""
	if escapes(pfn) {
		pfn, query, _ = strings.Cut(pfn, "?")
	}
	top := 0
	if at := strings.Index(pfn, "://"); at >= 0 {
		top = at + len("://")
		top += max(strings.IndexByte(pfn[top:], '/'), 0) // the host is no folder
	}
	path := strings.TrimRight(pfn[top:], "/")
	slash := strings.LastIndexByte(path, '/')
	if slash <= 0 || strings.Trim(path[:slash], "/") == "" {
		return ""
	}
	parent := strings.TrimRight(pfn[:top+slash], "/")
	if query != "" {
		parent += "?" + query
	}
	return parent
}

// escapePath escapes all but what RFC 3986 lets stand in a path.
func escapePath(path string) string {
	return strings.ReplaceAll((&url.URL{Path: "/" + path}).EscapedPath()[1:], "+", "%2B")
}

// parseURL reads a PFN that is a URL, as Python's requests does: characters that may not stand in a URL are escaped, and
// what is escaped already stays. The result's scheme is http or https.
func parseURL(pfn string) (*url.URL, error) {
	u, err := url.Parse(requote(pfn))
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("no URL with a host: %w", fs.ErrInvalid) // the parser's own words would quote a signature
	}
	switch u.Scheme {
	case "dav", "http":
		u.Scheme = "http"
	case "davs", "https":
		u.Scheme = "https"
	default:
		return nil, fmt.Errorf("no address for WebDAV or HTTP: %w", errors.ErrUnsupported)
	}
	return u, nil
}

// server returns host and port of a URL that parseURL has read.
func server(u *url.URL) string {
	return net.JoinHostPort(strings.ToLower(u.Hostname()), cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme]))
}

// requote escapes what may not stand in a URL; a stray "%" makes all of them names rather than escapes.
func requote(pfn string) string {
	const safe = "!#$%&'()*+,/:;=?@[]~-._"
	percent := "%"
	for i := range len(pfn) {
		if pfn[i] == '%' && (i+2 >= len(pfn) || !isHex(pfn[i+1]) || !isHex(pfn[i+2])) {
			percent = "%25"
		}
	}
	var b strings.Builder
	for i := range len(pfn) {
		c := pfn[i]
		switch {
		case c == '%':
			b.WriteString(percent)
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte(safe, c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
