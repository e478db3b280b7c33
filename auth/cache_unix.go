//go:build unix

package auth

import (
	"io/fs"
	"os"
	"syscall"
)

// openRegular opens a file to read. It does not wait for a writer if the file is a pipe.
func openRegular(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// foreign tells a file that belongs neither to this user nor to root.
func foreign(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && stat.Uid != 0 && int(stat.Uid) != os.Geteuid()
}
