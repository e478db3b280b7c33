package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"
)

// What the system says is only taken for a storage that is away if it may come back by itself.
func TestKindsOfTheSystem(t *testing.T) {
	of := func(number syscall.Errno) error { return &fs.PathError{Op: "mkdir", Path: "/a", Err: number} }
	for _, test := range []struct {
		err  error
		want Kind
	}{
		{of(syscall.ENOTDIR), Other}, {of(syscall.EBUSY), Other}, {of(syscall.ENOTEMPTY), Exists}, {of(syscall.ENOSPC), NoSpace}, {of(syscall.EROFS), Denied},
		{of(syscall.EIO), Unavailable}, {of(syscall.ESTALE), Unavailable}, {of(syscall.EAGAIN), Unavailable},
		{&net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, Unavailable},
		{&net.DNSError{Err: "no such host"}, Unavailable}, {io.ErrUnexpectedEOF, Unavailable}, {errors.New("x"), Other},
	} {
		if got := KindOf(fmt.Errorf("wrapped: %w", test.err)); got != test.want {
			t.Errorf("%v is %s, want %s", test.err, got, test.want)
		}
	}
}
