package cli

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
)

// TestIdentityScripts log in with certificates, proxies, ssh keys and Kerberos tickets, each of testdata/identity in its way.
func TestIdentityScripts(t *testing.T) {
	bed := testbed.Require(t)
	voms, kerberos := bed.RequireService(t, "voms"), bed.RequireService(t, "kdc")
	testscript.Run(t, testscript.Params{
		Dir: "testdata/identity",
		Setup: func(env *testscript.Env) error {
			for name, value := range map[string]string{
				"HTTP": bed.HTTPURL, "TLS": bed.TLSURL, "PKI": filepath.Dir(bed.CA), "USERCERT": bed.UserCert, "USERKEY": bed.UserKey, "PROXY": bed.Proxy, "SSHKEY": bed.SSHKey,
				"VOMSES": voms["TESTBED_VOMSES"], "VOMSDIR": voms["TESTBED_VOMSDIR"], "GSS": kerberos["TESTBED_GSS_URL"],
				"KEYTAB": kerberos["TESTBED_KRB5_KEYTAB"], "PRINCIPAL": kerberos["TESTBED_KRB5_USER"], "KRB5_CONFIG": kerberos["TESTBED_KRB5_CONFIG"],
				"RUCIO_CFG_CLIENT_RUCIO_HOST": bed.TLSURL, "RUCIO_CFG_CLIENT_AUTH_HOST": bed.TLSURL, "RUCIO_CFG_CLIENT_ACCOUNT": bed.Account,
				"X509_CERT_DIR": bed.CertDir, "UNIQUE": testbed.Unique("cli"),
			} {
				env.Setenv(name, value)
			}
			return setupScript(env)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": cmdExits, "envfile": cmdEnvFile,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// cmdEnvFile sets a variable to the text of a file: envfile NAME FILE; with "folded", its lines are separated by \n.
func cmdEnvFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) == 3 && args[2] != "folded" {
		ts.Fatalf("usage: envfile NAME FILE [folded]")
	}
	text := strings.TrimSuffix(ts.ReadFile(args[1]), "\n")
	if len(args) == 3 {
		text = strings.ReplaceAll(text, "\n", `\n`)
	}
	ts.Setenv(args[0], text)
}

// Each client of a run has a VO of its own in every request, the login's included.
func TestVOs(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen[r.URL.Path+" "+r.Header.Get("X-Rucio-VO")+" "+r.Header.Get("X-Rucio-Account")+" "+r.Header.Get("X-Rucio-Auth-Token")] = true
		mu.Unlock()
		if strings.HasPrefix(r.URL.Path, "/auth/") {
			w.Header().Set("X-Rucio-Auth-Token", "token-of-"+r.Header.Get("X-Rucio-VO"))
		}
		w.Write([]byte(`{"account": "x"}`))
	}))
	t.Cleanup(server.Close)
	s, _, stderr := newTestState(t, "exec", "-e", `
		rucio.whoami()
		rucio.client{ vo = "lsst", account = "panda" }.whoami()
	`)
	s.Notify = func() (<-chan os.Signal, func()) { return nil, func() {} }
	for name, value := range map[string]string{
		"RUCIO_CFG_CLIENT_RUCIO_HOST": server.URL, "RUCIO_CFG_CLIENT_AUTH_TYPE": "userpass", "RUCIO_CFG_CLIENT_USERNAME": "jane",
		"RUCIO_CFG_CLIENT_PASSWORD": "hunter2", "RUCIO_CFG_CLIENT_ACCOUNT": "root", "RUCIO_CFG_CLIENT_VO": "ska",
	} {
		s.Env[name] = value
	}
	if code := Run(t.Context(), s); code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	for _, want := range []string{
		"/auth/userpass ska root ", "/accounts/whoami ska root token-of-ska", "/auth/userpass lsst panda ", "/accounts/whoami lsst panda token-of-lsst",
	} {
		if !seen[want] {
			t.Errorf("no request %q in %v", want, seen)
		}
	}
}

// A passphrase is asked for where somebody is there, and is not shown.
func TestPassphrasePrompt(t *testing.T) {
	s, stdout, stderr := atTerminal(t, "call", "whoami")
	bed := testbed.Require(t)
	key := filepath.Join(t.TempDir(), "key.pem")
	if out, err := exec.CommandContext(t.Context(), "openssl", "pkcs8", "-topk8", "-in", bed.UserKey, "-out", key, "-passout", "pass:open sesame").CombinedOutput(); err != nil {
		t.Fatalf("openssl: %v\n%s", err, out)
	}
	for name, value := range map[string]string{
		"RUCIO_CFG_CLIENT_RUCIO_HOST": bed.TLSURL, "RUCIO_CFG_CLIENT_AUTH_TYPE": "x509", "RUCIO_CFG_CLIENT_CA_CERT": bed.CA,
		"RUCIO_CFG_CLIENT_CLIENT_CERT": bed.UserCert, "RUCIO_CFG_CLIENT_CLIENT_KEY": key,
	} {
		s.Env[name] = value
	}
	s.ReadPassword = func() (string, error) { return "open sesame", nil }
	if code := Run(t.Context(), s); code != 0 || !strings.Contains(stdout.String(), `"root"`) {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	if want := "passphrase of the client certificate " + bed.UserCert + ": \n"; stderr.String() != want {
		t.Errorf("asked %q, want %q", stderr, want)
	}
	s.TempDir = t.TempDir() // without the token
	s.ReadPassword = func() (string, error) { return "", nil }
	if code := Run(t.Context(), s); code != int(fail.Config) || !strings.Contains(stderr.String(), ": nothing was typed\n") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}

func TestExpiredProxyIsShown(t *testing.T) {
	bed := testbed.Require(t)
	s, stdout, stderr := newTestState(t, "auth", "proxy", "info", bed.Proxy)
	s.Now = func() time.Time { return time.Now().AddDate(2, 0, 0) }
	if code := Run(t.Context(), s); code != int(fail.Auth) {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(stdout.String(), "timeleft  : 00:00:00\n") || !strings.Contains(stderr.String(), "rucio-task-manager: the proxy expired at 20") {
		t.Errorf("printed %s%s", stdout, stderr)
	}
}
