package cli

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/auth"
	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/redact"
	"github.com/rucio-task-manager/rucio-task-manager/engine/suggest"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/config"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

// session is the connection of one run to Rucio. Nothing is read or sent before the first client is asked for, so that a
// run without Rucio needs no rucio.cfg. It is safe for concurrent use.
type session struct {
	p      *program
	c      *cli.Context
	script string // what the server's statistics call us, as Python's programs do: "rucio-task-manager::run"

	progress transfer.Progress // of uploads and downloads; nil: lines in the log
	workers  int               // files at a time; 0: as many as package transfer thinks right
	// allowTape lets accounts with the attribute admin download from tape.
	allowTape bool

	mu      sync.Mutex
	clients map[string]*connection // by the overrides that make them differ

	way struct { // into storages, see mover
		sync.Mutex
		mover *transfer.Mover
	}

	tools tools
}

// connection is a client, or why there is none.
type connection struct {
	client      *rucio.Client
	credentials *credentials
	err         error
}

func (p *program) newSession(c *cli.Context, command string) *session {
	return &session{p: p, c: c, script: programName + "::" + command, clients: map[string]*connection{}}
}

// client returns the client of the configuration with some options of [client] changed ("account": "panda"). The same
// changes give the same client, which logs in once.
func (s *session) client(changes map[string]string) (*rucio.Client, error) {
	key := clientKey(changes)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.clients[key] == nil {
		s.clients[key] = s.connect(changes)
	}
	return s.clients[key].client, s.clients[key].err
}

func (s *session) connect(changes map[string]string) *connection {
	cfg, err := s.configuration(changes)
	if err != nil {
		return &connection{err: err}
	}
	settings, err := cfg.Client()
	if err != nil {
		return &connection{err: classify(err)}
	}
	transport, err := s.transport(settings)
	if err != nil {
		return &connection{err: err}
	}
	login := s.credentialsOf(settings, transport)
	if len(changes) == 0 { // whatever a script logs in as besides, tools have the login of the configuration
		login.offer = s.p.offerer(settings)
	}
	client, err := rucio.New(rucio.Options{
		Hosts:       settings.RucioHosts,
		TraceHost:   settings.TraceHost,
		Account:     settings.Account,
		VO:          settings.VO,
		Script:      s.script,
		UserAgent:   s.p.userAgent(),
		HTTP:        &http.Client{Transport: transport},
		Credentials: login,
		Retries:     retries(settings),
		Transfers:   s.newMover(doors{session: s, settings: settings, config: cfg, login: login}),
		Trace:       s.p.traceRequests(s.c),
	})
	return &connection{client, login, fail.With(fail.Config, err)}
}

// settings reads the configuration, with changes, and warns of what looks wrong in it.
func (s *session) settings(changes map[string]string) (*config.Client, error) {
	cfg, err := s.configuration(changes)
	if err != nil {
		return nil, err
	}
	settings, err := cfg.Client()
	return settings, classify(err)
}

func (s *session) configuration(changes map[string]string) (*config.Config, error) {
	cfg, err := s.p.loadConfig(s.c, changes)
	if err != nil {
		return nil, err
	}
	for _, warning := range cfg.Warnings() {
		s.p.logger(s.c).Warn(warning)
	}
	return cfg, nil
}

// transport returns the transport to Rucio's servers.
func (s *session) transport(settings *config.Client) (*http.Transport, error) {
	transport, err := auth.NewTransport(auth.TLSOptions{CACert: settings.CACert, Insecure: settings.InsecureTLS})
	return transport, classify(err)
}

// login returns the source of tokens that the configuration describes.
func (s *session) login(settings *config.Client, transport http.RoundTripper) (*auth.Source, error) {
	options, err := s.loginOptions(settings, transport)
	if err != nil {
		return nil, err
	}
	return auth.New(options)
}

// loginOptions is what the configuration says about logging in.
func (s *session) loginOptions(settings *config.Client, transport http.RoundTripper) (auth.Options, error) {
	options := auth.Options{
		Type:      settings.AuthType,
		Hosts:     settings.AuthHosts,
		Account:   settings.Account,
		VO:        settings.VO,
		Username:  settings.Username,
		Password:  settings.Password,
		Token:     settings.AuthToken,
		Unchecked: s.c.Bool("no-login-check"),
		CachePath: settings.AuthTokenFilePath,
		TempDir:   s.p.TempDir,
		HTTP:      &http.Client{Transport: s.p.tracedLogins(s.c, transport)},
		UserAgent: s.p.userAgent(),
		Script:    s.script,
		Suggest:   suggest.Hint,
		Now:       s.p.Now,
		Log:       s.p.logger(s.c),
	}
	if s.p.StdinTTY && s.p.StderrTTY {
		options.AskPassword = func() (rucio.Secret, error) {
			return s.p.askSecret(fmt.Sprintf("password of %s at %s", settings.Username, settings.AuthHosts[0]))
		}
	}
	_, options.OSUser = auth.PythonPlace(s.p.Env, s.p.User())
	if settings.AuthType != "oidc" {
		err := s.withCredentials(settings, &options)
		return options, err
	}
	provider, err := auth.NewTransport(auth.TLSOptions{CACert: settings.CACert, Insecure: settings.InsecureTLS, WithSystem: true})
	if err != nil {
		return options, err
	}
	options.OIDC = s.p.oidcOptions(settings.OIDC)
	options.OIDC.HTTP = &http.Client{Transport: s.p.tracedLogins(s.c, provider)}
	return options, nil
}

// oidcOptions is what the configuration and the environment say about tokens of identity providers.
func (p *program) oidcOptions(o config.OIDC) auth.OIDCOptions {
	options := auth.OIDCOptions{
		Scope: o.Scope, Audience: o.Audience,
		ClientID: o.ClientID, ClientSecret: o.ClientSecret, TokenEndpoint: o.TokenEndpoint,
		AgentConfig: o.AgentConfig, AgentPassword: o.AgentPassword,
		AccessToken: o.AccessToken, AccessTokenFile: o.AccessTokenFile,
		WLCG:   p.discovery(),
		Issuer: o.Issuer, RefreshLifetime: o.RefreshLifetime,
		RefreshActive: o.RefreshActive, RefreshBefore: time.Duration(o.RefreshBeforeExp) * time.Minute,
	}
	if p.Getenv("RUCIO_TASK_MANAGER_ROOT") != "" { // in the image, where /tmp is nobody else's, as its entrypoint had it
		options.TokenFiles = []string{"/tmp/access_token"}
	}
	return options
}

// discovery is where the grid's tools leave tokens.
func (p *program) discovery() auth.WLCG {
	return auth.WLCG{
		BearerToken: rucio.Secret(p.Getenv("BEARER_TOKEN")), BearerTokenFile: p.Getenv("BEARER_TOKEN_FILE"),
		RuntimeDir: p.Getenv("XDG_RUNTIME_DIR"), TempDir: "/tmp", UID: p.UID, // /tmp whatever TMPDIR says: the specification names it
	}
}

// credentialsOf returns the credentials of a client. The login is looked at when the first token is needed: some methods,
// such as ping, need none.
func (s *session) credentialsOf(settings *config.Client, transport http.RoundTripper) *credentials {
	return &credentials{
		source:   sync.OnceValues(func() (*auth.Source, error) { return s.login(settings, transport) }),
		redactor: s.p.redactor,
	}
}

// credentials are the tokens of a login, each of which becomes known to the redactor.
type credentials struct {
	source   func() (*auth.Source, error)
	redactor *redact.Redactor
	offer    func(rucio.Secret) // hands a new token to tools; nil: none
	last     atomic.Pointer[rucio.Secret]
}

// Token implements rucio.Credentials.
func (c *credentials) Token(ctx context.Context) (rucio.Secret, error) {
	source, err := c.source()
	if err != nil {
		return "", classify(err)
	}
	return c.known(source.Token(ctx))
}

// Renew implements rucio.Credentials.
func (c *credentials) Renew(ctx context.Context, stale rucio.Secret) (rucio.Secret, error) {
	source, err := c.source()
	if err != nil {
		return "", classify(err)
	}
	return c.known(source.Renew(ctx, stale))
}

func (c *credentials) known(token rucio.Secret, err error) (rucio.Secret, error) {
	if last := c.last.Load(); last == nil || *last != token {
		c.redactor.Add(token.Reveal())
		c.last.Store(&token)
		if c.offer != nil && err == nil {
			c.offer(token)
		}
	}
	return token, classify(err)
}

// retries: Python's request_retries counts attempts.
func retries(settings *config.Client) int {
	if settings.RequestRetries <= 1 {
		return -1
	}
	return settings.RequestRetries - 1
}

func (p *program) userAgent() string { return programName + "/" + p.buildInfo().Version }
