package auth

import (
	"bufio"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// onTestbedSSH returns options that log in to the testbed with ssh keys.
func onTestbedSSH(t *testing.T, ssh SSHOptions) (Options, *testbed.Env) {
	t.Helper()
	opts, bed := onTestbed(t)
	opts.Type, opts.SSH, opts.Username, opts.Password = "ssh", ssh, "", ""
	return opts, bed
}

// newSSHKey has ssh-keygen make a key; flags may set its passphrase.
func newSSHKey(t *testing.T, kind string, flags ...string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "id")
	args := append([]string{"-q", "-t", kind, "-C", "test of " + kind, "-f", file}, flags...)
	if len(flags) == 0 {
		args = append(args, "-N", "")
	}
	command(t, nil, "ssh-keygen", args...)
	return file
}

// register makes an account with ssh keys.
func register(t *testing.T, bed *testbed.Env, files ...string) (account string) {
	t.Helper()
	account = testbed.Unique("auth")
	script := fmt.Sprintf("c.add_account(%q, 'USER', 'nobody@localhost')\n", account)
	for _, file := range files {
		script += fmt.Sprintf("c.add_identity(account=%q, identity=%q, authtype='SSH', email='nobody@localhost')\n", account, publicKey(t, file))
	}
	admin(t, bed, script)
	return account
}

// publicKey is what is to be registered of a key.
func publicKey(t *testing.T, file string) string {
	t.Helper()
	return strings.TrimSpace(string(readFile(t, file+".pub")))
}

// startAgent runs a real ssh-agent with keys and returns its socket.
func startAgent(t *testing.T, files ...string) string {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "socket")
	cmd := exec.CommandContext(t.Context(), "ssh-agent", "-D", "-a", socket)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil { // it says where it listens when it does
		t.Fatal(err)
	}
	for _, file := range files {
		command(t, []string{"SSH_AUTH_SOCK=" + socket}, "ssh-add", "-q", file)
	}
	return socket
}

func TestSSH(t *testing.T) {
	_, bed := onTestbed(t)
	text := string(readFile(t, bed.SSHKey))
	modern := newSSHKey(t, "rsa")
	locked := newSSHKey(t, "rsa", "-N", "open sesame")
	old := newSSHKey(t, "rsa", "-m", "PEM", "-N", "open sesame")
	own := register(t, bed, modern, locked, old)
	curve := newSSHKey(t, "ed25519")
	agent := startAgent(t, curve, modern)
	withOld := startAgent(t)
	for _, file := range []string{locked, old} { // ssh-add asks for passphrases
		bare := file + ".bare"
		writeFile(t, bare, readFile(t, file), 0o600)
		command(t, nil, "ssh-keygen", "-q", "-p", "-P", "open sesame", "-N", "", "-f", bare)
		command(t, []string{"SSH_AUTH_SOCK=" + withOld}, "ssh-add", "-q", bare)
	}
	for name, test := range map[string]struct {
		account string
		opts    SSHOptions
	}{
		"file":                           {"root", SSHOptions{PrivateKey: bed.SSHKey}},
		"text":                           {"root", SSHOptions{PrivateKeyText: rucio.Secret(text)}},
		"folded text":                    {"root", SSHOptions{PrivateKeyText: rucio.Secret(strings.ReplaceAll(text, "\n", `\n`))}},
		"text wins":                      {"root", SSHOptions{PrivateKey: "/none", PrivateKeyText: rucio.Secret(text)}},
		"OpenSSH format":                 {own, SSHOptions{PrivateKey: modern}},
		"encrypted":                      {own, SSHOptions{PrivateKey: locked, Passphrase: "open sesame"}},
		"encrypted, PEM":                 {own, SSHOptions{PrivateKey: old, Passphrase: "open sesame"}},
		"passphrase asked for":           {own, SSHOptions{PrivateKey: locked, AskPassphrase: func(string) (rucio.Secret, error) { return "open sesame", nil }}},
		"agent":                          {own, SSHOptions{AgentSocket: agent}},
		"agent, by public key":           {own, SSHOptions{AgentSocket: agent, PrivateKey: modern + ".pub"}},
		"encrypted, in the agent":        {own, SSHOptions{AgentSocket: withOld, PrivateKey: locked}},
		"encrypted, PEM, in the agent":   {own, SSHOptions{AgentSocket: withOld, PrivateKey: old}},
		"not in the agent, asked for":    {own, SSHOptions{AgentSocket: agent, PrivateKey: locked, AskPassphrase: func(string) (rucio.Secret, error) { return "open sesame", nil }}},
		"no agent there, passphrase set": {own, SSHOptions{AgentSocket: "/none", PrivateKey: locked, Passphrase: "open sesame"}},
	} {
		t.Run(name, func(t *testing.T) {
			opts, bed := onTestbedSSH(t, test.opts)
			opts.Account = test.account
			s := source(t, opts)
			if got, want := token(t, s).Reveal(), test.account+"-ssh:pubkey-unknown-"; !strings.HasPrefix(got, want) {
				t.Errorf("the token is not of %s", want)
			}
			if got := account(t, bed.HTTPURL, nil, s); got != test.account {
				t.Errorf("the token is for %s", got)
			}
		})
	}
}

// Python's client and ours share the token, whoever logs in first.
func TestSSHAsPython(t *testing.T) {
	_, bed := onTestbed(t)
	opts, _ := onTestbedSSH(t, SSHOptions{PrivateKey: bed.SSHKey})
	text := string(readFile(t, filepath.Join(filepath.Dir(bed.Config), "ssh.cfg")))
	for _, oursFirst := range []bool{true, false} {
		dir := t.TempDir()
		opts.CachePath = filepath.Join(dir, "token")
		cfg := filepath.Join(dir, "rucio.cfg")
		writeFile(t, cfg, []byte(strings.ReplaceAll(text, filepath.Join(filepath.Dir(bed.Config), "token-ssh"), opts.CachePath)), 0o600)
		if oursFirst {
			token(t, source(t, opts))
		}
		theirs := python(t, bed, map[string]string{"RUCIO_CONFIG": cfg}, "from rucio.client import Client\nc = Client()\nprint(c.whoami()['account'], c.auth_token)")
		if ours := token(t, source(t, opts)).Reveal(); theirs != "root "+ours {
			t.Errorf("ours first: %v: the two clients do not share the token", oursFirst)
		}
	}
}

func TestSSHRefused(t *testing.T) {
	_, bed := onTestbed(t)
	stranger, curve := newSSHKey(t, "rsa"), newSSHKey(t, "ed25519")
	mixed := register(t, bed, curve, bed.SSHKey)
	locked := newSSHKey(t, "rsa", "-N", "open sesame")
	open := filepath.Join(t.TempDir(), "open")
	writeFile(t, open, readFile(t, stranger), 0o644)
	garbled := filepath.Join(t.TempDir(), "garbled")
	writeFile(t, garbled, []byte("hello"), 0o600)
	agent, empty := startAgent(t, curve, stranger), startAgent(t)
	names := func(file string) string {
		fields := strings.Fields(command(t, nil, "ssh-keygen", "-l", "-f", file))
		return fields[1]
	}
	register := func(account, file string) string {
		return "have an administrator of Rucio run: rucio account identity add " + account + " --type SSH --id '" + strings.Join(strings.Fields(publicKey(t, file))[:2], " ") + "' --email ADDRESS"
	}
	setKey := "set RUCIO_CFG_CLIENT_SSH_PRIVATE_KEY, or ssh_private_key in the [client] section of rucio.cfg, to a file with a private key"
	passphrase := "set RUCIO_CFG_CLIENT_SSH_PRIVATE_KEY_PASSPHRASE, or RUCIO_CFG_CLIENT_SSH_PRIVATE_KEY_PASSPHRASE_FILE to a file that holds the passphrase"
	addKey := "add the key to an agent (ssh-add), or " + setKey
	for _, test := range []struct {
		name, account string
		opts          SSHOptions
		kind          Kind
		text, advice  string
	}{
		{"unknown account", "nosuch", SSHOptions{PrivateKey: bed.SSHKey}, UnknownAccount, "log in with the key " + bed.SSHKey + " to account nosuch: " + bed.HTTPURL + `: there is no account "nosuch"`,
			"set RUCIO_CFG_CLIENT_ACCOUNT, or account in the [client] section of rucio.cfg"},
		{"unknown key", "root", SSHOptions{PrivateKey: stranger}, UnknownIdentity, "log in with the key " + stranger + " to account root: " + bed.HTTPURL + ": it is not registered for the account",
			register("root", stranger)},
		{"a key that is not RSA", "root", SSHOptions{PrivateKey: curve}, UnknownIdentity, "log in with the key " + curve + " to account root: " + bed.HTTPURL + ": it is not registered for the account",
			register("root", curve)},
		{"an account with a key that is not RSA", mixed, SSHOptions{PrivateKey: bed.SSHKey}, Unusable, "log in with the key " + bed.SSHKey + " to account " + mixed + ": " + bed.HTTPURL +
			": it takes RSA keys only, and fails for all keys of an account that has another kind registered, as " + mixed + " has", "register an RSA key for the account, and have the others removed"},
		{"no file", "root", SSHOptions{PrivateKey: "/none"}, Config, "read the ssh key /none: no such file or directory", setKey},
		{"open to others", "root", SSHOptions{PrivateKey: open}, Unusable, "read the ssh key " + open + ": it is not private: other users can read it (mode 0644)", "chmod 600 " + open},
		{"no key", "root", SSHOptions{PrivateKey: garbled}, Config, "read the ssh key " + garbled + ": it is no private key", setKey},
		{"no key, as text", "root", SSHOptions{PrivateKeyText: "hunter2"}, Config, "read the ssh key that is given as text: it is no private key", setKey},
		{"locked", "root", SSHOptions{PrivateKey: locked}, Config, "read the ssh key " + locked + ": it is encrypted with a passphrase", passphrase + "; or add it to an agent (ssh-add)"},
		{"wrong passphrase", "root", SSHOptions{PrivateKey: locked, Passphrase: "hunter2"}, Unusable, "read the ssh key " + locked + ": its passphrase is wrong", passphrase},
		{"agent without the right key", "root", SSHOptions{AgentSocket: agent}, UnknownIdentity, "log in with the keys of the agent to account root: " + bed.HTTPURL +
			": none of them is registered for the account: ssh-rsa " + names(stranger) + " (test of rsa), ssh-ed25519 " + names(curve) + " (test of ed25519)", register("root", curve)},
		{"agent without keys", "root", SSHOptions{AgentSocket: empty}, Config, "log in with the keys of the agent: the agent has no keys", addKey},
		{"agent without that key", "root", SSHOptions{AgentSocket: agent, PrivateKey: bed.SSHKey + ".pub"}, Config, "log in with the key " + bed.SSHKey + ".pub: the agent has not got the private key of it", addKey},
		{"public key, no agent", "root", SSHOptions{PrivateKey: bed.SSHKey + ".pub"}, Config, "log in with the key " + bed.SSHKey + ".pub: it is a public key, and there is no agent that may have the private one (SSH_AUTH_SOCK)", addKey},
		{"no agent there", "root", SSHOptions{AgentSocket: "/none"}, Config, "log in with the keys of the agent: the agent at /none cannot be reached: connect: no such file or directory", addKey},
	} {
		t.Run(test.name, func(t *testing.T) {
			opts, _ := onTestbedSSH(t, test.opts)
			opts.Account = test.account
			_, err := source(t, opts).Token(t.Context())
			wantError(t, err, test.kind, test.text, test.advice)
		})
	}
	opts, _ := onTestbedSSH(t, SSHOptions{})
	_, err := New(opts)
	wantError(t, err, Config, "auth_type is ssh, but there is neither a key nor an agent", setKey+"; or run an agent (SSH_AUTH_SOCK)")
	opts.Account = ""
	_, err = New(opts)
	wantError(t, err, Config, "auth_type is ssh, but account is not set", "set RUCIO_CFG_CLIENT_ACCOUNT, or account in the [client] section of rucio.cfg")
}

// A server that answers without a challenge is no Rucio.
func TestSSHWithoutChallenge(t *testing.T) {
	opts, bed := onTestbedSSH(t, SSHOptions{})
	opts.SSH.PrivateKey = bed.SSHKey
	server := fake(t, func(http.ResponseWriter, *http.Request) {})
	opts.Hosts = []string{server.URL}
	_, err := source(t, opts).Token(t.Context())
	wantError(t, err, Server, "log in with the key "+bed.SSHKey+" to account root: "+server.URL+": it sent no challenge", "check that auth_host is a Rucio server")
}
