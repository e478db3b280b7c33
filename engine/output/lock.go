//go:build unix

package output

import (
	"errors"
	"os"
	"syscall"
)

// openLocked opens the file at path and takes its lock, which lasts until the file is closed or the process ends, however
// it ends: a lock is never left behind. It returns nil without an error when another holds the lock, or when the
// file was renamed or removed at that moment. The lock is the kernel's (flock), works between containers that share a
// volume, and between two openings in one process too.
func openLocked(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, flag|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, nil
		}
		return nil, &os.PathError{Op: "lock", Path: path, Err: err}
	}
	opened, err := f.Stat()
	if err == nil {
		var there os.FileInfo
		if there, err = os.Stat(path); err == nil && os.SameFile(opened, there) {
			return f, nil
		}
	}
	f.Close()
	return nil, ignoreGone(err)
}
