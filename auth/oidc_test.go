package auth

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/engine/suggest"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testoidc"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

const offline = "openid profile offline_access"

// onOIDC returns options for the testbed without a way to get tokens, and with a token cache of their own.
func onOIDC(t *testing.T) (Options, *testoidc.Provider) {
	t.Helper()
	idp := testoidc.Require(t)
	transport, err := NewTransport(TLSOptions{CACert: idp.CA})
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		Type: "oidc", Hosts: []string{idp.HTTPURL}, Retries: -1, Suggest: suggest.Hint, TempDir: t.TempDir(), OSUser: "tester", HTTP: &http.Client{Transport: transport},
		OIDC: OIDCOptions{Scope: "openid profile", Audience: "rucio"},
	}, idp
}

// robot sets client credentials.
func (o *Options) robot(idp *testoidc.Provider, client string) {
	o.OIDC.ClientID, o.OIDC.ClientSecret, o.OIDC.TokenEndpoint = client, rucio.Secret(testoidc.Secret(client)), idp.TokenEndpoint()
}

// agent sets an oidc-agent configuration that the real oidc-agent wrote.
func (o *Options) agent(t *testing.T, idp *testoidc.Provider, client, user string) (refreshToken string) {
	t.Helper()
	refreshToken = idp.RefreshToken(t, client, user, offline)
	o.OIDC.AgentConfig, o.OIDC.AgentPassword = rucio.Secret(idp.AgentConfig(t, "laptop", client, refreshToken, offline, "hunter2")), "hunter2"
	return refreshToken
}

// inFile writes a file and returns its path.
func inFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// Every way to get a token leads to the account, and to the file where Python's client and other tools find the token.
func TestOIDCWays(t *testing.T) {
	opts, idp := onOIDC(t)
	name := testbed.Unique("oidc")
	robot := "robot-" + name
	idp.Account(t, name, robot, "user-"+name)
	opts.Account = name
	for way, test := range map[string]struct {
		set    func(*Options)
		origin string
	}{
		"token file": {func(o *Options) {
			o.OIDC.TokenFiles = []string{"/nonexistent", inFile(t, idp.Token(t, robot, "openid profile", "rucio")+"\n")}
		}, "the token file "},
		"client credentials": {func(o *Options) { o.robot(idp, robot) }, `the credentials of client "` + robot + `"`},
		"oidc-agent":         {func(o *Options) { o.agent(t, idp, "agent", "user-"+name) }, `the oidc-agent configuration "laptop" of ` + idp.Issuer + "/"},
		"access token": {func(o *Options) {
			o.OIDC.AccessToken = rucio.Secret("\n" + idp.Token(t, robot, "openid profile", "rucio") + "\r\n")
		}, "the token of OIDC_ACCESS_TOKEN"},
		"access token by file": {func(o *Options) {
			o.OIDC.AccessToken = rucio.Secret(idp.Token(t, robot, "openid profile", "rucio"))
			o.OIDC.AccessTokenFile = inFile(t, o.OIDC.AccessToken.Reveal()+"\n")
		}, "the token in /"},
		"discovery": {func(o *Options) {
			o.OIDC.WLCG.BearerToken = rucio.Secret(idp.Token(t, robot, "openid profile", "rucio"))
		}, "the token of BEARER_TOKEN"},
		"earlier login": {func(o *Options) {
			(&cache{path: cachePath(*o), log: o.Log}).write(idp.Token(t, robot, "openid profile", "rucio"))
		}, "the token in /"},
	} {
		t.Run(way, func(t *testing.T) {
			var log logBuffer
			opts := opts
			opts.TempDir, opts.Log = t.TempDir(), log.logger()
			test.set(&opts)
			s := source(t, opts)
			got := token(t, s)
			if !strings.HasPrefix(s.method.origin, test.origin) {
				t.Errorf("the token comes with %s, want %s", s.method.origin, test.origin)
			}
			if account := account(t, idp.HTTPURL, nil, s); account != name {
				t.Errorf("the token is for %s", account)
			}
			path := filepath.Join(opts.TempDir, "tester", ".rucio_tester", "auth_token_for_account_"+name)
			kept, err := os.ReadFile(path)
			if err != nil || string(kept) != got.Reveal() {
				t.Errorf("the file holds something else: %d bytes, %v", len(kept), err)
			}
			if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
				t.Errorf("the file has the mode %v, %v", info.Mode(), err)
			}
			if text := log.String(); strings.Contains(text, got.Reveal()) || strings.Contains(text, "hunter2") || strings.Contains(text, "-secret") {
				t.Errorf("a secret is in the log: %s", text)
			}
		})
	}
}

// The order of the Python task manager's entrypoint, then Python's client's.
func TestOIDCOrder(t *testing.T) {
	opts := Options{Type: "oidc", Hosts: []string{"https://rucio.example.org"}, TempDir: t.TempDir(), OSUser: "tester", OIDC: OIDCOptions{
		TokenFiles: []string{inFile(t, "")}, ClientID: "robot", ClientSecret: "hunter2", TokenEndpoint: "https://iam.example.org/token",
		AgentConfig: rucio.Secret(agentFile(t, "4.2.6")), AgentPassword: "sésame", AccessToken: "hunter2", WLCG: WLCG{BearerToken: "hunter2"},
	}}
	for _, step := range []struct {
		origin string
		remove func(*OIDCOptions)
	}{
		{"the token file " + opts.OIDC.TokenFiles[0], func(o *OIDCOptions) { o.TokenFiles = nil }},
		{`the credentials of client "robot"`, func(o *OIDCOptions) { o.ClientSecret = "" }},
		{`the oidc-agent configuration "made-by-4.2.6" of https://localhost:18101/`, func(o *OIDCOptions) { o.AgentPassword = "" }},
		{"the token of OIDC_ACCESS_TOKEN", func(o *OIDCOptions) { o.AccessToken = "" }},
		{"the token of BEARER_TOKEN", func(o *OIDCOptions) { o.WLCG.BearerToken = "" }},
		{"the token in " + cachePath(opts), nil},
	} {
		if got := source(t, opts).method.origin; got != step.origin {
			t.Errorf("got %s, want %s", got, step.origin)
		}
		if step.remove != nil {
			step.remove(&opts.OIDC)
		}
	}
}

// A way that is set in part is passed over with a warning, as before, and is what the error is about when there is no other.
func TestOIDCInPart(t *testing.T) {
	var log logBuffer
	opts := Options{Type: "oidc", Hosts: []string{"https://rucio.example.org"}, Log: log.logger(), OIDC: OIDCOptions{ClientID: "robot", AgentPassword: "hunter2", AccessToken: "x"}}
	const lacking = "OIDC_CLIENT_SECRET is not set; OIDC_TOKEN_ENDPOINT is not set; OIDC_AGENT_AUTH_CLIENT_CFG_VALUE and OIDC_AGENT_AUTH_CLIENT_CFG_PASSWORD are needed both"
	if got := source(t, opts).method.origin; got != "the token of OIDC_ACCESS_TOKEN" || !strings.Contains(log.String(), lacking) {
		t.Errorf("got %s, log %s", got, log.String())
	}
	opts.OIDC.AccessToken = ""
	fails(t, opts, Config, "log in with the token of an earlier login: auth_type is oidc, and a way to log in is set in part only: "+lacking, "set what is missing")
}

func TestOIDCNothing(t *testing.T) {
	opts := Options{Type: "oidc", Hosts: []string{"https://rucio.example.org"}, TempDir: t.TempDir(), OSUser: "tester", Account: "me"}
	fails(t, opts, NoToken, "log in with the token in "+cachePath(opts)+" to account me: auth_type is oidc, and there is no token: nobody has logged in, and no other way is set",
		"log in with `rucio-task-manager auth login`; or set OIDC_CLIENT_ID, OIDC_CLIENT_SECRET and OIDC_TOKEN_ENDPOINT, or an oidc-agent configuration, or OIDC_ACCESS_TOKEN")
	opts.OIDC.TokenFiles = []string{inFile(t, "\n")}
	fails(t, opts, NoToken, "log in with the token file "+opts.OIDC.TokenFiles[0]+" to account me: it is empty", "put a token into the file, or remove it so that another way to log in is used")
}

// Secrets with signs that mean something in forms and in HTTP's basic authentication arrive as they are.
func TestOIDCStrangeSecret(t *testing.T) {
	opts, idp := onOIDC(t)
	name := testbed.Unique("oidc")
	client := "a b&c%d-strange-" + name
	idp.Account(t, name, client)
	opts.robot(idp, client)
	opts.OIDC.ClientSecret = rucio.Secret(client + "-se+c%re&t=/ü")
	if got := account(t, idp.HTTPURL, nil, source(t, opts)); got != name {
		t.Errorf("the token is for %s", got)
	}
	// a provider that takes ID and secret as they are, as curl sends them
	asked := 0
	raw := fake(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		if id, secret, _ := r.BasicAuth(); id != "a b" || secret != "c:d%" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error": "invalid_client"}`))
			return
		}
		if r.FormValue("scope") != "openid profile a+b" || r.FormValue("audience") != "rucio https://wlcg.cern.ch/jwt/v1/any" || r.FormValue("grant_type") != "client_credentials" {
			t.Errorf("the form is %v", r.Form)
		}
		_, _ = w.Write([]byte(`{"access_token": "` + jwt(`{"exp": 9999999999}`) + `"}`))
	})
	o := &oidc{session: newSession(withDefaults(Options{Hosts: []string{"x"}, OIDC: OIDCOptions{
		ClientID: "a b", ClientSecret: "c:d%", TokenEndpoint: raw.URL, Scope: "openid profile a+b", Audience: "rucio https://wlcg.cern.ch/jwt/v1/any"}})), provider: http.DefaultClient}
	way, _ := clientCredentials(o)
	for range 2 {
		if _, err := way.next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if asked != 3 {
		t.Errorf("asked %d times, want two for the first token and one for the second", asked)
	}
}

// A token file is read again: somebody keeps it fresh.
func TestOIDCTokenFileRenewed(t *testing.T) {
	opts, idp := onOIDC(t)
	name := testbed.Unique("oidc")
	idp.Account(t, name, "robot-"+name, "robot-5m-"+name)
	path := inFile(t, idp.Token(t, "robot-5m-"+name, "openid profile", "rucio"))
	opts.OIDC.TokenFiles = []string{path}
	here := &clock{now: time.Now()}
	opts.Now = here.Now
	s := source(t, opts)
	first := token(t, s)
	second := idp.Token(t, "robot-"+name, "openid profile", "rucio")
	if err := os.WriteFile(path, []byte(second), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := token(t, s); got != first {
		t.Error("the file was read again although the token holds")
	}
	here.advance(4*time.Minute + 50*time.Second)
	if got := token(t, s); got.Reveal() != second {
		t.Error("the file was not read again shortly before the token ends")
	}
}
