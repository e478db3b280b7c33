package config_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/config"
)

// python runs a program of the testbed's virtual environment, which has the real Rucio client, with env as its whole
// environment, and returns what it prints.
func python(t *testing.T, env []string, args ...string) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), testbed.Require(t).Python, args...)
	cmd.Env, cmd.Stderr = append([]string{"RUCIO_CLIENT_MODE=1", "PATH=" + os.Getenv("PATH")}, env...), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python %q: %v\n%s", args, err, stderr.Bytes())
	}
	return out
}

// dump returns what Python's client reads from each file, see testdata/dump.py.
func dump(t *testing.T, paths ...string) []map[string]any {
	t.Helper()
	var found []map[string]any
	lines := bufio.NewScanner(bytes.NewReader(python(t, nil, append([]string{"testdata/dump.py"}, paths...)...)))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var read map[string]any
		if err := json.Unmarshal(lines.Bytes(), &read); err != nil {
			t.Fatal(err)
		}
		found = append(found, read)
	}
	if len(found) != len(paths) {
		t.Fatalf("python answered for %d of %d files", len(found), len(paths))
	}
	return found
}

// compare checks that a loaded configuration gives what Python read.
func compare(t *testing.T, cfg *config.Config, want map[string]any) {
	t.Helper()
	for section, options := range want {
		for option, wantValue := range options.(map[string]any) {
			v, err := cfg.Get(section, option)
			wantText, readable := wantValue.(string)
			if !readable {
				if err == nil {
					t.Errorf("[%s] %s: got %q, Python cannot read it: %v", section, option, v.Text(), wantValue)
				}
				continue
			}
			if err != nil {
				t.Errorf("[%s] %s: %v; Python reads %q", section, option, err, wantText)
			} else if v.Text() != wantText && (wantText != "" || v.Origin != "default") { // an empty text leaves the default
				t.Errorf("[%s] %s: got %q, Python reads %q", section, option, v.Text(), wantText)
			}
		}
	}
	for _, s := range cfg.Effective() {
		options, _ := want[s.Section].(map[string]any)
		if _, there := options[s.Option]; !there && s.Value.Origin != "default" {
			t.Errorf("[%s] %s from %s: Python does not see it", s.Section, s.Option, s.Value.Origin)
		}
	}
}

// TestFilesAsPython reads every file of testdata/files and every template that ships with Python's client, and compares
// each option with what the real Python client reads.
func TestFilesAsPython(t *testing.T) {
	bed := testbed.Require(t)
	paths, err := filepath.Glob("testdata/files/*.cfg")
	if err != nil || len(paths) < 15 {
		t.Fatalf("testdata/files: %v %v", paths, err)
	}
	templates, err := filepath.Glob(filepath.Join(filepath.Dir(filepath.Dir(bed.Python)), "rucio/etc/rucio*.template"))
	if err != nil || len(templates) == 0 {
		t.Fatalf("no templates in Python's installation: %v", err)
	}
	paths = append(paths, templates...)
	for i, want := range dump(t, paths...) {
		t.Run(filepath.Base(paths[i]), func(t *testing.T) {
			cfg, err := config.Load(config.Options{File: paths[i]})
			if _, wrong := want["error"].(string); wrong {
				if err == nil {
					t.Errorf("read it; Python says %v", want["error"])
				}
				return
			}
			if err != nil {
				t.Fatalf("Python reads it: %v", err)
			}
			compare(t, cfg, want)
		})
	}
}

// TestVariablesAsPython merges RUCIO_CFG_* variables as the image of rucio/containers does, with the real
// merge_rucio_configs.py, and compares what its Python client then reads.
func TestVariablesAsPython(t *testing.T) {
	bed := testbed.Require(t)
	file := `[DEFAULT]
where = everywhere
[client]
account = %(username)s
username = alice
rucio_host = https://%(host)s
host = one.example.org
[hermes]
services_list = email
`
	env := map[string]string{
		"RUCIO_CFG_CLIENT_USERNAME":                  "bob",
		"RUCIO_CFG_CLIENT_HOST":                      "two.example.org",
		"RUCIO_CFG_CLIENT_PASSWORD":                  "50%% of %(username)s",
		"RUCIO_CFG_CLIENT_AUTH_TOKEN_FILE_PATH":      "/tmp/%(where)s",
		"RUCIO_CFG_POLICY_LFN2PFN_ALGORITHM_DEFAULT": "hash",
		"RUCIO_CFG_MESSAGING_FTS3_PORT":              "61123",
		"RUCIO_CFG_MESSAGING_CACHE_PORT":             "1",
		"RUCIO_CFG_MESSAGING_HERMES_PORT":            "2",
		"RUCIO_CFG_MESSAGING_HERMES2_PORT":           "3",
		"RUCIO_CFG_MESSAGING_OTHER":                  "4",
		"RUCIO_CFG_NONGRID_TRACE_PORT":               "5",
		"RUCIO_CFG_TRACER_KRONOS_PREFIX_UNREGISTER":  "6",
		"RUCIO_CFG_Common_LogLevel":                  "DEBUG",
	}
	dir := t.TempDir()
	source, merged := filepath.Join(dir, "rucio.cfg"), filepath.Join(dir, "merged.cfg")
	if err := os.WriteFile(source, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	var pairs []string
	for name, value := range env {
		pairs = append(pairs, name+"="+value)
	}
	script := filepath.Join(filepath.Dir(filepath.Dir(bed.Python)), "rucio/tools/merge_rucio_configs.py")
	python(t, pairs, script, "--use-env", "-s", source, "-d", merged)
	cfg, err := config.Load(config.Options{Env: env, File: source})
	if err != nil {
		t.Fatal(err)
	}
	want := dump(t, merged)[0]
	if got := len(want); got < 9 || !strings.Contains(want["client"].(map[string]any)["password"].(string), "50% of bob") {
		t.Fatalf("the merged file is not what this test is about: %v", want)
	}
	compare(t, cfg, want)
}

// TestClientAsPython compares the [client] section, and the variables that win over it, with what Python's BaseClient
// makes of the same.
func TestClientAsPython(t *testing.T) {
	testbed.Require(t)
	dir := t.TempDir()
	path := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a, b, c := path("a"), path("b"), path("c")
	hosts := "rucio_host = https://rucio.example.org\nauth_host = https://auth.example.org\n"
	for name, test := range map[string]struct {
		file string
		env  map[string]string
	}{
		"file":     {"auth_type = userpass\nusername = me\npassword = p\naccount = root\nvo = abc\nrequest_retries = 7\nca_cert = " + a + "\n[trace]\ntrace_host = http://t\n", nil},
		"defaults": {"auth_type = userpass\nusername = me\npassword = p\n", nil},
		"variables": {"auth_type = ssh\naccount = root\nvo = abc\nca_cert = " + a + "\n", map[string]string{
			"RUCIO_AUTH_TYPE": "oidc", "RUCIO_ACCOUNT": "jane", "RUCIO_VO": "xyz", "X509_CERT_DIR": dir}},
		"oidc":            {"auth_type = oidc\noidc_scope = a b\noidc_audience = rucio\noidc_polling = 1\noidc_refresh_lifetime = 8\noidc_issuer = kc\n", nil},
		"x509":            {"auth_type = x509\nclient_cert = $DIR/a\nclient_key = ${DIR}/b\n", map[string]string{"DIR": dir}},
		"x509, variables": {"auth_type = x509\nclient_cert = /none\nclient_key = /none\n", map[string]string{"RUCIO_CLIENT_CERT": a, "RUCIO_CLIENT_KEY": b}},
		"proxy, file":     {"auth_type = x509_proxy\nclient_x509_proxy = ~/a\n", map[string]string{"HOME": dir, "X509_USER_PROXY": b}},
		"proxy, late":     {"auth_type = x509_proxy\nclient_x509_proxy =\n", map[string]string{"X509_USER_PROXY": b}},
		"proxy, variable": {"auth_type = x509_proxy\nclient_x509_proxy = " + a + "\n", map[string]string{"X509_USER_PROXY": b, "RUCIO_CLIENT_PROXY": c}},
		"proxy, atlas":    {"auth_type = x509_proxy\nclient_x509_proxy = $X509_USER_PROXY\n", map[string]string{"X509_USER_PROXY": b}},
		"ssh":             {"auth_type = ssh\nssh_private_key = ~/c\n", map[string]string{"HOME": dir}},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "rucio.cfg")
			if err := os.WriteFile(file, []byte("[client]\n"+hosts+test.file), 0o600); err != nil {
				t.Fatal(err)
			}
			env := map[string]string{"RUCIO_CONFIG": file}
			pairs := []string{"RUCIO_CONFIG=" + file}
			for name, value := range test.env {
				env[name] = value
				pairs = append(pairs, name+"="+value)
			}
			var want map[string]any
			if err := json.Unmarshal(python(t, pairs, "testdata/client.py"), &want); err != nil {
				t.Fatal(err)
			}
			cfg, err := config.Load(config.Options{Env: env})
			if err != nil {
				t.Fatal(err)
			}
			cl, err := cfg.Client()
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]any{
				"account": cl.Account, "vo": cl.VO, "auth_type": cl.AuthType, "ca_cert": cl.CACert, "retries": float64(cl.RequestRetries),
				"trace_host": cl.TraceHost, "creds": credentials(cl),
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got    %v\nPython %v", got, want)
			}
		})
	}
}

// credentials returns what Python's client calls creds, which depends on the type.
func credentials(cl *config.Client) map[string]any {
	text := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	switch cl.AuthType {
	case "userpass":
		return map[string]any{"username": cl.Username, "password": cl.Password.Reveal()}
	case "x509":
		return map[string]any{"client_cert": cl.ClientCert, "client_key": cl.ClientKey}
	case "x509_proxy":
		return map[string]any{"client_proxy": cl.Proxy}
	case "ssh":
		return map[string]any{"ssh_private_key": cl.SSHPrivateKey}
	}
	return map[string]any{
		"oidc_scope": cl.OIDC.Scope, "oidc_audience": text(cl.OIDC.Audience), "oidc_issuer": text(cl.OIDC.Issuer),
		"oidc_polling": cl.OIDC.Polling, "oidc_refresh_lifetime": text(cl.OIDC.RefreshLifetime),
	}
}
