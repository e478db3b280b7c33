package storage

import (
	"context"
	"syscall"
)

// Space implements Backend, as statfs(2) tells it.
func (*File) Space(_ context.Context, pfn string) (Space, error) {
	name, err := local(pfn)
	if err != nil {
		return Space{}, Fail("space", pfn, Other, err)
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(name, &st); err != nil {
		return Space{}, Fail("space", pfn, Other, err)
	}
	block := st.Bsize
	free, total := int64(st.Bavail)*block, int64(st.Blocks)*block //nolint:gosec // a file system of 2^63 bytes is far off
	return Space{Free: free, Total: total, Used: total - int64(st.Bfree)*block}, nil
}
