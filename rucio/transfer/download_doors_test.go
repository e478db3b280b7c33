package transfer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

// upload puts files on an RSE by our own upload, and returns their DIDs.
func (l *lake) upload(d door, contents ...[]byte) []string {
	l.t.Helper()
	folder := l.t.TempDir()
	var items []transfer.Item
	var dids []string
	for i, content := range contents {
		name := fmt.Sprintf("%s%d", testbed.Unique("door."), i)
		path := filepath.Join(folder, name)
		must(l.t, os.WriteFile(path, content, 0o600))
		items = append(items, transfer.Item{"path": path, "rse": d.rse, "did_scope": "test", "did_name": name, "force_scheme": d.scheme, "lifetime": 3600})
		dids = append(dids, "test:"+name)
	}
	_, err := transfer.Upload(l.t.Context(), l.c, items, nil)
	must(l.t, err)
	return dids
}

// Every door gives files of all sizes; what is damaged or missing there is known; what a cancelled download has left is
// gone on with.
func TestDownloadAtEachDoor(t *testing.T) {
	env := testbed.Require(t)
	vars := env.RequireService(t, "rses")
	for _, d := range doors {
		t.Run(d.String(), func(t *testing.T) {
			l := newLake(t, d.setup(t, env, vars))
			contents := [][]byte{{}, random(1), random(100_000), random(100 * mib), random(1000), random(1000)}
			dids := l.upload(d, contents...)
			damage(t, d, vars, dids[4], func(path string) { must(t, os.WriteFile(path, random(1000), 0o600)) })
			damage(t, d, vars, dids[5], func(path string) { must(t, os.Remove(path)) })
			folder := t.TempDir()
			item := transfer.Item{"did": dids[:4], "base_dir": folder, "force_scheme": d.scheme}
			if d.scheme != "root" || d.rse != "ROOT2" { // xrdcp brings files as a whole
				resume(t, l, item, dids[3])
			}
			result, err := l.download(item)
			must(t, err)
			for i, item := range result {
				source := item["sources"].([]map[string]any)[0]
				if len(result) != 4 || item["clientState"] == "FAILED" || storage.Scheme(source["pfn"].(string)) != d.scheme || source["rse"] != d.rse {
					t.Errorf("%d: got %v from %v", i, item["clientState"], source)
				}
			}
			for i, content := range contents[:4] {
				holds(t, l.path(folder, dids[i]), content)
			}
			item["did"] = dids[4:]
			_, err = l.download(item)
			e := failed(t, err, rucio.ErrNoFilesDownloaded)
			for _, f := range e.Failed {
				if want := map[bool]storage.Kind{true: storage.Corrupt, false: storage.NotFound}[f.DID.String() == dids[4]]; len(e.Failed) != 2 || !storage.Is(f.Err, want) {
					t.Errorf("got %v, want %s", f, want)
				}
			}
			clean(t, filepath.Join(folder, "test"))
		})
	}
}

// damage does something to the stored bytes of a DID.
func damage(t *testing.T, d door, vars map[string]string, did string, how func(path string)) {
	t.Helper()
	name := strings.TrimPrefix(did, "test:")
	n := 0
	for _, folder := range d.folders(vars) {
		for path := range d.stored(t, vars, name) {
			if _, err := os.Stat(filepath.Join(folder, path)); err == nil {
				how(filepath.Join(folder, path))
				n++
			}
		}
	}
	if n != 1 {
		t.Fatalf("%d copies of %s", n, did)
	}
}

// resume cancels a download in the middle of a file, and shows that the next one does not begin anew.
func resume(t *testing.T, l *lake, item transfer.Item, did string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var seen atomic.Int64
	l.meter.onMoved = func(name string, n int64) {
		if name == did && seen.Add(n) > 70*mib {
			cancel()
		}
	}
	_, err := transfer.DownloadDIDs(ctx, l.c, []transfer.Item{item}, nil)
	l.meter.onMoved = nil
	if failed(t, err, rucio.ErrCancelled); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	var n struct{ Segments [][3]int64 }
	path := l.path(item["base_dir"].(string), did)
	text, err := os.ReadFile(path + ".part.note")
	must(t, err)
	must(t, json.Unmarshal(text, &n))
	var there int64
	for _, s := range n.Segments {
		there += s[2]
	}
	if there < 60*mib {
		t.Errorf("only %d bytes are left to go on with: %s", there, text)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("under the final name: %v", err)
	}
}

// TestDownloadWhatPythonUploaded: the real client, with gfal2 where it needs that, uploads; we download, and the reverse.
func TestDownloadWhatPythonUploaded(t *testing.T) {
	env := testbed.Require(t)
	vars := env.RequireService(t, "rses")
	python := env.RequireService(t, "gfal")["TESTBED_GFAL_PYTHON"]
	for _, d := range doors {
		switch {
		case d.scheme == "s3", d.site != "", // not for Python; the same as another
			d.rse == "CLUSTER1",                    // its stat asks the manager for a checksum, which has none
			d.rse == "ROOT3" && d.scheme == "root": // its xrdcp shows no token to a root:// address
			continue
		}
		t.Run(d.String(), func(t *testing.T) {
			l := newLake(t, d.setup(t, env, vars))
			folder := t.TempDir()
			content := random(3 * mib)
			name := testbed.Unique("python.")
			must(t, os.WriteFile(filepath.Join(folder, name), content, 0o600))
			byGfal(t, python, env, vars, d, fmt.Sprintf(`
from rucio.client.uploadclient import UploadClient
UploadClient(client).upload([{"path": %q, "rse": %q, "did_scope": "test", "force_scheme": %q, "lifetime": 3600}])
`, filepath.Join(folder, name), d.rse, d.scheme))
			_, err := l.download(transfer.Item{"did": "test:" + name, "base_dir": folder, "force_scheme": d.scheme})
			must(t, err)
			holds(t, l.path(folder, "test:"+name), content)

			did := l.upload(d, content)[0]
			byGfal(t, python, env, vars, d, fmt.Sprintf(`
from rucio.client.downloadclient import DownloadClient
DownloadClient(client).download_dids([{"did": %q, "base_dir": %q, "force_scheme": %q, "no_subdir": True}])
`, did, folder, d.scheme))
			holds(t, filepath.Join(folder, strings.TrimPrefix(did, "test:")), content)
		})
	}
}

// byGfal runs a script with the real client and gfal2, let in at a door.
func byGfal(t testing.TB, python string, env *testbed.Env, vars map[string]string, d door, script string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), python, "-c", "from rucio.client.client import Client\nclient = Client()\n"+script)
	cmd.Env = append(os.Environ(), "RUCIO_CONFIG="+env.Config, "X509_CERT_DIR="+env.CertDir, "XrdSecPROTOCOL=gsi,ztn,unix,host")
	file := func(kind string) string { return vars["TESTBED_RSE_"+d.rse+"_"+kind] }
	switch {
	case file("PROXY") != "":
		cmd.Env = append(cmd.Env, "X509_USER_PROXY="+file("PROXY"))
	case file("KEY") != "":
		cmd.Env = append(cmd.Env, "X509_USER_CERT="+file("CERT"), "X509_USER_KEY="+file("KEY"))
	case file("TOKEN") != "":
		token, err := os.ReadFile(file("TOKEN"))
		must(t, err)
		cmd.Env = append(cmd.Env, "BEARER_TOKEN_FILE="+file("TOKEN"), "BEARER_TOKEN="+strings.TrimSpace(string(token)))
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
