package xrd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/netip"
	"net/url"
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
		places, missing := c.places(ctx, u, "")
		if errors.Is(missing, fs.ErrNotExist) {
			return "", missing
		}
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
	u, err := ParseURL(raw)
	if err != nil {
		return err
	}
	manager, err := c.isManager(ctx, c.endpoint(u))
	if err != nil {
		return err
	}
	if !manager { // else one server would remove its part of a folder
		_, err = c.call(ctx, &request{code: reqRm}, raw)
		if !hasCode(err, codeIsDirectory, codeNotFile, codeFSError, codeInvalid) {
			return err
		}
	}
	info, statErr := c.Stat(ctx, raw)
	switch {
	case statErr == nil && info.Folder:
		return c.removeFolder(ctx, raw)
	case manager && statErr == nil:
		_, err = c.call(ctx, &request{code: reqRm}, raw)
	case manager:
		err = statErr
	}
	return err
}

// removeFolder removes an empty folder; in a cluster from all servers, each of which sees its own files only.
func (c *Client) removeFolder(ctx context.Context, raw string) error {
	u, err := ParseURL(raw)
	if err != nil {
		return err
	}
	places, err := c.places(ctx, u, anyone)
	if err != nil {
		return err
	}
	if len(places) > 1 {
		for _, err := range c.List(ctx, raw) {
			if err == nil {
				err = &Error{Host: u.addr(), Code: codeItExists, Message: u.without(u.Path) + " is not empty"}
			}
			return err
		}
	}
	var gone error
	for _, at := range places {
		switch _, err := c.simple(ctx, at, &request{code: reqRmdir, paths: []string{u.Path}}); {
		case len(places) > 1 && errors.Is(err, fs.ErrNotExist):
		case err != nil:
			gone = err
		}
	}
	return gone
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
	places, err := c.places(ctx, u, anyone) // its idea of folders may be old
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

// anyone before a path asks a manager for all servers that may have it, rather than for those that it thinks have it.
const anyone = "*"

// places returns the servers behind a manager that have a path, or the one of the URL.
func (c *Client) places(ctx context.Context, u URL, whose string) ([]endpoint, error) {
	at := c.endpoint(u)
	if manager, err := c.isManager(ctx, at); err != nil || !manager {
		return []endpoint{at}, err
	}
	rq := &request{code: reqLocate, paths: []string{whose + u.Path}}
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
			more, err := c.places(ctx, v, whose)
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
