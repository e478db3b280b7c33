package auth

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// defaultRetries is how often all servers are asked again after a failure that may pass (Python: AUTH_RETRIES).
const defaultRetries = 2

// renewPause is how long a token that holds still, but not for long, is used after it could not be replaced.
const renewPause = 10 * time.Second

// Options say how to log in, and where. Type and Hosts are required; the rest depends on the type.
type Options struct {
	// Type is one of Types(), the value of auth_type. Empty is "token" when Token is set.
	Type string
	// Hosts are the authentication servers (auth_host), as URLs. They are tried in order.
	Hosts []string
	// Account is Rucio's account name. When empty, the server takes the identity's default account.
	Account string
	// VO is the virtual organisation; empty is rucio.DefaultVO.
	VO string

	// Username and Password are for the type userpass. AskPassword asks somebody for the password when a login needs one and
	// there is none; nil: nobody is there.
	Username    string
	Password    rucio.Secret
	AskPassword func() (rucio.Secret, error)
	// Token is a token that somebody else obtained. It is used until it is refused; then the type says what to do.
	Token rucio.Secret
	// OIDC is for the type oidc.
	OIDC OIDCOptions
	// X509 is for the types x509 and x509_proxy.
	X509 X509Options
	// SSH is for the type ssh.
	SSH SSHOptions
	// GSS is for the type gss.
	GSS GSSOptions

	// CachePath is the token cache file (auth_token_file_path). Empty: the file that Python's client uses, in TempDir for
	// the user OSUser (see PythonPlace); no cache when these are empty too.
	CachePath       string
	TempDir, OSUser string

	// Unchecked leaves out the question to the server whether it takes a token that it has not just given, and for which account.
	// Then a refusal is found out by the first call that uses the token, and another account not at all.
	Unchecked bool

	// HTTP sends the requests; nil is a client on rucio.NewTransport(nil). Redirects are not followed.
	HTTP *http.Client
	// UserAgent and Script name the program in the server's logs and statistics.
	UserAgent, Script string
	// Retries is how often all Hosts are asked again after a failure that may pass; 0 is 2, a negative number is never.
	Retries int
	// Suggest makes the "did you mean" of a message from a wrong name and the right ones; nil: no suggestions.
	Suggest func(word string, candidates []string) string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Log is told of logins and of what is wrong with the cache; nil is silence.
	Log *slog.Logger
}

// Source gives the token of a login. It is a rucio.Credentials: safe for concurrent use, and one login serves all who
// wait for a token.
type Source struct {
	session *session
	method  method
	cache   *cache // nil: none

	login chan struct{} // holds one element; who takes it may log in

	mu       sync.Mutex
	current  grant
	looked   bool  // for a token that is there already
	attempts int   // logins that ended
	failure  error // of the last of them
}

var _ rucio.Credentials = (*Source)(nil)

// New returns a source of tokens. It sends nothing; the first call of Token does. The error is an *Error of kind Config
// when an option that the type needs is missing or wrong.
func New(opts Options) (*Source, error) {
	opts = withDefaults(opts)
	construct, known := constructors()[opts.Type]
	if !known {
		return nil, unknownType(opts.Type, opts.Suggest)
	}
	if len(opts.Hosts) == 0 {
		return nil, noHost()
	}
	s := newSession(opts)
	m, err := construct(s)
	if err != nil {
		return nil, err
	}
	source := &Source{session: s, method: m, login: make(chan struct{}, 1)}
	source.login <- struct{}{}
	if path := cachePath(opts); path != "" && !m.uncached {
		source.cache = &cache{path: path, log: opts.Log}
	}
	return source, nil
}

func noHost() *Error {
	return &Error{Kind: Config, Problem: "auth_host is not set", Advice: advise("auth_host", "to the address of the Rucio server")}
}

func withDefaults(opts Options) Options {
	if opts.Type == "" && opts.Token.IsSet() {
		opts.Type = "token"
	}
	opts.Type = strings.ToLower(opts.Type)
	opts.Token = cleanToken(opts.Token.Reveal())
	opts.VO = cmp.Or(opts.VO, rucio.DefaultVO)
	opts.UserAgent = cmp.Or(opts.UserAgent, "rucio-go")
	opts.Script = cmp.Or(opts.Script, opts.UserAgent)
	opts.Retries = max(cmp.Or(opts.Retries, defaultRetries), 0)
	hosts := make([]string, len(opts.Hosts))
	for i, host := range opts.Hosts {
		hosts[i] = strings.TrimRight(strings.TrimSpace(host), "/")
	}
	opts.Hosts = hosts
	if opts.HTTP == nil {
		opts.HTTP = &http.Client{Transport: rucio.NewTransport(nil)}
	}
	if opts.Suggest == nil {
		opts.Suggest = func(string, []string) string { return "" }
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	return opts
}

// Token returns the current token. The first one comes from the cache file or from a login; one that is about to expire
// is replaced. The error is an *Error.
func (s *Source) Token(ctx context.Context) (rucio.Secret, error) {
	s.mu.Lock()
	current := s.current
	s.mu.Unlock()
	if !current.due(s.session.opts.Now()) {
		return current.token, nil
	}
	token, err := s.fresh(ctx, "")
	if err != nil && !errors.Is(err, Cancelled) && !current.expired(s.session.opts.Now()) {
		s.session.opts.Log.Warn("cannot get a new token yet, using the old one until it expires", "error", err, "expires", current.expires)
		s.putOff(current)
		return current.token, nil
	}
	return token, err
}

// putOff makes the next attempt to replace a token that still holds wait a little.
func (s *Source) putOff(g grant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == g {
		s.current.renewAt = s.session.opts.Now().Add(renewPause)
		if s.current.renewAt.After(g.expires) {
			s.current.renewAt = g.expires
		}
	}
}

// Renew returns a token other than stale, which the server has refused. It logs in, unless somebody else just did. The
// error is an *Error.
func (s *Source) Renew(ctx context.Context, stale rucio.Secret) (rucio.Secret, error) {
	return s.fresh(ctx, stale)
}

// fresh returns a token that is neither due nor stale. One caller at a time logs in, for all that wait; they share its
// failure, but not the end of its context.
func (s *Source) fresh(ctx context.Context, stale rucio.Secret) (rucio.Secret, error) {
	s.mu.Lock()
	before := s.attempts
	s.mu.Unlock()
	select {
	case <-s.login:
		defer func() { s.login <- struct{}{} }()
	case <-ctx.Done():
		return "", connectionError(ctx, "", context.Cause(ctx))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.usable(stale) {
		return s.current.token, nil
	}
	if s.attempts != before && s.failure != nil {
		return "", s.failure
	}
	look := !s.looked
	s.looked = true // later a token that is there is not newer than our own, or another process's, which may be refused as well
	s.mu.Unlock()
	got, isNew, err := s.obtain(ctx, stale, look)
	s.mu.Lock()
	if errors.Is(err, Cancelled) {
		return "", err
	}
	s.attempts++
	if s.failure = err; err != nil {
		return "", err
	}
	s.current = got
	if isNew {
		s.session.opts.Log.Debug("logged in", "auth_type", s.session.opts.Type, "account", s.session.opts.Account, "expires", got.expires)
	}
	if isNew && s.cache != nil {
		s.cache.write(got.token.Reveal())
	}
	return got.token, nil
}

// obtain takes the token that is there already, if it may look for one and that is not the stale one, or logs in.
func (s *Source) obtain(ctx context.Context, stale rucio.Secret, look bool) (got grant, isNew bool, err error) {
	if look {
		got, err = s.held(ctx)
		if err != nil || !got.due(s.session.opts.Now()) && got.token != stale {
			return got, false, err
		}
	}
	got, err = s.method.login(ctx)
	return got, true, err
}

// Login logs in anew, whatever token is there, and returns the new one. A token that somebody else obtained (type "token")
// cannot be had anew; it is shown to the server. The error is an *Error.
func (s *Source) Login(ctx context.Context) (rucio.Secret, error) {
	if s.session.opts.Type != "token" {
		s.mu.Lock()
		s.looked, s.current = true, grant{}
		s.mu.Unlock()
	}
	return s.fresh(ctx, "")
}

// usable tells whether the current token can be handed out instead of stale.
func (s *Source) usable(stale rucio.Secret) bool {
	return s.current.token != stale && !s.current.due(s.session.opts.Now())
}
