package catalog_test

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what Swift signs with
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
			prove("list_dataset_replicas_vp", false)
			return
		}
	}
	t.Errorf("got %v, %q\n%s", rows, sites, diff)
}

// TestWithoutPermission calls as somebody who is no administrator. What it would change, were it permitted, is its own.
func TestWithoutPermission(t *testing.T) {
	env := testbed.Require(t)
	config, err := os.ReadFile(env.Config)
	must(t, err)
	token := regexp.MustCompile(`(?m)^auth_token_file_path = .*$`)
	text := token.ReplaceAllString(string(config), "auth_token_file_path = "+filepath.Join(t.TempDir(), "token"))
	text = strings.NewReplacer("username = "+env.Username+"\n", "username = jdoe\n", "account = root\n", "account = jdoe\n").Replace(text)
	file := filepath.Join(t.TempDir(), "jdoe.cfg")
	must(t, os.WriteFile(file, []byte(text), 0o600))
	python := startPython(t, env, "RUCIO_CONFIG="+file)
	jdoe := testclient.New(t, func(o *rucio.Options) {
		o.Account = "jdoe"
		o.Credentials = &testclient.Userpass{Host: env.HTTPURL, Account: "jdoe", Username: "jdoe", Password: "secret"}
	})
	for _, me := range []outcome{python.call("whoami", json.RawMessage("{}")), callCatalog(t.Context(), jdoe, "whoami", json.RawMessage("{}"))} {
		if member(me.Result, "account") != "jdoe" {
			t.Fatalf("logged in as %v, %s %s", me.Result, me.Class, me.Message)
		}
	}
	root, ctx := testclient.New(t, nil), t.Context()
	one, two := testbed.Unique("ONE"), testbed.Unique("TWO")
	must(t, root.AddRSE(ctx, one, nil))
	must(t, root.AddRSE(ctx, two, nil))
	for method, kwargs := range map[string]string{
		"list_transfer_limits":      `{}`,
		"set_transfer_limit":        `{"rse_expression": "ONE", "max_transfers": 1}`,
		"delete_transfer_limit":     `{"rse_expression": "ONE"}`,
		"list_requests":             `{"src_rse": "ONE", "dst_rse": "TWO", "request_states": "Q"}`,
		"list_requests_history":     `{"src_rse": "ONE", "dst_rse": "TWO", "request_states": "Q"}`,
		"add_rse":                   `{"rse": "ONE-NEW"}`,
		"update_rse":                `{"rse": "ONE", "parameters": {"city": "x"}}`,
		"delete_rse":                `{"rse": "ONE"}`,
		"add_rse_attribute":         `{"rse": "ONE", "key": "k", "value": 1}`,
		"delete_rse_attribute":      `{"rse": "ONE", "key": "k"}`,
		"add_protocol":              `{"rse": "ONE", "params": {"scheme": "root"}}`,
		"update_protocols":          `{"rse": "ONE", "scheme": "mock", "hostname": "localhost", "port": 1, "data": {}}`,
		"delete_protocols":          `{"rse": "ONE", "scheme": "mock"}`,
		"add_qos_policy":            `{"rse": "ONE", "qos_policy": "GOLD"}`,
		"delete_qos_policy":         `{"rse": "ONE", "qos_policy": "GOLD"}`,
		"set_rse_usage":             `{"rse": "ONE", "source": "x", "used": 1, "free": 1}`,
		"set_rse_limits":            `{"rse": "ONE", "name": "x", "value": 1}`,
		"delete_rse_limits":         `{"rse": "ONE", "name": "x"}`,
		"add_distance":              `{"source": "ONE", "destination": "TWO", "parameters": {"distance": 1}}`,
		"update_distance":           `{"source": "ONE", "destination": "TWO", "parameters": {"distance": 1}}`,
		"delete_distance":           `{"source": "ONE", "destination": "TWO"}`,
		"update_replicas_states":    `{"rse": "ONE", "files": []}`,
		"add_replica":               `{"rse": "ONE", "scope": "test", "name": "never", "bytes_": 1, "adler32": "0cc737eb"}`,
		"declare_bad_file_replicas": `{"replicas": [{"scope": "test", "name": "never", "rse": "ONE"}], "reason": "x"}`,
		"declare_bad_did_replicas":  `{"rse": "ONE", "dids": [], "reason": "x"}`,
		"add_bad_pfns":              `{"pfns": [], "reason": "x", "state": "BAD", "expires_at": null}`,
		"set_tombstone":             `{"replicas": [{"scope": "test", "name": "never", "rse": "ONE"}]}`,
		"quarantine_replicas":       `{"replicas": [{"path": "/x"}], "rse": "ONE"}`,
	} {
		args := json.RawMessage(strings.NewReplacer("ONE", one, "TWO", two).Replace(kwargs))
		want, got := python.call(method, args), callCatalog(ctx, jdoe, method, args)
		if diff := compare(want, got); diff != "" || got.Class != "AccessDenied" {
			t.Errorf("%s: got %s\n%s", method, got.Class, diff)
			continue
		}
		prove(method, true)
	}
	must(t, root.DeleteRSE(ctx, one))
	must(t, root.DeleteRSE(ctx, two))
}

// TestSignedURL gives the server the keys of an RSE's storage, and signs with them itself.
func TestSignedURL(t *testing.T) {
	env := testbed.Require(t)
	python := startPython(t, env)
	c, ctx := testclient.New(t, nil), t.Context()
	rse := testbed.Unique("SIGN")
	must(t, c.AddRSE(ctx, rse, nil))
	info, err := c.GetRSE(ctx, rse)
	must(t, err)
	addStorageKey(t, env, info.ID, map[string]string{"tempurl_key": "opensesame"})
	for operation, verb := range map[string]string{"read": "GET", "write": "PUT", "delete": "DELETE"} {
		args := json.RawMessage(fmt.Sprintf(`{"rse": %q, "service": "swift", "operation": %q, "url": "https://x.example:8080/v1/a b/f%%20é?c=d", "lifetime": 900}`, rse, operation))
		want, got := python.call("get_signed_url", args), callCatalog(ctx, c, "get_signed_url", args)
		for _, o := range []*outcome{&want, &got} {
			address, query, _ := strings.Cut(fmt.Sprint(o.Result), "?")
			values, err := url.ParseQuery(query)
			if err != nil || o.Class != "" {
				t.Fatalf("%s: got %+v, %v", operation, o, err)
			}
			mac := hmac.New(sha1.New, []byte("opensesame"))
			fmt.Fprintf(mac, "%s\n%s\n%s", verb, values.Get("temp_url_expires"), strings.TrimPrefix(address, "https://x.example"))
			if signature := hex.EncodeToString(mac.Sum(nil)); values.Get("temp_url_sig") != signature {
				t.Errorf("%s: %v is not signed by %s", operation, o.Result, signature)
			}
			o.Result = address // the two may be made in different seconds
		}
		if diff := compare(want, got); diff != "" {
			t.Errorf("%s\n%s", operation, diff)
			continue
		}
		prove("get_signed_url", false)
	}
	must(t, c.DeleteRSE(ctx, rse))
}

// addStorageKey adds to the keys of storages that the testbed's server has, and takes them away again.
func addStorageKey(t *testing.T, env *testbed.Env, rseID string, key any) {
	t.Helper()
	file := filepath.Join(env.State, "etc", "rse-accounts.cfg")
	change := func(change func(keys map[string]any)) {
		keys := map[string]any{}
		if data, err := os.ReadFile(file); err == nil {
			must(t, json.Unmarshal(data, &keys))
		}
		change(keys)
		data, err := json.Marshal(keys)
		must(t, err)
		must(t, os.WriteFile(file+".new", data, 0o600))
		must(t, os.Rename(file+".new", file))
	}
	change(func(keys map[string]any) { keys[rseID] = key })
	t.Cleanup(func() { change(func(keys map[string]any) { delete(keys, rseID) }) })
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
			continue
		}
		prove("list_rse_usage_history", false)
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
