package config_test

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/engine/suggest"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/config"
)

// disk is a file system of a few files.
type disk map[string]string

func (d disk) read(path string) ([]byte, error) {
	if text, found := d[path]; found {
		return []byte(text), nil
	}
	return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
}

// get returns an option of [client], which must be readable.
func get(t *testing.T, cfg *config.Config, option string) config.Value {
	t.Helper()
	v, err := cfg.Get("client", option)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestPrecedence sets one option in every place and takes away the winning place, one after the other.
func TestPrecedence(t *testing.T) {
	opts := config.Options{
		File:      "/etc/rucio.cfg",
		Overrides: map[string]string{"account": "from-override", "client_x509_proxy": "/override", "ca_cert": "/override"},
		Env: map[string]string{
			"RUCIO_CFG_CLIENT_ACCOUNT": "from-new", "RUCIO_CFG_ACCOUNT": "from-old", "RUCIO_ACCOUNT": "from-python",
			"RUCIO_CFG_CLIENT_CLIENT_X509_PROXY": "/new", "RUCIO_CFG_CLIENT_X509_PROXY": "/old", "RUCIO_CLIENT_PROXY": "/python", "X509_USER_PROXY": "/late",
			"RUCIO_CFG_CLIENT_CA_CERT": "/new", "RUCIO_CFG_CA_CERT": "/old", "X509_CERT_DIR": "/python", "REQUESTS_CA_BUNDLE": "/late", "CURL_CA_BUNDLE": "/latest",
		},
	}
	file := disk{"/etc/rucio.cfg": "[DEFAULT]\nVO = deflt\n[client]\naccount = from-file\nclient_x509_proxy = /file\nca_cert = /file\n"}
	opts.ReadFile = file.read
	type step struct {
		option, text, origin string
		remove               func()
	}
	unset := func(name string) func() { return func() { delete(opts.Env, name) } }
	override := func(name string) func() { return func() { delete(opts.Overrides, name) } }
	line := func(text string) func() {
		return func() { file["/etc/rucio.cfg"] = strings.Replace(file["/etc/rucio.cfg"], text, "", 1) }
	}
	for _, s := range []step{
		{"account", "from-override", "command line", override("account")},
		{"account", "from-new", "RUCIO_CFG_CLIENT_ACCOUNT", unset("RUCIO_CFG_CLIENT_ACCOUNT")},
		{"account", "from-old", "RUCIO_CFG_ACCOUNT", unset("RUCIO_CFG_ACCOUNT")},
		{"account", "from-python", "RUCIO_ACCOUNT", unset("RUCIO_ACCOUNT")},
		{"account", "from-file", "/etc/rucio.cfg:4", line("account = from-file\n")},
		{"account", "", "", func() {}},
		{"client_x509_proxy", "/override", "command line", override("client_x509_proxy")},
		{"client_x509_proxy", "/new", "RUCIO_CFG_CLIENT_CLIENT_X509_PROXY", unset("RUCIO_CFG_CLIENT_CLIENT_X509_PROXY")},
		{"client_x509_proxy", "/old", "RUCIO_CFG_CLIENT_X509_PROXY", unset("RUCIO_CFG_CLIENT_X509_PROXY")},
		{"client_x509_proxy", "/python", "RUCIO_CLIENT_PROXY", unset("RUCIO_CLIENT_PROXY")},
		{"client_x509_proxy", "/file", "/etc/rucio.cfg:4", line("client_x509_proxy = /file\n")},
		{"client_x509_proxy", "/late", "X509_USER_PROXY", unset("X509_USER_PROXY")},
		{"client_x509_proxy", "", "", func() {}},
		{"ca_cert", "/override", "command line", override("ca_cert")},
		{"ca_cert", "/new", "RUCIO_CFG_CLIENT_CA_CERT", unset("RUCIO_CFG_CLIENT_CA_CERT")},
		{"ca_cert", "/old", "RUCIO_CFG_CA_CERT", unset("RUCIO_CFG_CA_CERT")},
		{"ca_cert", "/python", "X509_CERT_DIR", unset("X509_CERT_DIR")},
		{"ca_cert", "/file", "/etc/rucio.cfg:4", line("ca_cert = /file\n")},
		{"ca_cert", "/late", "REQUESTS_CA_BUNDLE", unset("REQUESTS_CA_BUNDLE")},
		{"ca_cert", "/latest", "CURL_CA_BUNDLE", unset("CURL_CA_BUNDLE")},
		{"ca_cert", "", "", func() {}},
		{"vo", "deflt", "/etc/rucio.cfg:2", line("VO = deflt\n")},
		{"vo", "def", "default", func() {}},
	} {
		cfg, err := config.Load(opts)
		if err != nil {
			t.Fatal(err)
		}
		if v := get(t, cfg, s.option); v.Text() != s.text || v.Origin != s.origin {
			t.Errorf("%s: got %q from %q, want %q from %q", s.option, v.Text(), v.Origin, s.text, s.origin)
		}
		s.remove()
	}
}

// Every old name, and every variable of Python's client and of the entrypoint, sets its option.
func TestNames(t *testing.T) {
	for variable, option := range map[string]string{
		"RUCIO_CFG_ACCOUNT": "account", "RUCIO_CFG_AUTH_TYPE": "auth_type", "RUCIO_CFG_AUTH_HOST": "auth_host", "RUCIO_CFG_RUCIO_HOST": "rucio_host",
		"RUCIO_CFG_USERNAME": "username", "RUCIO_CFG_PASSWORD": "password", "RUCIO_CFG_OIDC_SCOPE": "oidc_scope", "RUCIO_CFG_OIDC_AUDIENCE": "oidc_audience",
		"RUCIO_CFG_CLIENT_CERT": "client_cert", "RUCIO_CFG_CLIENT_KEY": "client_key", "RUCIO_CFG_CLIENT_CLIENT_CERT": "client_cert",
		"RUCIO_CFG_CLIENT_CLIENT_KEY": "client_key", "RUCIO_CFG_CLIENT_CERT_VALUE": "client_cert_value", "RUCIO_CFG_CLIENT_KEY_VALUE": "client_key_value",
		"RUCIO_ACCOUNT": "account", "RUCIO_AUTH_TYPE": "auth_type", "RUCIO_VO": "vo", "RUCIO_CLIENT_CERT": "client_cert", "RUCIO_CLIENT_KEY": "client_key",
		"RUCIO_CLIENT_PROXY": "client_x509_proxy", "X509_USER_PROXY": "client_x509_proxy", "VOMS": "voms", "OIDC_CLIENT_ID": "oidc_client_id",
		"OIDC_CLIENT_SECRET": "oidc_client_secret", "OIDC_TOKEN_ENDPOINT": "oidc_token_endpoint", "OIDC_ACCESS_TOKEN": "oidc_access_token",
		"OIDC_AGENT_AUTH_CLIENT_CFG_VALUE": "oidc_agent_cfg_value", "OIDC_AGENT_AUTH_CLIENT_CFG_PASSWORD": "oidc_agent_cfg_password",
		"RUCIO_CFG_CLIENT_SSH_PRIVATE_KEY": "ssh_private_key", "RUCIO_CFG_CLIENT_REQUEST_RETRIES": "request_retries",
	} {
		cfg, err := config.Load(config.Options{Env: map[string]string{variable: "7"}, ReadFile: disk{}.read})
		if err != nil {
			t.Fatal(err)
		}
		if v := get(t, cfg, option); v.Text() != "7" || v.Origin != variable {
			t.Errorf("%s: %s is %q from %q", variable, option, v.Text(), v.Origin)
		}
	}
}

// Helm renders a null value as an empty variable.
func TestEmptyIsNotSet(t *testing.T) {
	cfg, err := config.Load(config.Options{
		Env: map[string]string{
			"RUCIO_CONFIG": "", "RUCIO_HOME": "", "RUCIO_CFG_CLIENT_ACCOUNT": "", "RUCIO_ACCOUNT": "", "RUCIO_CFG_CLIENT_USERNAME": "",
			"RUCIO_CFG_CLIENT_PASSWORD": "", "RUCIO_CFG_CLIENT_PASSWORD_FILE": "/run/password", "RUCIO_CFG_CLIENT_VO": "",
		},
		Overrides: map[string]string{"username": ""},
		ReadFile:  disk{"/opt/rucio/etc/rucio.cfg": "[client]\naccount = root\nusername = ddmlab\nvo =\n", "/run/password": "secret\n"}.read,
	})
	if err != nil {
		t.Fatal(err)
	}
	for option, want := range map[string]string{"account": "root", "username": "ddmlab", "password": "secret", "vo": "def"} {
		if v := get(t, cfg, option); v.Text() != want {
			t.Errorf("%s is %q from %q, want %q", option, v.Text(), v.Origin, want)
		}
	}
}

func TestWhereTheFileIs(t *testing.T) {
	all := disk{}
	for _, path := range []string{"/flag.cfg", "/conf.cfg", "/home/etc/rucio.cfg", "/venv/etc/rucio.cfg", "/conda/etc/rucio.cfg", "/opt/rucio/etc/rucio.cfg", "/opt/user/rucio.default.cfg"} {
		all[path] = "[client]\n"
	}
	env := map[string]string{"RUCIO_CONFIG": "/conf.cfg", "RUCIO_HOME": "/home", "VIRTUAL_ENV": "/venv", "CONDA_PREFIX": "/conda"}
	check := func(file, want string) {
		t.Helper()
		cfg, err := config.Load(config.Options{File: file, Env: env, ReadFile: all.read})
		if err != nil {
			t.Fatal(err)
		}
		if cfg.Path() != want {
			t.Errorf("read %q, want %q", cfg.Path(), want)
		}
	}
	check("/flag.cfg", "/flag.cfg")
	check("", "/conf.cfg")
	delete(env, "RUCIO_CONFIG")
	for _, want := range []string{"/home/etc/rucio.cfg", "/venv/etc/rucio.cfg", "/conda/etc/rucio.cfg", "/opt/rucio/etc/rucio.cfg", "/opt/user/rucio.default.cfg"} {
		check("", want)
		delete(all, want)
	}
	check("", "")
}

func TestSecretsByFile(t *testing.T) {
	files := disk{"/run/password": "50%off %(x)s \r\n", "/run/key": "line\nline\n", "/run/client-secret": "s3cret", "/run/empty": "\n"}
	cfg, err := config.Load(config.Options{ReadFile: files.read, Env: map[string]string{
		"RUCIO_CFG_PASSWORD_FILE": "/run/password", "RUCIO_CFG_CLIENT_KEY_VALUE_FILE": "/run/key", "OIDC_CLIENT_SECRET_FILE": "/run/client-secret",
		"RUCIO_CFG_CLIENT_USERNAME_FILE": "/run/password", // not a secret: an option of that name
	}})
	if err != nil {
		t.Fatal(err)
	}
	for option, want := range map[string]string{"password": "50%off %(x)s ", "client_key_value": "line\nline", "oidc_client_secret": "s3cret", "username_file": "/run/password", "username": ""} {
		if v := get(t, cfg, option); v.Text() != want {
			t.Errorf("%s is %q, want %q", option, v.Text(), want)
		}
	}
}

// The file of an access token is known: somebody may put a newer one there.
func TestAccessTokenFile(t *testing.T) {
	for _, variable := range []string{"OIDC_ACCESS_TOKEN", "RUCIO_CFG_CLIENT_OIDC_ACCESS_TOKEN"} {
		for suffix, want := range map[string]string{"": "", "_FILE": "/run/token"} {
			value := map[string]string{"": "abc", "_FILE": "/run/token"}[suffix]
			cfg, err := config.Load(config.Options{ReadFile: disk{"/run/token": "abc\n"}.read,
				Env: map[string]string{"RUCIO_CFG_CLIENT_RUCIO_HOST": "https://a", variable + suffix: value}})
			if err != nil {
				t.Fatal(err)
			}
			got, err := cfg.Client()
			if err != nil || got.OIDC.AccessToken != "abc" || got.OIDC.AccessTokenFile != want {
				t.Errorf("%s%s: got file %q, %v, want %q", variable, suffix, got.OIDC.AccessTokenFile, err, want)
			}
		}
	}
}

func TestPercentInVariables(t *testing.T) {
	cfg, err := config.Load(config.Options{ReadFile: disk{"/opt/rucio/etc/rucio.cfg": "[client]\nusername = ddmlab\n"}.read, Env: map[string]string{
		"RUCIO_CFG_CLIENT_PASSWORD":       "50%off%%",
		"RUCIO_CFG_CLIENT_OIDC_ISSUER":    "100%%",
		"RUCIO_CFG_CLIENT_ACCOUNT":        "%(username)s-%(password)s",
		"RUCIO_VO":                        "a%%b%c",
		"RUCIO_CFG_CLIENT_OIDC_CLIENT_ID": "%(nowhere)s",
	}})
	if err != nil {
		t.Fatal(err)
	}
	for option, want := range map[string]string{"password": "50%off%%", "oidc_issuer": "100%", "account": "ddmlab-50%off%%", "vo": "a%%b%c"} {
		if v := get(t, cfg, option); v.Text() != want {
			t.Errorf("%s is %q, want %q", option, v.Text(), want)
		}
	}
	_, err = cfg.Get("client", "oidc_client_id")
	if want := `RUCIO_CFG_CLIENT_OIDC_CLIENT_ID: oidc_client_id: refers to %(nowhere)s, but there is no option "nowhere" in this section or [DEFAULT]`; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestWrongLoads(t *testing.T) {
	files := disk{"/run/password": "x", "/run/empty": "\n"}
	for want, opts := range map[string]config.Options{
		"RUCIO_CONFIG: cannot read /none.cfg: file does not exist":                   {Env: map[string]string{"RUCIO_CONFIG": "/none.cfg"}},
		"command line: cannot read /none.cfg: file does not exist":                   {File: "/none.cfg"},
		"--config: cannot read /none.cfg: file does not exist":                       {File: "/none.cfg", OverrideOrigin: "--config"},
		"RUCIO_CFG_CLIENT_PASSWORD_FILE: cannot read /run/none: file does not exist": {Env: map[string]string{"RUCIO_CFG_CLIENT_PASSWORD_FILE": "/run/none"}},
		"RUCIO_CFG_CLIENT_PASSWORD_FILE: /run/empty is empty":                        {Env: map[string]string{"RUCIO_CFG_CLIENT_PASSWORD_FILE": "/run/empty"}},
		"RUCIO_CFG_CLIENT_PASSWORD_FILE: password: is set by RUCIO_CFG_CLIENT_PASSWORD as well": {Env: map[string]string{
			"RUCIO_CFG_CLIENT_PASSWORD_FILE": "/run/password", "RUCIO_CFG_CLIENT_PASSWORD": "y"}},
	} {
		opts.ReadFile = files.read
		if _, err := config.Load(opts); err == nil || err.Error() != want {
			t.Errorf("got %v\nwant %s", err, want)
		}
	}
	_, err := config.Load(config.Options{ReadFile: func(path string) ([]byte, error) {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrPermission}
	}})
	if want := "cannot read /opt/rucio/etc/rucio.cfg: permission denied"; err == nil || err.Error() != want || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestWarnings(t *testing.T) {
	cfg, err := config.Load(config.Options{
		Suggest:  suggest.Hint,
		ReadFile: disk{"/opt/rucio/etc/rucio.cfg": "[client]\nrucio_hosts = https://a\n[policy]\npermision = x\n"}.read,
		Env: map[string]string{
			"RUCIO_CFG_ACCOUNT": "a", "RUCIO_CFG_CLIENT_ACCOUNT": "b", "RUCIO_CFG_USERNAME": "same", "RUCIO_CFG_CLIENT_USERNAME": "same",
			"RUCIO_CFG_CLIENT_PASWORD": "x", "RUCIO_CFG_FOO": "x", "RUCIO_CFG_CLIENT_CA_CERT": "False",
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"RUCIO_CFG_FOO names no option: write RUCIO_CFG_<SECTION>_<OPTION>",
		"RUCIO_CFG_ACCOUNT is ignored, as RUCIO_CFG_CLIENT_ACCOUNT is set too",
		`RUCIO_CFG_CLIENT_PASWORD: no option "pasword" in [client]; did you mean "password"?`,
		`/opt/rucio/etc/rucio.cfg:2: no option "rucio_hosts" in [client]; did you mean "rucio_host"?`,
		"RUCIO_CFG_CLIENT_CA_CERT: ca_cert is off, so that certificates are not verified: anybody on the way can read the password",
	}
	if got := cfg.Warnings(); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestEffectiveAndSecrets(t *testing.T) {
	cfg, err := config.Load(config.Options{
		ReadFile: disk{"/opt/rucio/etc/rucio.cfg": "[DEFAULT]\nx = 1\n[client]\naccount = root\nbroken = %\n[database]\ndefault = postgresql://rucio:hunter2@db/rucio\n[bootstrap]\nuserpass_pwd = hunter2\n"}.read,
		Env:      map[string]string{"RUCIO_CFG_CLIENT_PASSWORD": "hunter2", "OIDC_ACCESS_TOKEN": "hunter2", "RUCIO_CFG_CLIENT_AUTH_TOKEN_FILE_PATH": "/tmp/token"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, s := range cfg.Effective() {
		rows = append(rows, fmt.Sprintf("%s.%s=%v (%s) %t", s.Section, s.Option, s.Value, s.Value.Origin, s.Err != nil))
	}
	want := []string{
		"bootstrap.userpass_pwd=[redacted] (/opt/rucio/etc/rucio.cfg:9) false",
		"bootstrap.x=1 (/opt/rucio/etc/rucio.cfg:2) false",
		"client.account=root (/opt/rucio/etc/rucio.cfg:4) false",
		"client.auth_oidc_refresh_active=False (default) false",
		"client.auth_oidc_refresh_before_exp=20 (default) false",
		"client.auth_token_file_path=/tmp/token (RUCIO_CFG_CLIENT_AUTH_TOKEN_FILE_PATH) false",
		"client.broken=% (/opt/rucio/etc/rucio.cfg:5) true",
		"client.oidc_access_token=[redacted] (OIDC_ACCESS_TOKEN) false",
		"client.oidc_scope=openid profile (default) false",
		"client.password=[redacted] (RUCIO_CFG_CLIENT_PASSWORD) false",
		"client.request_retries=3 (default) false",
		"client.vo=def (default) false",
		"client.x=1 (/opt/rucio/etc/rucio.cfg:2) false",
		"database.default=postgresql://rucio:[redacted]@db/rucio (/opt/rucio/etc/rucio.cfg:7) false",
		"database.x=1 (/opt/rucio/etc/rucio.cfg:2) false",
	}
	if !slices.Equal(rows, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(rows, "\n"), strings.Join(want, "\n"))
	}
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	logger.Info("x", "config", cfg, "settings", cfg.Effective(), "value", get(t, cfg, "password"))
	for name, printed := range map[string]string{
		"settings": fmt.Sprintf("%v %+v %#v", cfg.Effective(), cfg.Effective(), cfg.Effective()),
		"config":   fmt.Sprintf("%v %+v %#v", cfg, cfg, cfg),
		"log":      log.String(),
	} {
		if strings.Contains(printed, "hunter2") {
			t.Errorf("%s shows a secret: %s", name, printed)
		}
	}
}
