package xrd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// Options of kXR_open (XOpenRequestOption) and the mode of new files.
const (
	openDelete  = 0x0002 // replace a file that is there
	openNew     = 0x0008 // fail when one is there
	openRead    = 0x0010
	openUpdate  = 0x0020
	openMkpath  = 0x0100
	openRetstat = 0x0400
	openPOSC    = 0x1000 // persist on successful close: the server removes what was never closed
	fileMode    = 0o644
)

const (
	// chunk is how much one request reads or writes, and window how many of them are under way: enough to fill a link of
	// 1 Gbit/s and 100 ms, and a few MiB of memory for each file.
	chunk  = 1 << 20
	window = 12
	// farewell is for how long the remains of a failed Put are cleaned up.
	farewell = 20 * time.Second
	// A file of a connection that broke stays locked until the server has noticed.
	lockPatience, lockPause = 3 * time.Second, 50 * time.Millisecond
)

// file is an open file, and its connection, which nobody else uses as long.
type file struct {
	client *Client
	cn     *conn
	at     endpoint
	opaque string
	handle [4]byte
	pages  bool
}

func (c *Client) openFile(ctx context.Context, at endpoint, path string, options uint16) (*file, *answer, error) {
	rq := &request{code: reqOpen, paths: []string{path}}
	if options&openUpdate != 0 {
		be.PutUint16(rq.params[:], fileMode)
	}
	be.PutUint16(rq.params[2:], options)
	a, err := c.request(ctx, at, rq, func() *call { return &call{} })
	for end := time.Now().Add(lockPatience); time.Now().Before(end); {
		again := lockPause
		if !hasCode(err, codeFileLocked) {
			if !c.outdated(ctx, at, err, path) {
				break
			}
			again = hearsay
		}
		if err := pause(ctx, again); err != nil {
			return nil, nil, err
		}
		a, err = c.request(ctx, at, rq, func() *call { return &call{} })
	}
	if err != nil {
		return nil, nil, err
	}
	if len(a.body) < 4 {
		c.drop(a.cn)
		return nil, nil, malformed("an open file of %d bytes", len(a.body))
	}
	f := &file{client: c, cn: a.cn, at: a.at, opaque: a.opaque}
	copy(f.handle[:], a.body)
	f.pages = c.options.Pages && !a.cn.secured && a.cn.flags&flagPages != 0
	return f, a, nil
}

// params returns the parameters of a read or write.
func (f *file) params(offset int64, tail uint32) (p [16]byte) {
	copy(p[:], f.handle[:])
	be.PutUint64(p[4:], uint64(offset)) //nolint:gosec // never negative
	be.PutUint32(p[12:], tail)
	return p
}

// sendClose asks for the end of the file; the answer of the call tells whether all was stored.
func (f *file) sendClose() (*call, error) {
	k := &call{request: reqClose}
	return k, f.cn.send(k, f.params(0, 0), nil)
}

// done waits for a call of an open file, which has to be answered there.
func (f *file) done(k *call, what string) error {
	if err := f.cn.await(k); err != nil {
		return err
	}
	return f.answered(k, what)
}

// answered tells whether an answer is one of an open file.
func (f *file) answered(k *call, what string) error {
	switch {
	case k.err != nil:
		return fmt.Errorf("%s at %d: %w", what, k.offset, k.err)
	case k.again, k.redirect != nil:
		return fmt.Errorf("%s at %d: %w", what, k.offset, errBusy) // the open file would be lost; another attempt has to begin anew
	}
	return nil
}

// size reads the stat that came with the open file.
func (f *file) size(a *answer) (int64, error) {
	const prefix = 12 // handle, and what is left of compression
	if len(a.body) > prefix {
		info, err := parseStat(text(a.body[prefix:]))
		return info.Size, err
	}
	k := &call{request: reqStat} // a server that doesn't send it
	if err := f.cn.ask(k, f.params(0, be.Uint32(f.handle[:])), nil); err != nil {
		return 0, err
	}
	if k.err != nil {
		return 0, k.err
	}
	info, err := parseStat(text(k.body))
	return info.Size, err
}

// outdated tells whether the manager of a cluster refuses to make a file because it has not heard yet that one was removed.
func (c *Client) outdated(ctx context.Context, at endpoint, err error, path string) bool {
	var refused *Error
	if !errors.As(err, &refused) || refused.Code != codeItExists || refused.Host != at.addr() {
		return false
	}
	if manager, err := c.isManager(ctx, at); err != nil || !manager {
		return false
	}
	_, err = c.simple(ctx, at, &request{code: reqStat, paths: []string{path}})
	return errors.Is(err, fs.ErrNotExist)
}
