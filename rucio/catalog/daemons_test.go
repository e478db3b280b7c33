package catalog_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
)

// daemons are those of the testbed as one file of cases uses them. What they do to one side's data between the calls of
// the two sides would make a difference, so from the first use on they run when the cases say so, and not when other tests
// do: these wait for the end of the file.
type daemons struct {
	env  *testbed.Env
	lock *os.File // the one that testbed's daemons take, while held
}

// run runs daemons by their names, all of the testbed's runs being held before and after; no name is none.
func (d *daemons) run(t *testing.T, names []string) {
	d.release()
	if len(names) > 0 {
		d.env.Daemons(t, names...)
	}
	lock, err := os.OpenFile(filepath.Join(d.env.State, "lock", "daemons"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	d.lock = lock
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatalf("waiting for the daemons of other tests: %v", err)
	}
}

// release lets other tests run daemons again.
func (d *daemons) release() {
	if d.lock != nil {
		d.lock.Close()
		d.lock = nil
	}
}
