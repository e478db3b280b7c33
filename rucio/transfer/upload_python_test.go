package transfer_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

// pythonUpload uploads by the real Python client, and prints what it raised, the traces and the summary.
const pythonUpload = `
import json, logging, sys
from rucio.client import Client
from rucio.client.uploadclient import UploadClient
logging.disable(logging.CRITICAL)
order = json.loads(%q)
traces, raised = [], None
try:
    UploadClient(_client=Client(), logger=logging.getLogger()).upload(order["items"], traces_copy_out=traces, **order["options"])
except Exception as e:
    raised = type(e).__name__
print(json.dumps({"traces": traces, "raised": raised}))
`

// byPython uploads with the Python client; it returns the traces, and the class of what it raised.
func byPython(t testing.TB, env *testbed.Env, items []transfer.Item, options map[string]any) (traces []map[string]any, raised string) {
	t.Helper()
	if options == nil {
		options = map[string]any{}
	}
	order, err := json.Marshal(map[string]any{"items": items, "options": options})
	must(t, err)
	var answer struct {
		Traces []map[string]any
		Raised string
	}
	must(t, json.Unmarshal(env.PythonClient(t, fmt.Sprintf(pythonUpload, order)), &answer))
	return answer.Traces, answer.Raised
}

// catalogue tells all that the server knows of DIDs, as the Python client shows it: metadata, replicas, rules, content and
// parents of each.
func catalogue(t *testing.T, env *testbed.Env, dids ...string) []map[string]any {
	t.Helper()
	names, err := json.Marshal(dids)
	must(t, err)
	out := env.PythonClient(t, fmt.Sprintf(`
import json
from rucio.client import Client
c = Client()
all = []
for did in json.loads(%q):
    scope, name = did.split(":", 1)
    meta = c.get_metadata(scope, name)
    all.append(dict(meta=meta, replicas=list(c.list_replicas([dict(scope=scope, name=name)], all_states=True)),
        rules=list(c.list_did_rules(scope, name)), parents=list(c.list_parent_dids(scope, name)),
        content=list(c.list_content(scope, name)) if meta["did_type"] != "FILE" else []))
print(json.dumps(all, default=str))
`, names))
	var all []map[string]any
	must(t, json.Unmarshal(out, &all))
	return all
}

// unlike are fields that differ from file to file, or from second to second.
var unlike = []string{"created_at", "updated_at", "expires_at", "id", "guid"}

// alike takes out of a tree of JSON what may differ, and writes the names of one upload as those of the other.
func alike(v any, from, to string) any {
	switch v := v.(type) {
	case map[string]any:
		same := map[string]any{}
		for key, value := range v {
			if value != nil && slices.Contains(unlike, key) {
				value = "some"
			}
			same[strings.ReplaceAll(key, from, to)] = alike(value, from, to)
		}
		if pfns, ok := v["rses"].(map[string]any); ok { // the path has a hash of the name
			same["rses"] = slices.Sorted(maps.Keys(pfns))
			same["pfns"] = len(v["pfns"].(map[string]any))
		}
		return same
	case []any:
		same := []any{}
		for _, value := range v {
			same = append(same, alike(value, from, to))
		}
		return same
	case string:
		return strings.ReplaceAll(v, from, to)
	}
	return v
}

// pair is the same folder twice, for Python's client and for ours; names differ in their prefix only.
type pair struct{ python, ours string }

// TestUploadIsPythons uploads the same in both ways, and compares all that the catalogue has of it afterwards.
func TestUploadIsPythons(t *testing.T) {
	env := testbed.Require(t)
	nondeterministic := "file://localhost" + env.RequireService(t, "rses")["TESTBED_RSE_NONDET1_FOLDER"]
	c := client(t, nil)
	for name, test := range map[string]struct {
		files   []string
		items   func(dir, name string) []transfer.Item
		options *transfer.UploadOptions
		dids    []string
	}{
		"a file": {
			files: []string{"%s"},
			items: func(dir, name string) []transfer.Item {
				return []transfer.Item{{"path": dir + "/" + name, "rse": "POSIX1", "did_scope": "test"}}
			},
			dids: []string{"test:%s"},
		},
		"with all that a file may have": {
			files: []string{"%s"},
			items: func(dir, name string) []transfer.Item {
				return []transfer.Item{{
					"path": dir + "/" + name, "rse": "POSIX1", "did_name": name + ".renamed", "lifetime": 3600, "register_after_upload": true,
					"guid": "5f2b6d3e-8f8e-4c9a-9d57-6b1f6b1f6b1f", "force_scheme": "file", "impl": "posix.Default", "transfer_timeout": 60,
				}}
			},
			options: &transfer.UploadOptions{Activity: "User Subscriptions", IgnoreAvailability: true},
			dids:    []string{"user.root:%s.renamed"},
		},
		"into a dataset": {
			files: []string{"%s.1", "%s.2"},
			items: func(dir, name string) []transfer.Item {
				return []transfer.Item{{
					"path": dir, "rse": "POSIX2", "did_scope": "test", "lifetime": 7200, "dataset_scope": "test", "dataset_name": name + ".ds",
					"dataset_meta": map[string]any{"project": "data25", "run_number": 7},
				}}
			},
			dids: []string{"test:%s.ds", "test:%s.1", "test:%s.2"},
		},
		"an RSE that does not name files": {
			files: []string{"%s"},
			items: func(dir, name string) []transfer.Item {
				return []transfer.Item{{
					"path": dir + "/" + name, "rse": "NONDET1", "did_scope": "test", "pfn": nondeterministic + "/" + name + "/file", "register_after_upload": true,
				}}
			},
			dids: []string{"test:%s"},
		},
		"folders": {
			files: []string{"%s.top/%s.a/%s.1", "%s.top/%s.a/%s.2", "%s.top/%s.b/%s.c/%s.3"},
			items: func(dir, name string) []transfer.Item {
				return []transfer.Item{{"path": dir + "/" + name + ".top", "rse": "POSIX1", "did_scope": "test", "recursive": true}}
			},
			dids: []string{"test:%s.top", "test:%s.a", "test:%s.b", "test:%s.c", "test:%s.1", "test:%s.2", "test:%s.3"},
		},
		"no registration": {
			files: []string{"%s.top/%s"},
			items: func(dir, name string) []transfer.Item {
				return []transfer.Item{{"path": dir + "/" + name + ".top", "rse": "POSIX1", "did_scope": "test", "recursive": true, "no_register": true}}
			},
			dids: []string{"test:%s.top"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			both := pair{testbed.Unique("py"), testbed.Unique("go")}
			named := func(list []string, name string) []string {
				list = slices.Clone(list)
				for i := range list {
					list[i] = strings.ReplaceAll(list[i], "%s", name)
				}
				return list
			}
			dirs := map[string]string{both.python: t.TempDir(), both.ours: t.TempDir()}
			for name, dir := range dirs {
				for i, file := range test.files {
					write(t, filepath.Join(dir, strings.ReplaceAll(file, "%s", name)), fmt.Sprint("content", i))
				}
			}
			var options map[string]any
			o := transfer.UploadOptions{}
			if test.options != nil {
				o = *test.options
				options = map[string]any{"activity": o.Activity, "ignore_availability": o.IgnoreAvailability}
			}
			theirs, raised := byPython(t, env, test.items(dirs[both.python], both.python), options)
			var traces []map[string]any
			o.TracesCopyOut = &traces
			results, err := transfer.UploadFiles(t.Context(), c, test.items(dirs[both.ours], both.ours), &o)
			if err != nil || raised != "" {
				t.Fatalf("%v; Python's client raised %q; %+v", err, raised, results)
			}
			python := alike(anySlice(catalogue(t, env, named(test.dids, both.python)...)), both.python, "NAME")
			ours := alike(anySlice(catalogue(t, env, named(test.dids, both.ours)...)), both.ours, "NAME")
			if difference := differences("", python, ours); len(difference) > 0 {
				t.Errorf("the catalogue differs (Python's is first):\n%s", strings.Join(difference, "\n"))
			}
			unlikeTraces := []string{"uuid", "transferStart", "transferEnd", "hostname"}
			for i := range theirs {
				for _, key := range unlikeTraces {
					if (theirs[i][key] == nil) != (traces[i][key] == nil) {
						t.Errorf("%s: Python's trace has %v, ours %v", key, theirs[i][key], traces[i][key])
					}
					delete(theirs[i], key)
					delete(traces[i], key)
				}
			}
			if difference := differences("", inOrder(alike(anySlice(theirs), both.python, "NAME")), inOrder(alike(anySlice(traces), both.ours, "NAME"))); len(difference) > 0 {
				t.Errorf("the traces differ (Python's is first):\n%s", strings.Join(difference, "\n"))
			}
		})
	}
}

// inOrder puts traces into an order: that of folders on a disk is none.
func inOrder(list any) any {
	slices.SortFunc(list.([]any), func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return list
}

// anySlice makes what JSON makes of a list.
func anySlice(list []map[string]any) any {
	text, err := json.Marshal(list)
	if err != nil {
		panic(err)
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		panic(err)
	}
	return v
}

// differences names the differences of two trees of JSON.
func differences(at string, a, b any) []string {
	switch left := a.(type) {
	case map[string]any:
		right, ok := b.(map[string]any)
		if !ok {
			break
		}
		var all []string
		keys := maps.Clone(left)
		maps.Copy(keys, right)
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			all = append(all, differences(at+"."+key, left[key], right[key])...)
		}
		return all
	case []any:
		right, ok := b.([]any)
		if !ok || len(left) != len(right) {
			break
		}
		var all []string
		for i := range left {
			all = append(all, differences(fmt.Sprintf("%s[%d]", at, i), left[i], right[i])...)
		}
		return all
	}
	if reflect.DeepEqual(a, b) {
		return nil
	}
	return []string{fmt.Sprintf("%s: %v, %v", at, a, b)}
}
