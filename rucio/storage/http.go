package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// HTTP is the backend for "davs://", "dav://", "https://" and "http://" PFNs: WebDAV doors that may redirect to where the
// bytes are (dCache, XRootD, StoRM, EOS, nginx, Apache), and signed URLs of object stores. Names in its PFNs are escaped;
// what may not stand in a URL is escaped on the way, as Python's requests does.
type HTTP struct {
	options   Options
	transport *http.Transport
	servers   sync.Map // host:port -> what it calls itself (Server)
	folders   folders
}

// NewHTTP returns a backend for WebDAV and plain HTTP.
func NewHTTP(options Options) *HTTP {
	options = options.withDefaults()
	return &HTTP{options: options, transport: newTransport(options)}
}

var _ Backend = (*HTTP)(nil)

// Features implements Backend. Not every server has all of it: nginx knows no checksums, plain HTTP no folders.
func (*HTTP) Features() Features {
	return Features{Rename: true, Folders: true, Ranges: true, Checksums: []string{"adler32", "md5"}}
}

// Close implements Backend.
func (b *HTTP) Close() error {
	b.transport.CloseIdleConnections()
	return nil
}

const (
	cleanUp   = 20 * time.Second       // how long a failed Put may take to remove what it has left
	lockPause = 100 * time.Millisecond // between two looks whether the server has let go of it
)

// Put implements Backend. Whether the object exists is asked before, and once more with the upload (If-None-Match), which
// few servers understand. A missing folder is made when the server complains.
func (b *HTTP) Put(ctx context.Context, pfn string, src Source, options PutOptions) (err error) {
	defer func() { err = Fail("put", pfn, Other, err) }()
	var old Info // zero when there is none
	if !signed(pfn) {
		switch old, err = b.Stat(ctx, pfn); {
		case err == nil && (old.Folder || !options.Overwrite):
			return fs.ErrExist
		case err != nil && !Is(err, NotFound):
			return err
		}
	}
	began, err := b.intoFolder(ctx, pfn, func() (bool, error) { return b.upload(ctx, pfn, src, options) })
	if err != nil && began {
		return b.undo(ctx, pfn, old, err)
	}
	return err
}

// maybeNoFolder tells whether an upload may have failed for want of a folder: 409 says so, some say 404, and nginx 500.
func maybeNoFolder(err error) bool {
	return hasStatus(err, http.StatusConflict) || hasStatus(err, http.StatusNotFound) || hasStatus(err, http.StatusInternalServerError)
}

// upload sends the bytes; began tells whether the server may have stored some of them, of which it has told nothing.
func (b *HTTP) upload(ctx context.Context, pfn string, src Source, options PutOptions) (began bool, err error) {
	var sent atomic.Bool
	r := request{method: http.MethodPut, pfn: pfn, src: src, put: options, header: http.Header{}, sent: &sent}
	if src.Size() > 0 {
		// The door says where to, or that it won't have it, before any bytes move.
		r.header.Set("Expect", "100-continue")
	}
	if !options.Overwrite {
		r.header.Set("If-None-Match", "*")
	}
	if !signed(pfn) { // a signature may be for a request without these
		setDigests(r.header, options.Checksums)
	}
	resp, err := b.do(ctx, r)
	if err != nil {
		return sent.Load() && !hasStatus(err, 0), err
	}
	discard(resp)
	return true, nil
}

// undo removes what a Put that failed with cause may have left, and reports cause. An object that was there before may still be
// there: it is what it was unless the server writes in place.
func (b *HTTP) undo(ctx context.Context, pfn string, old Info, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUp)
	defer cancel()
	if signed(pfn) {
		return cause // the signature is for nothing but the upload; object stores keep no halves, and what is there may be another's
	}
	if info, err := b.Stat(ctx, pfn); old != (Info{}) && err == nil && info == old {
		return cause
	}
	err := b.remove(ctx, pfn)
	for hasStatus(err, http.StatusLocked) && ctx.Err() == nil { // XRootD has not noticed yet that the upload is over
		time.Sleep(lockPause)
		err = b.remove(ctx, pfn)
	}
	if err != nil && !Is(err, NotFound) {
		b.options.Log.DebugContext(ctx, "a failed upload may have left something", "pfn", Public(pfn), "error", err)
		return HalfPut(pfn, cause)
	}
	return cause
}

// Get implements Backend.
func (b *HTTP) Get(ctx context.Context, pfn string, offset, length int64) (_ io.ReadCloser, err error) {
	defer func() { err = Fail("get", pfn, Other, err) }()
	last := int64(-1) // the end
	if length >= 0 {
		last = max(offset+length-1, offset)
	}
	resp, err := b.part(ctx, pfn, offset, last)
	if err == nil && resp.StatusCode == http.StatusPartialContent {
		first, end, total := contentRange(resp.Header.Get("Content-Range"))
		if total >= 0 && (end < first || end >= total) {
			// XRootD 5.5 promises bytes beyond the end, and has none for a range without one: it wants the exact range.
			discard(resp)
			if offset >= total {
				return nothing(), nil
			}
			resp, err = b.part(ctx, pfn, offset, total-1)
		}
	}
	if (offset > 0 || length >= 0) && hasStatus(err, http.StatusRequestedRangeNotSatisfiable) {
		return nothing(), nil // beyond the end, or the object is empty
	}
	if err != nil {
		return nil, err
	}
	if err := seek(resp, offset); err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	var body io.Reader = resp.Body
	if length >= 0 {
		body = io.LimitReader(body, length)
	}
	return &reader{ctx: ctx, op: "get", pfn: pfn, Reader: broken{body}, Closer: resp.Body}, nil
}

func nothing() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// part asks for the bytes from first to last, or to the end when last is negative.
func (b *HTTP) part(ctx context.Context, pfn string, first, last int64) (*http.Response, error) {
	r := request{method: http.MethodGet, pfn: pfn, header: http.Header{}}
	switch {
	case last >= 0:
		r.header.Set("Range", fmt.Sprintf("bytes=%d-%d", first, last))
	case first > 0:
		r.header.Set("Range", fmt.Sprintf("bytes=%d-", first))
	}
	return b.do(ctx, r)
}

// contentRange reads "bytes 5-9/1000"; what can't be read is -1.
func contentRange(text string) (first, last, total int64) {
	number := func(text string) int64 {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return -1
		}
		return n
	}
	span, size, _ := strings.Cut(strings.TrimPrefix(text, "bytes "), "/")
	from, to, _ := strings.Cut(span, "-")
	return number(from), number(to), number(size)
}

// mostSkipped is how many bytes are read for nothing when a server gives all of an object rather than the part.
const mostSkipped = 8 << 20

// seek sees to it that an answer's body begins at offset: a server may ignore that a part was asked for.
func seek(resp *http.Response, offset int64) error {
	if resp.StatusCode != http.StatusPartialContent {
		if offset > mostSkipped {
			return ofKind(Unsupported, errors.New("the server gives whole objects only"))
		}
		n, err := io.CopyN(io.Discard, resp.Body, offset)
		if errors.Is(err, io.EOF) && resp.ContentLength == n {
			return nil // beyond the end
		}
		return err
	}
	if first, _, _ := contentRange(resp.Header.Get("Content-Range")); first != offset {
		return fmt.Errorf("bytes from %d were asked for, the server answers with %q", offset, resp.Header.Get("Content-Range"))
	}
	return nil
}

// broken makes every error of reading a body one that another attempt may get over.
type broken struct{ io.Reader }

func (r broken) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = connectionError(err)
	}
	return n, err
}

// Stat implements Backend: PROPFIND, or HEAD where that is not known. A signed URL, which allows nothing but GET, is
// asked for its first byte.
func (b *HTTP) Stat(ctx context.Context, pfn string) (Info, error) {
	if signed(pfn) {
		info, err := b.peek(ctx, pfn)
		return info, Fail("stat", pfn, Other, err)
	}
	found, err := b.propfind(ctx, pfn)
	if err == nil {
		info := found.info()
		info.PFN = pfn
		return info, nil
	}
	if !Is(err, Unsupported) {
		return Info{}, Fail("stat", pfn, Other, err)
	}
	resp, err := b.do(ctx, request{method: http.MethodHead, pfn: pfn})
	if err != nil {
		return Info{}, Fail("stat", pfn, Other, err)
	}
	discard(resp)
	return Info{PFN: pfn, Size: max(resp.ContentLength, 0), ModTime: modTime(resp.Header.Get("Last-Modified"))}, nil
}

func (b *HTTP) peek(ctx context.Context, pfn string) (Info, error) {
	resp, err := b.part(ctx, pfn, 0, 0)
	if hasStatus(err, http.StatusRequestedRangeNotSatisfiable) {
		return Info{PFN: pfn}, nil
	}
	if err != nil {
		return Info{}, err
	}
	_ = resp.Body.Close()
	info := Info{PFN: pfn, Size: resp.ContentLength, ModTime: modTime(resp.Header.Get("Last-Modified"))}
	if resp.StatusCode == http.StatusPartialContent {
		if _, _, info.Size = contentRange(resp.Header.Get("Content-Range")); info.Size < 0 {
			return Info{}, fmt.Errorf("the server answers with the range %q, which tells no size", resp.Header.Get("Content-Range"))
		}
	}
	return info, nil
}

func modTime(text string) time.Time {
	t, err := http.ParseTime(text)
	if err != nil {
		return time.Time{}
	}
	return t
}

// signed tells whether a PFN's query is a signature, which allows one kind of request and nothing else.
func signed(pfn string) bool {
	_, query, _ := strings.Cut(pfn, "?")
	if query == "" {
		return false
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return false
	}
	for _, name := range []string{"X-Amz-Signature", "X-Goog-Signature", "Signature", "temp_url_sig"} {
		if values.Has(name) {
			return true
		}
	}
	return false
}
