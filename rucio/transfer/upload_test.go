package transfer_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testclient"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

// client returns a client of the testbed that transfers files.
func client(t testing.TB, change func(*transfer.Setup)) *rucio.Client {
	t.Helper()
	setup := transfer.Setup{}
	if change != nil {
		change(&setup)
	}
	mover := transfer.NewMover(setup)
	t.Cleanup(func() { _ = mover.Close() })
	return testclient.New(t, func(o *rucio.Options) { o.Transfers = mover })
}

func write(t testing.TB, name, content string) string {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(name), 0o755))
	must(t, os.WriteFile(name, []byte(content), 0o644))
	return name
}
