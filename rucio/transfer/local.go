package transfer

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// cleanUpTime is how long a program that is stopped may take to end.
const cleanUpTime = 20 * time.Second

// folderMode is that of new folders, within the umask.
const folderMode = 0o777

// localError is a failure of this machine's file system, for which no other replica is a remedy.
type localError struct{ err error }

func (e *localError) Error() string { return e.err.Error() }
func (e *localError) Unwrap() error { return e.err }

func isLocal(err error) bool {
	var local *localError
	return errors.As(err, &local)
}

// here marks an error of this machine's file system; nil stays nil.
func here(err error) error {
	if err == nil || isLocal(err) {
		return err
	}
	return &localError{err}
}

// fileChecksum reads a local file.
func fileChecksum(ctx context.Context, path, algorithm string) (string, error) {
	h, err := storage.NewHash(algorithm)
	if err != nil {
		return "", err
	}
	in, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer in.Close()
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	if _, err := io.CopyBuffer(h, readerUntil{ctx, in}, *buffer); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// copyFile copies a local file with its mode and time; nobody sees half of it under the new name.
func copyFile(from, to string) (err error) {
	defer func() {
		if err != nil {
			err = here(fmt.Errorf("copy %s to %s: %w", from, to, err))
		}
	}()
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	st, err := in.Stat()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), folderMode); err != nil { //nolint:gosec // within the umask
		return err
	}
	out, err := createBeside(to)
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(out.Name()) }() // in vain when it has its final name
	_, err = io.Copy(out, in)
	err = errors.Join(err, out.Chmod(st.Mode().Perm()), out.Close())
	if err != nil {
		return err
	}
	if err := os.Chtimes(out.Name(), st.ModTime(), st.ModTime()); err != nil {
		return err
	}
	return os.Rename(out.Name(), to)
}

// settle gives a complete file its first name, and copies it to the others.
func settle(temp string, dests []string) error {
	if err := os.Rename(temp, dests[0]); err != nil {
		return here(fmt.Errorf("give the file its name: %w", err))
	}
	for _, path := range dests[1:] {
		if err := copyFile(dests[0], path); err != nil {
			return err
		}
	}
	return nil
}

// createBeside makes a new file beside path, of a name that nobody else has.
func createBeside(path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(fmt.Sprintf("%s.%08x", path, rand.Uint32()), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666) //nolint:gosec // no secret; within the umask
		if !errors.Is(err, os.ErrExist) {
			return f, err
		}
	}
}
