package xrd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

// Info describes a file or a folder.
type Info struct {
	Name    string // in listings
	Size    int64
	Folder  bool
	Offline bool // on tape only
	ModTime time.Time

	bare bool // there is a name only
}

// Space is the room of a server in bytes, -1 where it doesn't say.
type Space struct{ Free, Used, Total int64 }

// Codes of kXR_query.
const (
	queryChecksum = 3
	querySpace    = 5
)

// call sends a request that names paths of one server and returns its text.
func (c *Client) call(ctx context.Context, rq *request, raw string) (string, error) {
	u, err := ParseURL(raw)
	if err != nil {
		return "", err
	}
	if rq.paths == nil {
		rq.paths = []string{u.Path}
	}
	return c.simple(ctx, c.endpoint(u), rq)
}

// Stat tells size, kind and time of a file or folder.
func (c *Client) Stat(ctx context.Context, raw string) (Info, error) {
	answer, err := c.call(ctx, &request{code: reqStat}, raw)
	if err != nil {
		return Info{}, err
	}
	return parseStat(answer)
}

// Checksum asks for a checksum by the name of its algorithm ("adler32", "md5", "crc32c"): lower-case hex.
func (c *Client) Checksum(ctx context.Context, raw, algorithm string) (string, error) {
	u, err := ParseURL(raw)
	if err != nil {
		return "", err
	}
	name, opaque := u.split()
	choice := "?cks.type=" + algorithm
	if opaque != "" {
		choice = opaque + "&" + choice[1:]
	}
	rq := &request{code: reqQuery, paths: []string{name + choice}}
	be.PutUint16(rq.params[:], queryChecksum)
	answer, err := c.simple(ctx, c.endpoint(u), rq)
	if hasCode(err, codeUnsupported) { // a manager that was not told that its servers can
		places, _ := c.places(ctx, u)
		if len(places) > 0 && places[0] != c.endpoint(u) {
			answer, err = c.simple(ctx, places[0], rq)
		}
	}
	if hasCode(err, codeServerError) && strings.Contains(err.Error(), "not supported") { // an algorithm that it lacks
		return "", fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	if err != nil {
		return "", err
	}
	return parseChecksum(answer, algorithm)
}

func parseChecksum(answer, algorithm string) (string, error) {
	f := strings.Fields(answer)
	if len(f) != 2 {
		return "", malformed("a checksum of %q", answer)
	}
	if !strings.EqualFold(f[0], algorithm) { // an old server gives the one that it has
		return "", fmt.Errorf("the server has %s, not %s: %w", f[0], algorithm, errors.ErrUnsupported)
	}
	return strings.ToLower(f[1]), nil
}

// Move renames a file, making missing parent folders; both URLs are of one server. Some servers replace a target that is
// there, others refuse.
func (c *Client) Move(ctx context.Context, from, to string) error {
	u, err := ParseURL(from)
	if err != nil {
		return err
	}
	v, err := ParseURL(to)
	if err != nil {
		return err
	}
	if u.Host != v.Host || u.Port != v.Port {
		return fmt.Errorf("a move from %s to %s: %w", u.addr(), v.addr(), errors.ErrUnsupported)
	}
	rq := &request{code: reqMv, paths: []string{u.Path, v.Path}}
	source, _ := u.split()
	be.PutUint16(rq.params[14:], uint16(len(u.Path))) //nolint:gosec // paths are shorter than that
	_, err = c.simple(ctx, c.endpoint(u), rq)
	var refused *Error
	if !errors.As(err, &refused) || refused.Code != codeNotFound {
		return err
	}
	// Source or parent is missing. In a cluster the parent has to be on the server of the source, which is the one that refused.
	at, parseErr := ParseURL("root://" + refused.Host)
	if parseErr != nil {
		return err
	}
	at.TLS, at.User, at.Path = u.TLS, u.User, source
	if _, statErr := c.simple(ctx, c.endpoint(at), &request{code: reqStat, paths: []string{u.Path}}); statErr != nil {
		return err
	}
	target, opaque := v.split()
	at.Path = path.Dir(target) + opaque
	if err := c.Mkdir(ctx, at.String()); err != nil {
		return fmt.Errorf("make the target's folder: %w", err)
	}
	_, err = c.simple(ctx, c.endpoint(at), rq)
	return err
}

// Mkdir makes a folder and its parents; one that is there is fine.
func (c *Client) Mkdir(ctx context.Context, raw string) error {
	rq := &request{code: reqMkdir}
	rq.params[0] = 1 // with parents
	be.PutUint16(rq.params[14:], 0o775)
	_, err := c.call(ctx, rq, raw)
	if errors.Is(err, fs.ErrExist) {
		if info, statErr := c.Stat(ctx, raw); statErr == nil && info.Folder {
			return nil
		}
	}
	return err
}

// Remove deletes a file or an empty folder.
func (c *Client) Remove(ctx context.Context, raw string) error {
	_, err := c.call(ctx, &request{code: reqRm}, raw)
	if !hasCode(err, codeIsDirectory, codeNotFile, codeFSError, codeInvalid) {
		return err
	}
	if info, statErr := c.Stat(ctx, raw); statErr != nil || !info.Folder {
		return err
	}
	_, err = c.call(ctx, &request{code: reqRmdir}, raw)
	return err
}

// List yields what a folder holds. The parts of a cluster are asked one after the other.
func (c *Client) List(ctx context.Context, raw string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		u, err := ParseURL(raw)
		if err != nil {
			yield(Info{}, err)
			return
		}
		if err := c.list(ctx, u, yield); err != nil {
			yield(Info{}, err)
		}
	}
}

var errStop = errors.New("enough")

func (c *Client) list(ctx context.Context, u URL, yield func(Info, error) bool) error {
	places, err := c.places(ctx, u)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	var missing error
	found := false
	for _, at := range places {
		err := c.listOne(ctx, at, u, func(info Info) bool {
			if len(places) > 1 {
				if seen[info.Name] {
					return true
				}
				seen[info.Name] = true
			}
			return yield(info, nil)
		})
		switch {
		case errors.Is(err, errStop):
			return nil
		case len(places) > 1 && errors.Is(err, fs.ErrNotExist):
			missing = err // a folder need not be on all servers
		case err != nil:
			return err
		default:
			found = true
		}
	}
	if !found {
		return missing
	}
	return nil
}

// places returns the servers that may hold a folder: all that a manager knows to have it, or the one of the URL.
func (c *Client) places(ctx context.Context, u URL) ([]endpoint, error) {
	at := c.endpoint(u)
	cn, err := c.take(ctx, at)
	if err != nil {
		return nil, err
	}
	flags := cn.flags
	c.give(at, cn)
	if flags&flagManager == 0 {
		return []endpoint{at}, nil
	}
	rq := &request{code: reqLocate, paths: []string{u.Path}}
	be.PutUint16(rq.params[:], 0x0100|0x0400) // names rather than addresses; for a listing
	answer, err := c.simple(ctx, at, rq)
	if err != nil {
		return nil, err
	}
	var found []endpoint
	for _, place := range strings.Fields(answer) { // "Sr[::1]:1094": kind, access, address
		if len(place) < 3 {
			return nil, malformed("a location of %q", place)
		}
		v, err := ParseURL("root://" + place[2:])
		if err != nil {
			return nil, malformed("a location of %q: %v", place, err)
		}
		v.Host = plainIPv4(v.Host)
		v.TLS, v.User, v.Path = u.TLS, u.User, u.Path
		if place[0] == 'M' || place[0] == 'm' {
			more, err := c.places(ctx, v)
			if err != nil {
				return nil, err
			}
			found = append(found, more...)
			continue
		}
		found = append(found, c.endpoint(v))
	}
	return found, nil
}

// plainIPv4 returns "127.0.0.1" for "::127.0.0.1", as XRootD writes IPv4 addresses to those who know IPv6.
func plainIPv4(host string) string {
	ip, err := netip.ParseAddr(host)
	if err != nil || !ip.Is6() {
		return host
	}
	b := ip.As16()
	if [12]byte(b[:12]) != [12]byte{} || ip.IsLoopback() || ip.IsUnspecified() {
		return host
	}
	return netip.AddrFrom4([4]byte(b[12:])).String()
}

// listOne lists what one server has, piece by piece as it comes; yield is not called while the connection waits for us.
func (c *Client) listOne(ctx context.Context, at endpoint, u URL, yield func(Info) bool) error {
	rq := &request{code: reqDirlist, paths: []string{u.Path}}
	rq.params[15] = 2 // with stats
	var entries []Info
	a, err := c.request(ctx, at, rq, func() *call {
		l := &lister{}
		entries = nil
		return &call{sink: func(piece []byte, end bool) error {
			found, err := l.add(piece, end)
			entries = append(entries, found...)
			return err
		}}
	})
	if err != nil {
		return err
	}
	c.give(a.at, a.cn)
	folder, opaque := u.split()
	for _, info := range entries {
		if info.bare {
			v := URL{TLS: a.at.tls, User: a.at.user, Host: a.at.host, Port: a.at.port}
			v.Path = strings.TrimRight(folder, "/") + "/" + info.Name + opaque
			full, err := c.Stat(ctx, v.String())
			if errors.Is(err, fs.ErrNotExist) {
				continue // removed since
			}
			if err != nil {
				return err
			}
			full.Name = info.Name
			info = full
		}
		if !yield(info) {
			return errStop
		}
	}
	return nil
}

// Space tells the room of the space that a path belongs to.
func (c *Client) Space(ctx context.Context, raw string) (Space, error) {
	rq := &request{code: reqQuery}
	be.PutUint16(rq.params[:], querySpace)
	answer, err := c.call(ctx, rq, raw)
	if err != nil {
		return Space{}, err
	}
	return parseSpace(answer)
}

// parseSpace reads "oss.cgroup=public&oss.space=...&oss.free=...&oss.maxf=...&oss.used=...&oss.quota=...".
func parseSpace(answer string) (Space, error) {
	values, err := url.ParseQuery(answer)
	if err != nil {
		return Space{}, malformed("a space of %q", answer)
	}
	number := func(name string) int64 {
		n, err := strconv.ParseInt(values.Get(name), 10, 64)
		if err != nil || n < 0 {
			return -1
		}
		return n
	}
	s := Space{Free: number("oss.free"), Used: number("oss.used"), Total: number("oss.space")}
	if s.Free < 0 && s.Total < 0 {
		return Space{}, fmt.Errorf("the server says %q of its space: %w", answer, errors.ErrUnsupported)
	}
	return s, nil
}
