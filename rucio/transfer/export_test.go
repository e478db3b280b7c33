package transfer

import "github.com/rucio-task-manager/rucio-task-manager/rucio/storage"

// SetDoor has a Mover use a backend for a scheme, be it one that fails on purpose.
func (m *Mover) SetDoor(scheme string, b storage.Backend) { m.doors[scheme] = b }
