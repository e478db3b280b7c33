package scripts_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
)

// matrix is a definition of TransferMatrix with further kwargs, one a line.
func matrix(env map[string]string, kwargs ...string) {
	env["TASK_FILE_YAML"] = `matrix:
  description: All that RSEs are for
  module_name: tasks.tests.transfer
  class_name: TransferMatrix
  enabled: true
  args:
  kwargs:
    scope: test
    poll: 0.5
    output:
      databases:
        - type: es
          uri: "{{ ES }}/"
          index: "{{ INDEX }}-matrix"
    ` + strings.Join(kwargs, "\n    ")
}

type rule struct {
	ID      string `json:"id"`
	State   string `json:"state"`
	Expires string `json:"expires_at"`
}

// expired tells whether all rules of a DID have ended.
func expired(t *testing.T, env map[string]string, name string) bool {
	t.Helper()
	plain := maps.Clone(env)
	delete(plain, "TASK_FILE_YAML")
	code, stdout, stderr := run(t, plain, "call", "list_did_rules", "scope=test", "name="+name, "--output", "json")
	if strings.Contains(stderr, "DataIdentifierNotFound") {
		return true // it has gone already
	}
	var rules []rule
	if err := json.Unmarshal([]byte(stdout), &rules); code != fail.OK || err != nil {
		t.Fatalf("exit code %d, %v: %s%s", code, err, stdout, stderr)
	}
	for _, r := range rules {
		at, err := time.Parse(time.RFC1123, r.Expires)
		if err != nil || at.After(time.Now().Add(time.Second)) {
			t.Logf("%s: %+v", name, r)
			return false
		}
	}
	return true
}

func TestTransferMatrix(t *testing.T) {
	bed, env := lake(t)
	matrix(env, "rses: [POSIX1, POSIX2]", "rse_expression: POSIX2|POSIX3", "protocols: [file, gopher]", "size: 10kB", "replicate: all", "rule_timeout: 5m")
	var code fail.Code
	var stdout, stderr string
	whileDaemonsRun(t, bed, func() { code, stdout, stderr = run(t, env) })
	if code != fail.OK {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	const row = `(?m)^POSIX%d  file +\d\.\d\ds +\d\.\d\ds +\d\.\d\ds +\d\.\d\ds +POSIX%d +OK +\d+\.\d\ds +ok\n +POSIX%d +OK +\d+\.\d\ds$`
	for i := range 3 { // those behind it come first
		want := fmt.Sprintf(row, i+1, (i+1)%3+1, (i+2)%3+1)
		if !regexp.MustCompile(want).MatchString(stdout) {
			t.Errorf("no lines match %s in\n%s", want, stdout)
		}
	}
	if !strings.Contains(stderr, "POSIX1 does not read and write by gopher: left out") {
		t.Error("it is not told that there is no gopher")
	}
	kinds := map[string]int{}
	for id, d := range documents(t, env, "matrix") {
		if d["rule_id"] != nil {
			kinds["rule "+d.key("state", "is_done", "is_timed_out")]++
			if d["replication_duration"].(float64) <= 0 || id != d["rule_id"] || !strings.HasPrefix(fmt.Sprint(d["name"]), "matrix_"+fmt.Sprint(d["from_rse"])+"_file_10KB_") {
				t.Errorf("%s: %v", id, d)
			}
			continue
		}
		kinds["file "+d.key("state", "is_download_successful", "is_identical", "error")]++
		for _, name := range []string{"transfer_duration", "transfer_rate", "stat_duration", "download_duration", "download_rate"} {
			if f, ok := d[name].(float64); !ok || f <= 0 {
				t.Errorf("%s: %s is %v", id, name, d[name])
			}
		}
		if !expired(t, env, id) {
			t.Errorf("rules of %s go on", id)
		}
	}
	if kinds["file UPLOAD-SUCCESSFUL/1/1/<nil>"] != 3 || kinds["rule OK/1/0"] != 6 || len(kinds) != 2 {
		t.Errorf("documents: %v", kinds)
	}
}

// storages is the lake with what opens the RSEs on real servers.
func storages(t *testing.T) (bed *testbed.Env, env map[string]string) {
	t.Helper()
	bed, env = lake(t)
	vars := bed.RequireService(t, "rses")
	maps.Copy(env, map[string]string{
		"RUCIO_CFG_CLIENT_CA_CERT": bed.CA, "RUCIO_HOME": bed.State, "BEARER_TOKEN_FILE": vars["TESTBED_RSE_ROOT3_TOKEN"],
		"X509_USER_CERT": vars["TESTBED_RSE_DAVS1_CERT"], "X509_USER_KEY": vars["TESTBED_RSE_DAVS1_KEY"],
	})
	return bed, env
}

// On all the storages of the testbed: XRootD with and without a token, a cluster of it, WebDAV, S3 with keys and signed
// addresses, posix; each by all of its protocols.
func TestTransferMatrixOnStorages(t *testing.T) {
	_, env := storages(t)
	matrix(env, "rses: [ROOT1, ROOT3, CLUSTER1, DAVS1, DAVS2, S31, S32, IDENT1, MULTI1]", "size: 3MB", "replicate: none", `naming_prefix: ""`)
	code, stdout, stderr := run(t, env)
	if code != fail.OK {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	for _, way := range []string{
		"ROOT1  +root", "ROOT1  +http", "ROOT3  +root", "ROOT3  +davs", "CLUSTER1  +root", "DAVS1  +davs", "DAVS2  +davs", "S31  +https", "S32  +s3",
		"IDENT1  +file", "MULTI1  +davs", "MULTI1  +file",
	} {
		if !regexp.MustCompile(`(?m)^` + way + ` .* ok$`).MatchString(stdout) {
			t.Errorf("%s is not ok", way)
		}
	}
	if strings.Contains(stdout+stderr, "X-Amz-Signature") {
		t.Error("a signature is in the output")
	}
}

// What was made is removed also when the task is stopped in the middle, by its timeout.
func TestTransferMatrixCleansUp(t *testing.T) {
	_, env := lake(t)
	over := make(chan struct{})
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			_, _ = r.Body.Read(make([]byte, 100))
			<-over // takes no more
		}
		http.NotFound(w, r)
	}))
	defer door.Close()
	defer close(over)
	u, err := url.Parse(door.URL)
	if err != nil {
		t.Fatal(err)
	}
	rse, size := testbed.Unique("STALLS"), 1000*(1000+rand.IntN(9000))
	if code, _, stderr := run(t, env, "exec", "-e", `rucio.add_rse(kwargs.rse)
		local domain = { read = 1, write = 1, delete = 1 }
		rucio.add_protocol(kwargs.rse, { scheme = "http", hostname = "127.0.0.1", port = kwargs.port, prefix = "/stalls/",
			impl = "rucio.rse.protocols.gfal.Default", domains = { wan = domain, lan = domain } })`, "rse="+rse, "port="+u.Port()); code != fail.OK {
		t.Fatal(stderr)
	}
	matrix(env, "rses: [POSIX1, "+rse+"]", "replicate: none", fmt.Sprintf("size: %d", size))
	code, stdout, stderr := run(t, env, "run", "--timeout", "6s")
	if code != fail.Timeout {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	var names []string
	call(t, env, &names, "list_dids", "scope=test", fmt.Sprintf("filters={name: matrix_POSIX1_file_%dKB_*}", size/1000), "did_type=file")
	if len(names) != 1 || !expired(t, env, names[0]) {
		t.Errorf("left: %q", names)
	}
	call(t, env, &names, "list_dids", "scope=test", "filters={name: matrix_"+rse+"_*}", "did_type=file")
	if len(names) != 0 {
		t.Errorf("registered: %q", names)
	}
}

// What Rucio does not know is named by the field of the definition that has it.
func TestTransferMatrixOfNothing(t *testing.T) {
	_, env := lake(t)
	for kwargs, want := range map[string]string{
		`rse_expression: "nothing=1"`:           `kwargs.rse_expression "nothing=1": no RSE matches it`,
		`rse_expression: "tier=1&("`:            `kwargs.rse_expression "tier=1&(": Problem with parentheses`,
		"rses: [POSIX1]\n    protocols: [davs]": "none of POSIX1 reads and writes by davs: see kwargs.protocols",
	} {
		matrix(env, kwargs)
		if code, stdout, stderr := run(t, env); code != fail.Task || !strings.Contains(stdout, want) {
			t.Errorf("%s: exit code %d, want %s\n%s%s", kwargs, code, want, stdout, stderr)
		}
	}
}

// A Rucio that is not there, or lets nobody in, is no failed check: the exit code says what it is.
func TestTransferTasksWithoutRucio(t *testing.T) {
	bed := testbed.Require(t)
	wrong, gone := login(bed), login(bed)
	wrong["RUCIO_CFG_CLIENT_PASSWORD"] = "mistyped"
	closed := httptest.NewServer(nil)
	closed.Close()
	gone["RUCIO_CFG_CLIENT_RUCIO_HOST"], gone["RUCIO_CFG_CLIENT_AUTH_HOST"] = closed.URL, closed.URL
	for class, env := range map[string]map[string]string{"CannotAuthenticate": wrong, "ServerConnectionException": gone} {
		if _, stdout, stderr := run(t, env, "exec", "-e", "local ok, e = pcall(rucio.whoami) print(ok, e.class)"); stdout != "false\t"+class+"\n" {
			t.Errorf("want %s: %s%s", class, stdout, stderr)
		}
	}
	for class, kwargs := range map[string]string{
		"upload:TestUpload":                        "protocols=[file] rses=[POSIX1] n_files=1 sizes=[10]",
		"upload_replication:TestUploadReplication": "rses=[POSIX1,POSIX2] n_files=1 sizes=[10] activity=Debug",
		"upload_size_limit:UploadSizeLimit":        "rse=POSIX1 min_size=1 max_size=1 factor=2",
		"transfer:TransferMatrix":                  "rses=[POSIX1]",
	} {
		args := append([]string{"exec", "tasks.tests." + class, "scope=test", "lifetime=60"}, strings.Fields(kwargs)...)
		if code, _, stderr := run(t, wrong, args...); code != fail.Auth {
			t.Errorf("%s with a wrong password: exit code %d\n%s", class, code, stderr)
		}
		if code, _, stderr := run(t, gone, args...); code != fail.Unavailable {
			t.Errorf("%s without a server: exit code %d\n%s", class, code, stderr)
		}
	}
}

// Dashboards learn that uploads fail also when the whole of Rucio is gone, in both forms of documents.
func TestUploadsWithoutRucioAreTold(t *testing.T) {
	_, env := lake(t)
	definition(t, env, "uploads.yml")
	closed := httptest.NewServer(nil)
	closed.Close()
	env["RUCIO_CFG_CLIENT_RUCIO_HOST"], env["RUCIO_CFG_CLIENT_AUTH_HOST"], env["FILE"] = closed.URL, closed.URL, "none"
	code, stdout, stderr := run(t, env, "run", "--only", "upload", "--only", "upload-older", "--set", "kwargs.rses=[POSIX1]", "--set", "kwargs.sizes=[10, 20]")
	if code != fail.Unavailable {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	for index, want := range map[string]int{"upload": 2, "older": 4} {
		told := 0
		for id, d := range documents(t, env, index) {
			told++
			if err := d.is(document{"state": "UPLOAD-FAILED", "is_upload_failed": 1, "error": "ServerConnectionException", "to_rse": "POSIX1", "protocol": "file"}); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
		if told != want {
			t.Errorf("%d documents of %s, want %d", told, index, want)
		}
	}
}

// What is wrong with a definition is said in its words.
func TestWrongTransferTasks(t *testing.T) {
	for _, c := range []struct {
		class, kwargs, want string
		code                fail.Code
	}{
		{"upload.TestUpload", "rses: [A], protocols: [file], scope: s, lifetime: 1", "there is nothing to upload: give kwargs.n_files and kwargs.sizes, or kwargs.file_paths", fail.Task},
		{"upload.TestUpload", "rses: [A], protocols: [file], scope: s, lifetime: 1, n_files: 2, sizes: [1]", "kwargs.sizes has 1 entries for n_files: 2; each file needs one", fail.Task},
		{"upload.TestUpload", "rses: [A], protocols: [file], scope: s, lifetime: 1, file_paths: [/nowhere/x]", "kwargs.file_paths[0]: there is no file /nowhere/x", fail.Task},
		{"upload.TestUpload", "rses: [A], protocols: [file], scope: s, lifetime: 1, file_paths: [matrix_test.go, testdata]", "kwargs.file_paths[1]: testdata is a folder; name the files in it", fail.Task},
		{"upload.TestUpload", "rses: [A], protocols: [file], scope: s, lifetime: 1, file_paths: [matrix_test.go, ../scripts/matrix_test.go]", "kwargs.file_paths[1]: ../scripts/matrix_test.go has the same name as matrix_test.go, and would be the same DID", fail.Task},
		{"upload.TestUpload", `rses: ["{{ NOTHING }}"], protocols: [file], scope: s, lifetime: 1`, "kwargs.rses[0]: must have at least 1 character", fail.Definition},
		{"upload.TestUpload", "rses: [A], protocols: [file], scope: s, lifetime: 0", "kwargs.lifetime: must be at least 1 second, not 0", fail.Definition},
		{"upload.TestUpload", "rses: [], protocols: [file], scope: s", "kwargs.rses: ", fail.Definition},
		{"upload.TestUpload", "rses: [A], protocols: [file], scope: s", "kwargs.lifetime: is required", fail.Definition},
		{"upload_replication.TestUploadReplication", "rses: [A], scope: s, lifetime: 1, sizes: [1], n_files: 1", "kwargs.activity: is required", fail.Definition},
		{"upload_replication_random.TestUploadReplicationRandom", "rses: [A], scope: s, lifetime: 1, size: 1, n_files: 1, activity: a", "kwargs.rses: ", fail.Definition},
		{"upload_replication_random.TestUploadReplicationRandom", "rses: [A, A], scope: s, lifetime: 1, size: 1, n_files: 1, activity: a", "kwargs.rses names only one RSE: a rule needs another one", fail.Task},
		{"upload_size_limit.UploadSizeLimit", "rse: A, scope: s, lifetime: 1, min_size: 1, max_size: 2, factor: 1", "kwargs.factor must be more than 1, or sizes do not grow", fail.Task},
		{"upload_size_limit.UploadSizeLimit", "rse: A, scope: s, lifetime: 1, min_size: 3, max_size: 2, factor: 2", "kwargs.min_size (3) is more than kwargs.max_size (2): there is nothing to upload", fail.Task},
		{"upload_size_limit.UploadSizeLimit", "rse: A, scope: s, lifetime: 1, min_size: 0, max_size: 2, factor: 2", "kwargs.min_size: ", fail.Definition},
		{"transfer.TransferMatrix", "scope: s", "there is no RSE to try: give kwargs.rses, or a kwargs.rse_expression that matches some", fail.Task},
		{"transfer.TransferMatrix", "scope: s, replicate: some", "kwargs.replicate: ", fail.Definition},
		{"transfer.TransferMatrix", "scope: s, size: big", "kwargs.size: ", fail.Definition},
	} {
		module, class, _ := strings.Cut(c.class, ".")
		code, stdout, stderr := run(t, map[string]string{"TASK_FILE_YAML": fmt.Sprintf(
			"{x: {description: , module_name: tasks.tests.%s, class_name: %s, enabled: yes, args: , kwargs: {%s}}}", module, class, c.kwargs)})
		if code != c.code || !strings.Contains(stdout, c.want) {
			t.Errorf("%s with %s: exit code %d, want %q\n%s%s", c.class, c.kwargs, code, c.want, stdout, stderr)
		}
	}
}
