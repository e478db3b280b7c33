package cli

import (
	"errors"
	"io"
	"os"
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
