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

// remoteFile reads a file on a storage here and there. Reading on where the last read ended costs nothing; it is not for use
// by several goroutines.
type remoteFile struct {
	ctx  context.Context
	door storage.Backend
	pfn  string
	in   io.ReadCloser
	at   int64
}

// ReadAt implements io.ReaderAt.
func (r *remoteFile) ReadAt(p []byte, offset int64) (int, error) {
	if r.in == nil || r.at != offset {
		if err := r.Close(); err != nil {
			return 0, err
		}
		in, err := r.door.Get(r.ctx, r.pfn, offset, -1)
		if err != nil {
			return 0, err
		}
		r.in, r.at = in, offset
	}
	n, err := io.ReadFull(r.in, p)
	r.at += int64(n)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

// Close ends the reading.
func (r *remoteFile) Close() error {
	if r.in == nil {
		return nil
	}
	in := r.in
	r.in = nil
	return in.Close()
}
