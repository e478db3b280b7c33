package auth

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
)

// realm is the testbed's Kerberos realm, and the Rucio server that takes its tickets.
type realm struct {
	*testbed.Env
	url, config, user, keytab, stranger string
}

func requireRealm(t *testing.T) *realm {
	t.Helper()
	bed := testbed.Require(t)
	vars := bed.RequireService(t, "kdc")
	return &realm{bed, vars["TESTBED_GSS_URL"], vars["TESTBED_KRB5_CONFIG"], vars["TESTBED_KRB5_USER"], vars["TESTBED_KRB5_KEYTAB"], vars["TESTBED_KRB5_STRANGER_KEYTAB"]}
}

// options returns options that log in with Kerberos.
func (r *realm) options(t *testing.T, gss GSSOptions) Options {
	t.Helper()
	opts, bed := onTestbed(t)
	transport, err := NewTransport(TLSOptions{CACert: bed.CA})
	if err != nil {
		t.Fatal(err)
	}
	if gss.Config == "" {
		gss.Config = r.config
	}
	opts.Type, opts.Hosts, opts.HTTP, opts.GSS, opts.Username, opts.Password = "gss", []string{r.url}, &http.Client{Transport: transport}, gss, "", ""
	return opts
}

// kinit gets a real ticket of a keytab's principal and returns its cache.
func (r *realm) kinit(t *testing.T, keytab, principal string) (cache string) {
	t.Helper()
	cache = filepath.Join(t.TempDir(), "cache")
	command(t, []string{"KRB5_CONFIG=" + r.config}, "kinit", "-c", cache, "-k", "-t", keytab, principal)
	return cache
}

func TestGSS(t *testing.T) {
	r := requireRealm(t)
	cache := r.kinit(t, r.keytab, r.user)
	dir := t.TempDir()
	text := string(readFile(t, r.config))
	at := strings.Index(text, "[realms]")
	if at < 0 {
		t.Fatal("no realms in krb5.conf")
	}
	folder := filepath.Join(dir, "krb5.conf.d")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(folder, "testbed"), []byte(text[at:]), 0o600)
	writeFile(t, filepath.Join(folder, "other.conf"), []byte("[realms]\n OTHER = {\n  kdc = other\n }\n"), 0o600)
	writeFile(t, filepath.Join(folder, "backup~"), []byte("nonsense {"), 0o600)
	split := filepath.Join(dir, "krb5.conf") // as Red Hat's
	writeFile(t, split, []byte("# comment\nincludedir "+folder+"\ninclude "+filepath.Join(folder, "other.conf")+"\n"+text[:at]), 0o600)
	for name, gss := range map[string]GSSOptions{
		"cache":                  {Cache: cache},
		"cache, with its kind":   {Cache: "FILE:" + cache},
		"keytab":                 {Cache: "/none", Keytab: r.keytab},
		"keytab, with its kind":  {Cache: "/none", Keytab: "FILE:" + r.keytab},
		"cache before keytab":    {Cache: cache, Keytab: "/none"},
		"several configurations": {Config: "/none:" + r.config, Cache: cache},
		"included configuration": {Config: split, Cache: "/none", Keytab: r.keytab},
	} {
		t.Run(name, func(t *testing.T) {
			opts := r.options(t, gss)
			s := source(t, opts)
			if got, want := token(t, s).Reveal(), "root-"+r.user+"-unknown-"; !strings.HasPrefix(got, want) {
				t.Errorf("the token is not of %s", want)
			}
			if got := account(t, r.url, opts.HTTP.Transport, s); got != "root" {
				t.Errorf("the token is for %s", got)
			}
			if _, err := s.Renew(t.Context(), token(t, s)); err != nil {
				t.Errorf("another login: %v", err)
			}
		})
	}
	shown := command(t, []string{"KRB5_CONFIG=" + r.config, "KRB5CCNAME=" + cache}, "curl", "-s", "-i", "--cacert", r.CA, "--negotiate", "-u", ":", "-H", "X-Rucio-Account: root", r.url+"/auth/gss")
	if !strings.Contains(shown, "X-Rucio-Auth-Token: root-"+r.user+"-unknown-") {
		t.Errorf("curl, with the same ticket, gets something else:\n%s", shown)
	}
}

func TestGSSRefused(t *testing.T) {
	r := requireRealm(t)
	cache, stranger := r.kinit(t, r.keytab, r.user), "nobody@"+strings.SplitN(r.user, "@", 2)[1]
	dir := t.TempDir()
	file := func(name string, text []byte, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		writeFile(t, path, text, mode)
		return path
	}
	open, garbled := file("open.keytab", readFile(t, r.keytab), 0o644), file("garbled", []byte("hello"), 0o600)
	cut, bare := file("cut", readFile(t, cache)[:len(readFile(t, cache))/2], 0o600), file("bare", readFile(t, cache)[:100], 0o600)
	empty := file("empty.keytab", []byte{5, 2}, 0o600)
	cutKeys := file("cut.keytab", readFile(t, r.keytab)[:20], 0o600)
	old := file("old.keytab", readFile(t, r.keytab), 0o600)
	wrongKey := file("wrong.keytab", flipped(t, r.keytab), 0o600)
	config := string(readFile(t, r.config))
	noRealm := file("norealm.conf", []byte(config[:strings.Index(config, "[realms]")]), 0o600)
	down := file("down.conf", []byte(config[:strings.Index(config, "[realms]")]+"[realms]\n RUCIO.TESTBED = {\n  kdc = 127.0.0.1:1\n }\n"), 0o600)
	loop := file("loop.conf", []byte("include "+filepath.Join(dir, "loop.conf")+"\n"), 0o600)
	kinit := "get a ticket (kinit), or set KRB5_CLIENT_KTNAME to a keytab"
	setConfig := "set KRB5_CONFIG to the krb5.conf of your realm"
	for _, test := range []struct {
		name         string
		gss          GSSOptions
		change       func(*Options)
		kind         Kind
		text, advice string
	}{
		{"a principal that is not registered", GSSOptions{Cache: r.kinit(t, r.stranger, stranger)}, nil, UnknownIdentity,
			"log in as " + stranger + " to account root: " + r.url + `: there is no account "root", or ` + stranger + " is not registered for it",
			"check the account; else have an administrator of Rucio run: rucio account identity add root --type GSS --id '" + stranger + "' --email ADDRESS"},
		{"another account", GSSOptions{Cache: cache}, func(o *Options) { o.Account = "jdoe" }, UnknownIdentity,
			"log in as " + r.user + " to account jdoe: " + r.url + `: there is no account "jdoe", or ` + r.user + " is not registered for it",
			"check the account; else have an administrator of Rucio run: rucio account identity add jdoe --type GSS --id '" + r.user + "' --email ADDRESS"},
		{"a server without Kerberos", GSSOptions{Cache: cache}, func(o *Options) { o.Hosts = []string{r.TLSURL} }, Config,
			"log in as " + r.user + " to account root: " + r.TLSURL + ": it does not ask for Kerberos tickets at /auth/gss", "use another auth_type, or a server that is set up for Kerberos"},
		{"a server that the realm does not know", GSSOptions{Cache: cache}, func(o *Options) { o.Hosts = []string{strings.Replace(r.url, "localhost", "127.0.0.1", 1)} }, Config,
			"log in as " + r.user + " to account root: Kerberos' server does not know the Rucio server ((7) KDC_ERR_S_PRINCIPAL_UNKNOWN Server not found in Kerberos database - LOOKING_UP_SERVER)",
			"set auth_host to the name that its operators registered as HTTP/host"},
		{"an expired ticket", GSSOptions{Cache: cache}, func(o *Options) { o.Now = func() time.Time { return time.Now().Add(240 * time.Hour) } }, Unusable, "", kinit},
		{"no cache", GSSOptions{Cache: "/none"}, nil, Config, "read the Kerberos ticket in /none: no such file or directory", kinit},
		{"a cache that is none", GSSOptions{Cache: garbled}, nil, Unusable, "read the Kerberos ticket in " + garbled + ": it is no cache of Kerberos tickets, or only a part of one", kinit},
		{"a cache without tickets", GSSOptions{Cache: bare}, nil, Unusable, "read the Kerberos ticket in " + bare + ": it has no ticket of the realm RUCIO.TESTBED, with which others are to be had", kinit},
		{"a part of a cache", GSSOptions{Cache: cut}, nil, Unusable, "read the Kerberos ticket in " + cut + ": it is no cache of Kerberos tickets, or only a part of one", kinit},
		{"a cache elsewhere", GSSOptions{Cache: "KEYRING:persistent:0"}, nil, Config, "read the Kerberos ticket in KEYRING:persistent:0: tickets in KEYRING cannot be read, only those in files", kinit},
		{"no keytab", GSSOptions{Cache: "/none", Keytab: "/none"}, nil, Config, "read the keytab /none: no such file or directory", "set KRB5_CLIENT_KTNAME to a keytab"},
		{"a keytab that is none", GSSOptions{Cache: "/none", Keytab: garbled}, nil, Config, "read the keytab " + garbled + ": it is no keytab, or only a part of one", "set KRB5_CLIENT_KTNAME to a keytab"},
		{"a part of a keytab", GSSOptions{Cache: "/none", Keytab: cutKeys}, nil, Config, "read the keytab " + cutKeys + ": it is no keytab, or only a part of one", "set KRB5_CLIENT_KTNAME to a keytab"},
		{"an empty keytab", GSSOptions{Cache: "/none", Keytab: empty}, nil, Config, "read the keytab " + empty + ": it is no keytab, or only a part of one", "set KRB5_CLIENT_KTNAME to a keytab"},
		{"a keytab open to others", GSSOptions{Cache: "/none", Keytab: open}, nil, Unusable, "read the keytab " + open + ": it is not private: other users can read it (mode 0644)", "chmod 600 " + open},
		{"a keytab with another key", GSSOptions{Cache: "/none", Keytab: wrongKey}, nil, WrongCredentials,
			"log in as " + r.user + " to account root: Kerberos' server does not take the key ((24) KDC_ERR_PREAUTH_FAILED Pre-authentication information was invalid - PREAUTH_FAILED)", "make the keytab anew: the password may have changed since"},
		{"no configuration", GSSOptions{Config: "/none", Cache: cache}, nil, Config, "read Kerberos' configuration /none: no such file or directory", setConfig},
		{"a configuration that includes itself", GSSOptions{Config: loop, Cache: cache}, nil, Config, "read Kerberos' configuration " + loop + ": " + loop + " is included by itself", setConfig},
		{"a realm without servers", GSSOptions{Config: noRealm, Cache: "/none", Keytab: old}, nil, Config, "", "put the realm into krb5.conf (KRB5_CONFIG)"},
		{"servers that are down", GSSOptions{Config: down, Cache: "/none", Keytab: old}, nil, Unreachable, "log in as " + r.user + " to account root: Kerberos' server cannot be reached", "check krb5.conf (KRB5_CONFIG), and that the server is up"},
	} {
		t.Run(test.name, func(t *testing.T) {
			opts := r.options(t, test.gss)
			if test.change != nil {
				test.change(&opts)
			}
			_, err := source(t, opts).Token(t.Context())
			if test.text == "" && err != nil { // a time, or names of servers, which differ
				test.text = err.Error()
			}
			wantError(t, err, test.kind, test.text, test.advice)
			if test.name == "an expired ticket" && !strings.Contains(err.Error(), "the ticket of "+r.user+" expired at 20") {
				t.Error(err)
			}
		})
	}
	opts := r.options(t, GSSOptions{})
	opts.Account = ""
	_, err := New(opts)
	wantError(t, err, Config, "auth_type is gss, but account is not set", "set RUCIO_CFG_CLIENT_ACCOUNT, or account in the [client] section of rucio.cfg")
}

// flipped is a keytab whose keys are wrong in a bit each.
func flipped(t *testing.T, path string) []byte {
	t.Helper()
	text := readFile(t, path)
	keys := parseKeytab(text)
	if keys == nil {
		t.Fatal("no keytab")
	}
	for i := range keys.Entries {
		keys.Entries[i].Key.KeyValue[0] ^= 1
	}
	text, err := keys.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A server that does not take the ticket, or whose clock differs, is hard to make for real.
func TestGSSProblems(t *testing.T) {
	for text, want := range map[string]Kind{
		"[Root cause: KRB_Error] KRB Error: (37) KRB_AP_ERR_SKEW Clock skew too great":                    ClockSkew,
		"[Root cause: KDC_Error] KRB Error: (6) KDC_ERR_C_PRINCIPAL_UNKNOWN Client not found in database": WrongCredentials,
		"KRB Error: (18) KDC_ERR_CLIENT_REVOKED Clients credentials have been revoked":                    WrongCredentials,
		"KRB Error: (23) KDC_ERR_KEY_EXPIRED Password has expired":                                        Unusable,
		"AS_REP is not valid or client password/keytab incorrect":                                         WrongCredentials,
		"something else": Unusable,
	} {
		e := kerberosError(fmt.Errorf("AS Exchange Error: %w", errors.New(text)))
		_, shown, _ := strings.Cut(text, "KRB Error: ")
		if e.Kind != want || e.Advice == "" || !strings.Contains(e.Error(), shown) {
			t.Errorf("%s: explained as %s: %s", text, e.Kind, e)
		}
	}
	r := requireRealm(t)
	server := fake(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", "Negotiate")
		w.WriteHeader(http.StatusUnauthorized)
	})
	opts := r.options(t, GSSOptions{Cache: r.kinit(t, r.keytab, r.user)})
	opts.Hosts = []string{strings.Replace(server.URL, "127.0.0.1", "localhost", 1)}
	_, err := source(t, opts).Token(t.Context())
	wantError(t, err, WrongCredentials, "log in as "+r.user+" to account root: "+opts.Hosts[0]+": it does not take the Kerberos ticket",
		"ask the server's operators: its keytab may be older than the ticket, or for another name")
}

// Caches and keytabs that are damaged are refused, not believed.
func FuzzParseTickets(f *testing.F) {
	f.Add([]byte{5, 4, 0, 0, 0, 0, 0, 1})
	f.Fuzz(func(_ *testing.T, text []byte) {
		if cache := parseTickets(text); cache != nil {
			cache.GetEntries()
		}
		parseKeytab(text)
	})
}
