package cli

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testoidc"
)

// huntedWay is a way to log in whose secrets are hunted.
type huntedWay struct {
	name   string
	env    map[string]string // what is no secret, and paths
	secret map[string]string // variables whose value is a secret, or whose _FILE names one
	wrong  map[string]string // what makes the login fail
	inside secrets           // secrets that are part of these, or in files
	nobody bool              // no login is possible
}

// others are secrets that have nothing to do with logging in to Rucio; scripts print the first ones.
var others = map[string]string{
	"PLANTED_TOKEN": "pl4nted-token+with/signs=1", "DB_PASSWORD": `pl4nted "db" password`, "SLACK_WEBHOOK_URL": "https://hooks.example.org/pl4nted/T0/B0",
	"KUBE_CONFIG_VALUE": "apiVersion: v1\nusers: [{name: me, user: {token: pl4nted-kubernetes-token}}]",
}

const huntedLua = `
local secret = env.get("PLANTED_TOKEN")
print(secret, env.get("KUBE_CONFIG_VALUE"), env.get("SLACK_WEBHOOK_URL"))
log.info("a secret: " .. secret, { secret = secret })
print(select(2, pcall(http.get, "http://127.0.0.1:1/?token=" .. secret, { bearer = secret, retries = 0 })))
print(select(2, pcall(http.get, "http://me:" .. env.get("DB_PASSWORD"):gsub("[ \"]", "") .. "@127.0.0.1:1/", { retries = 0 })))
print(env.get("BEARER_TOKEN"), env.get("X509_USER_PROXY"))
print(select(2, pcall(rucio.client{ creds = { password = "pl4nted-in-a-script" } }.whoami)))
print(rucio.whoami().account)
`

const huntedTask = `
return { Hunt = function(task)
  local secret = env.get("PLANTED_TOKEN")
  print(secret, json.encode(task.kwargs))
  log.warning("kwargs: " .. json.encode(task.kwargs))
  task.emit{ n = 1 }
  task.check("check " .. secret, false, "detail " .. secret)
  rucio.whoami()
  error("failed with " .. secret)
end }
`

const huntedTasks = `
environment:
  description: credentials of the environment, and a secret in the kwargs
  module_name: tasks.hunt
  class_name: Hunt
  enabled: true
  args:
  kwargs: {text: "{{ PLANTED_TOKEN }}", webhook: "{{ SLACK_WEBHOOK_URL }}", output: {databases: [{type: es, uri: "DATABASE", index: x}]}}
own:
  description: credentials of its own
  module_name: tasks.hunt
  class_name: Hunt
  enabled: true
  args:
  kwargs: {output: {databases: [{type: es, uri: "DATABASE", index: y, auth: {user: me, password: "{{ DB_PASSWORD }}"}}]}}
wrong:
  description: a definition that is wrong
  module_name: tasks.nowhere
  class_name: "{{ PLANTED_TOKEN }}"
  enabled: true
  args:
  kwargs: {password: "{{ DB_PASSWORD }}"}
`

// plant makes a folder in which the secrets are in place, as values of variables or as files; some settings are
// changed. The database takes nothing.
func (w huntedWay) plant(t *testing.T, byFile bool, change map[string]string, database string) *hunt {
	t.Helper()
	dir := t.TempDir()
	h := &hunt{dir: dir, work: filepath.Join(dir, "work"), env: maps.Clone(w.env), secrets: maps.Clone(w.inside)}
	write := func(path, text string) string {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, name := range []string{"home", "tmp", "state", "made"} {
		if err := os.MkdirAll(filepath.Join(h.work, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write("in/hunt.lua", huntedLua)
	write("in/tasks.yml", strings.ReplaceAll(huntedTasks, "DATABASE", database))
	write("scripts/tasks/hunt.lua", huntedTask)
	maps.Copy(h.env, map[string]string{"HOME": h.work + "/home", "TMPDIR": h.work + "/tmp", "XDG_STATE_HOME": h.work + "/state", "USER": "tester", "ELASTICSEARCH_USERNAME": "me"})
	maps.Copy(h.env, others)
	h.secrets.add("", others)
	h.secrets["a password in a script"] = "pl4nted-in-a-script"
	secret := maps.Clone(w.secret)
	secret["ELASTICSEARCH_PASSWORD"] = "pl4nted-elasticsearch"
	for name, value := range change {
		if _, is := secret[name]; is {
			secret[name] = value
		} else {
			h.env[name] = value
		}
	}
	h.secrets.add("", w.secret)
	h.secrets.add("changed ", secret)
	for name, value := range secret {
		if byFile {
			h.env[name+"_FILE"] = write("planted/"+name, value)
		} else {
			h.env[name] = value
		}
	}
	return h
}

// add adds secrets; of texts of several lines, the lines.
func (s secrets) add(prefix string, all map[string]string) {
	for what, secret := range all {
		if what == "RUCIO_CFG_CLIENT_CERT_VALUE" { // a certificate is public
			continue
		}
		if strings.Contains(secret, "\n") {
			s.multiline(prefix+what, secret)
		} else {
			s[prefix+what] = secret
		}
	}
}

// keyLines are the lines of the private key in a file.
func keyLines(t *testing.T, path string) secrets {
	t.Helper()
	_, key, found := strings.Cut(readFile(t, path), "PRIVATE KEY-----")
	key, _, ended := strings.Cut(key, "-----END")
	if !found || !ended {
		t.Fatalf("no key in %s", path)
	}
	s := secrets{}
	s.multiline("the key", key)
	return s
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// locked returns the text of a key with a passphrase: it is copied, and a command locks the copy in place.
func locked(t *testing.T, path string, command ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(readFile(t, path)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), command[0], append(command[1:], file)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", command, err, out)
	}
	return readFile(t, file)
}

// rucioToken logs in with a password.
func rucioToken(t *testing.T, host, account, username, password string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, host+"/auth/userpass", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"X-Rucio-Account": {account}, "X-Rucio-Username": {username}, "X-Rucio-Password": {password}}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	token := resp.Header.Get("X-Rucio-Auth-Token")
	if token == "" {
		t.Fatalf("no token: %s", resp.Status)
	}
	return token
}

// with returns a map with more in it.
func with(base map[string]string, more map[string]string) map[string]string {
	all := maps.Clone(base)
	maps.Copy(all, more)
	return all
}

// huntedWays makes an account, and for each way to log in to it, or to root, what it needs.
func huntedWays(t *testing.T) []huntedWay {
	t.Helper()
	idp := testoidc.Require(t)
	name := testbed.Unique("hunt")
	robot, agent := "robot-strange-"+name, "agent-"+name
	idp.Account(t, name, robot, robot+"-expired", "user-"+name)
	const password = `pl4nt&d p%ss+word/1`
	idp.PythonClient(t, fmt.Sprintf("from rucio.client import Client\nClient().add_identity(%q, %q, 'USERPASS', 'nobody@localhost', password=%q)\n", name, name, password))
	secret := robot + "-se+c%re&t=/ü"
	refresh := idp.RefreshToken(t, agent, "user-"+name, "openid profile offline_access")
	config := idp.AgentConfig(t, "laptop", agent, refresh, "openid profile offline_access", "pl4nted-agent-password")
	plain := map[string]string{"RUCIO_CFG_CLIENT_RUCIO_HOST": idp.HTTPURL, "RUCIO_CFG_CLIENT_ACCOUNT": name, "RUCIO_CFG_CLIENT_CA_CERT": idp.CA}
	oidc := with(plain, map[string]string{"RUCIO_CFG_CLIENT_AUTH_TYPE": "oidc", "RUCIO_CFG_CLIENT_OIDC_AUDIENCE": "rucio"})
	token := func(client, scope string) string { return idp.TokenWith(t, client, secretOf(client), scope, "rucio") }
	return append(identityWays(t, idp.Env),
		huntedWay{
			name: "userpass", env: with(plain, map[string]string{"RUCIO_CFG_CLIENT_AUTH_TYPE": "userpass", "RUCIO_CFG_CLIENT_USERNAME": name}),
			secret: map[string]string{"RUCIO_CFG_CLIENT_PASSWORD": password}, wrong: map[string]string{"RUCIO_CFG_CLIENT_PASSWORD": "wr0ng-password"},
			inside: secrets{},
		},
		huntedWay{
			name: "token", env: with(plain, map[string]string{"RUCIO_CFG_CLIENT_AUTH_TYPE": "token"}),
			secret: map[string]string{"RUCIO_CFG_CLIENT_AUTH_TOKEN": rucioToken(t, idp.HTTPURL, name, name, password)},
			wrong:  map[string]string{"RUCIO_CFG_CLIENT_AUTH_TOKEN": name + "-" + name + "-app-0123456789abcdef0123456789abcdef"}, inside: secrets{},
		},
		huntedWay{
			name: "client credentials", env: with(oidc, map[string]string{"OIDC_CLIENT_ID": robot, "OIDC_TOKEN_ENDPOINT": idp.TokenEndpoint()}),
			secret: map[string]string{"OIDC_CLIENT_SECRET": secret}, wrong: map[string]string{"OIDC_CLIENT_SECRET": "wr0ng-secret"}, inside: secrets{},
		},
		huntedWay{
			name: "oidc-agent", env: oidc,
			secret: map[string]string{"OIDC_AGENT_AUTH_CLIENT_CFG_VALUE": config, "OIDC_AGENT_AUTH_CLIENT_CFG_PASSWORD": "pl4nted-agent-password"},
			wrong:  map[string]string{"OIDC_AGENT_AUTH_CLIENT_CFG_PASSWORD": "wr0ng-agent-password"},
			inside: secrets{"the refresh token": refresh, "the client secret": testoidc.Secret(agent)},
		},
		huntedWay{
			name: "access token", env: oidc, secret: map[string]string{"OIDC_ACCESS_TOKEN": token(robot, "openid profile")},
			wrong: map[string]string{"OIDC_ACCESS_TOKEN": token(robot, "openid")}, inside: secrets{},
		},
		huntedWay{
			name: "discovered token", env: oidc, secret: map[string]string{"BEARER_TOKEN": token(robot, "openid profile")},
			wrong: map[string]string{"BEARER_TOKEN": token(robot+"-expired", "openid profile")}, inside: secrets{},
		},
		huntedWay{name: "nobody logged in", env: oidc, secret: map[string]string{}, inside: secrets{}, nobody: true},
	)
}

func secretOf(client string) string { return client + "-se+c%re&t=/ü" }

// identityWays are those with certificates, keys and tickets, of the testbed's root.
func identityWays(t *testing.T, bed *testbed.Env) []huntedWay {
	t.Helper()
	voms, kdc := bed.RequireService(t, "voms"), bed.RequireService(t, "kdc")
	tls := map[string]string{"RUCIO_CFG_CLIENT_RUCIO_HOST": bed.TLSURL, "RUCIO_CFG_CLIENT_ACCOUNT": "root", "RUCIO_CFG_CLIENT_CA_CERT": bed.CA}
	keytab := readFile(t, kdc["TESTBED_KRB5_KEYTAB"])
	const passphrase = "pl4nted passphrase"
	return []huntedWay{
		{
			name: "x509", env: with(tls, map[string]string{"RUCIO_CFG_CLIENT_AUTH_TYPE": "x509"}),
			secret: map[string]string{
				"RUCIO_CFG_CLIENT_CERT_VALUE": readFile(t, bed.UserCert), "RUCIO_CFG_CLIENT_KEY_PASSPHRASE": passphrase,
				"RUCIO_CFG_CLIENT_KEY_VALUE": locked(t, bed.UserKey, "openssl", "pkcs8", "-topk8", "-passout", "pass:"+passphrase, "-in", bed.UserKey, "-out"),
			},
			wrong: map[string]string{"RUCIO_CFG_CLIENT_KEY_PASSPHRASE": "wr0ng passphrase"}, inside: keyLines(t, bed.UserKey),
		},
		{
			name: "x509_proxy", env: with(tls, map[string]string{"RUCIO_CFG_CLIENT_AUTH_TYPE": "x509_proxy", "X509_USER_PROXY": bed.Proxy}),
			secret: map[string]string{}, wrong: map[string]string{"RUCIO_CFG_CLIENT_ACCOUNT": "jdoe"}, inside: keyLines(t, bed.Proxy),
		},
		{
			name: "voms", env: with(tls, map[string]string{
				"RUCIO_CFG_CLIENT_AUTH_TYPE": "x509_proxy", "X509_USER_CERT": bed.UserCert, "X509_USER_KEY": bed.UserKey, "VOMS": "testbed",
				"VOMS_USERCONF": voms["TESTBED_VOMSES"], "X509_VOMS_DIR": voms["TESTBED_VOMSDIR"], "X509_USER_PROXY": "made/proxy.pem",
			}),
			secret: map[string]string{}, wrong: map[string]string{"VOMS": "testbed:/testbed/Role=pope"}, inside: keyLines(t, bed.UserKey),
		},
		{
			name: "ssh", env: with(tls, map[string]string{"RUCIO_CFG_CLIENT_AUTH_TYPE": "ssh"}),
			secret: map[string]string{
				"RUCIO_CFG_CLIENT_SSH_PRIVATE_KEY_PASSPHRASE": passphrase,
				"RUCIO_CFG_CLIENT_SSH_PRIVATE_KEY_VALUE":      locked(t, bed.SSHKey, "ssh-keygen", "-q", "-p", "-P", "", "-N", passphrase, "-f"),
			},
			wrong: map[string]string{"RUCIO_CFG_CLIENT_SSH_PRIVATE_KEY_PASSPHRASE": "wr0ng passphrase"}, inside: keyLines(t, bed.SSHKey),
		},
		{
			name: "gss", env: with(tls, map[string]string{
				"RUCIO_CFG_CLIENT_AUTH_TYPE": "gss", "RUCIO_CFG_CLIENT_RUCIO_HOST": kdc["TESTBED_GSS_URL"], "KRB5_CONFIG": kdc["TESTBED_KRB5_CONFIG"],
				"KRB5_CLIENT_KTNAME": kdc["TESTBED_KRB5_KEYTAB"], "KRB5CCNAME": "/nonexistent/cache",
			}),
			secret: map[string]string{}, wrong: map[string]string{"KRB5_CLIENT_KTNAME": kdc["TESTBED_KRB5_STRANGER_KEYTAB"]},
			inside: secrets{"a key of the keytab": keytab[len(keytab)-24 : len(keytab)-8]},
		},
	}
}
