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
