package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// folderMode is that of new folders, within the umask: group-writable, as Rucio's posix protocol makes them.
const folderMode = 0o775

// File is the backend for "file://" PFNs: a posix file system that this machine has mounted.
type File struct{}

// NewFile returns a backend for posix storage.
func NewFile() *File { return &File{} }

var _ Backend = (*File)(nil)

// Features implements Backend.
func (*File) Features() Features {
	return Features{Rename: true, Folders: true, Exclusive: true, Ranges: true, Checksums: []string{"adler32", "md5"}}
}

// Put implements Backend. The bytes go to a hidden name in the same folder first, so that not even a crash leaves half a
// file under the final name; of two writers without Overwrite one gets Exists.
func (*File) Put(ctx context.Context, pfn string, src Source, options PutOptions) (err error) {
	defer func() { err = Fail("put", pfn, Other, err) }()
	name, err := local(pfn)
	if err != nil {
		return err
	}
	if st, err := os.Lstat(name); err == nil && (st.IsDir() || !options.Overwrite) {
		return fs.ErrExist // before bytes move
	}
	in, err := openSource(ctx, src, options)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := os.MkdirAll(filepath.Dir(name), folderMode); err != nil {
		return err
	}
	out, err := createHidden(name)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(out.Name()) }() // in vain when it has its final name
	err = pour(out, in, src.Size())
	if closing := out.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	if options.Overwrite {
		return os.Rename(out.Name(), name)
	}
	return moveTo(out.Name(), name)
}

// createHidden makes a new file beside name, of a name that no other writer has.
func createHidden(name string) (*os.File, error) {
	base := filepath.Base(name)
	if len(base) > 200 { // names may have 255 bytes
		base = base[:200]
	}
	for {
		hidden := filepath.Join(filepath.Dir(name), fmt.Sprintf(".%s.%08x.part", base, rand.Uint32())) //nolint:gosec // no secret
		out, err := os.OpenFile(hidden, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o664)                      //nolint:gosec // for the storage's other services, within the umask
		if !errors.Is(err, fs.ErrExist) {
			return out, err
		}
	}
}

// moveTo renames within a file system. A hard link refuses an existing target, which rename(2) would replace silently;
// file systems without links, and folders, fall back on a check.
func moveTo(source, target string) error {
	switch err := os.Link(source, target); {
	case err == nil:
		return os.Remove(source)
	case errors.Is(err, fs.ErrExist), errors.Is(err, fs.ErrNotExist):
		return err
	}
	if _, err := os.Lstat(target); err == nil {
		return fs.ErrExist
	}
	return os.Rename(source, target)
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
	if st, err := f.Stat(); err == nil && st.IsDir() {
		_ = f.Close()
		return nil, errFolder
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		_ = f.Close()
		return nil, err
	}
	var r io.Reader = f
	if length >= 0 {
		r = io.LimitReader(f, length)
	}
	return &reader{ctx: ctx, op: "get", pfn: pfn, Reader: r, Closer: f}, nil
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
	return readSum(ctx, b, pfn, h)
}

// Rename implements Backend.
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
	if _, err := os.Lstat(source); err != nil {
		return err // before folders are made for it
	}
	if err := os.MkdirAll(filepath.Dir(target), folderMode); err != nil {
		return err
	}
	return moveTo(source, target)
}

// Mkdir implements Backend.
func (*File) Mkdir(_ context.Context, pfn string) error {
	name, err := local(pfn)
	if err == nil {
		err = os.MkdirAll(name, folderMode)
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

// local returns the path of a file PFN: "file:///a/b", "file://host/a/b" and "file://host:0/a/b" (the host is a label that
// Rucio's protocols write) or a plain path. Rucio writes names as they are, so nothing is unescaped.
func local(pfn string) (string, error) {
	rest, ok := strings.CutPrefix(pfn, "file:")
	if !ok {
		if strings.Contains(pfn, "://") {
			return "", fmt.Errorf("no file PFN: %w", errors.ErrUnsupported)
		}
		return filepath.Clean(pfn), nil
	}
	if authority, ok := strings.CutPrefix(rest, "//"); ok {
		rest = authority[max(strings.IndexByte(authority, '/'), 0):]
	}
	if !strings.HasPrefix(rest, "/") {
		return "", fmt.Errorf("a file PFN needs an absolute path, as in file:///data/file: %w", fs.ErrInvalid)
	}
	return filepath.Clean(rest), nil
}

// reader ends with ctx's error once that is done, and makes errors of op.
type reader struct {
	ctx     context.Context
	op, pfn string
	io.Reader
	io.Closer
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, Fail(r.op, r.pfn, Other, err)
	}
	n, err := r.Reader.Read(p)
	if err == nil || err == io.EOF {
		return n, err
	}
	return n, Fail(r.op, r.pfn, Other, err)
}
