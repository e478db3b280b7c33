package scripts_test

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
)

// pair is a way from one storage to another: where a file is uploaded, by what, and where its rule has it copied to, by what it is
// read there first.
type pair struct{ from, by, to, endpoint string }

// Files go from storages of each kind to others, by rules: posix, WebDAV, S3, XRootD and clusters of it. Where two have no scheme
// in common, Rucio has their rule STUCK. The table and the documents tell all of it, and nothing else.
func TestTransferMatrixBetweenKinds(t *testing.T) {
	bed, env := storages(t)
	moves := []pair{
		{"POSIX1", "file", "MULTI1", "davs"}, {"MULTI1", "file", "DAVS1", "davs"}, {"MULTI1", "davs", "DAVS1", "davs"}, {"DAVS1", "davs", "S31", "https"},
		{"S31", "https", "ROOT3", "root"}, {"ROOT3", "davs", "CLUSTER1", "root"}, {"ROOT3", "root", "CLUSTER1", "root"}, {"CLUSTER1", "root", "ROOT1", "root"},
	}
	stuck := []pair{{"ROOT1", "root", "S32", ""}, {"S32", "s3", "POSIX1", ""}}
	matrix(env, "rses: [POSIX1, MULTI1, DAVS1, S31, ROOT3, CLUSTER1, ROOT1, S32]", "protocols: [file, davs, s3, https, root]",
		"naming_prefix: "+env["UNIQUE"], "size: 10kB", "lifetime: 10m", "rule_timeout: 5m")
	var code fail.Code
	var stdout, stderr string
	whileDaemonsRun(t, bed, func() { code, stdout, stderr = run(t, env) })
	if code != fail.Check {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	files, rules := map[string]document{}, map[string]document{}
	for id, d := range documents(t, env, "matrix") {
		if d["rule_id"] != nil {
			rules[fmt.Sprint(d["name"])] = d
		} else {
			files[d.key("to_rse", "protocol")] = d
		}
		checkIdentity(t, env, id, d)
		if strings.Contains(fmt.Sprint(d), "Signature") {
			t.Errorf("%s holds a signature: %v", id, d)
		}
	}
	for _, m := range moves {
		wants(t, stdout, fmt.Sprintf(`(?m)^%s +%s( +\d+\.\d\ds){4} +%s +OK +\d+\.\d\ds +ok$`, m.from, m.by, m.to))
		d := files[m.from+"/"+m.by]
		checkFile(t, d, m)
		checkRule(t, rules[fmt.Sprint(d["name"])], m, document{"state": "OK", "error": nil, "is_done": 1, "is_stuck": 0}, "replication_duration")
	}
	const mismatch = "RequestErrMsg.MISMATCH_SCHEME:RequestState.MISMATCH_SCHEME"
	for _, m := range stuck {
		wants(t, stdout, fmt.Sprintf(`(?m)^%s +%s( +\d+\.\d\ds){4} +%s +STUCK +\d+\.\d\ds +failed: replica at %s$`, m.from, m.by, m.to, m.to),
			fmt.Sprintf(`check FAILED +%s by %s: replica at %s +STUCK \(%s\)`, m.from, m.by, m.to, regexp.QuoteMeta(mismatch)))
		d := files[m.from+"/"+m.by]
		checkFile(t, d, m, "failed_step", "error", "error_details")
		if err := d.is(document{"failed_step": "replica at " + m.to, "error": "Error", "error_details": "STUCK (" + mismatch + ")"}); err != nil {
			t.Errorf("%v: %v", m, err)
		}
		checkRule(t, rules[fmt.Sprint(d["name"])], m, document{"state": "STUCK", "error": mismatch, "is_done": 0, "is_stuck": 1})
	}
	if all := len(moves) + len(stuck); len(files) != all || len(rules) != all {
		t.Errorf("%d files, %d rules", len(files), len(rules))
	}
}

// checkIdentity checks what all documents have in common.
func checkIdentity(t *testing.T, env map[string]string, id string, d document) {
	t.Helper()
	if err := d.is(document{"task_name": "matrix", "scope": "test", "file_size": 10000, "type": "file", "n_files": 1}); err != nil {
		t.Errorf("%s: %v", id, err)
	}
	if name := fmt.Sprint(d["name"]); !regexp.MustCompile(`^(stuck-)?`+env["UNIQUE"]+`_[A-Z]+\d+_[a-z0-9]+_10KB_\d{6}T\d\d\.\d\d\.\d\d_[0-9a-f]{8}$`).MatchString(name) || id != name && id != d["rule_id"] {
		t.Errorf("%s is called %s", id, name)
	}
}

// checkFile checks the document of a file that went there and back; it may have further fields.
func checkFile(t *testing.T, d document, m pair, further ...string) {
	t.Helper()
	if err := d.is(document{
		"to_rse": m.from, "protocol": m.by, "state": "UPLOAD-SUCCESSFUL", "is_upload_submitted": 1, "is_upload_successful": 1,
		"is_download_successful": 1, "is_identical": 1,
	}); err != nil {
		t.Errorf("%v: %v", m, err)
	}
	for _, phase := range []string{"transfer", "download"} {
		took, _ := d[phase+"_duration"].(float64)
		rate, _ := d[phase+"_rate"].(float64)
		if took <= 0 || math.Abs(rate*took*1000/10000-1) > 1e-6 {
			t.Errorf("%v: %s of 10 kB took %v s, that is %v kB/s", m, phase, took, rate)
		}
	}
	if took, ok := d["stat_duration"].(float64); !ok || took <= 0 {
		t.Errorf("%v: stat_duration %v", m, d["stat_duration"])
	}
	if _, err := time.ParseInLocation("2006-01-02T15:04:05.999999", fmt.Sprint(d["attempted_at"]), time.Local); err != nil {
		t.Error(err)
	}
	checkFields(t, d, append(further, "task_name", "scope", "name", "file_size", "type", "n_files", "to_rse", "protocol", "attempted_at",
		"is_upload_submitted", "state", "is_upload_successful", "transfer_duration", "transfer_rate", "stat_duration", "download_duration",
		"download_rate", "is_download_successful", "is_identical")...)
}

// checkRule checks the document of a rule that has ended; it may have further fields.
func checkRule(t *testing.T, d document, m pair, want document, further ...string) {
	t.Helper()
	maps.Copy(want, document{
		"from_rse": m.from, "to_rse": m.to, "fts_throughput": nil, "is_submitted": 1, "is_replicating": 0, "is_upload_failed": 0,
		"is_upload_successful": 0, "is_timed_out": 0,
	})
	if m.endpoint != "" {
		want["protocol"] = m.endpoint
		if pfn := fmt.Sprint(d["endpoint"]); !strings.HasPrefix(pfn, m.endpoint+"://") || !strings.HasSuffix(pfn, "/"+fmt.Sprint(d["name"])) {
			t.Errorf("%v: endpoint %s", m, pfn)
		}
		if took, ok := d["replication_duration"].(float64); !ok || took <= 0 || took > 300 {
			t.Errorf("%v: replication_duration %v", m, d["replication_duration"])
		}
	}
	if err := d.is(want); err != nil {
		t.Errorf("%v: %v", m, err)
	}
	times := map[string]time.Time{}
	for _, name := range []string{"created_at", "updated_at", "expires_at"} {
		at, err := time.Parse("2006-01-02T15:04:05", fmt.Sprint(d[name]))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		times[name] = at
	}
	if left := times["expires_at"].Sub(times["created_at"]); left < 9*time.Minute || left > 11*time.Minute || times["updated_at"].Before(times["created_at"]) {
		t.Errorf("%v: %v", m, times)
	}
	if at, ok := d["@timestamp"].(float64); !ok || at != math.Trunc(at) || math.Abs(at-float64(time.Now().UnixMilli())) > 600e3 {
		t.Errorf("%v: @timestamp %v", m, d["@timestamp"])
	}
	checkFields(t, d, append(ruleFields(), further...)...)
}

func ruleFields() []string {
	return []string{
		"@timestamp", "rule_id", "scope", "name", "from_rse", "to_rse", "created_at", "updated_at", "expires_at", "state", "error", "endpoint",
		"protocol", "fts_throughput", "task_name", "file_size", "type", "n_files", "is_submitted", "is_done", "is_replicating", "is_stuck",
		"is_upload_failed", "is_upload_successful", "is_timed_out",
	}
}

// checkFields checks that a document has these fields and no others.
func checkFields(t *testing.T, d document, names ...string) {
	t.Helper()
	slices.Sort(names)
	if got := slices.Sorted(maps.Keys(d)); !slices.Equal(got, names) {
		t.Errorf("fields %v, want %v", got, names)
	}
}

// What goes wrong with one RSE or rule is told of that one, and the others go on: rules that get stuck, that take too long and
// that are refused, and RSEs that nobody knows.
func TestTransferMatrixTellsWhatFails(t *testing.T) {
	bed, env := storages(t)
	t.Run("stuck", func(t *testing.T) {
		env := maps.Clone(env)
		env["INDEX"] += "-stuck"
		matrix(env, "rses: [DAVS1, ROOT1]", "protocols: [davs, root]", "naming_prefix: stuck-"+env["UNIQUE"], "size: 10kB", "rule_timeout: 5m")
		var code fail.Code
		var stdout, stderr string
		whileDaemonsRun(t, bed, func() { code, stdout, stderr = run(t, env) })
		if code != fail.Check {
			t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
		}
		wants(t, stdout, `(?m)^DAVS1 +davs( +\d\.\d\ds){4} +ROOT1 +STUCK +\d+\.\d\ds +failed: replica at ROOT1$`,
			`(?m)^ROOT1 +root( +\d\.\d\ds){4} +DAVS1 +STUCK +\d+\.\d\ds +failed: replica at DAVS1$`,
			`check FAILED +DAVS1 by davs: replica at ROOT1 +STUCK`)
		for id, d := range documents(t, env, "matrix") {
			checkIdentity(t, env, id, d)
			if d["rule_id"] == nil {
				if err := d.is(document{"state": "UPLOAD-SUCCESSFUL", "is_identical": 1, "error": "Error"}); err != nil || !strings.HasPrefix(fmt.Sprint(d["failed_step"]), "replica at ") || !strings.HasPrefix(fmt.Sprint(d["error_details"]), "STUCK") {
					t.Errorf("%v: %v", err, d)
				}
				continue
			}
			if err := d.is(document{"state": "STUCK", "is_stuck": 1, "is_done": 0, "is_replicating": 0, "is_timed_out": 0}); err != nil {
				t.Errorf("%v: %v", err, d)
			}
			checkFields(t, d, ruleFields()...)
		}
	})
	t.Run("timeout", func(t *testing.T) {
		env := maps.Clone(env)
		env["INDEX"] += "-timeout" // what is called stuck- is not OK before that
		matrix(env, "rses: [POSIX1]", "destinations: [ROOT1]", "naming_prefix: stuck-"+env["UNIQUE"], "size: 10kB", "rule_timeout: 0.1")
		code, stdout, stderr := run(t, env)
		if code != fail.Check {
			t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
		}
		wants(t, stdout, `(?m)^POSIX1 +file( +\d\.\d\ds){4} +ROOT1 +REPLICATING, timeout +\d+\.\d\ds +failed: replica at ROOT1$`,
			`check FAILED +POSIX1 by file: replica at ROOT1 +still REPLICATING after 0\.1 s`)
		states := map[string]int{}
		for id, d := range documents(t, env, "matrix") {
			states[d.key("state", "is_timed_out", "is_replicating", "replication_duration", "failed_step", "error_details")]++
			if !expired(t, env, fmt.Sprint(d["name"])) {
				t.Errorf("rules of %s go on", id)
			}
		}
		if want := map[string]int{
			"REPLICATING/1/1/<nil>/<nil>/<nil>": 1, "UPLOAD-SUCCESSFUL/<nil>/<nil>/<nil>/replica at ROOT1/still REPLICATING after 0.1 s": 1,
		}; !maps.Equal(states, want) {
			t.Errorf("documents %v", states)
		}
	})
	t.Run("refused and unknown", func(t *testing.T) {
		env := maps.Clone(env)
		env["INDEX"] += "-refused"
		matrix(env, "rses: [NO_SUCH_RSE, POSIX1, READONLY1]", "destinations: [NO_SUCH_RSE, READONLY1]", "replicate: all", "naming_prefix: "+env["UNIQUE"], "size: 10kB")
		code, stdout, stderr := run(t, env)
		if code != fail.Check {
			t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
		}
		wants(t, stdout, `(?m)^NO_SUCH_RSE +- +FAILED +- +- +- +- +- +- +failed: upload$`,
			`(?m)^POSIX1 +file( +\d\.\d\ds){4} +NO_SUCH_RSE +REFUSED +- +failed: rule to NO_SUCH_RSE\n +READONLY1 +REFUSED +-$`,
			`(?m)^READONLY1 +file +FAILED +- +- +- +- +- +- +failed: upload$`,
			`check FAILED +NO_SUCH_RSE: upload +.*RSENotFound: RSE 'NO_SUCH_RSE' cannot be found`,
			`check FAILED +READONLY1 by file: upload +upload: RSEWriteBlocked: READONLY1 is not available for writing`)
		states := map[string]int{}
		for _, d := range documents(t, env, "matrix") {
			states[d.key("to_rse", "protocol", "state", "failed_step", "error")]++
		}
		if want := map[string]int{
			"NO_SUCH_RSE/<nil>/UPLOAD-FAILED/upload/RSENotFound":                     1,
			"POSIX1/file/UPLOAD-SUCCESSFUL/rule to NO_SUCH_RSE/InvalidRSEExpression": 1,
			"READONLY1/file/UPLOAD-FAILED/upload/RSEWriteBlocked":                    1,
			"NO_SUCH_RSE/<nil>/REFUSED/<nil>/InvalidRSEExpression":                   1,
			"READONLY1/<nil>/REFUSED/<nil>/RSEWriteBlocked":                          1,
		}; !maps.Equal(states, want) {
			t.Errorf("documents %v", states)
		}
	})
}

// wants checks that each pattern is in text.
func wants(t *testing.T, text string, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		if !regexp.MustCompile(p).MatchString(text) {
			t.Errorf("nothing matches %s in\n%s", p, text)
		}
	}
}

// What is registered, but for which Rucio makes no rule, goes as well: nothing else would ever remove it.
func TestTransferMatrixRemovesWhatHasNoRule(t *testing.T) {
	bed, env := lake(t)
	rucio, err := url.Parse(bed.HTTPURL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(rucio)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.URL.Path != "/rules/" {
			proxy.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(http.StatusConflict)
		fmt.Fprint(w, `{"ExceptionClass": "InsufficientAccountLimit", "ExceptionMessage": "There is not enough quota left."}`)
	}))
	defer server.Close()
	direct := maps.Clone(env)
	env["RUCIO_CFG_CLIENT_RUCIO_HOST"], env["RUCIO_CFG_CLIENT_AUTH_HOST"] = server.URL, server.URL
	matrix(env, "rses: [POSIX1]", "replicate: none", "naming_prefix: "+env["UNIQUE"])
	code, stdout, stderr := run(t, env)
	if code != fail.Check {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	wants(t, stdout, `(?m)^POSIX1 +file +FAILED .* failed: upload$`, `POSIX1 by file: upload +.*registered, but has no rule: .*There is not enough quota left\.`)
	bed.Daemons(t, "reaper")
	if files, names := left(t, env["UNIQUE"], bed.State+"/storage"), registered(t, direct, env["UNIQUE"]); len(files)+len(names) > 0 {
		t.Errorf("left: %q, %q", files, names)
	}
}
