package testbed

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestLoginByPassword(t *testing.T) {
	env := Require(t)
	for _, url := range []string{env.HTTPURL, env.TLSURL} {
		t.Run(strings.SplitN(url, ":", 2)[0], func(t *testing.T) {
			status, token := login(t, env, url+"/auth/userpass", "", "", map[string]string{
				"X-Rucio-Username": env.Username, "X-Rucio-Password": env.Password,
			})
			if status != http.StatusOK || token == "" {
				t.Errorf("status %d, token %q", status, token)
			}
		})
	}
}

// The server takes the name from the certificate that TLS verified, and from nowhere else.
func TestLoginByCertificate(t *testing.T) {
	env := Require(t)
	forged := map[string]string{"SSL_CLIENT_S_DN": "CN=Test User,DC=rucio-testbed,DC=org", "SSL-Client-S-DN": "CN=Test User,DC=rucio-testbed,DC=org"}
	for _, test := range []struct {
		name, url, cert, key string
		want                 int
	}{
		{"certificate", env.TLSURL, env.UserCert, env.UserKey, http.StatusOK},
		{"proxy", env.TLSURL, env.Proxy, env.Proxy, http.StatusOK},
		{"none over TLS", env.TLSURL, "", "", http.StatusUnauthorized},
		{"none over http", env.HTTPURL, "", "", http.StatusUnauthorized},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, token := login(t, env, test.url+"/auth/x509", test.cert, test.key, forged)
			if status != test.want || (token != "") != (test.want == http.StatusOK) {
				t.Errorf("status %d, token %q, want %d", status, token, test.want)
			}
		})
	}
}

// login asks for a token, with a client certificate if one is named, trusting the testbed's CA.
func login(t *testing.T, env *Env, url, cert, key string, headers map[string]string) (status int, token string) {
	t.Helper()
	pem, err := os.ReadFile(env.CA)
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{RootCAs: x509.NewCertPool()}
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		t.Fatalf("no certificate in %s", env.CA)
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	transport := &http.Transport{TLSClientConfig: config}
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Rucio-Account", env.Account)
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, resp.Header.Get("X-Rucio-Auth-Token")
}

func TestFilesExist(t *testing.T) {
	env := Require(t)
	for _, path := range []string{env.CA, env.CertDir, env.UserCert, env.UserKey, env.Proxy, env.SSHKey, env.Python, env.Config} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

// A rule made by the real client gets its copy from the real daemons, unless its DID never arrives.
func TestDaemonsTakeRulesToTheirEnd(t *testing.T) {
	env := Require(t)
	rules := map[string]string{}
	for name, want := range map[string]string{Unique("testbed-"): "OK", Unique("stuck-"): "STUCK"} {
		id := printed(env.PythonClient(t, `
import tempfile
from rucio.client import Client
from rucio.client.uploadclient import UploadClient
client = Client()
with tempfile.NamedTemporaryFile() as file:
    file.write(b"`+name+`")
    file.flush()
    UploadClient(client).upload([{"path": file.name, "rse": "POSIX1", "did_scope": "test", "did_name": "`+name+`"}])
print(client.add_replication_rule([{"scope": "test", "name": "`+name+`"}], 1, "POSIX2")[0])
`))
		rules[id] = want
	}
	env.Daemons(t, "conveyor-submitter", "conveyor-poller", "conveyor-finisher")
	for id, want := range rules {
		state := printed(env.PythonClient(t, `
from rucio.client import Client
print(Client().get_replication_rule("`+id+`")["state"])
`))
		if state != want {
			t.Errorf("rule %s: state %s after the daemons, want %s", id, state, want)
		}
	}
}

func printed(out []byte) string { return strings.TrimSpace(string(out)) }

func TestPythonClientPutsErrorsInTheFailure(t *testing.T) {
	env := Require(t)
	_, err := run(t.Context(), env.Python, env.State, "raise ValueError('no such thing')", "python", "-")
	if err == nil || !strings.Contains(err.Error(), "no such thing") {
		t.Errorf("error %v, want the traceback in it", err)
	}
}

func TestLoad(t *testing.T) {
	state := t.TempDir()
	text := "TESTBED_HTTP_URL=http://127.0.0.1:1\nTESTBED_CA=/tmp/a b=c.pem\nRUCIO_CONFIG=/x/rucio.cfg\nTESTBED_ES_URL=http://127.0.0.1:2\n"
	if err := os.WriteFile(filepath.Join(state, "env"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	env, err := load([]string{"TESTBED_STATE=" + state, "TESTBED_HTTP_URL=http://127.0.0.1:9", "TESTBED_TLS_URL=", "HOME=/x"})
	if err != nil {
		t.Fatal(err)
	}
	if env.HTTPURL != "http://127.0.0.1:9" {
		t.Errorf("HTTPURL %q, want the one of the environment", env.HTTPURL)
	}
	if env.CA != "/tmp/a b=c.pem" || env.Config != "/x/rucio.cfg" || env.State != state {
		t.Errorf("wrong paths: %+v", env)
	}
	if env.Vars["TESTBED_ES_URL"] != "http://127.0.0.1:2" || env.Vars["HOME"] != "" {
		t.Errorf("wrong variables: %v", env.Vars)
	}
}

func TestLoadNothing(t *testing.T) {
	state := t.TempDir()
	_, err := load([]string{"TESTBED_STATE=" + state})
	if err == nil || !strings.Contains(err.Error(), "no Rucio was started in "+state) {
		t.Errorf("error %v, want one that names %s", err, state)
	}
}

// recorder is a testing.TB that notes how a test ends.
type recorder struct {
	testing.TB
	end string
}

func (r *recorder) Helper()           {}
func (r *recorder) Skip(args ...any)  { r.stop("skip", args) }
func (r *recorder) Fatal(args ...any) { r.stop("fatal", args) }

func (r *recorder) stop(how string, args []any) {
	r.end = how + ": " + fmt.Sprint(args...)
	runtime.Goexit()
}

// ending returns how a test of that body would end.
func ending(t *testing.T, body func(testing.TB)) string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		body(r)
	}()
	<-done
	return r.end
}

func TestAbsentServersFailWhereTheyArePromised(t *testing.T) {
	t.Setenv("TESTBED_STATE", t.TempDir())
	t.Setenv("TESTBED_HTTP_URL", "")
	for _, test := range []struct{ ci, required, want string }{
		{"", "", "skip"}, {"false", "0", "skip"}, {"true", "", "fatal"}, {"", "1", "fatal"},
	} {
		t.Setenv("CI", test.ci)
		t.Setenv("TESTBED_REQUIRED", test.required)
		end := ending(t, func(tb testing.TB) { Require(tb) })
		if !strings.HasPrefix(end, test.want+": no testbed: ") || !strings.Contains(end, "testbed.py up") {
			t.Errorf("CI=%q TESTBED_REQUIRED=%q: %q, want %s with a hint", test.ci, test.required, end, test.want)
		}
	}
}

func TestRequireService(t *testing.T) {
	env := Require(t)
	if vars := env.RequireService(t, "trace"); vars["TESTBED_TRACE_URL"] != env.Vars["TESTBED_TRACE_URL"] {
		t.Errorf("variables %v, want the trace sink that runs", vars)
	}
	t.Setenv("CI", "true")
	end := ending(t, func(tb testing.TB) { env.RequireService(tb, "nope") })
	if !strings.HasPrefix(end, "fatal: no service nope: ") || !strings.Contains(end, "there are rucio, trace, ") {
		t.Errorf("%q, want the services that there are", end)
	}
}

func TestTracesAreKept(t *testing.T) {
	env := Require(t)
	name := Unique("trace-")
	body := strings.NewReader(`{"eventType": "touch", "scope": "test", "filename": "` + name + `"}`)
	resp, err := http.Post(env.HTTPURL+"/traces/", "application/json", body)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusCreated {
		t.Fatalf("trace: %s", resp.Status)
	}
	// the server answers when it has sent the trace on; the sink writes it a little later
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		traces, err := os.ReadFile(env.TraceFile)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(traces, []byte(name)) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("no trace of %s in %s", name, env.TraceFile)
		}
	}
}

func TestUnique(t *testing.T) {
	a, b := Unique("scope."), Unique("scope.")
	if !regexp.MustCompile(`^scope\.[0-9]{9}$`).MatchString(a) || a == b {
		t.Errorf("%q, %q: want nine digits each, not the same", a, b)
	}
}
