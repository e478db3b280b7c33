package transfer_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
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

// desk is a folder with files to be uploaded, whose names nobody else has.
type desk struct {
	*testing.T
	c         *rucio.Client
	dir, name string
}

func newDesk(t *testing.T, change func(*transfer.Setup)) *desk {
	t.Helper()
	return &desk{t, client(t, change), t.TempDir(), testbed.Unique("up")}
}

// file makes a file, and the item that uploads it to POSIX1.
func (d *desk) file(suffix, content string, more ...any) transfer.Item {
	d.Helper()
	item := transfer.Item{"path": write(d, filepath.Join(d.dir, d.name+suffix), content), "rse": "POSIX1", "did_scope": "test"}
	for i := 0; i < len(more); i += 2 {
		item[more[i].(string)] = more[i+1]
	}
	return item
}

// upload uploads, and checks what becomes of each item.
func (d *desk) upload(items []transfer.Item, want ...transfer.UploadState) ([]transfer.Uploaded, error) {
	d.Helper()
	results, err := transfer.UploadFiles(d.Context(), d.c, items, nil)
	if len(results) != len(want) {
		d.Fatalf("%d results, want %d: %v", len(results), len(want), err)
	}
	failed := false
	for i, r := range results {
		failed = failed || want[i] == transfer.UploadFailed
		if r.State != want[i] || (r.State == transfer.UploadFailed) != (r.Err != nil) {
			d.Errorf("file %d is %s, want %s: %s", i, r.State, want[i], r.Reason)
		}
	}
	if failed != (err != nil) {
		d.Errorf("error %v", err)
	}
	return results, err
}

// stored is what the posix RSE has under a PFN, "-" if nothing, and whether nothing temporary is beside it.
func (d *desk) stored(r transfer.Uploaded) string {
	d.Helper()
	path := local(d, r.PFN)
	if left, _ := filepath.Glob(filepath.Dir(path) + "/*" + filepath.Base(path) + "?*"); len(left) > 0 {
		d.Errorf("left behind: %q", left)
	}
	if left, _ := filepath.Glob(filepath.Dir(path) + "/.*" + filepath.Base(path) + "*"); len(left) > 0 {
		d.Errorf("left behind: %q", left)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "-"
	}
	return string(content)
}

func local(t testing.TB, pfn string) string {
	t.Helper()
	path, ok := strings.CutPrefix(pfn, "file://localhost")
	if !ok {
		t.Fatalf("%q is no PFN of a posix RSE", pfn)
	}
	return path
}

// state is the state of the replica on an RSE, "" when there is none.
func (d *desk) state(r transfer.Uploaded) string {
	d.Helper()
	for replica, err := range d.c.ListReplicas(d.Context(), []rucio.DID{r.DID}, &rucio.ListReplicasOptions{AllStates: true}) {
		if errors.Is(err, rucio.ErrDataIdentifierNotFound) {
			return ""
		}
		must(d, err)
		return replica.States[r.RSE]
	}
	return ""
}

// rules counts the rules of a DID.
func (d *desk) rules(did rucio.DID) int {
	d.Helper()
	n := 0
	for _, err := range d.c.ListDIDRules(d.Context(), did.Scope, did.Name) {
		must(d, err)
		n++
	}
	return n
}

// is checks the class by which callers know an error.
func is(t testing.TB, err error, class rucio.Exception) {
	t.Helper()
	var ours *rucio.Error
	if !errors.As(err, &ours) || ours.Class != string(class) {
		t.Errorf("got %v, want %s", err, class)
	}
}
