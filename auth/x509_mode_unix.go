//go:build unix

package auth

import (
	"io/fs"
	"os"
	"syscall"
)

// exposed tells who besides its owner can get at a private file; empty when nobody can. A file of root's that this user may read
// as a member of its group is private enough: so are secrets mounted in Kubernetes.
func exposed(info fs.FileInfo) string {
	others := info.Mode().Perm() & 0o077
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid == 0 && os.Geteuid() != 0 {
		others &^= 0o040
	}
	switch {
	case others&0o022 != 0:
		return "other users can write it"
	case others&0o044 != 0:
		return "other users can read it"
	}
	return ""
}
