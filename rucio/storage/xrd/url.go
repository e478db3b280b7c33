package xrd

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// defaultPort is the one of XRootD.
const defaultPort = 1094

// URL is a PFN in its parts. XRootD escapes nothing: a name is sent as it stands, with its spaces and percent signs, but it
// can't hold a question mark, which begins the opaque part ("?authz=...").
type URL struct {
	TLS  bool // "roots" and "xroots": never without TLS
	User string
	Host string // without brackets
	Port int
	Path string // absolute, opaque part included
}

// ParseURL takes "root://[user@]host[:port]//path[?opaque]", of the schemes root, xroot, roots and xroots. A path with one
// slash is taken for an absolute one as well: servers refuse all others.
func ParseURL(raw string) (URL, error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	var u URL
	switch scheme {
	case "roots", "xroots":
		u.TLS = true
	case "root", "xroot":
	default:
		ok = false
	}
	if !ok {
		return u, errors.New("not a root URL, as in root://host:1094//path")
	}
	authority, path, _ := strings.Cut(rest, "/")
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		u.User, authority = authority[:i], authority[i+1:]
		u.User, _, _ = strings.Cut(u.User, ":")
	}
	u.Host, u.Port = authority, defaultPort
	if host, port, err := net.SplitHostPort(authority); err == nil {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return u, fmt.Errorf("port %q of a root URL is not one", port)
		}
		u.Host, u.Port = host, int(n)
	}
	u.Host = strings.Trim(u.Host, "[]")
	if u.Host == "" {
		return u, errors.New("a root URL needs a host, as in root://host:1094//path")
	}
	if strings.ContainsAny(path, "\n\r\x00") {
		return u, errors.New("a path of a root URL can't hold a line break or a zero byte")
	}
	u.Path = "/" + strings.TrimLeft(path, "/")
	return u, nil
}

func (u URL) addr() string { return net.JoinHostPort(u.Host, strconv.Itoa(u.Port)) }

// String returns the whole URL.
func (u URL) String() string {
	scheme, user := "root://", ""
	if u.TLS {
		scheme = "roots://"
	}
	if u.User != "" {
		user = u.User + "@"
	}
	return scheme + user + u.addr() + "/" + u.Path
}

// without takes the opaque part, which may hold what opens the storage, out of a text that is for people.
func (u URL) without(text string) string {
	if _, opaque := u.split(); opaque != "" {
		return strings.ReplaceAll(text, opaque, "")
	}
	return text
}

// split returns path and opaque part, that with its question mark.
func (u URL) split() (path, opaque string) {
	if i := strings.IndexByte(u.Path, '?'); i >= 0 {
		return u.Path[:i], u.Path[i:]
	}
	return u.Path, ""
}
