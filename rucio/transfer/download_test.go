package transfer_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

func TestDownloadFiles(t *testing.T) {
	l := newLake(t, nil)
	contents := map[string][]byte{
		"plain": random(100_000), "empty": {}, "UPPER-lower_1.2": random(10), "deep/er/name": random(14), "b": random(1), "c": random(2), "d": random(3), "e": random(4), "f": random(5), "g": random(6),
	}
	var items []transfer.Item
	folder := t.TempDir()
	for name, content := range contents {
		items = append(items, transfer.Item{"did": l.put(name, content, "POSIX1"), "base_dir": folder})
	}
	result, err := l.download(items...)
	must(t, err)
	if len(result) != len(contents) {
		t.Errorf("%d results", len(result))
	}
	for name, content := range contents {
		holds(t, filepath.Join(folder, "test", l.prefix+name), content)
		if did := "test:" + l.prefix + name; l.meter.moved[did] != int64(len(content)) || l.meter.ended[did] != nil {
			t.Errorf("%s: progress was told of %d bytes, %v", did, l.meter.moved[did], l.meter.ended[did])
		}
	}
	for _, item := range result {
		if item["clientState"] != "DONE" || item["attemptnr"] != 1 {
			t.Errorf("got %v", item)
		}
	}
	again, err := l.download(items...)
	must(t, err)
	for _, item := range again {
		if item["clientState"] != "ALREADY_DONE" {
			t.Errorf("got %v", item)
		}
	}
}

// TestDownloadAsPython compares results and traces with those of the real client.
func TestDownloadAsPython(t *testing.T) {
	l := newLake(t, nil)
	one, two, three := l.put("1", random(1000), "POSIX1"), l.put("2", random(2000), "POSIX2"), l.put("3", random(3000), "POSIX1", "POSIX3")
	set := l.dataset("set", one, two)
	container := l.prefix + "cont"
	must(t, l.c.AddContainer(t.Context(), "test", container, nil))
	must(t, l.c.AttachDIDs(t.Context(), "test", container, []rucio.DID{{Scope: "test", Name: l.prefix + "set"}}, nil))
	calls := []struct {
		name  string
		items string
		pfns  bool
	}{
		{"file", `[{"did": "ONE", "base_dir": "DIR"}]`, false},
		{"again", `[{"did": "ONE", "base_dir": "DIR"}]`, false},
		{"dataset", `[{"did": "SET", "base_dir": "DIR", "transfer_timeout": 77}]`, false},
		{"container", `[{"did": "CONT", "base_dir": "DIR", "no_subdir": true}]`, false},
		{"several", `[{"did": ["TWO", "test:nope"], "base_dir": "DIR/a", "ignore_checksum": true}, {"did": "SET", "base_dir": "DIR/b", "force_scheme": "file", "impl": "posix"}]`, false},
		{"overlap", `[{"did": "THREE", "base_dir": "DIR/c", "transfer_timeout": 5}, {"did": "test:PREFIX3", "base_dir": "DIR/c2"}, {"did": "CONT", "base_dir": "DIR/c", "transfer_timeout": 9, "transfer_speed_timeout": 5.5}]`, false},
		{"wildcard", `[{"did": "test:PREFIX*", "base_dir": "DIR/d", "filters": {"type": "FILE"}, "rse": "POSIX2|POSIX3", "no_subdir": true}]`, false},
		{"filters", `[{"filters": {"scope": "test", "name": "PREFIX3"}, "base_dir": "DIR/e", "check_local_with_filesize_only": true, "no_resolve_archives": true}]`, false},
		{"no scheme", `[{"did": "ONE", "base_dir": "DIR/f", "force_scheme": ["davs", "root"]}]`, false},
		{"on tape", `[{"did": "ONE", "base_dir": "DIR/g", "rse": "POSIX3"}]`, false},
		{"pfn", `[{"did": "ONE", "pfn": "PFN", "rse": "POSIX1", "base_dir": "DIR/h", "transfer_timeout": 3}]`, true},
		{"pfn missing", `[{"did": "ONE", "pfn": "PFNx", "rse": "POSIX1", "base_dir": "DIR/i", "no_subdir": true, "md5": "00"}]`, true},
	}
	pfn := l.pfn("POSIX1", "test", l.prefix+"1")
	ours, theirs := t.TempDir(), t.TempDir()
	fill := func(items, folder string) string {
		return strings.NewReplacer("ONE", one, "TWO", two, "THREE", three, "SET", set, "CONT", "test:"+container, "PREFIX", l.prefix, "PFN", pfn, "DIR", folder).Replace(items)
	}
	var script strings.Builder
	script.WriteString(pythonDownload)
	for _, call := range calls {
		method := "download_dids"
		if call.pfns {
			method = "download_pfns"
		}
		fmt.Fprintf(&script, "run(%q, json.loads(r'''%s'''))\n", method, fill(call.items, theirs))
	}
	answers := strings.Split(strings.TrimSpace(string(l.env.PythonClient(t, script.String()))), "\n")
	for i, call := range calls {
		t.Run(call.name, func(t *testing.T) {
			var items []transfer.Item
			must(t, json.Unmarshal([]byte(fill(call.items, ours)), &items))
			var traces []map[string]any
			var result []transfer.Item
			var err error
			if call.pfns {
				result, err = transfer.DownloadPFNs(t.Context(), l.c, items, &transfer.DownloadPFNsOptions{TracesCopyOut: &traces, DeactivateFileDownloadExceptions: true})
			} else {
				result, err = transfer.DownloadDIDs(t.Context(), l.c, items, &transfer.DownloadDIDsOptions{TracesCopyOut: &traces, DeactivateFileDownloadExceptions: true})
			}
			must(t, err)
			text, err := json.Marshal([]any{result, traces})
			must(t, err)
			compare(t, text, []byte(strings.ReplaceAll(answers[i], theirs, ours)))
		})
	}
}

const pythonDownload = `
import json, logging
from rucio.client.client import Client
from rucio.client.downloadclient import DownloadClient
logging.disable(logging.CRITICAL)
client = Client()
def plain(v):
    if isinstance(v, dict): return {str(k): plain(x) for k, x in v.items()}
    if isinstance(v, (list, tuple)): return [plain(x) for x in v]
    if isinstance(v, set): return sorted((plain(x) for x in v), key=str)
    return v
def run(method, items):
    traces = []
    result = getattr(DownloadClient(client), method)(items, traces_copy_out=traces, deactivate_file_download_exceptions=True)
    print(json.dumps([plain(result), plain(traces)]))
`

// compare compares results and traces of both clients, the lists in any order.
func compare(t *testing.T, ours, theirs []byte) {
	t.Helper()
	var got, want [2][]map[string]any
	must(t, json.Unmarshal(ours, &got))
	must(t, json.Unmarshal(theirs, &want))
	for i, kind := range []string{"result", "trace"} {
		if len(got[i]) != len(want[i]) {
			t.Fatalf("%d %ss, Python has %d", len(got[i]), kind, len(want[i]))
		}
		id := func(m map[string]any) string {
			return fmt.Sprint(m["scope"], m["name"], m["filename"], sorted(m["dest_file_paths"]), strings.Contains(fmt.Sprint(m["dataset"]), "set"))
		}
		byID := map[string]map[string]any{}
		for _, m := range want[i] {
			byID[id(m)] = m
		}
		for _, m := range got[i] {
			other := byID[id(m)]
			if other == nil {
				t.Fatalf("Python has no %s %s, but %v", kind, id(m), want[i])
			}
			compareFields(t, kind, m, other)
		}
	}
}

func compareFields(t *testing.T, kind string, m, other map[string]any) {
	t.Helper()
	for key := range other {
		if _, ok := m[key]; !ok {
			t.Errorf("%s: no %s, Python has %v", kind, key, other[key])
		}
	}
	for key, value := range m {
		theirs, ok := other[key]
		switch {
		case key == "stateReason" && (kind == "result" || m["clientState"] == "FAILED"): // the words are our own
		case !ok:
			t.Errorf("%s: %s is %v, Python has none", kind, key, value)
		case key == "uuid", key == "hostname", key == "transferStart", key == "transferEnd", key == "attemptnr" && m["clientState"] == "FAILED":
			if reflect.TypeOf(value) != reflect.TypeOf(theirs) {
				t.Errorf("%s: %s is %v, Python has %v", kind, key, value, theirs)
			}
		case key == "temp_file_path" && len(m["dest_file_paths"].([]any)) > 1: // beside any of them
		case !reflect.DeepEqual(sorted(value), sorted(theirs)):
			t.Errorf("%s: %s is %v, Python has %v", kind, key, value, theirs)
		}
	}
}

// sorted makes lists comparable whose order says nothing.
func sorted(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	set := map[string]int{}
	for _, one := range list {
		set[fmt.Sprint(one)]++
	}
	return set
}

func TestDownloadFailures(t *testing.T) {
	l := newLake(t, nil)
	content, other := random(50_000), random(50_000)
	good := l.put("good", content, "POSIX1")
	damaged := l.register("test", l.prefix+"damaged", content, other, "POSIX1")
	short := l.register("test", l.prefix+"short", content, content[:400], "POSIX1")
	long := l.register("test", l.prefix+"long", content, append(content[:len(content):len(content)], 'x'), "POSIX1")
	missing := l.register("test", l.prefix+"missing", content, nil, "POSIX2")
	folder := t.TempDir()
	item := func(did string) transfer.Item { return transfer.Item{"did": did, "base_dir": folder} }

	_, err := l.download(item(good), item(damaged), item(short), item(long), item(missing), item("test:"+l.prefix+"nope"))
	e := failed(t, err, rucio.ErrNotAllFilesDownloaded)
	var broken *storage.Error
	if !errors.As(err, &broken) || len(e.Failed) != 5 || len(e.Items) != 6 {
		t.Errorf("got %+v", e)
	}
	for _, want := range []string{
		"5 of 6 files", damaged + ": from POSIX1: ", "adler32 is " + adler(other) + ", Rucio has " + adler(content),
		"it ends after 400 bytes, 50000 were expected", "more than the 50000 bytes", "no such file", "nope: no replica to download from: there is no such DID",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	for _, failure := range e.Failed {
		path := filepath.Join(folder, "test", failure.DID.Name)
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", path, err)
		}
	}
	holds(t, filepath.Join(folder, "test", l.prefix+"good"), content)

	_, err = l.download(item(missing))
	failed(t, err, rucio.ErrNoFilesDownloaded)
	if !storage.Is(err, storage.NotFound) {
		t.Errorf("got %v", err)
	}
	result, err := transfer.DownloadDIDs(t.Context(), l.c, []transfer.Item{item(good), item(missing)}, &transfer.DownloadDIDsOptions{DeactivateFileDownloadExceptions: true})
	if err != nil || len(result) != 2 || result[0]["clientState"] != "ALREADY_DONE" || result[1]["clientState"] != "FAILED" ||
		!strings.Contains(fmt.Sprint(result[1]["stateReason"]), "no such file") {
		t.Errorf("got %v, %v", result, err)
	}
	if _, err := l.download(transfer.Item{"did": "test:nothing" + l.prefix + "*"}); !errors.Is(err, rucio.ErrNoFilesDownloaded) {
		t.Errorf("got %v", err)
	}
	if _, err := l.download(transfer.Item{"did": damaged, "base_dir": folder, "ignore_checksum": true}); err != nil {
		t.Error(err)
	}
	holds(t, filepath.Join(folder, "test", l.prefix+"damaged"), other)
}

func TestDownloadNextReplica(t *testing.T) {
	l := newLake(t, nil)
	content := random(300_000)
	name := l.prefix + "twice"
	l.register("test", name, content, random(300_000), "POSIX1")
	did := l.register("test", name, content, content, "POSIX2")
	l.register("test", name, content, nil, "POSIX3")
	for range 3 { // whichever is the first
		folder := t.TempDir()
		result, err := l.download(transfer.Item{"did": did, "base_dir": folder})
		must(t, err)
		holds(t, filepath.Join(folder, "test", name), content)
		if result[0]["clientState"] != "DONE" || l.meter.moved[did] != int64(len(content)) {
			t.Errorf("got %v, %d bytes", result, l.meter.moved[did])
		}
		l.meter.moved[did] = 0
	}
}

func TestDownloadInput(t *testing.T) {
	l := newLake(t, nil)
	one := l.put("x", random(1), "POSIX1")
	folder := t.TempDir()
	for _, c := range []struct {
		items []transfer.Item
		want  string
	}{
		{[]transfer.Item{{"did": one}, {"base_dir": folder}}, "item 2 has neither did nor filters"},
		{[]transfer.Item{{"did": 5}}, "item 1: did is to be text or a list of text, not 5"},
		{[]transfer.Item{{"did": []any{one, nil}}}, "item 1: did is to be text"},
		{[]transfer.Item{{"did": one, "no_subdir": "yes"}}, `no_subdir is to be true or false, not "yes"`},
		{[]transfer.Item{{"did": one, "nrandom": 1.5}}, "nrandom is to be a whole number, not 1.5"},
		{[]transfer.Item{{"did": one, "transfer_timeout": -1}}, "transfer_timeout is to be a number of 0 or more, not -1"},
		{[]transfer.Item{{"did": "a:b:c"}}, `"a:b:c" is no DID`},
	} {
		_, err := l.download(c.items...)
		if !errors.Is(err, rucio.ErrInputValidationError) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: got %v", c.items, err)
		}
	}
	pfn := func(did string) transfer.Item {
		return transfer.Item{"did": did, "pfn": "file:///x", "rse": "POSIX1", "base_dir": folder}
	}
	for _, c := range []struct {
		items []transfer.Item
		want  string
	}{
		{[]transfer.Item{{"did": one, "pfn": "file:///x"}}, "rse are needed"},
		{[]transfer.Item{pfn("test:*")}, "wildcard"},
		{[]transfer.Item{pfn("test:a/b"), pfn("test:/a/b")}, "test:a/b and test:/a/b have the same destination"},
	} {
		if _, err := transfer.DownloadPFNs(t.Context(), l.c, c.items, nil); !errors.Is(err, rucio.ErrInputValidationError) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: got %v", c.items, err)
		}
	}
	clean(t, folder)
}

// TestDownloadLeavesNoFolder: no name leads out of base_dir.
func TestDownloadLeavesNoFolder(t *testing.T) {
	l := newLake(t, nil)
	outside := t.TempDir()
	folder := filepath.Join(outside, "in")
	content := []byte("x")
	pfn := l.pfn("POSIX1", "test", l.prefix+"file")
	must(t, storage.NewFile().Put(t.Context(), pfn, storage.FromBytes(content), storage.PutOptions{}))
	for _, name := range []string{"../../x", "a/../../../x", "..", "a/.."} {
		_, err := transfer.DownloadPFNs(t.Context(), l.c, []transfer.Item{{"did": "test:" + name, "pfn": pfn, "rse": "POSIX1", "base_dir": folder}}, nil)
		if failed(t, err, rucio.ErrNoFilesDownloaded); !strings.Contains(err.Error(), "no path below") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if entries, _ := os.ReadDir(outside); len(entries) > 0 {
		t.Errorf("written: %v", entries)
	}
	must(t, func() error {
		_, err := transfer.DownloadPFNs(t.Context(), l.c, []transfer.Item{{"did": "test:/abs/x", "pfn": pfn, "rse": "POSIX1", "base_dir": folder}}, nil)
		return err
	}())
	holds(t, filepath.Join(folder, "test", "abs", "x"), content)
}

func TestDownloadRandom(t *testing.T) {
	l := newLake(t, nil)
	var dids []string
	for i := range 12 {
		dids = append(dids, l.put(fmt.Sprint(i), random(i), "POSIX1"))
	}
	set := l.dataset("set", dids...)
	folder := t.TempDir()
	result, err := l.download(transfer.Item{"did": set, "nrandom": 5, "base_dir": folder})
	must(t, err)
	if len(result) != 5 {
		t.Errorf("got %d files", len(result))
	}
	result, err = l.download(transfer.Item{"did": set, "nrandom": json.Number("50"), "base_dir": folder})
	if err != nil || len(result) != 12 {
		t.Errorf("got %d files, %v", len(result), err)
	}
	if entries, _ := os.ReadDir(filepath.Join(folder, l.prefix+"set")); len(entries) != 12 {
		t.Errorf("got %v", entries)
	}
}

// TestDownloadSeveralPlaces: a file that is asked for in several ways is fetched once, and is in each place.
func TestDownloadSeveralPlaces(t *testing.T) {
	l := newLake(t, nil)
	content := random(1000)
	did := l.put("file", content, "POSIX1")
	set := l.dataset("set", did)
	folder := t.TempDir()
	items := []transfer.Item{{"did": did, "base_dir": folder}, {"did": set, "base_dir": folder}, {"did": did, "base_dir": folder + "/x", "no_subdir": true}, {"did": did, "base_dir": folder}}
	places := []string{"test/" + l.prefix + "file", l.prefix + "set/" + l.prefix + "file", "x/" + l.prefix + "file"}
	result, err := l.download(items...)
	must(t, err)
	if len(result) != 1 || l.meter.moved[did] != 1000 {
		t.Errorf("got %v, %v", result, l.meter.moved)
	}
	for _, place := range places {
		holds(t, filepath.Join(folder, place), content)
	}
	must(t, os.Remove(filepath.Join(folder, places[0])))
	must(t, os.WriteFile(filepath.Join(folder, places[1]), random(1000), 0o600))
	result, err = l.download(items...)
	must(t, err)
	if result[0]["clientState"] != "ALREADY_DONE" {
		t.Errorf("got %v", result)
	}
	for _, place := range places {
		holds(t, filepath.Join(folder, place), content)
	}
}

func TestDownloadTape(t *testing.T) {
	l := newLake(t, nil)
	content := random(1000)
	did := l.put("tape", content, "TAPE1")
	_, err := l.download(transfer.Item{"did": did, "base_dir": t.TempDir()})
	e := failed(t, err, rucio.ErrNoFilesDownloaded)
	if e.Items[0]["clientState"] != "FILE_NOT_FOUND" || !strings.Contains(err.Error(), "on tape only") {
		t.Errorf("got %v", err)
	}
	l = newLake(t, func(s *transfer.Setup) { s.CheckAdmin = true })
	folder := t.TempDir()
	_, err = l.download(transfer.Item{"did": did, "base_dir": folder, "no_subdir": true})
	must(t, err)
	holds(t, filepath.Join(folder, strings.TrimPrefix(did, "test:")), content)
}
