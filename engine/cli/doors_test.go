package cli

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/logging"
	"github.com/rucio-task-manager/rucio-task-manager/engine/redact"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/config"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// newDoors makes the doors of a run with an environment and a rucio.cfg.
func newDoors(t *testing.T, env map[string]string, login rucio.Credentials) doors {
	t.Helper()
	s, _, _ := newTestState(t)
	s.Env = env
	p := &program{State: s, redactor: &redact.Redactor{}, log: logging.Discard()}
	cfg, err := config.Load(config.Options{Env: env})
	if err != nil {
		t.Fatal(err)
	}
	settings, err := cfg.ClientWithoutServer()
	if err != nil {
		t.Fatal(err)
	}
	return doors{session: &session{p: p}, settings: settings, config: cfg, login: login}
}

func write(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestS3Keys(t *testing.T) {
	home := t.TempDir()
	write(t, filepath.Join(home, "etc", accountsFile), `{
		"s3.example.org": {"access_key": "A1", "secret_key": "secret-1", "region": "eu"},
		"s3.example.org:9000": {"access_key": "A2", "secret_key": "secret-2", "is_secure": false},
		"NAMED_RSE": {"access_key": "A3", "secret_key": "secret-3"}, "WEBDAV": {"auth_type": "cert"}}`)
	wrong := t.TempDir()
	write(t, filepath.Join(wrong, "etc", accountsFile), `{`)
	for _, c := range []struct {
		endpoint string
		env      map[string]string
		want     storage.S3Keys
		err      string
	}{
		{"s3.example.org", map[string]string{"RUCIO_HOME": home}, storage.S3Keys{Access: "A1", Secret: "secret-1", Region: "eu"}, ""},
		{"s3.example.org:443", map[string]string{"RUCIO_HOME": home}, storage.S3Keys{Access: "A1", Secret: "secret-1", Region: "eu"}, ""},
		{"s3.example.org:9000", map[string]string{"RUCIO_HOME": home}, storage.S3Keys{Access: "A2", Secret: "secret-2", Plain: true}, ""},
		{"h:1", map[string]string{"AWS_ACCESS_KEY_ID": "A4", "AWS_SECRET_ACCESS_KEY": "secret-4", "AWS_REGION": "us"}, storage.S3Keys{Access: "A4", Secret: "secret-4", Region: "us"}, ""},
		{"h:1", map[string]string{"S3_ACCESS_KEY": "A5", "S3_SECRET_KEY": "secret-5", "AWS_ENDPOINT_URL": "http://h:1"}, storage.S3Keys{Access: "A5", Secret: "secret-5", Plain: true}, ""},
		{"h:2", map[string]string{"S3_ACCESS_KEY": "A5", "S3_SECRET_KEY": "secret-5", "AWS_ENDPOINT_URL": "http://h:1"}, storage.S3Keys{},
			"log in s3://h:2: there are no keys: no rse-accounts.cfg was found, and AWS_ACCESS_KEY_ID is not set"},
		{"h:1", map[string]string{"RUCIO_HOME": home, "AWS_ACCESS_KEY_ID": "A4"}, storage.S3Keys{},
			"log in s3://h:1: there are no keys: " + home + "/etc/rse-accounts.cfg has none for it, and AWS_ACCESS_KEY_ID is not set"},
		{"h:1", map[string]string{"RUCIO_HOME": wrong}, storage.S3Keys{}, "read the keys of RSEs in " + wrong + "/etc/rse-accounts.cfg: unexpected end of JSON input"},
	} {
		d := newDoors(t, c.env, nil)
		got, err := d.s3Keys(c.endpoint)
		if text := errorText(err); got != c.want && err == nil || text != c.err {
			t.Errorf("%s with %v: %+v, %v", c.endpoint, c.env, got, err)
		}
		if err == nil && d.p.redactor.String(got.Secret.Reveal()) != redact.Mark {
			t.Errorf("%s: its secret is shown", c.endpoint)
		}
	}
	_, err := newDoors(t, map[string]string{}, nil).s3Keys("h:1")
	if fail.CodeOf(err) != fail.Auth || !strings.Contains(fail.HintOf(err), `add {"h:1": {"access_key"`) {
		t.Errorf("exit code %v, hint %s", fail.CodeOf(err), fail.HintOf(err))
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// given are credentials with a token.
type given rucio.Secret

func (g given) Token(context.Context) (rucio.Secret, error) { return rucio.Secret(g), nil }
func (g given) Renew(context.Context, rucio.Secret) (rucio.Secret, error) {
	return rucio.Secret(g), nil
}

// Storage gets the session's token when an identity provider made it, else what the grid's tools have left.
func TestStorageToken(t *testing.T) {
	file := write(t, filepath.Join(t.TempDir(), "token"), "in.a.file\n")
	for _, c := range []struct {
		login rucio.Credentials
		env   map[string]string
		want  string
	}{
		{nil, map[string]string{"BEARER_TOKEN": "a.b.c"}, "a.b.c"},
		{nil, map[string]string{"BEARER_TOKEN_FILE": file}, "in.a.file"},
		{nil, map[string]string{"XDG_RUNTIME_DIR": t.TempDir()}, ""},
		{given("s.j.t"), map[string]string{"RUCIO_CFG_CLIENT_AUTH_TYPE": "oidc", "BEARER_TOKEN": "a.b.c"}, "s.j.t"},
		{given("root-ddmlab-/C=X-1234"), map[string]string{"RUCIO_CFG_CLIENT_AUTH_TYPE": "oidc", "BEARER_TOKEN": "a.b.c"}, "a.b.c"},
		{given("s.j.t"), map[string]string{"RUCIO_CFG_CLIENT_AUTH_TYPE": "userpass", "BEARER_TOKEN": "a.b.c"}, "a.b.c"},
	} {
		d := newDoors(t, c.env, c.login)
		d.p.UID = 54321 // who has left nothing in /tmp
		if got, err := d.token(t.Context(), "davs://h/x"); got.Reveal() != c.want || err != nil {
			t.Errorf("%v: token %s, %v, want %s", c.env, got.Reveal(), err, c.want)
		}
	}
	d := newDoors(t, map[string]string{"BEARER_TOKEN_FILE": t.TempDir()}, nil)
	if _, err := d.token(t.Context(), ""); fail.CodeOf(err) != fail.Config || !strings.Contains(err.Error(), "it is not a regular file") {
		t.Errorf("a folder as a token: %v", err)
	}
}

func TestLocation(t *testing.T) {
	p := &program{State: &State{Env: map[string]string{"ATLAS_SITE_NAME": "A", "OSG_SITE_NAME": "O", "RUCIO_LATITUDE": "46.2", "RUCIO_LONGITUDE": "east"}}}
	if at := p.location(); at.Site != "A" || *at.Latitude != 46.2 || at.Longitude != nil {
		t.Errorf("%+v", at)
	}
}

// Scripts get in at a storage with the token of the environment, over TLS alone, and without a Rucio.
func TestScriptsReachStorage(t *testing.T) {
	const token = "head.body.signature-of-it"
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); (r.TLS != nil) != (got == "Bearer "+token) {
			http.Error(w, "token "+got, http.StatusForbidden)
			return
		}
		w.Header().Set("Content-Length", "5")
	})
	secure, plain := httptest.NewTLSServer(handler), httptest.NewServer(handler)
	defer secure.Close()
	defer plain.Close()
	ca := write(t, filepath.Join(t.TempDir(), "ca.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})))
	const script = `print(storage.stat(kwargs.pfn).size, env.get("BEARER_TOKEN"))`
	for pfn, want := range map[string]string{secure.URL + "/x": "5\t[redacted]\n", plain.URL + "/x": "5\t[redacted]\n"} {
		s, stdout, stderr := newTestState(t, "exec", "--ca-cert", ca, "-e", script, "pfn="+pfn)
		s.Env["BEARER_TOKEN"] = token
		s.Notify = func() (<-chan os.Signal, func()) { return nil, func() {} }
		if code := Run(t.Context(), s); code != 0 || stdout.String() != want {
			t.Errorf("%s: exit code %d, %s%s", pfn, code, stdout, stderr)
		}
	}
	s, _, stderr := newTestState(t, "exec", "-e", script, "pfn="+secure.URL+"/x")
	s.Notify = func() (<-chan os.Signal, func()) { return nil, func() {} }
	if code := Run(t.Context(), s); code != int(fail.Unavailable) || !strings.Contains(stderr.String(), "hint: if you trust the server, name its certificate authority") {
		t.Errorf("of an unknown authority: exit code %d, %s", code, stderr)
	}
}
