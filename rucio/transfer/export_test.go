package transfer

import (
	"context"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// SetDoor has a Mover use a backend for a scheme, be it one that fails on purpose.
func (m *Mover) SetDoor(scheme string, b storage.Backend) { m.doors[scheme] = b }

// Remove deletes what a PFN names.
func (m *Mover) Remove(ctx context.Context, pfn string) error {
	door, err := m.Door(pfn)
	if err != nil {
		return err
	}
	return door.Delete(ctx, pfn)
}

// ForgetNaming makes an algorithm of names one that only servers know, until it is restored.
func ForgetNaming(algorithm string) (restore func()) {
	known := lfn2pfn[algorithm]
	delete(lfn2pfn, algorithm)
	return func() { lfn2pfn[algorithm] = known }
}
