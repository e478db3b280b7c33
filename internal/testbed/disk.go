//go:build unix

package testbed

import (
	"os"
	"syscall"
	"testing"
)

// Disk returns the folder of one of the small disks of the service "disk", which this test has for itself until it ends: tests that
// fill it wait for each other.
func (e *Env) Disk(tb testing.TB, name string) string {
	tb.Helper()
	folder, err := os.Open(e.RequireService(tb, "disk")["TESTBED_DISK_"+name])
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = folder.Close() }) // which lets go of the lock
	if err := syscall.Flock(int(folder.Fd()), syscall.LOCK_EX); err != nil {
		tb.Fatal(err)
	}
	return folder.Name()
}
