package cli

import (
	"errors"
	"io"
	"os"
	"path/filepath"
)

// TempFile is a temporary file; closing it removes it.
type TempFile interface {
	io.ReadWriteSeeker
	io.Closer
}

// newTempFile takes the file's name away at once where the system allows it, so that nothing is left however the process ends.
func newTempFile() (TempFile, error) {
	f, err := os.CreateTemp("", programName+"-*")
	if err != nil {
		return nil, err
	}
	return &tempFile{f, os.Remove(f.Name()) == nil}, nil
}

type tempFile struct {
	*os.File
	removed bool
}

// Close implements io.Closer.
func (f *tempFile) Close() error {
	err := f.File.Close()
	if !f.removed {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}

// WritePrivate implements Files.
func (osFiles) WritePrivate(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".new-*") // for the owner alone
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}
