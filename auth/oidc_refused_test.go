package auth

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// Every reason for which a real server refuses a token, told apart, though it says the same to all.
func TestOIDCRefused(t *testing.T) {
	opts, idp := onOIDC(t)
	name, other := testbed.Unique("oidc"), testbed.Unique("oidc")
	robot, stranger := "robot-"+name, "stranger-"+name
	idp.Account(t, name, robot, robot+"-expired")
	idp.Account(t, other)
	for what, test := range map[string]struct {
		token, account string
		kind           Kind
		text, advice   string // regular expressions
	}{
		"unmapped identity": {idp.Token(t, stranger, "openid profile", "rucio"), name, UnknownAccount,
			regexp.QuoteMeta("the server knows no account for the identity SUB=" + stranger + ", ISS=" + idp.Issuer),
			regexp.QuoteMeta("have an administrator register it: rucio account identity add " + name + " --type OIDC --id 'SUB=" + stranger + ", ISS=" + idp.Issuer + "' --email ADDRESS")},
		"another account": {idp.Token(t, robot, "openid profile", "rucio"), other, UnknownAccount,
			regexp.QuoteMeta("the server takes SUB=" + robot + ", ISS=" + idp.Issuer + " for account " + name + ", not " + other),
			regexp.QuoteMeta("set RUCIO_CFG_CLIENT_ACCOUNT, or account in the [client] section of rucio.cfg, to " + name + "; or make " + other + " the default account of the identity")},
		"unknown account": {idp.Token(t, robot, "openid profile", "rucio"), "nosuch", UnknownAccount,
			regexp.QuoteMeta("the server takes SUB=" + robot + ", ISS=" + idp.Issuer + " for account " + name + ", not nosuch"), "to " + name + "; or make nosuch the default .*"},
		"wrong audience": {idp.Token(t, robot, "openid profile", "fts storage"), name, TokenRefused,
			`the token is for the audience "fts storage", which is not the server's`,
			regexp.QuoteMeta("get a token for the audience of the Rucio server: set RUCIO_CFG_CLIENT_OIDC_AUDIENCE, or oidc_audience in the [client] section of rucio.cfg, to it; often it is rucio") + `.*`},
		"wrong scope": {idp.Token(t, robot, "openid", "rucio"), name, TokenRefused,
			`the token has the scope "openid", which is less than the server asks for`,
			regexp.QuoteMeta("get a token with more: set RUCIO_CFG_CLIENT_OIDC_SCOPE, or oidc_scope in the [client] section of rucio.cfg, to what the server asks for; often it is openid profile") + `.*`},
		"expired": {idp.Token(t, robot+"-expired", "openid profile", "rucio"), name, TokenRefused,
			`the token expired at ` + time.Now().Add(-time.Hour).UTC().Format("2006-01-02T") + `\d\d:\d\d:\d\dZ, 1h0m\d+s ago`,
			regexp.QuoteMeta("get a new one; client credentials (OIDC_CLIENT_ID) or an oidc-agent configuration renew theirs by themselves")},
		"cut": {idp.Token(t, robot, "openid profile", "rucio")[:200], name, TokenRefused,
			"the server refuses the token: it has not the three parts of a JWT", "check that the token is whole, and that it is an access token of the identity provider"},
		"another issuer": {jwt(`{"iss": "https://other.example.org/", "sub": "me", "aud": "rucio", "scope": "openid profile", "exp": 9999999999}`), name, UnknownAccount,
			regexp.QuoteMeta("the server knows no account for the identity SUB=me, ISS=https://other.example.org/, or does not trust its issuer: the server's own provider is at " + strings.TrimPrefix(idp.Issuer, "https://")),
			"have an administrator register it: .*"},
		"line break inside": {"a\tb", name, TokenRefused, "it has characters that no token has", "check that nothing but the token is there"},
	} {
		t.Run(what, func(t *testing.T) {
			opts := opts
			opts.Account, opts.OIDC.AccessToken = test.account, rucio.Secret(test.token)
			_, err := source(t, opts).Token(t.Context())
			var e *Error
			if !errors.As(err, &e) || e.Kind != test.kind {
				t.Fatalf("got %v of kind %v, want %s", err, e, test.kind)
			}
			at := regexp.QuoteMeta("log in with the token of OIDC_ACCESS_TOKEN to account "+test.account+": ") + "(" + regexp.QuoteMeta(idp.HTTPURL) + ": )?"
			if !regexp.MustCompile("^" + at + test.text + "$").MatchString(err.Error()) {
				t.Errorf("got  %s\nwant %s", err, test.text)
			}
			if !regexp.MustCompile("^.*" + test.advice + "$").MatchString(e.Hint()) {
				t.Errorf("hint %s\nwant %s", e.Hint(), test.advice)
			}
			if strings.Contains(fmt.Sprintf("%v %+v", err, e), test.token) {
				t.Errorf("shows the token: %+v", e)
			}
		})
	}
}

// What the identity provider refuses.
func TestOIDCProviderRefuses(t *testing.T) {
	opts, idp := onOIDC(t)
	name := testbed.Unique("oidc")
	at := idp.TokenEndpoint()
	robot := func(change func(*Options)) Options {
		opts := opts
		opts.robot(idp, "robot-"+name)
		change(&opts)
		return opts
	}
	with := `log in with the credentials of client "robot-` + name + `": `
	fails(t, robot(func(o *Options) { o.OIDC.ClientSecret = "hunter2" }), WrongCredentials,
		with+at+`: the provider does not accept the client "robot-`+name+`" (invalid_client)`,
		"check the client ID and its secret, and that the client may use the grant client_credentials")
	fails(t, robot(func(o *Options) { o.OIDC.TokenEndpoint = idp.Issuer }), Config,
		with+idp.Issuer+": this is no token endpoint (HTTP 404)", "check OIDC_TOKEN_ENDPOINT; the provider's /.well-known/openid-configuration names its token_endpoint")
	fails(t, robot(func(o *Options) { o.OIDC.TokenEndpoint = idp.Issuer + "/keys" }), Server,
		with+idp.Issuer+"/keys: its answer has no access token", "check that OIDC_TOKEN_ENDPOINT is a token endpoint of OAuth 2")
	fails(t, robot(func(o *Options) { o.OIDC.TokenEndpoint = "https://iam.invalid/token" }), Unreachable,
		with+`https://iam.invalid/token: there is no host named "iam.invalid"`, "check OIDC_TOKEN_ENDPOINT")
	closed := closedPort(t)
	fails(t, robot(func(o *Options) { o.OIDC.TokenEndpoint = closed }), Unreachable, with+closed+": nothing listens there (connection refused)", "check OIDC_TOKEN_ENDPOINT")
	fails(t, robot(func(o *Options) { o.OIDC.TokenEndpoint = ":" }), Config, with+`OIDC_TOKEN_ENDPOINT ":" is not a URL`, "")
	fails(t, robot(func(o *Options) { o.OIDC.HTTP = &http.Client{} }), TLS,
		with+at+": its certificate is signed by an authority that is not trusted (/DC=org/DC=rucio-testbed/CN=Testbed CA)", setCA)
}

// A refresh token that was revoked, and scopes that it does not have.
func TestOIDCAgentRefused(t *testing.T) {
	opts, idp := onOIDC(t)
	user := testbed.Unique("user")
	refreshToken := opts.agent(t, idp, "agent", user)
	with := `log in with the oidc-agent configuration "laptop" of ` + idp.Issuer + "/: " + idp.TokenEndpoint() + ": "
	opts.OIDC.Scope = "openid profile storage.read:/"
	fails(t, opts, TokenRefused, with+`the provider does not give the scope "openid profile storage.read:/" (invalid_scope)`,
		"set RUCIO_CFG_CLIENT_OIDC_SCOPE, or oidc_scope in the [client] section of rucio.cfg, to scopes that the client may have")
	opts.OIDC.Scope = "openid profile"
	idp.Revoke(t, "agent", refreshToken)
	fails(t, opts, TokenRefused, with+"the refresh token is not valid any more: it has expired, was revoked, or was used by somebody else (invalid_grant)",
		"make the configuration anew: oidc-gen --reauthenticate laptop")
}

// What a provider says is shown, but not the secrets that it may repeat; and it is asked again after a failure that passes.
func TestOIDCProviderFaults(t *testing.T) {
	asked := 0
	faulty := fake(t, func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"error": "invalid_request", "error_description": "no %s"}`, "hunter2")
	})
	opts := Options{Type: "oidc", Hosts: []string{"https://rucio.example.org"}, Retries: 1, OIDC: OIDCOptions{ClientID: "robot", ClientSecret: "hunter2", TokenEndpoint: faulty.URL}}
	fails(t, opts, TokenRefused, `log in with the credentials of client "robot": `+faulty.URL+": the provider gives no token (invalid_request: no [redacted])", "")
	if asked != 2 {
		t.Errorf("asked %d times, want twice", asked)
	}
	redirecting := fake(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, faulty.URL, http.StatusTemporaryRedirect)
	})
	opts.OIDC.TokenEndpoint = redirecting.URL
	if _, err := source(t, opts).Token(t.Context()); !errors.Is(err, Config) || asked != 2 {
		t.Errorf("the secret followed a redirect: %v", err)
	}
}

// A machine whose clock is wrong: an access token is used as long as the server takes it, and its end is told by the
// server's clock.
func TestOIDCWrongClock(t *testing.T) {
	opts, idp := onOIDC(t)
	name := testbed.Unique("oidc")
	idp.Account(t, name, "robot-5m-"+name)
	opts.OIDC.AccessToken = rucio.Secret(idp.Token(t, "robot-5m-"+name, "openid profile", "rucio"))
	here := &clock{now: time.Now().Add(time.Hour)}
	opts.Now = here.Now
	s := source(t, opts)
	token(t, s)
	if left := s.current.expires.Sub(here.Now()); left < 4*time.Minute || left > 6*time.Minute {
		t.Errorf("the token is thought to hold for %v, want five minutes", left)
	}
	opts.OIDC.AccessToken = rucio.Secret(idp.Token(t, "robot-expired-"+name, "openid profile", "rucio"))
	here.advance(-3 * time.Hour)
	_, err := source(t, opts).Token(t.Context())
	var e *Error
	if !errors.As(err, &e) || !regexp.MustCompile(`the token expired at .*Z, 1h0m\d+s ago \(this machine's clock is (2h0m0s|1h59m59s) behind the server's\)$`).MatchString(err.Error()) ||
		!strings.HasPrefix(e.Hint(), "set this machine's clock right (NTP), then get a new one") {
		t.Errorf("got %v, hint %s", err, e.Hint())
	}
}

// A server without /auth/validate, or one that is down, and a server that does not do OpenID Connect at all.
func TestOIDCOtherServers(t *testing.T) {
	claims := jwt(fmt.Sprintf(`{"iss": "x", "sub": "me", "aud": "rucio", "scope": "openid profile", "exp": %d}`, time.Now().Add(time.Hour).Unix()))
	old := fake(t, func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) })
	opts := Options{Type: "oidc", Hosts: []string{old.URL}, Retries: -1, OIDC: OIDCOptions{AccessToken: rucio.Secret(claims)}}
	s := source(t, opts)
	if got := token(t, s); got.Reveal() != claims || time.Until(s.current.expires) < 59*time.Minute {
		t.Errorf("got %v until %v", got, s.current.expires)
	}
	down := closedPort(t)
	opts.Hosts = []string{down}
	fails(t, opts, Unreachable, "log in with the token of OIDC_ACCESS_TOKEN: "+down+": nothing listens there (connection refused)", "check that the server is up; else "+setHost)
	without := fake(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ExceptionClass", "CannotAuthenticate")
		w.Header().Set("ExceptionMessage", "Traceback (most recent call last): ...")
		w.WriteHeader(http.StatusInternalServerError)
	})
	opts.Hosts = []string{without.URL}
	fails(t, opts, Server, "log in with the token of OIDC_ACCESS_TOKEN: "+without.URL+": the server cannot check tokens now: it has no working OpenID Connect configuration, or cannot reach its identity provider",
		"tell the operators of the server")
}

// Discoveries that lead nowhere.
func TestOIDCAgentDiscovery(t *testing.T) {
	var answer string
	iam := fake(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answer)) })
	o := openOIDC(newSession(withDefaults(Options{Hosts: []string{"x"}, Retries: -1})))
	for text, problem := range map[string]string{
		`<html>`: "there is no OpenID configuration (HTTP 200)",
		`{"issuer": "https://evil.example.org", "token_endpoint": "https://evil.example.org/token"}`: "it is the configuration of another issuer, https://evil.example.org",
		`{"issuer": "` + iam.URL + `"}`: "there is no OpenID configuration (HTTP 200)",
	} {
		answer = text
		a := &agent{endpoint: endpoint{oidc: o, setting: "the issuer of the oidc-agent configuration"}, config: agentConfig{IssuerURL: iam.URL + "/"}}
		err := a.discover(t.Context())
		if err == nil || err.Error() != iam.URL+"/.well-known/openid-configuration: "+problem {
			t.Errorf("got %v, want %s", err, problem)
		}
	}
	answer = `{"issuer": "` + iam.URL + `", "token_endpoint": "` + iam.URL + `/token"}`
	a := &agent{endpoint: endpoint{oidc: o}, config: agentConfig{IssuerURL: iam.URL + "/"}}
	if err := a.discover(t.Context()); err != nil || a.url != iam.URL+"/token" {
		t.Errorf("got %q, %v", a.url, err)
	}
}

// The command that the advice has for an administrator is one that Rucio's own program takes, and that helps.
func TestAdviceHelps(t *testing.T) {
	opts, idp := onOIDC(t)
	name := testbed.Unique("oidc")
	idp.Account(t, name)
	opts.Account = name
	opts.robot(idp, "robot-"+name)
	ssh := Options{Type: "ssh", Hosts: []string{idp.HTTPURL}, Account: name, SSH: SSHOptions{PrivateKey: newSSHKey(t, "rsa")}}
	for _, o := range []Options{opts, ssh} {
		_, err := source(t, o).Token(t.Context())
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("%s: got %v", o.Type, err)
		}
		_, command, found := strings.Cut(e.Hint(), ": ")
		if !found || !strings.HasPrefix(command, "rucio account identity add ") {
			t.Fatalf("%s: advice %q", o.Type, e.Hint())
		}
		cmd := exec.CommandContext(t.Context(), "bash", "-c", strings.ReplaceAll(command, "ADDRESS", "nobody@localhost"))
		cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(idp.Python)+":"+os.Getenv("PATH"), "RUCIO_CONFIG="+idp.Config)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
		if got := account(t, idp.HTTPURL, nil, source(t, o)); got != name {
			t.Errorf("%s: after it, the token is for %s", command, got)
		}
	}
}
