// Package testoidc gives tests the testbed's OpenID provider, a browser for its login page, and configurations that the real
// oidc-agent writes. The provider takes any client ID and any user; etc/testbed/oidc/provider/client.go says which words in
// a client ID mean what.
package testoidc

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
)

// Redirect is where the provider may send a browser back to besides Rucio's server; nobody listens there.
const Redirect = "http://localhost:4242"

// Provider is the running provider.
type Provider struct {
	*testbed.Env
	Issuer string // without a slash at the end
}

// Require starts the provider, unless it runs, as testbed.Require does Rucio.
func Require(t testing.TB) *Provider {
	t.Helper()
	bed := testbed.Require(t)
	vars := bed.RequireService(t, "oidc")
	return &Provider{bed, vars["TESTBED_OIDC_URL"]}
}

// TokenEndpoint is where tokens come from.
func (p *Provider) TokenEndpoint() string { return p.Issuer + "/oauth/token" }

// Secret is the secret of a client.
func Secret(client string) string { return client + "-secret" }

// Password is the password of a user.
func Password(user string) string { return user + "-password" }

// Client returns an HTTP client that trusts the testbed and follows no redirects.
func Client(ca string) (*http.Client, error) {
	pem, err := os.ReadFile(ca)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, nil
}

func (p *Provider) client(t testing.TB) *http.Client {
	t.Helper()
	client, err := Client(p.CA)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// post sends a form as a client of the provider and returns the JSON of the answer, which must be a success.
func (p *Provider) post(t testing.TB, path, client string, form url.Values) map[string]any {
	t.Helper()
	return p.postWith(t, path, client, Secret(client), form)
}

func (p *Provider) postWith(t testing.TB, path, client, secret string, form url.Values) map[string]any {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.Issuer+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(url.QueryEscape(client), url.QueryEscape(secret))
	resp, err := p.client(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: HTTP %d: %s, %v", path, resp.StatusCode, body, err)
	}
	answer := map[string]any{}
	if len(body) > 0 && string(body) != "null\n" {
		if err := json.Unmarshal(body, &answer); err != nil {
			t.Fatalf("%s: %v in %s", path, err, body)
		}
	}
	return answer
}

// Token returns an access token that a client got for itself: its subject is the client ID.
func (p *Provider) Token(t testing.TB, client, scope, audience string) string {
	t.Helper()
	return p.TokenWith(t, client, Secret(client), scope, audience)
}

// TokenWith is Token for a client that has another secret.
func (p *Provider) TokenWith(t testing.TB, client, secret, scope, audience string) string {
	t.Helper()
	return p.postWith(t, "/oauth/token", client, secret, url.Values{"grant_type": {"client_credentials"}, "scope": {scope}, "audience": {audience}})["access_token"].(string)
}

// RefreshToken returns a refresh token of a client for a user, who logs in for it.
func (p *Provider) RefreshToken(t testing.TB, client, user, scope string) string {
	t.Helper()
	query := url.Values{"client_id": {client}, "redirect_uri": {Redirect}, "response_type": {"code"}, "scope": {scope}, "audience": {"rucio"}, "state": {"x"}}
	end, err := Browse(p.client(t), p.Issuer+"/authorize?"+query.Encode(), user)
	if err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(end)
	if err != nil || at.Query().Get("code") == "" {
		t.Fatalf("the login ended at %s, without a code", end)
	}
	got := p.post(t, "/oauth/token", client, url.Values{"grant_type": {"authorization_code"}, "code": {at.Query().Get("code")}, "redirect_uri": {Redirect}})
	return got["refresh_token"].(string)
}

// Revoke revokes a refresh token.
func (p *Provider) Revoke(t testing.TB, client, refreshToken string) {
	t.Helper()
	p.post(t, "/revoke", client, url.Values{"token": {refreshToken}, "token_type_hint": {"refresh_token"}})
}

// Identity is how Rucio calls a user of the provider, or a client that logs in for itself.
func (p *Provider) Identity(user string) string { return "SUB=" + user + ", ISS=" + p.Issuer }

// Account makes a Rucio account with identities of the provider.
func (p *Provider) Account(t testing.TB, account string, users ...string) {
	t.Helper()
	script := fmt.Sprintf("from rucio.client import Client\nc = Client()\nc.add_account(%q, 'USER', 'nobody@localhost')\n", account)
	for _, user := range users {
		script += fmt.Sprintf("c.add_identity(%q, %q, 'OIDC', 'nobody@localhost')\n", account, p.Identity(user))
	}
	p.PythonClient(t, script)
}
