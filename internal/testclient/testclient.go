// Package testclient gives tests a logged-in client of the testbed's Rucio server.
package testclient

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// New returns a client that acts as the testbed's root account, or skips the test as testbed.Require does. change, if not
// nil, may set other options.
func New(tb testing.TB, change func(*rucio.Options)) *rucio.Client {
	tb.Helper()
	env := testbed.Require(tb)
	o := rucio.Options{
		Hosts: []string{env.HTTPURL}, Account: env.Account, Script: "go::test", Timeout: time.Minute,
		Credentials: &Userpass{Host: env.HTTPURL, Account: env.Account, Username: env.Username, Password: env.Password},
	}
	if change != nil {
		change(&o)
	}
	c, err := rucio.New(o)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// Userpass logs in with a user name and a password.
type Userpass struct {
	Host, Account, Username, Password string

	mu    sync.Mutex
	token rucio.Secret
}

// Token implements rucio.Credentials.
func (u *Userpass) Token(ctx context.Context) (rucio.Secret, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.token.IsSet() {
		return u.token, nil
	}
	return u.login(ctx)
}

// Renew implements rucio.Credentials.
func (u *Userpass) Renew(ctx context.Context, stale rucio.Secret) (rucio.Secret, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.token != stale {
		return u.token, nil
	}
	return u.login(ctx)
}

// Spoil replaces the token by one that the server refuses.
func (u *Userpass) Spoil() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.token = "spoiled-token"
}

func (u *Userpass) login(ctx context.Context) (rucio.Secret, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.Host+"/auth/userpass", nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("X-Rucio-Account", u.Account)
	req.Header.Set("X-Rucio-Username", u.Username)
	req.Header.Set("X-Rucio-Password", u.Password)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("login: %w", rucio.ResponseError("login", resp))
	}
	u.token = rucio.Secret(resp.Header.Get("X-Rucio-Auth-Token"))
	return u.token, resp.Body.Close()
}
