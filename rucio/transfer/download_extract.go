package transfer

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// extract takes the files that are wanted out of an archive. Their names within it are looked for; where they go does not
// depend on what the archive says.
func (d *download) extract(ctx context.Context, f *wanted, archive string) {
	missing := map[string][]*wanted{}
	for _, one := range f.archived {
		if one.state != stateAlreadyDone && one.err == nil {
			name := memberName(one.did.Name)
			missing[name] = append(missing[name], one)
		}
	}
	d.log.InfoContext(ctx, "taking files out of an archive", "archive", f.did.Name, "files", len(missing))
	reading := eachMember(archive, func(name string, content io.Reader) error {
		for _, one := range missing[name] {
			if one.state == "" {
				return d.unpack(ctx, one, missing[name], content)
			}
		}
		return ctx.Err()
	})
	failed := 0
	var first error
	for _, one := range f.archived {
		if one.state == "" && one.err == nil {
			err := reading
			if err == nil {
				err = fmt.Errorf("%s has no file of this name", f.did.Name)
			}
			one.fail(stateFailed, fmt.Errorf("take it out of the archive: %w", err))
		}
		if one.err != nil {
			failed++
			if first == nil {
				first = FileError{one.did, one.err}
			}
		}
	}
	if first != nil {
		f.fail(stateFailed, fmt.Errorf("%d of %d files were not taken out of the archive: %w", failed, len(f.archived), first))
	}
}

// memberName is how a name is compared: archives write "./a/b" or "/a/b" or "a/b".
func memberName(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }

// unpack writes one member to the places where its file is wanted. What is wrong with it is no reason to leave the others.
func (d *download) unpack(ctx context.Context, one *wanted, same []*wanted, content io.Reader) error {
	if err := d.write(ctx, one, content); err != nil {
		one.fail(stateFailed, err)
		if ctx.Err() != nil || isLocal(err) {
			return err
		}
		return nil
	}
	for _, other := range same {
		if other == one || other.err != nil {
			continue
		}
		other.state = stateDone
		for _, dest := range other.dests {
			if err := copyFile(one.dests[0], dest); err != nil {
				other.fail(stateFailed, err)
			}
		}
	}
	one.state = stateDone
	return nil
}

// write stores a member under a temporary name, verifies it, and gives it its names.
func (d *download) write(ctx context.Context, one *wanted, content io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(one.dests[0]), folderMode); err != nil { //nolint:gosec // within the umask
		return here(err)
	}
	out, err := createBeside(one.dests[0])
	if err != nil {
		return here(err)
	}
	defer func() { _ = os.Remove(out.Name()) }() // in vain when it has its final name
	defer out.Close()
	algorithm, want := one.checksum()
	if one.options.ignoreChecksum || algorithm == "" {
		algorithm, want = "adler32", "" // for nothing
	}
	h, err := storage.NewHash(algorithm)
	if err != nil {
		return err
	}
	in := readerUntil{ctx, content}
	n, err := io.Copy(io.MultiWriter(localWriter{out}, h), in)
	sum := hex.EncodeToString(h.Sum(nil))
	switch {
	case err != nil:
		return err
	case want != "" && one.bytes != nil && n != *one.bytes:
		return &corruptError{fmt.Sprintf("it has %d bytes in the archive, %d were expected", n, *one.bytes)}
	case want != "" && sum != want:
		return &corruptError{fmt.Sprintf("checksum validation failed: %s in the archive is %s, Rucio has %s", algorithm, sum, want)}
	}
	if err := out.Close(); err != nil {
		return here(err)
	}
	if err := os.Rename(out.Name(), one.dests[0]); err != nil {
		return here(err)
	}
	for _, dest := range one.dests[1:] {
		if err := copyFile(one.dests[0], dest); err != nil {
			return err
		}
	}
	return nil
}

// localWriter marks errors as this machine's.
type localWriter struct{ io.Writer }

func (w localWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	return n, here(err)
}

// eachMember gives the regular files of an archive to a function: zip, or tar as it is, with gzip or with bzip2.
func eachMember(archive string, visit func(name string, content io.Reader) error) error {
	in, err := os.Open(archive)
	if err != nil {
		return here(err)
	}
	defer in.Close()
	buffered := bufio.NewReaderSize(in, bufferSize)
	magic, err := buffered.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return here(err)
	}
	switch {
	case bytes.HasPrefix(magic, []byte("PK")):
		st, err := in.Stat()
		if err != nil {
			return here(err)
		}
		return eachZipped(in, st.Size(), visit)
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}):
		unzipped, err := gzip.NewReader(buffered)
		if err != nil {
			return err
		}
		return eachTarred(unzipped, visit)
	case bytes.HasPrefix(magic, []byte("BZh")):
		return eachTarred(bzip2.NewReader(buffered), visit)
	}
	return eachTarred(buffered, visit)
}

func eachTarred(in io.Reader, visit func(name string, content io.Reader) error) error {
	members := tar.NewReader(in)
	for {
		head, err := members.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case errors.Is(err, tar.ErrInsecurePath): // names are only compared
		case err != nil:
			return fmt.Errorf("read the archive (it may be zip, tar, tar.gz or tar.bz2): %w", err)
		}
		if head.Typeflag == tar.TypeReg {
			if err := visit(memberName(head.Name), members); err != nil {
				return err
			}
		}
	}
}

func eachZipped(in io.ReaderAt, size int64, visit func(name string, content io.Reader) error) error {
	members, err := zip.NewReader(in, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return fmt.Errorf("read the archive: %w", err)
	}
	for _, member := range members.File {
		if !member.Mode().IsRegular() {
			continue
		}
		if err := visitZipped(member, visit); err != nil {
			return err
		}
	}
	return nil
}

func visitZipped(member *zip.File, visit func(name string, content io.Reader) error) error {
	content, err := member.Open()
	if err != nil {
		return fmt.Errorf("read the archive: %w", err)
	}
	defer content.Close()
	return visit(memberName(member.Name), content)
}
