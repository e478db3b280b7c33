package storage

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"hash/adler32"
	"io"
	"io/fs"
	"iter"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// copyBuffer is the size of the pieces in which bytes move: large enough for few system calls, small enough that many
// transfers at once stay small.
const copyBuffer = 1 << 20

// File is the backend for "file://" PFNs: a posix file system that this machine has mounted.
type File struct{}

// NewFile returns a backend for posix storage.
func NewFile() *File { return &File{} }

// Features implements Backend.
func (*File) Features() Features {
	return Features{Rename: true, Folders: true, Ranges: true, Checksums: []string{"adler32", "md5"}}
}

// Put implements Backend. Without Overwrite the object is created exclusively, so that of two writers one gets Exists.
func (*File) Put(ctx context.Context, pfn string, src Source, options PutOptions) (err error) {
	defer func() { err = Fail("put", pfn, Other, err) }()
	name, err := local(pfn)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o775); err != nil { //nolint:gosec // group-writable, as Rucio's posix protocol makes them
		return err
	}
	in, err := src.Open()
	if err != nil {
		return fmt.Errorf("open the source: %w", err)
	}
	defer in.Close()
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if options.Overwrite {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	out, err := os.OpenFile(name, flags, 0o664) //nolint:gosec // readable by the storage's other services
	if err != nil {
		return err
	}
	n, err := copyAll(ctx, out, in)
	if err == nil && n != src.Size() {
		err = fmt.Errorf("the source gave %d bytes, %d were announced", n, src.Size())
	}
	if closing := out.Close(); err == nil {
		err = closing
	}
	if err != nil {
		_ = os.Remove(name) // no half file under the final name
	}
	return err
}

// Get implements Backend.
func (*File) Get(ctx context.Context, pfn string, offset, length int64) (_ io.ReadCloser, err error) {
	defer func() { err = Fail("get", pfn, Other, err) }()
	name, err := local(pfn)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		_ = f.Close()
		return nil, err
	}
	var r io.Reader = f
	if length >= 0 {
		r = io.LimitReader(f, length)
	}
	return &reader{ctx: ctx, Reader: r, Closer: f}, nil
}

// Stat implements Backend.
func (*File) Stat(_ context.Context, pfn string) (_ Info, err error) {
	defer func() { err = Fail("stat", pfn, Other, err) }()
	name, err := local(pfn)
	if err != nil {
		return Info{}, err
	}
	st, err := os.Stat(name)
	if err != nil {
		return Info{}, err
	}
	return fileInfo(pfn, st), nil
}

func fileInfo(pfn string, st fs.FileInfo) Info {
	info := Info{PFN: pfn, Folder: st.IsDir(), ModTime: st.ModTime()}
	if !info.Folder {
		info.Size = st.Size()
	}
	return info
}

// Checksum implements Backend by reading the file: a posix file system keeps none.
func (b *File) Checksum(ctx context.Context, pfn, algorithm string) (_ string, err error) {
	defer func() { err = Fail("checksum", pfn, Other, err) }()
	h, err := NewHash(algorithm)
	if err != nil {
		return "", err
	}
	r, err := b.Get(ctx, pfn, 0, -1)
	if err != nil {
		return "", err
	}
	defer r.Close()
	if _, err := copyAll(ctx, h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// NewHash returns the hash of a checksum algorithm of the field: "adler32" or "md5".
func NewHash(algorithm string) (hash.Hash, error) {
	switch algorithm {
	case "adler32":
		return adler32.New(), nil
	case "md5":
		return md5.New(), nil
	}
	return nil, fmt.Errorf("checksum algorithm %q (known: adler32, md5): %w", algorithm, errors.ErrUnsupported)
}

// Rename implements Backend. A hard link refuses an existing target, which rename(2) would replace silently; file systems
// without links fall back on a check.
func (*File) Rename(_ context.Context, from, to string) (err error) {
	defer func() { err = Fail("rename", from, Other, err) }()
	source, err := local(from)
	if err != nil {
		return err
	}
	target, err := local(to)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o775); err != nil { //nolint:gosec // as in Put
		return err
	}
	switch err := os.Link(source, target); {
	case err == nil:
		return os.Remove(source)
	case errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrNotExist):
		return err
	}
	if _, err := os.Lstat(target); err == nil {
		return fmt.Errorf("%s: %w", target, fs.ErrExist)
	}
	return os.Rename(source, target)
}

// Mkdir implements Backend.
func (*File) Mkdir(_ context.Context, pfn string) error {
	name, err := local(pfn)
	if err == nil {
		err = os.MkdirAll(name, 0o775) //nolint:gosec // as in Put
	}
	return Fail("mkdir", pfn, Other, err)
}

// Delete implements Backend.
func (*File) Delete(_ context.Context, pfn string) error {
	name, err := local(pfn)
	if err == nil {
		err = os.Remove(name)
	}
	return Fail("delete", pfn, Other, err)
}

// List implements Backend.
func (*File) List(_ context.Context, pfn string) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		name, err := local(pfn)
		if err != nil {
			yield(Info{}, Fail("list", pfn, Other, err))
			return
		}
		entries, err := os.ReadDir(name)
		if err != nil {
			yield(Info{}, Fail("list", pfn, Other, err))
			return
		}
		for _, e := range entries {
			st, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // removed since ReadDir
			}
			info := Info{}
			if err == nil {
				info = fileInfo(Join(pfn, e.Name()), st)
			}
			if !yield(info, Fail("list", pfn, Other, err)) {
				return
			}
		}
	}
}

// Close implements Backend.
func (*File) Close() error { return nil }

// local returns the path of a file PFN: "file:///a/b", "file://host/a/b" (the host is a label that Rucio's protocols write)
// or a plain path. Rucio's PFNs carry names as they are, so nothing is unescaped but what is valid escaping of a URL's.
func local(pfn string) (string, error) {
	rest, ok := strings.CutPrefix(pfn, "file://")
	if !ok {
		if strings.Contains(pfn, "://") {
			return "", fmt.Errorf("not a file PFN: %w", errors.ErrUnsupported)
		}
		return filepath.Clean(pfn), nil
	}
	slash := strings.IndexByte(rest, '/')
	if slash < 0 {
		return "", errors.New("a file PFN needs a path, as in file:///data/file")
	}
	return filepath.Clean(rest[slash:]), nil
}

// Join adds a name to a folder's PFN, escaped where the PFN's scheme is one that escapes.
func Join(pfn, name string) string {
	base, query, hasQuery := strings.Cut(pfn, "?")
	if !strings.HasPrefix(base, "file:") && strings.Contains(base, "://") && !strings.HasPrefix(base, "root") {
		name = (&url.URL{Path: name}).EscapedPath()
	}
	joined := strings.TrimRight(base, "/") + "/" + path.Clean(name)
	if hasQuery {
		joined += "?" + query
	}
	return joined
}

// reader ends with ctx's error once that is done.
type reader struct {
	ctx context.Context
	io.Reader
	io.Closer
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// copyAll copies until the end of src, giving up when ctx is done.
func copyAll(ctx context.Context, dst io.Writer, src io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{dst}, &reader{ctx: ctx, Reader: src}, make([]byte, copyBuffer))
}
