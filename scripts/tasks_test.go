package scripts_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/engine/cli"
	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
)

// run runs the command line with no other environment than env, and a spool of its own. It returns what it wrote.
func run(t *testing.T, env map[string]string, args ...string) (code fail.Code, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	s := cli.NewState("test")
	s.Args, s.Env = args, map[string]string{"RUCIO_TASK_MANAGER_SPOOL": t.TempDir()}
	maps.Copy(s.Env, env)
	s.Stdin, s.Stdout, s.Stderr = strings.NewReader(""), &out, &err
	s.Home, s.TempDir = t.TempDir(), t.TempDir()
	return fail.Code(cli.Run(t.Context(), s)), out.String(), err.String()
}

// login is the environment of a container that has the testbed's Rucio.
func login(bed *testbed.Env) map[string]string {
	return map[string]string{
		"RUCIO_CFG_CLIENT_RUCIO_HOST": bed.HTTPURL, "RUCIO_CFG_CLIENT_AUTH_HOST": bed.HTTPURL, "RUCIO_CFG_CLIENT_AUTH_TYPE": "userpass",
		"RUCIO_CFG_CLIENT_ACCOUNT": bed.Account, "RUCIO_CFG_CLIENT_USERNAME": bed.Username, "RUCIO_CFG_CLIENT_PASSWORD": bed.Password,
	}
}

// The original's definitions run as they are.
func TestDefinitionsAreTheOriginals(t *testing.T) {
	for ours, original := range map[string]string{
		"stubs.yml":                                        "ska/stubs.yml",
		"skao-dev/probes/service-heartbeats.yml":           "ska/skao-dev/probes/service-heartbeats.yml",
		"skao/probes/service_heartbeats.yml":               "escape/skao/probes/service_heartbeats.yml",
		"skao-dev/tests/upload-and-replication.yml":        "ska/skao-dev/tests/upload-and-replication.yml",
		"skao-dev/tests/upload-and-replication-random.yml": "ska/skao-dev/tests/upload-and-replication-random.yml",
		"skao-dev/tests/upload-size-limit.yml":             "ska/skao-dev/tests/upload-size-limit.yml",
		"skao/tests/upload-and-replication.yml":            "escape/skao/tests/upload-and-replication.yml",
	} {
		got, err := os.ReadFile(filepath.Join("../etc/tasks", ours))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join("../engine/task/testdata/original", original))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not the original's", ours)
		}
	}
}

func TestStubs(t *testing.T) {
	code, stdout, stderr := run(t, login(testbed.Require(t)), "run", "../etc/tasks/stubs.yml")
	if code != fail.OK {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	const line = `(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} `
	for _, want := range []string{
		line + `\[StubHelloWorld\]                stubs  INFO \d+\tHello World!$`,
		line + `\[StubRucioAPI\]                stubs  INFO \d+\tping: \{"version":"\d+\.\d+\.\d+[^"]*"\}$`,
		line + `\[StubRucioAPI\]                stubs  INFO \d+\twhoami: \{.*"account":"root".*\}$`,
	} {
		if !regexp.MustCompile(want).MatchString(stderr) {
			t.Errorf("no line matches %s in\n%s", want, stderr)
		}
	}
}

func TestStubNeedsItsText(t *testing.T) {
	code, stdout, _ := run(t, map[string]string{"TASK_FILE_YAML": "{a: {description: , module_name: tasks.stubs, class_name: StubHelloWorld, enabled: yes, args: , kwargs: {}}}"})
	if code != fail.Definition || !strings.Contains(stdout, "TASK_FILE_YAML:1: kwargs.text: is required") {
		t.Errorf("exit code %d\n%s", code, stdout)
	}
}

// services is the environment in which the definitions of testdata are filled in.
func services(t *testing.T, bed *testbed.Env, index string) map[string]string {
	t.Helper()
	es := testbed.RequireService(t, "elasticsearch")
	closed := httptest.NewServer(nil)
	closed.Close()
	hang := make(chan struct{})
	fake := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/two":
			fmt.Fprint(w, `{"a": 1, "b": null, "c": [2]}`)
		case "/text":
			fmt.Fprint(w, "all is well")
		case "/hangs":
			<-hang
		}
	}))
	t.Cleanup(fake.Close)
	t.Cleanup(func() { close(hang) })
	var ping struct{ Version string }
	get(t, bed.HTTPURL+"/ping", nil, &ping)
	return map[string]string{
		"RUCIO": bed.HTTPURL, "RUCIO_TLS": bed.TLSURL, "CA": bed.CA, "VERSION": ping.Version, "FAKE": fake.URL, "CLOSED": closed.URL,
		"ES": es["TESTBED_ES_URL"], "INDEX": index,
		"ELASTICSEARCH_USERNAME": es["TESTBED_ES_USERNAME"], "ELASTICSEARCH_PASSWORD": es["TESTBED_ES_PASSWORD"],
	}
}

func get(t *testing.T, url string, env map[string]string, into any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth(env["ELASTICSEARCH_USERNAME"], env["ELASTICSEARCH_PASSWORD"])
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s %v", url, answer.Status, text, err)
	}
}

type heartbeat struct {
	ID     string `json:"_id"`
	Source struct {
		Timestamp any     `json:"@timestamp"`
		Name      string  `json:"service_name"`
		Endpoint  string  `json:"service_endpoint"`
		Alive     int     `json:"is_alive"`
		Error     *string `json:"error"`
		Status    int     `json:"status_code"`
		Latency   float64 `json:"latency"`
		Days      *int    `json:"certificate_days_left"`
	} `json:"_source"`
}

// heartbeats returns the documents of an index, by service.
func heartbeats(t *testing.T, env map[string]string) map[string]heartbeat {
	t.Helper()
	get(t, env["ES"]+"/"+env["INDEX"]+"/_refresh", env, &struct{}{})
	var answer struct{ Hits struct{ Hits []heartbeat } }
	get(t, env["ES"]+"/"+env["INDEX"]+"/_search?size=1000", env, &answer)
	all := map[string]heartbeat{}
	for _, h := range answer.Hits.Hits {
		if _, twice := all[h.Source.Name]; twice {
			t.Errorf("two documents of %s", h.Source.Name)
		}
		all[h.Source.Name] = h
	}
	return all
}

func TestHeartbeats(t *testing.T) {
	env := services(t, testbed.Require(t), testbed.Unique("rtm-heartbeats-"))
	definition, err := os.ReadFile("testdata/heartbeats.yml")
	if err != nil {
		t.Fatal(err)
	}
	env["TASK_FILE_YAML"] = string(definition)
	code, stdout, stderr := run(t, env)
	if code != fail.Check {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	docs := heartbeats(t, env)
	for name, want := range map[string]string{ // parts of errors; empty: alive
		"rucio": "", "rucio-tls": "", "subset": "", "last": "",
		"upgraded":           `content mismatch, expected {"version":"1.29.0"} got {"version":"` + env["VERSION"] + `"}`,
		"gone":               "status code mismatch, expected 200 got 404",
		"not-json":           `content mismatch, expected {"a":1} got something that is not JSON`,
		"more-than-expected": `content mismatch, expected {"a":1} got {"a":1,"b":null,"c":[2]}`,
		"untrusted":          "certificate signed by unknown authority (ca: FILE in the definition trusts its authority, verify: false anyone)",
		"closed":             "connection refused",
		"unknown-host":       "lookup nowhere.invalid",
		"hangs":              "no answer in time",
	} {
		d := docs[name]
		switch {
		case d.ID == "":
			t.Errorf("%s: no document", name)
			continue
		case want == "" && (d.Source.Alive != 1 || d.Source.Error != nil):
			t.Errorf("%s: not alive: %v", name, *d.Source.Error)
		case want != "" && (d.Source.Alive != 0 || d.Source.Error == nil || !strings.Contains(*d.Source.Error, want)):
			t.Errorf("%s: got %+v, want %s", name, d.Source, want)
		}
		if _, err := time.ParseInLocation("2006-01-02T15:04:05.999999", fmt.Sprint(d.Source.Timestamp), time.Local); err != nil || len(d.ID) != 36 || d.Source.Latency <= 0 {
			t.Errorf("%s: %+v (%v)", name, d, err)
		}
		line := map[bool]string{true: "check passed: " + name + " is alive\n", false: "check failed: " + name + " is alive: "}[want == ""]
		if !strings.Contains(stderr, line) {
			t.Errorf("not in the log: %s", line)
		}
	}
	if len(docs) != 12 {
		t.Errorf("%d documents, want 12", len(docs))
	}
	if days := docs["rucio-tls"].Source.Days; days == nil || docs["rucio"].Source.Days != nil {
		t.Errorf("certificate_days_left: %v", days)
	}
	if status := docs["gone"].Source.Status; status != 404 {
		t.Errorf("status_code %d", status)
	}
	if strings.Contains(stdout+stderr, env["ELASTICSEARCH_PASSWORD"]) {
		t.Error("the password is in the output")
	}
	if t.Failed() {
		t.Log(stderr)
	}
}

// The older form keeps one document for each service: the last.
func TestHeartbeatsOlder(t *testing.T) {
	env := services(t, testbed.Require(t), testbed.Unique("rtm-heartbeats-"))
	definition, err := os.ReadFile("testdata/heartbeats-older.yml")
	if err != nil {
		t.Fatal(err)
	}
	env["TASK_FILE_YAML"] = string(definition)
	began := time.Now().UnixMilli()
	for range 2 {
		if code, stdout, stderr := run(t, env); code != fail.Check {
			t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
		}
	}
	docs := heartbeats(t, env)
	for name, alive := range map[string]int{"rucio": 1, "closed": 0} {
		d := docs[name]
		if at, ok := d.Source.Timestamp.(float64); !ok || int64(at) < began || at != float64(int64(at)) {
			t.Errorf("%s: @timestamp %v", name, d.Source.Timestamp)
		}
		if d.ID != name || d.Source.Alive != alive {
			t.Errorf("%s: %+v", name, d)
		}
	}
}
