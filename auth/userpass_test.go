package auth

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

func TestUserpass(t *testing.T) {
	opts, bed := onTestbed(t)
	var log logBuffer
	opts.Log = log.logger()
	s := source(t, opts)
	got := token(t, s)
	if want := bed.Account + "-" + bed.Username + "-"; !strings.HasPrefix(got.Reveal(), want) {
		t.Errorf("the token does not begin with %s", want)
	}
	if again := token(t, s); again != got {
		t.Error("a second call logged in again")
	}
	if name := account(t, bed.HTTPURL, nil, s); name != bed.Account {
		t.Errorf("the token is for %s, want %s", name, bed.Account)
	}
	if s.current.expires.IsZero() || s.current.expires.Sub(opts.now()) > 61*60e9 || s.current.expires.Sub(opts.now()) < 59*60e9 {
		t.Errorf("the token expires at %v, want in an hour", s.current.expires)
	}
	renewed, err := s.Renew(t.Context(), got)
	if err != nil || renewed == got {
		t.Fatalf("renewed the same token, or not at all: %v", err)
	}
	if again := token(t, s); again != renewed {
		t.Error("the renewed token is not kept")
	}
	if text := log.String(); !strings.Contains(text, "logged in") || strings.Contains(text, got.Reveal()) || strings.Contains(text, bed.Password) {
		t.Errorf("log: %s", text)
	}
}

func TestUserpassOverTLS(t *testing.T) {
	opts, bed := onTestbed(t)
	for name, ca := range map[string]string{"file": bed.CA, "folder": bed.CertDir} {
		t.Run(name, func(t *testing.T) {
			transport, err := NewTransport(TLSOptions{CACert: ca})
			if err != nil {
				t.Fatal(err)
			}
			opts.Hosts, opts.HTTP = []string{bed.TLSURL}, &http.Client{Transport: transport}
			if name := account(t, bed.TLSURL, transport, source(t, opts)); name != bed.Account {
				t.Errorf("the token is for %s", name)
			}
		})
	}
}

func TestUserpassDefaultAccount(t *testing.T) {
	opts, bed := onTestbed(t)
	opts.Account = ""
	if name := account(t, bed.HTTPURL, nil, source(t, opts)); name != bed.Account {
		t.Errorf("the token is for %s", name)
	}
}

// admin makes accounts and identities with the real Python client.
func admin(t *testing.T, bed *testbed.Env, script string) {
	t.Helper()
	bed.PythonClient(t, "from rucio.client import Client\nc = Client()\n"+script)
}

func TestUserpassRefused(t *testing.T) {
	opts, bed := onTestbed(t)
	one, two, user := testbed.Unique("auth"), testbed.Unique("auth"), testbed.Unique("auth")
	admin(t, bed, fmt.Sprintf(`
for account in (%[1]q, %[2]q):
    c.add_account(account, "USER", "nobody@localhost")
    c.add_identity(account=account, identity=%[3]q, authtype="USERPASS", email="nobody@localhost", password="right")
`, one, two, user))
	host := bed.HTTPURL
	for _, test := range []struct {
		name, username, password, account string
		kind                              Kind
		text, advice                      string
	}{
		{"wrong password", bed.Username, "hunter2", bed.Account, WrongCredentials,
			"log in as ddmlab to account root: " + host + ": the password is wrong",
			"check RUCIO_CFG_CLIENT_PASSWORD, or password in the [client] section of rucio.cfg"},
		{"wrong password, no account", bed.Username, "hunter2", "", WrongCredentials,
			"log in as ddmlab: " + host + ": the password is wrong",
			"check RUCIO_CFG_CLIENT_PASSWORD, or password in the [client] section of rucio.cfg"},
		{"wrong username", "nobody", "hunter2", bed.Account, WrongCredentials,
			"log in as nobody to account root: " + host + ": there is no such username",
			"check RUCIO_CFG_CLIENT_USERNAME, or username in the [client] section of rucio.cfg"},
		{"wrong username, no account", "nobody", "hunter2", "", WrongCredentials,
			"log in as nobody: " + host + ": there is no such username",
			"check RUCIO_CFG_CLIENT_USERNAME, or username in the [client] section of rucio.cfg"},
		{"unknown account", bed.Username, bed.Password, "nosuch", UnknownAccount,
			"log in as ddmlab to account nosuch: " + host + `: there is no account "nosuch", or it is not for this username, which has root`,
			"set RUCIO_CFG_CLIENT_ACCOUNT, or account in the [client] section of rucio.cfg, to root"},
		{"another's account", bed.Username, bed.Password, one, UnknownAccount,
			"log in as ddmlab to account " + one + ": " + host + `: there is no account "` + one + `", or it is not for this username, which has root`,
			"set RUCIO_CFG_CLIENT_ACCOUNT, or account in the [client] section of rucio.cfg, to root"},
		{"unknown account of several", user, "right", "nosuch", UnknownAccount,
			"log in as " + user + " to account nosuch: " + host + `: there is no account "nosuch", or it is not for this username, which has ` + sorted(one, two),
			"set RUCIO_CFG_CLIENT_ACCOUNT, or account in the [client] section of rucio.cfg, to " + sorted(one, two)},
		{"wrong password for one of several", user, "hunter2", two, WrongCredentials,
			"log in as " + user + " to account " + two + ": " + host + ": the password is wrong",
			"check RUCIO_CFG_CLIENT_PASSWORD, or password in the [client] section of rucio.cfg"},
		{"no account of several", user, "right", "", UnknownAccount,
			"log in as " + user + ": " + host + ": no account is given, and this username has several",
			"set RUCIO_CFG_CLIENT_ACCOUNT, or account in the [client] section of rucio.cfg, to one of " + sorted(one, two)},
	} {
		t.Run(test.name, func(t *testing.T) {
			opts.Username, opts.Password, opts.Account = test.username, rucio.Secret(test.password), test.account
			_, err := source(t, opts).Token(t.Context())
			wantError(t, err, test.kind, test.text, test.advice)
		})
	}
	opts.Username, opts.Password, opts.Account = user, "right", two
	if name := account(t, host, nil, source(t, opts)); name != two {
		t.Errorf("the token is for %s, want %s", name, two)
	}
}

func sorted(a, b string) string {
	if a > b {
		a, b = b, a
	}
	return a + ", " + b
}

// A password of Latin-1 letters and of every ASCII sign works as it does with Python's client.
func TestUserpassStrangePasswords(t *testing.T) {
	opts, bed := onTestbed(t)
	name := testbed.Unique("auth")
	password := `pässwörd ÿ€ !"#$%&'()*+,-./:;<=>?@[\]^_{|}~`
	opts.Username, opts.Account = name, name
	opts.Password = rucio.Secret(password)
	_, err := New(opts)
	wantError(t, err, Config, "password has a character that is not Latin-1, which an HTTP header cannot hold", "check that a file or a variable did not add it; else choose another password")
	password = strings.ReplaceAll(password, "€", "")
	opts.Password = rucio.Secret(password)
	admin(t, bed, fmt.Sprintf(`
c.add_account(%[1]q, "USER", "nobody@localhost")
c.add_identity(account=%[1]q, identity=%[1]q, authtype="USERPASS", email="nobody@localhost", password=%[2]q)
print(Client(account=%[1]q, creds={"username": %[1]q, "password": %[2]q}).whoami())
`, name, password))
	if got := account(t, bed.HTTPURL, nil, source(t, opts)); got != name {
		t.Errorf("the token is for %s", got)
	}
}

func TestUserpassOptions(t *testing.T) {
	right := Options{Type: "userpass", Hosts: []string{"http://127.0.0.1"}, Username: "me", Password: "hunter2"}
	for _, test := range []struct {
		change       func(*Options)
		text, advice string
	}{
		{func(o *Options) { o.Username = "" }, "auth_type is userpass, but username is not set",
			"set RUCIO_CFG_CLIENT_USERNAME, or username in the [client] section of rucio.cfg"},
		{func(o *Options) { o.Password = "" }, "auth_type is userpass, but password is not set",
			"set RUCIO_CFG_CLIENT_PASSWORD, or RUCIO_CFG_CLIENT_PASSWORD_FILE to a file that holds the password"},
		{func(o *Options) { o.Password = "hunter2\n" }, "password begins or ends with white space, which an HTTP header cannot hold",
			"check that a file or a variable did not add it; else choose another password"},
		{func(o *Options) { o.Password = "hunter2\nX-Evil: 1" }, "password has a line end or another control character, which an HTTP header cannot hold",
			"check that a file or a variable did not add it; else choose another password"},
		{func(o *Options) { o.Username = " me" }, "username begins or ends with white space, which an HTTP header cannot hold",
			"check that a file or a variable did not add it; else choose another username"},
		{func(o *Options) { o.Hosts = nil }, "auth_host is not set",
			"set RUCIO_CFG_CLIENT_AUTH_HOST, or auth_host in the [client] section of rucio.cfg, to the address of the Rucio server"},
	} {
		opts := right
		test.change(&opts)
		_, err := New(opts)
		wantError(t, err, Config, test.text, test.advice)
	}
}

func TestPlainPasswordWarning(t *testing.T) {
	for host, want := range map[string]bool{"http://rucio.example.org": true, "https://rucio.example.org": false, "http://localhost:1": false, "http://127.0.0.1": false, "http://[::1]:80": false} {
		var log logBuffer
		source(t, Options{Type: "userpass", Hosts: []string{host}, Username: "me", Password: "hunter2", Log: log.logger()})
		if got := strings.Contains(log.String(), "the password goes unencrypted over the network"); got != want {
			t.Errorf("%s: warned: %t, want %t", host, got, want)
		}
	}
}
