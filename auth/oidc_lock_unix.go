//go:build unix

package auth

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// lockFile takes the lock of a file, which other processes wait for until unlock, or until this process ends. It makes the
// file, and leaves it there: a lock on a file that was removed would not keep out who comes next.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) //nolint:gosec // a descriptor is small
		if err == nil {
			return func() { file.Close() }, nil
		}
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = wait(ctx, 50*time.Millisecond)
		}
		if err != nil {
			file.Close() //nolint:errcheck,gosec // the first error says it all
			return nil, err
		}
	}
}
