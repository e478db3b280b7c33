package storage

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage/xrd"
)

// Root is the backend for "root://", "xroot://", "roots://" and "xroots://" PFNs. Names in its PFNs stand as they are; an
// opaque part may follow ("?authz=..."), so that a name can't hold a question mark.
type Root struct {
	door xrdDoor
}

// xrdDoor is what the own client and an installed xrdcp have in common.
type xrdDoor interface {
	Put(ctx context.Context, url string, src io.Reader, size int64, overwrite bool) error
	Get(ctx context.Context, url string, offset, length int64) (io.ReadCloser, error)
	Stat(ctx context.Context, url string) (xrd.Info, error)
	Checksum(ctx context.Context, url, algorithm string) (string, error)
	Move(ctx context.Context, from, to string) error
	Mkdir(ctx context.Context, url string) error
	Remove(ctx context.Context, url string) error
	List(ctx context.Context, url string) iter.Seq2[xrd.Info, error]
	Space(ctx context.Context, url string) (xrd.Space, error)
	Close() error
}

// RootOptions are those of XRootD alone.
type RootOptions struct {
	// User and Group are who we say we are to servers that believe it (unix).
	User, Group string
	// Pages protects each 4 KiB on the way by a crc32c, where TLS doesn't. Rucio compares the checksum of the whole file anyway.
	Pages bool
}

// NewRoot returns a backend with our own client of the protocol: no login, unix, host, and bearer tokens (ztn) in TLS.
func NewRoot(options Options, own RootOptions) *Root {
	options = options.withDefaults()
	o := xrd.Options{
		TLS: options.TLS, User: own.User, Group: own.Group, Pages: own.Pages, Stall: options.Silence, Log: options.Log,
	}
	if options.Token != nil {
		o.Token = func(ctx context.Context, server string) (rucio.Secret, error) { return options.Token(ctx, server) }
	}
	return &Root{xrd.New(o)}
}

// NewRootTool returns a backend that runs the installed xrdcp and xrdfs, for servers that want GSI. It says so in the log.
func NewRootTool(options Options) (*Root, error) {
	options = options.withDefaults()
	tool, err := xrd.NewTool(xrd.ToolOptions{Proxy: options.Proxy, CADir: options.CADir, Env: options.Env})
	if err != nil {
		return nil, Fail("open", "root://", Unsupported, err)
	}
	options.Log.Info("root:// PFNs are served by the installed xrdcp and xrdfs", "xrdcp", tool.Program())
	return &Root{tool}, nil
}

var _ Backend = (*Root)(nil)

// Features implements Backend. A server may know fewer checksums.
func (*Root) Features() Features {
	return Features{Rename: true, Folders: true, Ranges: true, Checksums: []string{"adler32", "md5"}}
}

// Close implements Backend.
func (b *Root) Close() error { return b.door.Close() }

// failed ends a method.
func failed(op, pfn string, err error) error {
	var half *xrd.HalfError
	var ours *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ours):
		return Fail(op, pfn, Other, err)
	case errors.As(err, &half):
		return HalfPut(pfn, classifiedRoot(err))
	}
	return Fail(op, pfn, Other, classifiedRoot(err))
}

func classifiedRoot(err error) error {
	var network *net.OpError
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &network) && network.Op == "dial": // its timeout is also a context.DeadlineExceeded
		return ofKind(Unavailable, err)
	case errors.Is(err, context.DeadlineExceeded):
		return err
	case KindOf(err) != Other:
		return err
	case errors.Is(err, xrd.ErrAuth):
		return ofKind(Denied, err)
	case errors.Is(err, xrd.ErrChecksum):
		return ofKind(Corrupt, err)
	case xrd.Temporary(err):
		return ofKind(Unavailable, err)
	}
	return err
}

// Put implements Backend. What is there already is replaced when all of the new content is stored, by a rename.
func (b *Root) Put(ctx context.Context, pfn string, src Source, options PutOptions) (err error) {
	defer func() { err = failed("put", pfn, err) }()
	target := pfn
	if options.Overwrite {
		switch _, err := b.door.Stat(ctx, pfn); {
		case err == nil:
			path, opaque, marked := strings.Cut(pfn, "?")
			target = path + ".upload-" + rand.Text()
			if marked {
				target += "?" + opaque
			}
		case KindOf(err) != NotFound:
			return err
		}
	}
	in, err := openSource(ctx, src, options)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := b.door.Put(ctx, target, in, src.Size(), false); err != nil {
		var half *xrd.HalfError
		left := errors.As(err, &half)
		if cause := in.failure(); cause != nil && ctx.Err() == nil {
			err = cause
		} else if left {
			err = half.Err
		}
		switch {
		case left && target == pfn:
			return &xrd.HalfError{Err: err, Left: half.Left}
		case left: // under a name of its own; what pfn names is untouched
			return fmt.Errorf("%w; a half file remains as %s: %s", err, Public(target), half.Left.Error())
		}
		return err
	}
	if target == pfn {
		return nil
	}
	err = b.door.Move(ctx, target, pfn)
	if KindOf(err) == Exists { // a server that doesn't replace
		if err = b.door.Remove(ctx, pfn); err == nil {
			err = b.door.Move(ctx, target, pfn)
		}
	}
	if err != nil {
		cleaning, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUp)
		defer cancel()
		_ = b.door.Remove(cleaning, target)
	}
	return err
}

// Get implements Backend.
func (b *Root) Get(ctx context.Context, pfn string, offset, length int64) (io.ReadCloser, error) {
	r, err := b.door.Get(ctx, pfn, offset, length)
	if err != nil {
		return nil, failed("get", pfn, err)
	}
	return &rootReader{r, pfn}, nil
}

type rootReader struct {
	io.ReadCloser
	pfn string
}

// Read implements io.Reader.
func (r *rootReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = failed("get", r.pfn, err)
	}
	return n, err
}

// Stat implements Backend.
func (b *Root) Stat(ctx context.Context, pfn string) (Info, error) {
	info, err := b.door.Stat(ctx, pfn)
	return rootInfo(pfn, info), failed("stat", pfn, err)
}

func rootInfo(pfn string, info xrd.Info) Info {
	return Info{PFN: pfn, Size: info.Size, Folder: info.Folder, ModTime: info.ModTime}
}

// Checksum implements Backend.
func (b *Root) Checksum(ctx context.Context, pfn, algorithm string) (string, error) {
	sum, err := b.door.Checksum(ctx, pfn, algorithm)
	return NormalChecksum(algorithm, sum), failed("checksum", pfn, err)
}

// Rename implements Backend. Servers differ in what they do with a target that is there, so that is looked for before.
func (b *Root) Rename(ctx context.Context, from, to string) error {
	switch _, err := b.door.Stat(ctx, to); {
	case err == nil:
		return Fail("rename", from, Exists, errors.New(Public(to)+" is there already"))
	case KindOf(err) != NotFound:
		return failed("rename", from, err)
	}
	return failed("rename", from, b.door.Move(ctx, from, to))
}

// Mkdir implements Backend.
func (b *Root) Mkdir(ctx context.Context, pfn string) error {
	return failed("mkdir", pfn, b.door.Mkdir(ctx, pfn))
}

// Delete implements Backend.
func (b *Root) Delete(ctx context.Context, pfn string) error {
	return failed("delete", pfn, b.door.Remove(ctx, pfn))
}

// List implements Backend.
func (b *Root) List(ctx context.Context, pfn string) iter.Seq2[Info, error] {
	folder, opaque, marked := strings.Cut(pfn, "?")
	return func(yield func(Info, error) bool) {
		for info, err := range b.door.List(ctx, pfn) {
			entry := Join(folder, info.Name)
			if marked {
				entry += "?" + opaque
			}
			if !yield(rootInfo(entry, info), failed("list", pfn, err)) {
				return
			}
		}
	}
}

// Space implements Backend.
func (b *Root) Space(ctx context.Context, pfn string) (Space, error) {
	space, err := b.door.Space(ctx, pfn)
	return Space(space), failed("space", pfn, err)
}
