package config_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/engine/suggest"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/config"
)

// client returns the client view of a file's [client] section and an environment.
func client(text string, env map[string]string) (*config.Client, error) {
	cfg, err := config.Load(config.Options{
		Env: env, File: "/etc/rucio.cfg", ReadFile: disk{"/etc/rucio.cfg": text}.read,
		AuthTypes: []string{"gss", "oidc", "ssh", "userpass", "x509", "x509_proxy"}, Suggest: suggest.Hint,
	})
	if err != nil {
		return nil, err
	}
	return cfg.Client()
}

func TestClient(t *testing.T) {
	got, err := client(`[client]
rucio_host = https://one.example.org:443/ , https://two.example.org/rucio/
auth_type = UserPass
account = root
username = ddmlab
ca_cert = ~/ca.pem
client_cert = $CERTS/user.pem
client_key = ${CERTS}/user.key
client_x509_proxy = $X509_USER_PROXY
oidc_polling = yes
request_retries = 5
oidc_audience =
[trace]
trace_host = http://traces.example.org/
`, map[string]string{"HOME": "/home/jane", "CERTS": "/certs", "RUCIO_CFG_CLIENT_PASSWORD": "secret", "RUCIO_CFG_CLIENT_AUTH_TOKEN": "t"})
	if err != nil {
		t.Fatal(err)
	}
	hosts := []string{"https://one.example.org:443", "https://two.example.org/rucio"}
	want := &config.Client{
		RucioHosts: hosts, AuthHosts: hosts, TraceHost: "http://traces.example.org", Account: "root", VO: "def", AuthType: "userpass",
		Username: "ddmlab", Password: "secret", AuthToken: "t", CACert: "/home/jane/ca.pem", ClientCert: "/certs/user.pem", ClientKey: "/certs/user.key",
		Proxy: "$X509_USER_PROXY", // not set: left alone, as by Python's os.path.expandvars
		OIDC:  config.OIDC{Scope: "openid profile", Polling: true, RefreshBeforeExp: 20}, RequestRetries: 5,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// The variables of the grid's tools count after rucio.cfg, and the key only beside its own certificate.
func TestGridVariables(t *testing.T) {
	grid := map[string]string{"X509_USER_CERT": "/grid/cert", "X509_USER_KEY": "/grid/key", "X509_USER_PROXY": "/grid/proxy"}
	for text, want := range map[string][3]string{
		"": {"/grid/cert", "/grid/key", "/grid/proxy"},
		"client_cert = /own/both\nclient_x509_proxy = /own/proxy": {"/own/both", "", "/own/proxy"},
		"client_cert = /own/cert\nclient_key = /own/key":          {"/own/cert", "/own/key", "/grid/proxy"},
		"client_key = /own/key":                                   {"/grid/cert", "/own/key", "/grid/proxy"},
	} {
		got, err := client("[client]\nrucio_host = https://a\n"+text+"\n", grid)
		if err != nil {
			t.Fatal(err)
		}
		if paths := [3]string{got.ClientCert, got.ClientKey, got.Proxy}; paths != want {
			t.Errorf("%q: got %q, want %q", text, paths, want)
		}
	}
}

// Keys can be given as text, and by file as every secret can; their passphrases too.
func TestKeysAsText(t *testing.T) {
	got, err := client("[client]\nrucio_host = https://a\n", map[string]string{
		"RUCIO_CFG_CLIENT_CERT_VALUE": "c", "RUCIO_CFG_CLIENT_CLIENT_KEY_VALUE": "k", "RUCIO_CFG_CLIENT_KEY_PASSPHRASE": "p",
		"RUCIO_CFG_CLIENT_SSH_PRIVATE_KEY_VALUE": "s", "RUCIO_CFG_CLIENT_SSH_PRIVATE_KEY_PASSPHRASE": "q", "RUCIO_CFG_CLIENT_SSH_PRIVATE_KEY": "/key",
	})
	if err != nil {
		t.Fatal(err)
	}
	texts := []rucio.Secret{got.ClientCertValue, got.ClientKeyValue, got.ClientKeyPassphrase, got.SSHPrivateKeyValue, got.SSHPrivateKeyPassphrase}
	if want := []rucio.Secret{"c", "k", "p", "s", "q"}; !slices.Equal(texts, want) || got.SSHPrivateKey != "/key" {
		t.Errorf("got %+v", got)
	}
}

func TestClientTLSOff(t *testing.T) {
	for text, want := range map[string]bool{"False": true, "no": true, "off": true, "0": true, "": false, "/etc/ca.pem": false, "True.pem": false} {
		got, err := client("[client]\nrucio_host = https://a\nca_cert = "+text+"\n", nil)
		if err != nil {
			t.Fatal(err)
		}
		if got.InsecureTLS != want || want && got.CACert != "" {
			t.Errorf("ca_cert = %s: %+v", text, got)
		}
	}
}

func TestWrongValues(t *testing.T) {
	const host = "[client]\nrucio_host = https://a\n"
	for _, test := range []struct{ text, want, hint string }{
		{"[client]\nrucio_host = rucio.example.org\n", `/etc/rucio.cfg:2: rucio_host: "rucio.example.org" has no scheme`, "write https://rucio.example.org"},
		{"[client]\nrucio_host = rucio.example.org:443/x\n", `/etc/rucio.cfg:2: rucio_host: "rucio.example.org:443/x" has no scheme`, "write https://rucio.example.org:443/x"},
		{"[client]\nrucio_host = ftp://a\n", `/etc/rucio.cfg:2: rucio_host: "ftp://a" has the scheme ftp, which Rucio does not speak`, "write http:// or https://"},
		{"[client]\nrucio_host = https://\n", `/etc/rucio.cfg:2: rucio_host: "https://" names no host`, "write it as https://rucio.example.org"},
		{"[client]\nrucio_host = https://:443\n", `/etc/rucio.cfg:2: rucio_host: "https://:443" names no host`, "write it as https://rucio.example.org"},
		{"[client]\nrucio_host = https://a:b\n", `/etc/rucio.cfg:2: rucio_host: "https://a:b" is not a URL: invalid port ":b" after host`, "write it as https://rucio.example.org"},
		{"[client]\nrucio_host = https://me:hunter2@a\n", `/etc/rucio.cfg:2: rucio_host: "https://me:[redacted]@a" has more than a host, a port and a path`, "write it as https://rucio.example.org:443/path"},
		{host + "auth_host = https://b, c\n", `/etc/rucio.cfg:3: auth_host: "c" has no scheme`, "write https://c"},
		{host + "auth_type = userpas\n", `/etc/rucio.cfg:3: auth_type: "userpas" is not one of gss, oidc, ssh, userpass, x509, x509_proxy`, `did you mean "userpass"?`},
		{host + "request_retries = many\n", `/etc/rucio.cfg:3: request_retries: "many" is not a whole number`, "write a number such as 3"},
		{host + "request_retries = -1\n", `/etc/rucio.cfg:3: request_retries: "-1" is not a whole number`, "write a number such as 3"},
		{host + "oidc_polling = maybe\n", `/etc/rucio.cfg:3: oidc_polling: "maybe" is neither true nor false`, "write True or False"},
		{host + "[trace]\ntrace_host = a\n", `/etc/rucio.cfg:4: trace.trace_host: "a" has no scheme`, "write https://a"},
		{"[client]\naccount = root\n", "rucio_host: not set: /etc/rucio.cfg does not set it in [client], and RUCIO_CFG_CLIENT_RUCIO_HOST is not set",
			"set RUCIO_CFG_CLIENT_RUCIO_HOST=https://rucio.example.org, or rucio_host in the [client] section of rucio.cfg"},
		{"[client]\nrucio_host = %(x)s\n", `/etc/rucio.cfg:2: rucio_host: refers to %(x)s, but there is no option "x" in this section or [DEFAULT]`, ""},
	} {
		_, err := client(test.text, nil)
		var wrong *config.Error
		if !errors.As(err, &wrong) || err.Error() != test.want || wrong.Hint() != test.hint {
			t.Errorf("%q:\ngot  %v\nwant %s\nhint %v", test.text, err, test.want, wrong)
		}
	}
}

func TestAllWrongValuesAtOnce(t *testing.T) {
	_, err := client("[client]\nrequest_retries = x\n", map[string]string{"RUCIO_CFG_CLIENT_AUTH_TYPE": "kerberos"})
	for _, want := range []string{"/etc/rucio.cfg:2: request_retries: ", `RUCIO_CFG_CLIENT_AUTH_TYPE: auth_type: "kerberos" is not one of `, "rucio_host: not set: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\ndoes not say %s", err, want)
		}
	}
}

func TestNoFileAtAll(t *testing.T) {
	env := map[string]string{"RUCIO_HOME": "/opt/home"}
	cfg, err := config.Load(config.Options{Env: env, ReadFile: disk{}.read})
	if err != nil {
		t.Fatal(err)
	}
	_, err = cfg.Client()
	if want := "rucio_host: not set: no rucio.cfg was found (looked for /opt/home/etc/rucio.cfg, /opt/rucio/etc/rucio.cfg, /opt/user/rucio.default.cfg), and RUCIO_CFG_CLIENT_RUCIO_HOST is not set"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	env["RUCIO_CFG_RUCIO_HOST"] = "https://a/"
	if cfg, err = config.Load(config.Options{Env: env, ReadFile: disk{}.read}); err != nil {
		t.Fatal(err)
	}
	if cl, err := cfg.Client(); err != nil || cl.RucioHosts[0] != "https://a" || cl.TraceHost != "https://a" {
		t.Errorf("got %+v, %v", cl, err)
	}
}
