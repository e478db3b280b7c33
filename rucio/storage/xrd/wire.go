package xrd

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
)

// Request codes (XProtocol.hh, XRequestTypes).
const (
	reqAuth     = 3000
	reqQuery    = 3001
	reqClose    = 3003
	reqDirlist  = 3004
	reqProtocol = 3006
	reqLogin    = 3007
	reqMkdir    = 3008
	reqMv       = 3009
	reqOpen     = 3010
	reqPing     = 3011
	reqRead     = 3013
	reqRm       = 3014
	reqRmdir    = 3015
	reqStat     = 3017
	reqWrite    = 3019
	reqPgWrite  = 3026
	reqLocate   = 3027
	reqPgRead   = 3030
)

// Status codes of responses (XResponseType).
const (
	statusOK       = 0
	statusOKSoFar  = 4000 // more of the same answer follows
	statusAttn     = 4001 // out of turn: a message, or the answer that waitresp announced
	statusAuthMore = 4002
	statusError    = 4003
	statusRedirect = 4004
	statusWait     = 4005 // ask again in some seconds
	statusWaitResp = 4006 // the answer comes later, out of turn
	statusStatus   = 4007 // an answer whose own header has a checksum (pgread, pgwrite)
)

const (
	actionAsyncResp = 5008
	headerSize      = 8
	statusSize      = 16 // ServerResponseBody_Status
	// maxBody bounds what an answer may make us allocate. Servers split long answers (directories) in pieces of some KiB.
	maxBody = 16 << 20
	// maxWait is the longest that a server can ask to wait at a time; more is taken for this.
	maxWait = 30 * time.Minute
)

// ErrProtocol is wrapped by the errors of answers that the protocol doesn't allow.
var ErrProtocol = errors.New("not an answer of the XRootD protocol")

var (
	be         = binary.BigEndian
	castagnoli = crc32.MakeTable(crc32.Castagnoli) // crc32c
)

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrProtocol, fmt.Sprintf(format, args...))
}

// request is a request but for its stream id: 16 bytes of parameters, and the paths that it names.
type request struct {
	code   uint16
	params [16]byte
	paths  []string // joined by a space (mv); an opaque string of a redirect is appended to the last
}

// payload returns the paths as they are sent, with the redirect's opaque string.
func (r *request) payload(opaque string) []byte { return []byte(r.join(opaque)) }

func (r *request) join(opaque string) string {
	text := strings.Join(r.paths, " ")
	if opaque != "" {
		mark := "?"
		if len(r.paths) > 0 && strings.Contains(r.paths[len(r.paths)-1], "?") {
			mark = "&"
		}
		text += mark + strings.TrimLeft(opaque, "?&")
	}
	return text
}

// header is the head of every response.
type header struct {
	stream, status uint16
	size           int
}

func parseHeader(b []byte) (header, error) {
	h := header{stream: be.Uint16(b), status: be.Uint16(b[2:])}
	size := be.Uint32(b[4:])
	if size > math.MaxInt32 {
		return h, malformed("a length of %d", size)
	}
	h.size = int(size)
	return h, nil
}

// statusBody is the second header of a kXR_status response, which ends with the offset in the file.
type statusBody struct {
	stream uint16
	code   uint16 // of the request
	final  bool
	size   int // bytes that follow
	offset int64
}

func parseStatus(b []byte) (statusBody, error) {
	if len(b) != statusSize+8 {
		return statusBody{}, malformed("a status of %d bytes", len(b))
	}
	if crc32.Checksum(b[4:], castagnoli) != be.Uint32(b) {
		return statusBody{}, fmt.Errorf("the header of an answer: %w", ErrChecksum)
	}
	size, offset := be.Uint32(b[12:]), be.Uint64(b[16:])
	if size > math.MaxInt32 || offset > math.MaxInt64 {
		return statusBody{}, malformed("a status with a length of %d at %d", size, offset)
	}
	return statusBody{
		stream: be.Uint16(b[4:]), code: reqAuth + uint16(b[6]), final: b[7] == 0, size: int(size), offset: int64(offset),
	}, nil
}

// parseRedirect reads the body of a redirect: a port and "host[?opaque[?token]]", or a port of -1 and a URL.
func parseRedirect(b []byte) (*redirect, error) {
	if len(b) < 5 {
		return nil, malformed("a redirect of %d bytes", len(b))
	}
	port := int32(be.Uint32(b)) //nolint:gosec // it is signed on the wire
	host, rest, _ := strings.Cut(text(b[4:]), "?")
	r := &redirect{}
	r.opaque, r.token, _ = strings.Cut(rest, "?")
	switch {
	case port < 0:
		u, err := ParseURL(host)
		if err != nil {
			return nil, malformed("a redirect to %q: %v", host, err)
		}
		r.host, r.port, r.tls = u.Host, u.Port, u.TLS
	case port == 0 || port > math.MaxUint16 || host == "":
		return nil, malformed("a redirect to %q, port %d", host, port)
	default:
		r.host, r.port = strings.Trim(host, "[]"), int(port)
	}
	return r, nil
}

// parseWait reads how long a server wants us to wait.
func parseWait(b []byte) (time.Duration, error) {
	if len(b) < 4 {
		return 0, malformed("a wait of %d bytes", len(b))
	}
	return min(time.Duration(be.Uint32(b))*time.Second, maxWait), nil
}

// parseStat reads "id size flags mtime ...".
func parseStat(line string) (Info, error) {
	f := strings.Fields(line)
	if len(f) < 4 {
		return Info{}, malformed("a stat of %q", line)
	}
	size, err1 := strconv.ParseInt(f[1], 10, 64)
	flags, err2 := strconv.ParseInt(f[2], 10, 64)
	mtime, err3 := strconv.ParseInt(f[3], 10, 64)
	if err := errors.Join(err1, err2, err3); err != nil || size < 0 {
		return Info{}, malformed("a stat of %q", line)
	}
	info := Info{Size: size, Folder: flags&2 != 0, Offline: flags&8 != 0, ModTime: time.Unix(mtime, 0)}
	if info.Folder {
		info.Size = 0
	}
	return info, nil
}

// lister cuts the lines of a directory listing out of its pieces. With stat, a line with the name is followed by one with
// its stat, and the first pair is ". / 0 0 0 0" to say so.
type lister struct {
	rest  string
	name  string
	stats bool
	begun bool
}

// add returns the entries that are complete with this piece; end tells that it is the last.
func (l *lister) add(piece []byte, end bool) (found []Info, err error) {
	l.rest += string(piece)
	if end {
		l.rest = strings.TrimRight(l.rest, "\n\x00") + "\n"
	}
	for {
		line, rest, ok := strings.Cut(l.rest, "\n")
		if !ok {
			return found, nil
		}
		if !l.begun && line == "." && !end && !strings.Contains(rest, "\n") {
			return found, nil // "." may begin a listing with stats: the next line tells
		}
		l.rest = rest
		switch {
		case line == "":
		case !l.begun && line == "." && strings.HasPrefix(rest, "0 0 0 0\n"):
			l.stats, l.rest = true, strings.TrimPrefix(rest, "0 0 0 0\n")
		case !l.stats:
			found = append(found, Info{Name: line, bare: true})
		case l.name == "":
			l.name = line
		default:
			info, err := parseStat(line)
			if err != nil {
				return found, err
			}
			info.Name, l.name = l.name, ""
			found = append(found, info)
		}
		l.begun = true
	}
}

// text returns a string of the wire, which may end with zero bytes.
func text(b []byte) string { return string(bytes.TrimRight(b, "\x00\n")) }

// readBody reads the body of an answer that is kept whole. A long one gets its memory as it comes, not as it is announced.
func readBody(r io.Reader, size int) ([]byte, error) {
	const trusted = 64 << 10
	if size > maxBody {
		return nil, malformed("an answer of %d bytes", size)
	}
	if size <= trusted {
		b := make([]byte, size)
		_, err := io.ReadFull(r, b)
		return b, err
	}
	var b bytes.Buffer
	_, err := io.CopyN(&b, r, int64(size))
	return b.Bytes(), err
}
