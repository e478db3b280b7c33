//go:build unix

package transfer

import (
	"os"
	"syscall"
)

// noFollow keeps from writing through a symbolic link that somebody has left.
const noFollow = syscall.O_NOFOLLOW

// lock takes a file for this process, or fails at once. Closing the file, or the end of the process, lets go of it.
func lock(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) } //nolint:gosec // file numbers are small
