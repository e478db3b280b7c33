package auth

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// OIDCOptions are for the type oidc: the ways to get a token of an identity provider. The first that is there is taken, in
// the order of the Python task manager's entrypoint: TokenFiles, client credentials, an oidc-agent configuration,
// AccessToken; then what Python's client knows: WLCG's token discovery, the token cache that LoginOIDC fills.
type OIDCOptions struct {
	// Scope and Audience are those to ask for, separated by spaces (oidc_scope, oidc_audience); each may be empty.
	Scope, Audience string

	// TokenFiles may hold a token that somebody keeps fresh; the first that exists is taken.
	TokenFiles []string

	// ClientID, ClientSecret and TokenEndpoint are for client credentials; all are needed.
	ClientID, TokenEndpoint string
	ClientSecret            rucio.Secret

	// AgentConfig is an account configuration of oidc-agent, a file's text, and AgentPassword its password.
	AgentConfig, AgentPassword rucio.Secret

	// AccessToken is a ready token. AccessTokenFile, if set, is where it was read, and where a newer one may be later.
	AccessToken     rucio.Secret
	AccessTokenFile string

	// WLCG is where the token discovery looks.
	WLCG WLCG

	// Issuer is the server's name of the provider to log in at (oidc_issuer); empty: its default. RefreshLifetime is for how
	// many hours the server is to refresh the token (oidc_refresh_lifetime); empty: its default. Both are for LoginOIDC.
	Issuer, RefreshLifetime string
	// RefreshActive has the server refresh the token of LoginOIDC, RefreshBefore before its end (auth_oidc_refresh_active,
	// auth_oidc_refresh_before_exp).
	RefreshActive bool
	RefreshBefore time.Duration

	// HTTP sends requests to the provider; nil is Options.HTTP. Redirects are not followed.
	HTTP *http.Client
}

// oidc is the login with tokens of an identity provider, which Rucio takes as they are. It keeps the token cache itself:
// there the tokens are for Python's client and for the tools that a task starts, whichever way they came.
type oidc struct {
	*session
	provider *http.Client
	from     tokens
	cache    *cache       // nil: none
	last     rucio.Secret // the token that login returned last
	planned  grant        // and for how long
	missing  string       // what a way that is half set still needs
}

// tokens is a way to get tokens of an identity provider.
type tokens interface {
	// origin says where they come from, after "with": "the token of OIDC_ACCESS_TOKEN".
	origin() string
	// next returns a token: a new one, if the way can give one. The error is an *Error.
	next(ctx context.Context) (rucio.Secret, error)
	// early returns how long before its end a token with that much left is to be replaced.
	early(left time.Duration) time.Duration
	// again returns when to ask once more if there was none but the same, which has that much left.
	again(left time.Duration) time.Duration
}

// renewable is a way that asks a server for another token.
type renewable struct{}

func (renewable) early(left time.Duration) time.Duration { return leadTime(left) }
func (renewable) again(left time.Duration) time.Duration {
	return min(max(left/10, time.Second), time.Minute)
}

// reread is a way that looks at files in which somebody else puts another token. That costs little, and how long before the
// end it is there is theirs to say: so it looks early, and often.
type reread struct{}

func (reread) early(left time.Duration) time.Duration { return min(10*time.Minute, left/3) }
func (reread) again(left time.Duration) time.Duration {
	return min(max(left/10, 100*time.Millisecond), time.Minute)
}

func newOIDC(s *session) (method, error) {
	o := openOIDC(s)
	var err error
	if o.from, err = o.choose(); err != nil {
		return method{}, err
	}
	s.warnPlain("the token")
	_, stored := o.from.(*storedToken)
	return method{login: o.login, uncached: true, origin: o.from.origin(), stored: stored}, nil
}

// openOIDC prepares what all ways need.
func openOIDC(s *session) *oidc {
	o := &oidc{session: s, provider: s.client}
	if client := s.opts.OIDC.HTTP; client != nil {
		o.provider = &http.Client{Transport: client.Transport, Timeout: client.Timeout, CheckRedirect: s.client.CheckRedirect}
	}
	if path := cachePath(s.opts); path != "" {
		o.cache = &cache{path: path, log: s.opts.Log}
	}
	return o
}

// choose returns the first way that is there.
func (o *oidc) choose() (tokens, error) {
	opts := o.opts.OIDC
	for _, path := range opts.TokenFiles {
		if _, err := os.Stat(path); err == nil {
			return &tokenFile{path: path, called: "the token file " + path}, nil
		}
	}
	client, lacking := clientCredentials(o)
	if client != nil {
		return client, nil
	}
	if opts.AgentConfig.IsSet() && opts.AgentPassword.IsSet() {
		return newAgent(o)
	}
	if opts.AgentConfig.IsSet() || opts.AgentPassword.IsSet() {
		lacking = append(lacking, "OIDC_AGENT_AUTH_CLIENT_CFG_VALUE and OIDC_AGENT_AUTH_CLIENT_CFG_PASSWORD are needed both")
	}
	o.missing = strings.Join(lacking, "; ")
	if o.missing != "" {
		o.opts.Log.Warn("a way to log in is not used, since it is set in part only: " + o.missing)
	}
	if opts.AccessToken.IsSet() && opts.AccessTokenFile != "" {
		return &tokenFile{path: opts.AccessTokenFile, called: "the token in " + opts.AccessTokenFile}, nil
	}
	if opts.AccessToken.IsSet() {
		return &readyToken{token: cleanToken(opts.AccessToken.Reveal()), called: "the token of OIDC_ACCESS_TOKEN"}, nil
	}
	token, origin, err := opts.WLCG.find()
	if err != nil {
		o.opts.Log.Warn("WLCG's token discovery ends at a file that cannot be used", "error", err)
	} else if token.IsSet() {
		return &discovered{places: o.opts.OIDC.WLCG, found: origin}, nil
	}
	return &storedToken{oidc: o}, nil
}

// login gets a token, asks the server what it thinks of it, and keeps it for others. A token is shown to the server here,
// and not by whichever call comes first, for three reasons: a refusal can be explained; the account that the server takes it
// for is known; and when many calls bring a token that the server does not know yet, it refuses some of them.
func (o *oidc) login(ctx context.Context) (grant, error) {
	token, err := o.from.next(ctx)
	if err != nil {
		return grant{}, o.named(err)
	}
	if now := o.opts.Now(); token == o.last && o.planned.due(now) && !o.planned.expired(now) {
		o.planned = o.plan(token, o.planned.expires) // nobody refused it: it was only time to look for another one
		return o.planned, nil
	}
	if refused := o.last.IsSet() && !o.planned.due(o.opts.Now()); o.opts.Unchecked && !refused {
		return o.accept(token, o.localTime(jwtExpiry(token.Reveal()))), nil
	}
	seen, err := o.verify(ctx, token)
	if a, ok := o.from.(*agent); ok && a.borrowed && (errors.Is(err, TokenRefused) || errors.Is(err, UnknownAccount)) {
		o.last = token // a token of its own may do better, for instance after the provider changed its keys
		if token, err = a.next(ctx); err == nil {
			seen, err = o.verify(ctx, token)
		}
	}
	if err != nil {
		return grant{}, o.named(err)
	}
	return o.accept(token, seen.expires), nil
}

// accept takes a token that is good until a time, and keeps it for others.
func (o *oidc) accept(token rucio.Secret, expires time.Time) grant {
	o.planned = o.plan(token, expires)
	o.last = token
	o.keep(token)
	return o.planned
}

// plan says when to ask for the next token. When there was none but the same one, it is asked for again soon.
func (o *oidc) plan(token rucio.Secret, expires time.Time) grant {
	g := grant{token: token, expires: expires}
	if expires.IsZero() {
		return g
	}
	now := o.opts.Now()
	left := expires.Sub(now)
	g.renewAt = expires.Add(-min(o.from.early(left), left))
	if soon := now.Add(o.from.again(left)); token == o.last || g.renewAt.Before(soon) {
		g.renewAt = soon
	}
	if g.renewAt.After(expires) {
		g.renewAt = expires
	}
	return g
}

// keep writes the token to the cache file, unless it is there.
func (o *oidc) keep(token rucio.Secret) {
	if o.cache == nil {
		return
	}
	if held, err := o.cache.load(); err != nil || held != token.Reveal() {
		o.cache.write(token.Reveal())
	}
}

// named says in an error what was attempted.
func (o *oidc) named(err error) error {
	var e *Error
	if errors.As(err, &e) && e.Attempt == "" {
		e.Attempt = "log in with " + o.from.origin()
		if o.opts.Account != "" {
			e.Attempt += " to account " + o.opts.Account
		}
	}
	return err
}

// server is the one that messages name when none was asked.
func (o *oidc) server() string { return o.opts.Hosts[int(o.host.Load())%len(o.opts.Hosts)] }

// readyToken is a token that nothing can renew.
type readyToken struct {
	renewable // but for early
	token     rucio.Secret
	called    string
}

func (t *readyToken) origin() string                             { return t.called }
func (t *readyToken) next(context.Context) (rucio.Secret, error) { return t.token, nil }
func (t *readyToken) early(time.Duration) time.Duration          { return 0 }

// tokenFile is a file in which somebody else may renew the token.
type tokenFile struct {
	reread
	path, called string
}

func (t *tokenFile) origin() string { return t.called }

func (t *tokenFile) next(context.Context) (rucio.Secret, error) {
	token, err := readToken(t.path, false)
	if err == nil && !token.IsSet() {
		err = errors.New("it is empty")
	}
	if err != nil {
		return "", &Error{Kind: NoToken, Problem: cmp.Or(reason(err), err).Error(), Err: err, Advice: "put a token into the file, or remove it so that another way to log in is used"}
	}
	return token, nil
}

// discovered is WLCG's token discovery, which found a token when the login was set up.
type discovered struct {
	reread
	places WLCG
	found  string
}

func (d *discovered) origin() string { return "the token of " + d.found }

func (d *discovered) next(context.Context) (rucio.Secret, error) {
	token, origin, err := d.places.find()
	if err == nil && !token.IsSet() {
		err = errors.New("it is gone")
	}
	if err != nil {
		return "", &Error{Kind: NoToken, Problem: err.Error(), Err: err, Advice: "put a new token there"}
	}
	d.found = origin
	return token, nil
}
