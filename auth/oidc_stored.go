package auth

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// storedToken is the token of the cache, which LoginOIDC or Python's client put there. If RefreshActive, the server refreshes
// it, as it does for Python's client.
type storedToken struct {
	*oidc
	renewable // but for early
	current   rucio.Secret
}

func (t *storedToken) origin() string {
	if t.cache == nil {
		return "the token of an earlier login"
	}
	return "the token in " + t.cache.path
}

// early is RefreshBefore, or nothing when there is no other token to be had.
func (t *storedToken) early(time.Duration) time.Duration {
	if t.opts.OIDC.RefreshActive {
		return t.opts.OIDC.RefreshBefore
	}
	return 0
}

// next reads the cache, since another process may have a newer token, and has the token refreshed when it is time.
func (t *storedToken) next(ctx context.Context) (rucio.Secret, error) {
	t.read()
	if !t.current.IsSet() {
		return "", t.none()
	}
	if !t.opts.OIDC.RefreshActive || !t.due() {
		return t.current, nil
	}
	unlock := t.lock(ctx)
	defer unlock()
	if before := t.current; t.read() && t.current != before && !t.due() {
		return t.current, nil // another process was faster
	}
	fresh, err := t.refresh(ctx, t.current)
	if err != nil {
		t.opts.Log.Warn("the server cannot refresh the token now", "error", err)
	} else if fresh.IsSet() {
		t.current = fresh
	}
	return t.current, nil
}

// read takes the token of the cache, if there is one.
func (t *storedToken) read() bool {
	if t.cache == nil {
		return false
	}
	text := t.cache.read(t.opts.Account, "")
	if text != "" {
		t.current = rucio.Secret(text)
	}
	return text != ""
}

// none is the error when no way to log in is there at all.
func (t *storedToken) none() error {
	e := &Error{Kind: NoToken, Problem: "auth_type is oidc, and there is no token: nobody has logged in, and no other way is set",
		Advice: "log in with `rucio-task-manager auth login`; or set OIDC_CLIENT_ID, OIDC_CLIENT_SECRET and OIDC_TOKEN_ENDPOINT, or an oidc-agent configuration, or OIDC_ACCESS_TOKEN"}
	if t.missing != "" {
		e.Kind, e.Problem, e.Advice = Config, "auth_type is oidc, and a way to log in is set in part only: "+t.missing, "set what is missing"
	}
	return e
}

// due tells whether the current token is in the last RefreshBefore of its life, or does not say when that is. One that has
// ended cannot be refreshed.
func (t *storedToken) due() bool {
	now := t.opts.Now()
	end := t.localTime(jwtExpiry(t.current.Reveal()))
	if end.IsZero() {
		end = t.readExpiry()
	}
	return end.IsZero() || now.Before(end) && !now.Before(end.Add(-t.opts.OIDC.RefreshBefore))
}

// refresh asks the server for a new token in place of one (GET /auth/oidc_refresh). Empty: it has no refresh token for it.
// The same one comes back while it is less than five minutes old.
func (o *oidc) refresh(ctx context.Context, token rucio.Secret) (rucio.Secret, error) {
	header := http.Header{"X-Rucio-Auth-Token": {token.Reveal()}}
	if o.opts.Account != "" {
		header.Set("X-Rucio-Account", o.opts.Account)
	}
	got, err := o.get(ctx, "/auth/oidc_refresh", header)
	if err != nil {
		return "", err
	}
	fresh := rucio.Secret(got.header.Get("X-Rucio-Auth-Token"))
	if !fresh.IsSet() {
		o.opts.Log.Debug("the server has no refresh token for the token")
		return "", nil
	}
	o.keep(fresh)
	o.keepExpiry(got.header.Get("X-Rucio-Auth-Token-Expires"))
	return fresh, nil
}

// expiryPath is the file beside the token in which Python's client notes when the token ends, in seconds since 1970.
// (Python: BaseClient._get_auth_tokens, token_exp_epoch_file)
func (o *oidc) expiryPath() string {
	name := "auth_token_exp_for_default_account"
	if o.opts.Account != "" {
		name = "auth_token_exp_for_account_" + o.opts.Account
	}
	return filepath.Join(filepath.Dir(o.cache.path), name)
}

// keepExpiry writes that file, for Python's client.
func (o *oidc) keepExpiry(seconds string) {
	if o.cache == nil || seconds == "" || strings.ContainsRune(o.opts.Account, filepath.Separator) {
		return
	}
	file := cache{path: o.expiryPath(), log: o.opts.Log}
	if err := file.store(seconds); err != nil {
		o.opts.Log.Warn("cannot note when the token ends", "file", file.path, "error", err)
	}
}

// readExpiry reads it; zero when there is no time in it.
func (o *oidc) readExpiry() time.Time {
	if o.cache == nil {
		return time.Time{}
	}
	text, err := os.ReadFile(o.expiryPath())
	if err != nil {
		return time.Time{}
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return time.Time{}
	}
	return o.localTime(time.Unix(seconds, 0))
}

// lockTimeout is how long to wait for another process that gets a token.
const lockTimeout = 30 * time.Second

func (o *oidc) lockPath() string { return o.cache.path + ".lock" }

// lock keeps other processes from getting a token at the same time, and returns what ends that. Without a cache nobody can
// share, and a lock that cannot be had is no reason to fail.
func (o *oidc) lock(ctx context.Context) (unlock func()) {
	if o.cache == nil {
		return func() {}
	}
	ctx, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	path := o.lockPath()
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = o.cache.checkFolder()
	}
	if err == nil {
		unlock, err = lockFile(ctx, path)
	}
	if err != nil {
		o.opts.Log.Debug("another process may get a token at the same time", "error", err)
		return func() {}
	}
	return unlock
}
