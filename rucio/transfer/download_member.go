package transfer

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// member is the door to one file in a zip archive on a storage that lets parts of files be read: of the archive nothing but
// its directory and this file are fetched. Servers name such sources on XRootD storages, whose programs can do this.
type member struct {
	storage.Backend
	archive, name string
}

// inArchive returns the door to a source: that to a file in an archive if its PFN is one.
func inArchive(door storage.Backend, pfn string) storage.Backend {
	if archive, name := archiveOf(pfn); name != "" {
		return &member{door, archive, memberName(name)}
	}
	return door
}

func unescapeQuery(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return text
}

// Features implements storage.Backend: what is compressed has no parts.
func (*member) Features() storage.Features { return storage.Features{} }

// Stat implements storage.Backend.
func (m *member) Stat(ctx context.Context, _ string) (storage.Info, error) {
	remote, file, err := m.find(ctx)
	if err != nil {
		return storage.Info{}, storage.Fail("stat", m.archive, storage.Other, err)
	}
	defer remote.Close()
	return storage.Info{PFN: m.archive, Size: int64(file.UncompressedSize64), ModTime: file.Modified}, nil //nolint:gosec // sizes of files
}

// Get implements storage.Backend.
func (m *member) Get(ctx context.Context, _ string, offset, length int64) (io.ReadCloser, error) {
	remote, file, err := m.find(ctx)
	if err != nil {
		return nil, storage.Fail("get", m.archive, storage.Other, err)
	}
	content, err := file.Open()
	if err == nil && offset > 0 {
		_, err = io.CopyN(io.Discard, content, offset)
	}
	if err != nil {
		_ = remote.Close()
		return nil, storage.Fail("get", m.archive, storage.Other, err)
	}
	var in io.Reader = content
	if length >= 0 {
		in = io.LimitReader(in, length)
	}
	return &memberReader{in, content, remote}, nil
}

type memberReader struct {
	io.Reader
	content io.Closer
	remote  io.Closer
}

func (r *memberReader) Close() error { return errors.Join(r.content.Close(), r.remote.Close()) }

// find reads the archive's directory.
func (m *member) find(ctx context.Context) (*remoteFile, *zip.File, error) {
	info, err := m.Backend.Stat(ctx, m.archive)
	if err != nil {
		return nil, nil, err
	}
	remote := &remoteFile{ctx: ctx, door: m.Backend, pfn: m.archive}
	members, err := zip.NewReader(remote, info.Size)
	if err == nil || errors.Is(err, zip.ErrInsecurePath) {
		for _, file := range members.File {
			if memberName(file.Name) == m.name && file.Mode().IsRegular() {
				return remote, file, nil
			}
		}
		err = storage.Fail("get", m.archive, storage.NotFound, fmt.Errorf("the archive has no file %q", m.name))
	}
	return nil, nil, errors.Join(err, remote.Close())
}

// remoteFile reads a file on a storage here and there, in windows that grow while it is read on from where the last read
// ended: what is asked for and not read costs the storage nearly as much. It is not for use by several goroutines.
type remoteFile struct {
	ctx    context.Context
	door   storage.Backend
	pfn    string
	in     io.ReadCloser // gives what is left of the window
	at     int64
	left   int64
	window int64
}

const leastWindow, mostWindow = 64 << 10, 16 << 20

// ReadAt implements io.ReaderAt.
func (r *remoteFile) ReadAt(p []byte, offset int64) (int, error) {
	if offset != r.at {
		if err := r.Close(); err != nil {
			return 0, err
		}
		r.at, r.window = offset, 0
	}
	done := 0
	for done < len(p) {
		if r.left == 0 {
			if err := r.next(int64(len(p) - done)); err != nil {
				return done, err
			}
		}
		n, err := io.ReadFull(r.in, p[done:done+int(min(int64(len(p)-done), r.left))])
		done += n
		r.at += int64(n)
		r.left -= int64(n)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = io.EOF
		}
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// next opens the next window.
func (r *remoteFile) next(wanted int64) error {
	if err := r.Close(); err != nil {
		return err
	}
	r.window = max(min(r.window*2, mostWindow), leastWindow, wanted)
	in, err := r.door.Get(r.ctx, r.pfn, r.at, r.window)
	if err != nil {
		return err
	}
	r.in, r.left = in, r.window
	return nil
}

// Close ends the reading.
func (r *remoteFile) Close() error {
	if r.in == nil {
		return nil
	}
	in := r.in
	r.in, r.left = nil, 0
	return in.Close()
}
