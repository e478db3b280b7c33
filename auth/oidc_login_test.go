package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testoidc"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// person is a Browser: somebody who logs in as user as soon as there is a URL, and types the code that the page shows.
type person struct {
	t      *testing.T
	idp    *testoidc.Provider
	user   string
	typos  []string // what is typed before the code
	page   string   // the end of the login
	opened string
	wrong  int
	after  func() // called when the page is there
}

func (p *person) Open(url string) {
	p.opened = url
	client, err := testoidc.Client(p.idp.CA)
	if err == nil && p.user != "" {
		p.page, err = testoidc.Browse(client, url, p.user)
	}
	if err != nil {
		p.t.Error(err)
	}
	if p.after != nil {
		p.after()
	}
}

func (p *person) ReadCode(context.Context) (string, error) {
	if len(p.typos) > 0 {
		typed := p.typos[0]
		p.typos = p.typos[1:]
		if typed == "EOF" {
			return "", io.EOF
		}
		return typed, nil
	}
	code, err := testoidc.FetchCode(p.page)
	return " " + code + "\n", err
}

func (p *person) WrongCode() { p.wrong++ }

// account makes an account with a user of the same name and returns options to log in to it.
func onLogin(t *testing.T) (Options, *testoidc.Provider, string) {
	t.Helper()
	opts, idp := onOIDC(t)
	name := testbed.Unique("oidc")
	idp.Account(t, name, name)
	opts.Account = name
	return opts, idp, name
}

// A login by polling, and one by code, and then runs with its token: ours and the Python client's.
func TestOIDCLogin(t *testing.T) {
	opts, idp, name := onLogin(t)
	for _, polling := range []bool{true, false} {
		t.Run(fmt.Sprintf("polling %t", polling), func(t *testing.T) {
			opts := opts
			opts.TempDir = t.TempDir()
			browser := &person{t: t, idp: idp, user: name}
			if !polling {
				browser.typos = []string{"nonsense", "../../etc"}
			}
			login, err := LoginOIDC(t.Context(), opts, polling, browser)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(browser.opened, idp.TLSURL+"/auth/oidc_redirect?") || strings.HasSuffix(browser.opened, "_polling") != polling {
				t.Errorf("the browser went to %s", browser.opened)
			}
			if want := map[bool]int{true: 0, false: 2}[polling]; browser.wrong != want {
				t.Errorf("told %d times of a wrong code, want %d", browser.wrong, want)
			}
			if login.Account != name || time.Until(login.Expires) < 50*time.Minute || login.Refreshed || login.File != cachePath(opts) {
				t.Errorf("got %+v", login)
			}
			if got := token(t, source(t, opts)); got != login.Token {
				t.Error("a run does not use the token")
			}
			if got := pythonWhoami(t, idp, opts, nil); got != name {
				t.Errorf("Python's client is %s", got)
			}
		})
	}
}

// pythonWhoami asks Python's client, of type oidc, for its account. It must find a token where opts keep theirs.
func pythonWhoami(t *testing.T, idp *testoidc.Provider, opts Options, settings map[string]string) string {
	t.Helper()
	return python(t, idp.Env, pythonEnv(t, idp, opts, settings), "from rucio.client import Client\nprint(Client().whoami()['account'])")
}

// pythonEnv is the environment of Python's client with the same settings as opts.
func pythonEnv(t *testing.T, idp *testoidc.Provider, opts Options, settings map[string]string) map[string]string {
	t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "[client]\nrucio_host = %s\nauth_host = %s\nauth_type = oidc\naccount = %s\nca_cert = %s\noidc_audience = rucio\n", idp.HTTPURL, idp.HTTPURL, opts.Account, idp.CA)
	for option, value := range settings {
		fmt.Fprintf(&text, "%s = %s\n", option, value)
	}
	return map[string]string{"RUCIO_CONFIG": inFile(t, text.String()), "TMPDIR": opts.TempDir, "LOGNAME": opts.OSUser}
}

// A login that Python's client made, by polling, is ours as well.
func TestOIDCLoginOfPython(t *testing.T) {
	opts, idp, name := onLogin(t)
	script := "from rucio.client import Client\nprint('I am', Client().whoami()['account'])"
	cmd := pythonCommand(t, idp.Env, pythonEnv(t, idp, opts, map[string]string{"oidc_polling": "True"}), script)
	cmd.Env = append(cmd.Env, "PYTHONUNBUFFERED=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	address := regexp.MustCompile(`https://\S+/auth/oidc_redirect\?\S+\s`)
	for buffer := make([]byte, 4096); !address.Match(said.Bytes()); {
		n, err := out.Read(buffer)
		said.Write(buffer[:n])
		if err != nil {
			t.Fatalf("%v after %s", err, said.Bytes())
		}
	}
	(&person{t: t, idp: idp, user: name}).Open(strings.TrimSpace(string(address.Find(said.Bytes()))))
	if _, err := said.ReadFrom(out); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || !strings.Contains(said.String(), "I am "+name) {
		t.Fatalf("%v: %s", err, said.Bytes())
	}
	if got := account(t, idp.HTTPURL, nil, source(t, opts)); got != name {
		t.Errorf("the token is for %s", got)
	}
}

// The server refreshes the token of a login, for us and for Python's client, whoever of the two comes first.
func TestOIDCServerRefresh(t *testing.T) {
	opts, idp, name := onLogin(t)
	opts.OIDC.Scope, opts.OIDC.RefreshActive, opts.OIDC.RefreshBefore = offline, true, 20*time.Minute
	login, err := LoginOIDC(t.Context(), opts, true, &person{t: t, idp: idp, user: name})
	if err != nil || !login.Refreshed {
		t.Fatalf("got %+v, %v", login, err)
	}
	expiry := filepath.Join(filepath.Dir(cachePath(opts)), "auth_token_exp_for_account_"+name)
	if text, err := os.ReadFile(expiry); err != nil || string(text) != fmt.Sprint(login.Expires.Unix()) {
		t.Errorf("the file for the end holds %q, %v, want %d", text, err, login.Expires.Unix())
	}
	if got := token(t, source(t, opts)); got != login.Token {
		t.Error("the token was refreshed although it holds")
	}
	// an hour before its end there is nothing to gain yet: the server gives the same token for five minutes
	opts.OIDC.RefreshBefore = 2 * time.Hour
	s := source(t, opts)
	if got := token(t, s); got != login.Token {
		t.Error("got another token")
	}
	if pause := time.Until(s.current.renewAt); pause < 30*time.Second || pause > 2*time.Minute {
		t.Errorf("asks again after %v, want a minute", pause)
	}
	age(t, idp, login.Token)
	first := source(t, opts)
	fresh := token(t, first)
	if fresh == login.Token {
		t.Fatal("the token was not refreshed")
	}
	if got := account(t, idp.HTTPURL, nil, first); got != name {
		t.Errorf("the new token is for %s", got)
	}
	kept, err := os.ReadFile(cachePath(opts))
	if err != nil || string(kept) != fresh.Reveal() {
		t.Errorf("the new token is not kept: %v", err)
	}
	// now Python's client does it: our run takes its token
	age(t, idp, fresh)
	if err := os.WriteFile(expiry, []byte(fmt.Sprint(time.Now().Add(time.Minute).Unix())), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := pythonWhoami(t, idp, opts, map[string]string{"auth_oidc_refresh_active": "True"}); got != name {
		t.Errorf("Python's client is %s", got)
	}
	kept, err = os.ReadFile(cachePath(opts))
	if err != nil || string(kept) == fresh.Reveal() {
		t.Fatalf("Python's client did not refresh the token: %v", err)
	}
	renewed, err := first.Renew(t.Context(), fresh)
	if err != nil || renewed.Reveal() != string(kept) {
		t.Errorf("a run does not take the token that another process got: %v", err)
	}
	// without the switch nothing is refreshed
	age(t, idp, renewed)
	opts.OIDC.RefreshActive = false
	if got := token(t, source(t, opts)); got != renewed {
		t.Error("the token was refreshed although that is switched off")
	}
}

// age makes the server believe that it has had a token for a while.
func age(t *testing.T, idp *testoidc.Provider, token rucio.Secret) {
	t.Helper()
	script := `
import datetime, sys
from sqlalchemy import update
from rucio.db.sqla import models
from rucio.db.sqla.constants import DatabaseOperationType
from rucio.db.sqla.session import db_session
with db_session(DatabaseOperationType.WRITE) as session:
    then = datetime.datetime.utcnow() - datetime.timedelta(minutes=10)
    print(session.execute(update(models.Token).where(models.Token.token == sys.stdin.read()).values(updated_at=then)).rowcount)
`
	cmd := exec.CommandContext(t.Context(), idp.Python, "-W", "ignore", "-c", script)
	cmd.Env = []string{"RUCIO_HOME=" + idp.State, "RUCIO_CONFIG=" + filepath.Join(idp.State, "etc", "rucio.cfg"), "PATH=" + os.Getenv("PATH")}
	cmd.Stdin = strings.NewReader(token.Reveal())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if out, err := cmd.Output(); err != nil || strings.TrimSpace(string(out)) != "1" {
		t.Fatalf("changed %s rows, %v\n%s", out, err, stderr.Bytes())
	}
}

// A provider that revoked the refresh token: the token is used to its end, which is told then.
func TestOIDCServerRefreshRevoked(t *testing.T) {
	var log logBuffer
	claims := jwt(fmt.Sprintf(`{"sub": "me", "iss": "x", "exp": %d}`, time.Now().Add(time.Hour).Unix()))
	refused := fake(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/auth/validate":
			fmt.Fprintf(w, "{'account': 'me', 'lifetime': datetime.datetime(%s)}", time.Now().Add(time.Hour).UTC().Format("2006, 1, 2, 15, 4, 5"))
		case "/auth/oidc_refresh":
			w.Header().Set("ExceptionClass", "CannotAuthorize")
			w.Header().Set("ExceptionMessage", "invalid_grant")
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	opts := Options{Type: "oidc", Hosts: []string{refused.URL}, Account: "me", TempDir: t.TempDir(), OSUser: "tester", Log: log.logger(), OIDC: OIDCOptions{RefreshActive: true, RefreshBefore: 2 * time.Hour}}
	(&cache{path: cachePath(opts), log: opts.Log}).write(claims)
	if got := token(t, source(t, opts)); got.Reveal() != claims || !strings.Contains(log.String(), "the server cannot refresh the token now") {
		t.Errorf("got %q, log %s", got.Reveal(), log.String())
	}
}

func TestOIDCLoginRefused(t *testing.T) {
	opts, idp, name := onLogin(t)
	login := func(change func(*Options), browser *person, polling bool) error {
		opts := opts
		change(&opts)
		browser.t, browser.idp = t, idp
		_, err := LoginOIDC(t.Context(), opts, polling, browser)
		return err
	}
	host := idp.HTTPURL
	wantError(t, login(func(o *Options) { o.Account = "nosuch" }, &person{}, true), UnknownAccount,
		"log in to account nosuch: "+host+`: there is no account "nosuch"`,
		"set RUCIO_CFG_CLIENT_ACCOUNT, or account in the [client] section of rucio.cfg, to an account of yours, or leave it out for your default account")
	wantError(t, login(func(o *Options) { o.OIDC.Scope, o.OIDC.Audience = "openid", "fts" }, &person{}, true), TokenRefused,
		"log in to account "+name+": "+host+`: the scope "openid" and the audience "fts" are less than the server asks for`,
		"set RUCIO_CFG_CLIENT_OIDC_SCOPE, or oidc_scope in the [client] section of rucio.cfg, to what the server asks for; often it is openid profile; and oidc_audience; often it is rucio")
	wantError(t, login(func(o *Options) { o.OIDC.Issuer = "cern" }, &person{}, true), Config,
		"log in to account "+name+": "+host+`: the server knows no identity provider "cern"`,
		"leave oidc_issuer out, or set it to a name that the server has in its idpsecrets.json")
	wantError(t, login(func(*Options) {}, &person{user: name, typos: []string{"a", "b c", ""}}, false), NoToken,
		"log in to account "+name+": "+host+": the server does not know the code", "begin anew, and copy the whole code from the page")
	wantError(t, login(func(*Options) {}, &person{user: name, typos: []string{"EOF"}}, false), NoToken,
		"log in to account "+name+": no code was given: EOF", "")
	wantError(t, login(func(o *Options) { o.HTTP = nil }, &person{}, true), TLS,
		"log in to account "+name+": "+idp.TLSURL+": its certificate is signed by an authority that is not trusted (/DC=org/DC=rucio-testbed/CN=Testbed CA)", setCA)
	// somebody whom the server does not know as the account's: the page says so, and no token ever comes
	here := &clock{now: time.Now()}
	hurried := func() time.Time { // each look at the clock takes a minute
		here.advance(time.Minute)
		return here.Now()
	}
	stranger := &person{user: testbed.Unique("stranger")}
	err := login(func(o *Options) { o.Now = hurried }, stranger, true)
	wantError(t, err, NoToken, "log in to account "+name+": "+host+": nobody logged in within 5m0s, or the server did not accept who did; then the page in the browser said so",
		"try again; a server that does not accept you needs your identity registered, or another account: set RUCIO_CFG_CLIENT_ACCOUNT, or account in the [client] section of rucio.cfg")
	if !strings.Contains(stranger.page, "could not") {
		t.Errorf("the page says %s", stranger.page)
	}
	// somebody who gives up
	ctx, cancel := context.WithCancel(t.Context())
	_, err = LoginOIDC(ctx, opts, true, &person{t: t, idp: idp, after: cancel})
	if !errors.Is(err, Cancelled) {
		t.Errorf("got %v", err)
	}
}

func TestLogout(t *testing.T) {
	opts := Options{Type: "oidc", Account: "me", TempDir: t.TempDir(), OSUser: "tester"}
	folder := filepath.Dir(cachePath(opts))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, name := range []string{"auth_token_for_account_me", "auth_token_exp_for_account_me", "auth_token_for_account_you"} {
		want = append(want, filepath.Join(folder, name))
		if err := os.WriteFile(filepath.Join(folder, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range [][]string{want[:2], nil} {
		got, err := Logout(opts)
		if err != nil || strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("removed %v, %v, want %v", got, err, want)
		}
	}
	if _, err := os.Stat(want[2]); err != nil {
		t.Error("another account was logged out")
	}
}
