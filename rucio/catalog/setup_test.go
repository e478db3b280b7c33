package catalog_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testclient"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// This file proves methods that have something to tell only when the server is set up for it.

// both calls a method on both sides. It returns the rows, and how they differ.
func both(t *testing.T, python *pythonClient, client *rucio.Client, method string, kwargs map[string]any) (rows []any, diff string) {
	t.Helper()
	args, err := json.Marshal(kwargs)
	if err != nil {
		t.Fatal(err)
	}
	want, got := python.call(method, args), callCatalog(t.Context(), client, method, args)
	rows, _ = got.Result.([]any)
	return rows, compare(want, got)
}

// TestVirtualPlacement gives the server a virtual placement service.
func TestVirtualPlacement(t *testing.T) {
	python := startPython(t, testbed.Require(t))
	c, ctx := testclient.New(t, nil), t.Context()
	scope, rse := testbed.Unique("vp"), testbed.Unique("VP")
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/ds/") {
			fmt.Fprint(w, `["SITE_A", "SITE B"]`)
		}
	}))
	defer service.Close()
	must(t, c.AddScope(ctx, "root", scope))
	must(t, c.AddRSE(ctx, rse, nil))
	must(t, c.AddProtocol(ctx, rse, rucio.NewProtocol{Scheme: "root", Impl: "x", Domains: map[string]map[string]any{"wan": {"read": 1}}}))
	must(t, c.AddReplica(ctx, rse, scope, "f", 1, "0cc737eb", nil))
	must(t, c.AddDID(ctx, scope, "a/ds", "DATASET", nil))
	must(t, c.AttachDIDs(ctx, scope, "a/ds", []rucio.DID{{Scope: scope, Name: "f"}}, nil))

	defer c.DeleteConfigOption(ctx, "virtual_placement", "vp_endpoint") //nolint:errcheck // a run beside this one may have done it
	kwargs := map[string]any{"scope": scope, "name": "a/ds", "deep": true}
	var rows []any
	var diff, sites string
	for range 5 { // a run beside this one may take the service away meanwhile
		must(t, c.SetConfigOption(ctx, "virtual_placement", "vp_endpoint", service.URL, nil))
		rows, diff = both(t, python, c, "list_dataset_replicas_vp", kwargs)
		sites = ""
		for p, err := range c.ListDatasetReplicasVP(ctx, scope, "a/ds", &rucio.ListDatasetReplicasVPOptions{Deep: true}) {
			must(t, err)
			sites += fmt.Sprint(p.VP, p.Site, ";")
		}
		if len(rows) == 2 && diff == "" && sites == "trueSITE_A;trueSITE B;" {
			return
		}
	}
	t.Errorf("got %v, %q\n%s", rows, sites, diff)
}

// TestUsageHistory makes the server write its history of usage, which is an option of its abacus-rse daemon.
func TestUsageHistory(t *testing.T) {
	env := testbed.Require(t)
	python := startPython(t, env)
	c, ctx := testclient.New(t, nil), t.Context()
	rse := testbed.Unique("HIST")
	must(t, c.AddRSE(ctx, rse, nil))
	must(t, c.SetRSEUsage(ctx, rse, "storage", 9007199254740993, 5, &rucio.SetRSEUsageOptions{Files: new(int64(7))}))
	fill := exec.Command(env.Python, "-c", "import sqlite_writers; sqlite_writers.install()\n"+
		"from rucio.daemons.abacus.rse import _fill_rse_counter_history_table as fill; fill()")
	fill.Env = append(os.Environ(), "RUCIO_HOME="+env.State, "RUCIO_CONFIG="+filepath.Join(env.State, "etc", "rucio.cfg"),
		"PYTHONPATH="+filepath.Join("..", "..", "etc", "testbed", "rucio"))
	if out, err := fill.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	filters := map[string]any{"source": "storage"}
	for _, kwargs := range []map[string]any{{"rse": rse}, {"rse": rse, "filters": filters}} {
		if rows, diff := both(t, python, c, "list_rse_usage_history", kwargs); len(rows) == 0 || diff != "" {
			t.Errorf("%v: got %v\n%s", kwargs, rows, diff)
		}
	}
	for row, err := range c.ListRSEUsageHistory(ctx, rse, &rucio.ListRSEUsageHistoryOptions{Filters: filters}) {
		if err != nil || row.RSE != rse || row.Source != "storage" || *row.Used != 9007199254740993 || row.UpdatedAt.IsZero() {
			t.Errorf("got %+v, %v", row, err)
		}
	}
	must(t, c.DeleteRSE(ctx, rse))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
