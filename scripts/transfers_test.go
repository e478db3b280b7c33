package scripts_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
)

// lake is the environment of tasks that move files on the testbed and write documents.
func lake(t *testing.T) (bed *testbed.Env, env map[string]string) {
	t.Helper()
	bed = testbed.Require(t)
	es := bed.RequireService(t, "elasticsearch")
	env = login(bed)
	maps.Copy(env, map[string]string{
		"ES": es["TESTBED_ES_URL"], "INDEX": testbed.Unique("rtm-lake-"), "UNIQUE": testbed.Unique("lake"),
		"ELASTICSEARCH_USERNAME": es["TESTBED_ES_USERNAME"], "ELASTICSEARCH_PASSWORD": es["TESTBED_ES_PASSWORD"],
	})
	return bed, env
}

func definition(t *testing.T, env map[string]string, name string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	env["TASK_FILE_YAML"] = string(text)
}

// document is one in Elasticsearch.
type document map[string]any

// is tells whether the fields of a document have these values; nil is null or absent.
func (d document) is(want document) error {
	for name, value := range want {
		if got := text(d[name]); got != text(value) {
			return fmt.Errorf("%s is %s, want %s", name, got, text(value))
		}
	}
	return nil
}

// key is the values of some fields: "POSIX1/100000/OK".
func (d document) key(fields ...string) string {
	texts := make([]string, len(fields))
	for i, name := range fields {
		texts[i] = text(d[name])
	}
	return strings.Join(texts, "/")
}

// text is a value of JSON as text.
func text(v any) string {
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

// documents returns those of an index by their ids.
func documents(t *testing.T, env map[string]string, index string) map[string]document {
	t.Helper()
	index = env["ES"] + "/" + env["INDEX"] + "-" + index
	get(t, index+"/_refresh", env, &struct{}{})
	var answer struct {
		Hits struct {
			Hits []struct {
				ID     string   `json:"_id"`
				Source document `json:"_source"`
			}
		}
	}
	get(t, index+"/_search?size=1000", env, &answer)
	all := map[string]document{}
	for _, hit := range answer.Hits.Hits {
		all[hit.ID] = hit.Source
	}
	return all
}

// call calls a method of Rucio.
func call(t *testing.T, env map[string]string, into any, args ...string) {
	t.Helper()
	plain := maps.Clone(env)
	delete(plain, "TASK_FILE_YAML")
	code, stdout, stderr := run(t, plain, append([]string{"call", "--output", "json"}, args...)...)
	if code != fail.OK {
		t.Fatalf("%v: exit code %d\n%s%s", args, code, stdout, stderr)
	}
	if err := json.Unmarshal([]byte(stdout), into); err != nil {
		t.Fatal(err)
	}
}

// whileDaemonsRun runs Rucio's daemons again and again until what it is given ends.
func whileDaemonsRun(t *testing.T, bed *testbed.Env, do func()) {
	t.Helper()
	done, stop := context.WithCancel(t.Context())
	var daemons sync.WaitGroup
	daemons.Go(func() {
		for done.Err() == nil {
			bed.Daemons(t)
		}
	})
	do()
	stop()
	daemons.Wait()
}

func TestUploadTasks(t *testing.T) {
	_, env := lake(t)
	definition(t, env, "uploads.yml")
	env["FILE"] = filepath.Join(t.TempDir(), env["UNIQUE"]+".dat")
	if err := os.WriteFile(env["FILE"], []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := run(t, env, "run", "--output", "json")
	if code != fail.Check || !json.Valid([]byte(stdout)) {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	defer func() {
		if t.Failed() {
			t.Log(stderr)
		}
	}()
	t.Run("today", func(t *testing.T) { checkUploads(t, env, documents(t, env, "upload")) })
	t.Run("files", func(t *testing.T) {
		docs, name := documents(t, env, "files"), env["UNIQUE"]+".dat"
		for _, rse := range []string{"POSIX1", "POSIX2"} {
			if err := docs[name+"@"+rse+"@file"].is(document{"name": name, "to_rse": rse, "file_size": 5, "state": "UPLOAD-SUCCESSFUL", "task_name": "upload-files"}); err != nil {
				t.Errorf("%s: %v", rse, err)
			}
		}
		if len(docs) != 2 {
			t.Errorf("%d documents", len(docs))
		}
	})
	t.Run("files again", func(t *testing.T) { // the same bytes are there: nothing is measured
		if code, stdout, stderr := run(t, env, "run", "--only", "upload-files"); code != fail.OK || strings.Count(stderr, "the same bytes were there already, nothing was sent") != 2 {
			t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
		}
		for id, d := range documents(t, env, "files") {
			if err := d.is(document{"state": "UPLOAD-SUCCESSFUL", "transfer_rate": nil, "transfer_duration": nil}); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
	})
	t.Run("without a dataset", func(t *testing.T) { // the uploads are tried and told of all the same
		code, stdout, stderr := run(t, env, "run", "--only", "upload", "--set", "kwargs.scope=no.such.scope", "--set", "kwargs.rses=[POSIX1]")
		if code != fail.Task || !strings.Contains(stdout, "add_did: ScopeNotFound") || strings.Count(stdout, "upload: ScopeNotFound: there is no scope no.such.scope") < 2 {
			t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
		}
		failed := 0
		for id, d := range documents(t, env, "upload") {
			if d["scope"] != "no.such.scope" {
				continue
			}
			failed++
			if err := d.is(document{"state": "UPLOAD-FAILED", "is_upload_failed": 1, "error": "ScopeNotFound", "name": id}); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
		if failed != 2 {
			t.Errorf("%d documents", failed)
		}
	})
	t.Run("older", func(t *testing.T) { checkOlderUploads(t, env, documents(t, env, "older")) })
	t.Run("size limit", func(t *testing.T) {
		var sizes []float64
		for id, d := range documents(t, env, "limit") {
			if err := d.is(document{"name": id, "state": "UPLOAD-SUCCESSFUL", "to_rse": "POSIX1", "protocol": nil}); err != nil || !regexp.MustCompile(`^[a-z]{10}\.fits$`).MatchString(id) {
				t.Errorf("%s: %v", id, err)
			}
			sizes = append(sizes, d["file_size"].(float64))
		}
		slices.Sort(sizes)
		if !slices.Equal(sizes, []float64{8640, 14400, 86400}) {
			t.Errorf("sizes %v", sizes)
		}
	})
}

// checkUploads checks the documents of task upload: two files at each of two RSEs, and two that fail.
func checkUploads(t *testing.T, env map[string]string, docs map[string]document) {
	count := map[string]int{}
	for id, d := range docs {
		count[d.key("to_rse", "file_size", "state")]++
		want := document{"task_name": "upload", "scope": "test", "name": id, "type": "file", "n_files": 1, "protocol": "file", "is_upload_submitted": 1}
		if d["to_rse"] == "NO_SUCH_RSE" {
			maps.Copy(want, document{"is_upload_failed": 1, "is_upload_successful": nil, "error": "InvalidRSEExpression", "transfer_rate": nil})
			if !strings.Contains(fmt.Sprint(d["error_details"]), "there is no RSE NO_SUCH_RSE") {
				t.Errorf("%s: error_details %v", id, d["error_details"])
			}
		} else {
			maps.Copy(want, document{"is_upload_successful": 1, "is_upload_failed": nil, "error": nil})
			if took, rate := d["transfer_duration"].(float64), d["transfer_rate"].(float64); took <= 0 || rate < d["file_size"].(float64)/took/1000*0.99 || rate > d["file_size"].(float64)/took/1000*1.01 {
				t.Errorf("%s: %v s, %v kB/s", id, took, rate)
			}
		}
		if err := d.is(want); err != nil {
			t.Errorf("%s: %v", id, err)
		}
		if !regexp.MustCompile(`^` + env["UNIQUE"] + `_[01]_(100|1)KB_\d{6}T\d\d\.\d\d\.\d\d_[0-9a-f]{8}$`).MatchString(id) {
			t.Errorf("it is called %s", id)
		}
		if _, err := time.ParseInLocation("2006-01-02T15:04:05.999999", fmt.Sprint(d["attempted_at"]), time.Local); err != nil {
			t.Error(err)
		}
	}
	want := map[string]int{}
	for rse, state := range map[string]string{"POSIX1": "SUCCESSFUL", "POSIX2": "SUCCESSFUL", "NO_SUCH_RSE": "FAILED"} {
		want[rse+"/100000/UPLOAD-"+state], want[rse+"/1000/UPLOAD-"+state] = 1, 1
	}
	if !maps.Equal(count, want) {
		t.Errorf("documents %v", count)
	}
	var content []struct{ Name string }
	call(t, env, &content, "list_content", "scope=test", "name="+time.Now().Format("02-01-2006"))
	for id, d := range docs {
		there := slices.ContainsFunc(content, func(c struct{ Name string }) bool { return c.Name == id })
		if there != (d["state"] == "UPLOAD-SUCCESSFUL") {
			t.Errorf("%s is in the dataset of the day: %v", id, there)
		}
	}
}

// checkOlderUploads checks the documents of task upload-older: n_files of each size, one for each rule.
func checkOlderUploads(t *testing.T, env map[string]string, docs map[string]document) {
	good, bad := 0, 0
	for id, d := range docs {
		want := document{"task_name": "upload-older", "rule_id": id, "scope": "test", "type": "file", "n_files": 1, "is_upload_submitted": 1, "protocol": "file", "is_done": 0, "is_stuck": 0, "is_replicating": 0}
		if d["state"] == "UPLOAD-SUCCESSFUL" {
			good++
			maps.Copy(want, document{"to_rse": "POSIX1", "from_rse": nil, "is_upload_successful": 1, "is_upload_failed": 0})
			var rule struct{ Name, State string }
			call(t, env, &rule, "get_replication_rule", "rule_id="+id)
			if rule.Name != d["name"] || rule.State != "OK" {
				t.Errorf("rule %s is %+v", id, rule)
			}
			if !strings.HasPrefix(fmt.Sprint(d["endpoint"]), "file://") || d["upload_duration"].(float64) <= 0 || d["expires_at"] == nil {
				t.Errorf("%s: %v", id, d)
			}
		} else {
			bad++
			maps.Copy(want, document{"to_rse": "NO_SUCH_RSE", "state": "UPLOAD-FAILED", "is_upload_successful": 0, "is_upload_failed": 1, "error": "InvalidRSEExpression"})
		}
		if err := d.is(want); err != nil {
			t.Errorf("%s: %v", id, err)
		}
		if at, ok := d["@timestamp"].(float64); !ok || at < float64(time.Now().Add(-time.Hour).UnixMilli()) {
			t.Errorf("%s: @timestamp %v", id, d["@timestamp"])
		}
	}
	if good != 4 || bad != 4 {
		t.Errorf("%d documents of uploads, %d of failures", good, bad)
	}
}

func TestReplicationTasks(t *testing.T) {
	bed, env := lake(t)
	definition(t, env, "replication.yml")
	var code fail.Code
	var stdout, stderr string
	whileDaemonsRun(t, bed, func() { code, stdout, stderr = run(t, env) })
	if code != fail.Check {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	defer func() {
		if t.Failed() {
			t.Log(stdout, stderr)
		}
	}()
	for _, want := range []string{
		`(?m)^replication +passed`, `(?m)^replication-stuck +failed .*replica of stuck-.* at POSIX[12]: STUCK`,
		`(?m)check FAILED +upload of \S+ to NO_SUCH_RSE +\S.*InvalidRSEExpression`,
	} {
		if !regexp.MustCompile(want).MatchString(stdout) {
			t.Errorf("no line matches %s", want)
		}
	}
	pairs := map[string]int{}
	for id, d := range documents(t, env, "replication") {
		pairs[d.key("from_rse", "to_rse")]++
		if err := d.is(document{
			"rule_id": id, "task_name": "replication", "file_size": 100000, "type": "file", "n_files": 1, "is_submitted": 1, "state": "OK",
			"is_done": 1, "is_replicating": 0, "is_stuck": 0, "is_upload_failed": 0, "scope": "test", "protocol": "file", "error": nil,
		}); err != nil {
			t.Errorf("%s: %v", id, err)
		}
		if _, err := time.Parse("2006-01-02T15:04:05", fmt.Sprint(d["created_at"])); err != nil {
			t.Error(err)
		}
		if !strings.HasPrefix(fmt.Sprint(d["name"]), env["UNIQUE"]+".test_prod_001/100KB_") {
			t.Errorf("it is called %v", d["name"])
		}
	}
	want := map[string]int{}
	for _, from := range []string{"POSIX1", "POSIX2", "POSIX3"} {
		for _, to := range []string{"<nil>", "POSIX1", "POSIX2", "POSIX3"} {
			if to != from {
				want[to+"/"+from] = 1 // of the upload's own rule, and of those from other RSEs
			}
		}
	}
	if !maps.Equal(pairs, want) {
		t.Errorf("rules %v, want %v", pairs, want)
	}
	checkOthersOfReplication(t, env)
}

func checkOthersOfReplication(t *testing.T, env map[string]string) {
	states := map[string]int{}
	for _, d := range documents(t, env, "stuck") {
		states[d.key("state", "is_stuck", "is_done")]++
	}
	if !maps.Equal(states, map[string]int{"STUCK/1/0": 1, "OK/0/1": 1}) {
		t.Errorf("states %v", states)
	}
	tos := map[string]int{}
	for _, d := range documents(t, env, "older") {
		tos[d.key("to_rse", "state")]++
		if err := d.is(document{"task_name": "replication-older", "n_files": 1, "file_size": 1000, "type": "file"}); err != nil {
			t.Error(err)
		}
	}
	if tos["POSIX1/OK"] != 1 || tos["NO_SUCH_RSE/UPLOAD-FAILED"] != 1 {
		t.Errorf("documents %v", tos)
	}
}

// The original's definitions run as they are, but for the sites that are not in the testbed.
func TestOriginalTransfersRun(t *testing.T) {
	bed := testbed.Require(t)
	env := login(bed)
	env["RUCIO_TASK_MANAGER_SPOOL"] = t.TempDir()
	between := []string{"kwargs.rses=[POSIX1, POSIX2]"}
	for file, sets := range map[string][]string{
		"skao-dev/tests/upload-and-replication.yml":        append(between, "kwargs.protocols=[file]"),
		"skao/tests/upload-and-replication.yml":            append(between, "kwargs.protocols=[file]", "kwargs.sizes=[1000]"),
		"skao-dev/tests/upload-and-replication-random.yml": between,
		"skao-dev/tests/upload-size-limit.yml":             {"kwargs.rse=POSIX1"},
	} {
		args := []string{"run", "../etc/tasks/" + file, "--output", "json", "--set", "kwargs.scope=test"}
		for _, set := range sets {
			args = append(args, "--set", set)
		}
		code, stdout, stderr := run(t, env, args...)
		if code != fail.OK || !regexp.MustCompile(`"status": ?"passed"`).MatchString(stdout) {
			t.Errorf("%s: exit code %d\n%s\n%s", file, code, stdout, stderr)
		}
	}
}
