//go:build !linux

package storage

import (
	"context"
	"errors"
)

// Space implements Backend; only Linux tells it.
func (*File) Space(_ context.Context, pfn string) (Space, error) {
	return Space{}, Fail("space", pfn, Unsupported, errors.ErrUnsupported)
}
