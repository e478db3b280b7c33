package auth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// grant is a token and how long it is good for.
type grant struct {
	token   rucio.Secret
	expires time.Time // by this machine's clock; zero: not known
	renewAt time.Time // when to get the next one; zero: when it is refused
}

// leadTime is how long before its end a token that lives for so long is replaced: a minute, or a tenth of a short life. Calls
// that are under way then need their time on a busy server: of a very short life it is a third, up to three seconds.
func leadTime(life time.Duration) time.Duration {
	return min(time.Minute, max(life/10, min(3*time.Second, life/3)))
}

// newGrant returns the grant of a token that expires at a time; zero when that is not known. The next token is due its
// leadTime before.
func newGrant(token rucio.Secret, now, expires time.Time) grant {
	g := grant{token: token, expires: expires}
	if !expires.IsZero() {
		g.renewAt = expires.Add(-leadTime(expires.Sub(now)))
	}
	return g
}

// due tells whether it is time for another token.
func (g grant) due(now time.Time) bool {
	return !g.token.IsSet() || !g.renewAt.IsZero() && !now.Before(g.renewAt)
}

// expired tells whether the token is of no use any more.
func (g grant) expired(now time.Time) bool {
	return !g.token.IsSet() || !g.expires.IsZero() && !now.Before(g.expires)
}

// grant reads the token of a successful login.
func (s *session) grant(got *answer) (grant, error) {
	token := got.header.Get("X-Rucio-Auth-Token")
	if token == "" {
		return grant{}, &Error{Kind: Server, Host: got.host, Problem: "it accepted the login but sent no token",
			Advice: "check that auth_host is a Rucio server, and that a proxy before it lets the header X-Rucio-Auth-Token pass"}
	}
	now := s.opts.Now()
	expires := headerExpiry(got.header, now)
	if expires.IsZero() {
		expires = jwtExpiry(token)
	}
	return newGrant(rucio.Secret(token), now, expires), nil
}

// headerExpiry returns when the token of an answer ends, by this machine's clock: the server's clock may differ, and its
// Date header tells by how much. Zero when the answer does not say. (GET /auth/oidc_refresh sends seconds since 1970.)
func headerExpiry(header http.Header, now time.Time) time.Time {
	text := header.Get("X-Rucio-Auth-Token-Expires")
	expires, err := time.Parse(time.RFC1123, text)
	if err != nil {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return time.Time{}
		}
		expires = time.Unix(seconds, 0)
	}
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		return now.Add(expires.Sub(date))
	}
	return expires
}

// isJWT tells a token of an identity provider from one that Rucio made.
func isJWT(token string) bool {
	return strings.HasPrefix(token, "eyJ") && strings.Count(token, ".") == 2
}

// jwtExpiry returns the end of a JWT; zero for any other token.
func jwtExpiry(token string) time.Time {
	if !isJWT(token) {
		return time.Time{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		return time.Time{}
	}
	var claims struct {
		Exp json.Number `json:"exp"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return time.Time{}
	}
	seconds, err := claims.Exp.Float64()
	if err != nil || seconds <= 0 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}

// belongs tells whether a token can be one for an account and an identity, either empty when it is not known. Rucio's own
// tokens are "account-identity-appid-uuid"; a JWT names neither.
func belongs(token, account, identity string) bool {
	switch {
	case isJWT(token) || account == "" && identity == "":
		return true
	case account == "":
		return strings.Contains(token, "-"+identity+"-")
	case identity == "":
		return strings.HasPrefix(token, account+"-")
	}
	return strings.HasPrefix(token, account+"-"+identity+"-")
}

// newReady is the type "token": Options.Token, which somebody else obtained, and which nothing can renew.
func newReady(s *session) (method, error) {
	if !s.opts.Token.IsSet() {
		return method{}, &Error{Kind: Config, Problem: "auth_type is token, but there is none",
			Advice: "set RUCIO_CFG_CLIENT_AUTH_TOKEN, or RUCIO_CFG_CLIENT_AUTH_TOKEN_FILE to a file that holds the token"}
	}
	login := func(context.Context) (grant, error) {
		problem := "the server refuses the token that was given, or it has expired"
		if end := jwtExpiry(s.opts.Token.Reveal()); !end.IsZero() && !s.opts.Now().Before(end) {
			problem = "the token that was given expired at " + end.UTC().Format(time.RFC3339)
		}
		return grant{}, &Error{Kind: TokenRefused, Problem: problem, Advice: "set RUCIO_CFG_CLIENT_AUTH_TOKEN to a new one, or log in another way (RUCIO_CFG_CLIENT_AUTH_TYPE)"}
	}
	return method{login: login, uncached: true}, nil
}
