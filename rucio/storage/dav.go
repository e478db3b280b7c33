package storage

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// What is asked of a folder's entries, and of its room.
const (
	askEntries = `<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/><getlastmodified/></prop></propfind>`
	askSpace   = `<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop><quota-available-bytes/><quota-used-bytes/></prop></propfind>`
)

// entry is one response of a multistatus answer (RFC 4918).
type entry struct {
	Href     string `xml:"DAV: href"`
	Propstat []struct {
		Status string `xml:"DAV: status"`
		Prop   struct {
			Collection *struct{} `xml:"DAV: resourcetype>collection"`
			Length     string    `xml:"DAV: getcontentlength"`
			Modified   string    `xml:"DAV: getlastmodified"`
			Available  string    `xml:"DAV: quota-available-bytes"`
			Used       string    `xml:"DAV: quota-used-bytes"`
		} `xml:"DAV: prop"`
	} `xml:"DAV: propstat"`
}

// info reads the properties that the server has; PFN is left to the caller.
func (e entry) info() Info {
	var info Info
	for _, p := range e.Propstat {
		if !strings.Contains(p.Status, " 200") {
			continue
		}
		info.Folder = info.Folder || p.Prop.Collection != nil
		if n, err := strconv.ParseInt(strings.TrimSpace(p.Prop.Length), 10, 64); err == nil {
			info.Size = n
		}
		if p.Prop.Modified != "" {
			info.ModTime = modTime(p.Prop.Modified)
		}
	}
	if info.Folder {
		info.Size = 0
	}
	return info
}

// entries asks for pfn ("0") or for what is in it as well ("1"), and yields one answer at a time.
func (b *HTTP) entries(ctx context.Context, pfn, depth, ask string) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		header := http.Header{"Depth": {depth}, "Content-Type": {"application/xml; charset=utf-8"}}
		resp, err := b.do(ctx, request{method: "PROPFIND", pfn: pfn, header: header, body: ask})
		if err != nil {
			yield(entry{}, err)
			return
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusMultiStatus {
			err := fmt.Errorf("no WebDAV answer to PROPFIND, but %s: %w", resp.Status, errors.ErrUnsupported)
			yield(entry{}, err)
			return
		}
		decoder := xml.NewDecoder(broken{resp.Body})
		for {
			token, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				return
			}
			start, ok := token.(xml.StartElement)
			var e entry
			if err == nil && ok && start.Name.Local == "response" {
				err = decoder.DecodeElement(&e, &start)
			} else if err == nil {
				continue
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// propfind asks for pfn alone.
func (b *HTTP) propfind(ctx context.Context, pfn string) (entry, error) {
	for e, err := range b.entries(ctx, pfn, "0", askEntries) {
		return e, err
	}
	return entry{}, fmt.Errorf("an empty answer to PROPFIND: %w", errors.ErrUnsupported)
}

// List implements Backend.
func (b *HTTP) List(ctx context.Context, pfn string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		folder, err := parseURL(asFolder(pfn))
		if err != nil {
			yield(Info{}, Fail("list", pfn, Other, err))
			return
		}
		base, query, _ := strings.Cut(pfn, "?")
		for e, err := range b.entries(ctx, asFolder(pfn), "1", askEntries) {
			var name string
			if err == nil {
				name, err = nameIn(folder, e)
			}
			if err != nil {
				yield(Info{}, Fail("list", pfn, Other, err))
				return
			}
			if name == "" {
				continue // the folder itself
			}
			info := e.info()
			info.PFN = Join(base, name)
			if query != "" {
				info.PFN += "?" + query
			}
			if !yield(info, nil) {
				return
			}
		}
	}
}

// nameIn returns an entry's name in a folder, "" for the folder itself. An entry's address may be whole or a path.
func nameIn(folder *url.URL, e entry) (string, error) {
	at, err := url.Parse(requote(strings.TrimSpace(e.Href)))
	if err != nil {
		return "", fmt.Errorf("the server lists an entry with an address that can't be read: %q", e.Href)
	}
	inside, ok := strings.CutPrefix(strings.TrimRight(at.Path, "/")+"/", strings.TrimRight(folder.Path, "/")+"/")
	name := strings.TrimSuffix(inside, "/")
	switch {
	case !ok || strings.Contains(name, "/"):
		return "", fmt.Errorf("the server lists %q, which is not in the folder that was asked for", e.Href)
	case name == "" && !e.info().Folder:
		return "", errNoFolder
	}
	return name, nil
}

// asFolder adds the slash that nginx and Apache want at the end of a folder's address.
func asFolder(pfn string) string {
	base, query, ok := strings.Cut(pfn, "?")
	base = strings.TrimRight(base, "/") + "/"
	if ok {
		base += "?" + query
	}
	return base
}

// Rename implements Backend, with MOVE.
func (b *HTTP) Rename(ctx context.Context, from, to string) (err error) {
	defer func() { err = Fail("rename", from, Other, err) }()
	source, err := parseURL(from)
	if err != nil {
		return err
	}
	target, err := parseURL(to)
	if err != nil {
		return err
	}
	if server(source) != server(target) { // XRootD would take the path alone
		return fmt.Errorf("%s is on another server: %w", Public(to), errors.ErrUnsupported)
	}
	if _, err := b.Stat(ctx, to); err == nil { // not every server heeds Overwrite: F
		return fmt.Errorf("%s: %w", Public(to), fs.ErrExist)
	} else if !Is(err, NotFound) {
		return err
	}
	move := func() error { return b.move(ctx, from, target.String()) }
	err = move()
	if hasStatus(err, http.StatusConflict) || Is(err, NotFound) {
		if _, err := b.Stat(ctx, from); err != nil {
			return err
		}
		if Parent(to) == "" {
			return err
		}
		if err := b.Mkdir(ctx, Parent(to)); err != nil {
			return err
		}
		err = move()
	}
	if err == nil && strings.Contains(target.EscapedPath(), "%") {
		err = b.movedLiterally(ctx, target, to)
	}
	return err
}

func (b *HTTP) move(ctx context.Context, from, destination string) error {
	header := http.Header{"Destination": {destination}, "Overwrite": {"F"}}
	resp, err := b.do(ctx, request{method: "MOVE", pfn: from, header: header})
	if err == nil {
		discard(resp)
	}
	return err
}

// movedLiterally mends what XRootD 5.5 does: it takes the escaped address for the name. It finds one that is not escaped, if a
// query follows: of what is last it trims bytes that are not ASCII.
func (b *HTTP) movedLiterally(ctx context.Context, target *url.URL, to string) error {
	if _, err := b.Stat(ctx, to); !Is(err, NotFound) {
		return err
	}
	host := target.Scheme + "://" + target.Host
	literal := host + strings.ReplaceAll(target.EscapedPath(), "%", "%25")
	err := errors.ErrUnsupported
	if !strings.ContainsAny(target.Path, "?#\r\n") {
		err = b.move(ctx, literal, host+target.Path+"?renamed=1")
	}
	if err != nil {
		return fmt.Errorf("the server has moved it to %s without unescaping: %w", target.EscapedPath(), err)
	}
	_, err = b.Stat(ctx, to)
	return err
}

// Mkdir implements Backend, with MKCOL. Parents are made only when the server misses them: they may be out of bounds.
func (b *HTTP) Mkdir(ctx context.Context, pfn string) (err error) {
	defer func() { err = Fail("mkdir", pfn, Other, err) }()
	err = b.mkcol(ctx, pfn)
	if (hasStatus(err, http.StatusConflict) || Is(err, NotFound)) && Parent(pfn) != "" {
		if info, there := b.Stat(ctx, pfn); there == nil && !info.Folder {
			return fs.ErrExist
		}
		if err := b.Mkdir(ctx, Parent(pfn)); err != nil {
			return err
		}
		err = b.mkcol(ctx, pfn)
	}
	return err
}

func (b *HTTP) mkcol(ctx context.Context, pfn string) error {
	resp, err := b.do(ctx, request{method: "MKCOL", pfn: asFolder(pfn)})
	if err == nil {
		discard(resp)
		return nil
	}
	if Is(err, Unsupported) || Is(err, Exists) { // 405 is for something that is there
		switch info, there := b.Stat(ctx, pfn); {
		case there == nil && info.Folder:
			return nil
		case there == nil:
			return fs.ErrExist
		}
	}
	return err
}

// Delete implements Backend. WebDAV deletes folders with all that is in them; so what it is is asked before.
func (b *HTTP) Delete(ctx context.Context, pfn string) (err error) {
	defer func() { err = Fail("delete", pfn, Other, err) }()
	if !signed(pfn) {
		info, err := b.Stat(ctx, pfn)
		if err != nil {
			return err
		}
		if info.Folder {
			for _, err := range b.List(ctx, pfn) {
				if err != nil {
					return err
				}
				return errNotEmpty
			}
			pfn = asFolder(pfn)
		}
	}
	return b.remove(ctx, pfn)
}

// remove deletes what pfn is, whatever it is.
func (b *HTTP) remove(ctx context.Context, pfn string) error {
	resp, err := b.do(ctx, request{method: http.MethodDelete, pfn: pfn})
	if err == nil {
		discard(resp)
	}
	return err
}

// Space implements Backend: the quota properties of RFC 4331.
func (b *HTTP) Space(ctx context.Context, pfn string) (Space, error) {
	for e, err := range b.entries(ctx, asFolder(pfn), "0", askSpace) {
		if err != nil {
			return Space{}, Fail("space", pfn, Other, err)
		}
		space := Space{Free: -1, Used: -1, Total: -1}
		for _, p := range e.Propstat {
			if n, err := strconv.ParseInt(strings.TrimSpace(p.Prop.Available), 10, 64); err == nil {
				space.Free = n
			}
			if n, err := strconv.ParseInt(strings.TrimSpace(p.Prop.Used), 10, 64); err == nil {
				space.Used = n
			}
		}
		if space.Free >= 0 && space.Used >= 0 {
			space.Total = space.Free + space.Used
		}
		if space.Free >= 0 || space.Used >= 0 {
			return space, nil
		}
	}
	return Space{}, Fail("space", pfn, Unsupported, fmt.Errorf("the server tells no quota: %w", errors.ErrUnsupported))
}
