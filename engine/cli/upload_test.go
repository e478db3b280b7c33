package cli

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
)

// atTestbed is a State with the testbed's Rucio.
func atTestbed(t *testing.T, args ...string) (s *State, stdout, stderr *strings.Builder) {
	t.Helper()
	s, stdout, stderr = atTerminal(t, args...)
	s.StdinTTY, s.StdoutTTY, s.StderrTTY = false, false, false
	s.Env["RUCIO_CFG_CLIENT_PASSWORD"] = testbed.Require(t).Password
	return s, stdout, stderr
}

// SIGTERM in the middle of an upload ends it: nothing is registered, what is half there is removed, the exit code tells.
func TestUploadIsStopped(t *testing.T) {
	signals, began, over := make(chan os.Signal), make(chan struct{}), make(chan struct{})
	var once sync.Once
	var mu sync.Mutex
	var deleted []string
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodPut:
			once.Do(func() { close(began) })
			buffer := make([]byte, 1000)
			_, _ = r.Body.Read(buffer)
			<-over // takes no more
		case http.MethodDelete:
			mu.Lock()
			deleted = append(deleted, r.URL.Path)
			mu.Unlock()
		default:
			http.NotFound(w, r)
		}
	}))
	defer door.Close()
	defer close(over)
	u, err := url.Parse(door.URL)
	if err != nil {
		t.Fatal(err)
	}
	rse, name := testbed.Unique("SLOW"), testbed.Unique("stopped-")
	s, _, stderr := atTestbed(t, "exec", "-e", `rucio.add_rse(kwargs.rse)
		local domain = { read = 1, write = 1, delete = 1 }
		rucio.add_protocol(kwargs.rse, { scheme = "http", hostname = "127.0.0.1", port = kwargs.port, prefix = "/slow/",
			impl = "rucio.rse.protocols.gfal.Default", domains = { wan = domain, lan = domain } })`, "rse="+rse, "port="+u.Port())
	if code := Run(t.Context(), s); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	path := write(t, filepath.Join(t.TempDir(), name), strings.Repeat("x", 20e6))
	s, stdout, stderr := atTestbed(t, "upload", path, path+"-none", "--rse", rse, "--scope", "test", "--workers", "1")
	s.Notify = func() (<-chan os.Signal, func()) { return signals, func() {} }
	go func() {
		<-began
		signals <- syscall.SIGTERM
	}()
	if code := Run(t.Context(), s); code != int(fail.Interrupted) || !strings.Contains(stdout.String(), "uploaded 0 files; ") ||
		!strings.Contains(stderr.String(), "stopped by signal: terminated") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	mu.Lock()
	if len(deleted) == 0 || !strings.Contains(deleted[0], name) {
		t.Errorf("removed %q", deleted)
	}
	mu.Unlock()
	s, stdout, stderr = atTestbed(t, "call", "get_did", "scope=test", "name="+name, "--output", "json")
	if code := Run(t.Context(), s); code != int(fail.Task) || !strings.Contains(stdout.String(), "DataIdentifierNotFound") {
		t.Errorf("it is registered: exit code %d, %s%s", code, stdout, stderr)
	}
}

// A storage that lets nobody in without a certificate is told of as such; one on the command line stands before a proxy of rucio.cfg,
// which this storage does not take.
func TestUploadWithACertificate(t *testing.T) {
	env := testbed.Require(t)
	vars := env.RequireService(t, "rses")
	path := write(t, filepath.Join(t.TempDir(), testbed.Unique("certificate-")), "content")
	upload := []string{"upload", path, "--rse", "DAVS1", "--scope", "test", "--ca-cert", env.CA}
	withCert := append(slices.Clone(upload), "--client-cert", vars["TESTBED_RSE_DAVS1_CERT"], "--client-key", vars["TESTBED_RSE_DAVS1_KEY"])
	for _, c := range []struct {
		args  []string
		proxy string
		code  fail.Code
		says  string
	}{
		{upload, "", fail.Auth, "hint: a storage takes a certificate or proxy (--client-proxy, X509_USER_PROXY)"},
		{upload, env.Proxy, fail.Auth, "hint: a storage takes a certificate or proxy (--client-proxy, X509_USER_PROXY)"},
		{withCert, env.Proxy, fail.OK, ""},
	} {
		s, stdout, stderr := atTestbed(t, c.args...)
		s.Env["RUCIO_CFG_CLIENT_CLIENT_X509_PROXY"] = c.proxy
		if code := Run(t.Context(), s); code != int(c.code) || !strings.Contains(stderr.String(), c.says) {
			t.Errorf("%v with %q: exit code %d, %s%s", c.args, c.proxy, code, stdout, stderr)
		}
	}
}
