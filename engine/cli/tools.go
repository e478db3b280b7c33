package cli

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/auth"
	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/config"
)

// What tools of the grid log in with: the Python task manager logged in before its tasks and exported both. Here a run logs in
// when it first uses Rucio, or when a task starts a tool, or asks for one of these.
const (
	bearerVariable = "BEARER_TOKEN"
	proxyVariable  = "X509_USER_PROXY"
)

// toolsPause is how long tools are started without a login after one has failed: each attempt may take a while.
const toolsPause = time.Minute

// tools is what a session has ready for programs that tasks start.
type tools struct {
	mu    sync.Mutex
	proxy *auth.Identity // of the configuration
	again time.Time      // no login for tools is tried before, since one has failed
}

// readyTools sees to it that programs find what the configuration logs in with: a token of an identity provider in
// BEARER_TOKEN, a proxy in X509_USER_PROXY. It makes them when there are none yet, and anew before they end. A configuration
// that names no such login, or none at all, is no error.
func (s *session) readyTools(ctx context.Context) error {
	cfg, err := s.p.loadConfig(s.c, nil)
	if err != nil {
		return nil //nolint:nilerr // who needs it hears of it from the client
	}
	settings, err := cfg.Client()
	switch {
	case err != nil:
		return nil //nolint:nilerr // likewise
	case settings.AuthType == "oidc":
		return s.readyToken(ctx)
	case settings.AuthType == "x509" || settings.AuthType == "x509_proxy":
		return s.readyProxy(ctx, settings)
	}
	return nil
}

// readyToken logs in as the client of the configuration does; a new token is offered to tools by whoever gets it.
func (s *session) readyToken(ctx context.Context) error {
	if _, err := s.client(nil); err != nil {
		return err
	}
	s.mu.Lock()
	login := s.clients[clientKey(nil)].credentials
	s.mu.Unlock()
	_, err := login.Token(ctx)
	return err
}

// readyProxy makes a proxy if the configuration says to make some. Without VOMS the certificate is in files that tools know by
// themselves, or were told of.
func (s *session) readyProxy(ctx context.Context, settings *config.Client) error {
	s.tools.mu.Lock()
	defer s.tools.mu.Unlock()
	if s.tools.proxy == nil {
		identity, err := auth.NewIdentity(s.identityOptions(settings))
		if err != nil || identity == nil {
			return classify(err)
		}
		s.tools.proxy = identity
	}
	if settings.VOMS != "" {
		if _, err := s.tools.proxy.Certificate(ctx); err != nil {
			return classify(err)
		}
	}
	if file := s.tools.proxy.File(); file != "" {
		s.p.offer(proxyVariable, file)
	}
	return nil
}

// beforeTool is readyTools for programs that may need no login at all: that there is none is only told.
func (s *session) beforeTool(ctx context.Context) {
	s.tools.mu.Lock()
	wait := s.p.Now().Before(s.tools.again)
	s.tools.mu.Unlock()
	if wait {
		return
	}
	err := s.readyTools(ctx)
	if err == nil || ctx.Err() != nil {
		return
	}
	s.tools.mu.Lock()
	s.tools.again = s.p.Now().Add(toolsPause)
	s.tools.mu.Unlock()
	s.p.logger(s.c).Warn("tools that the task starts cannot log in: "+err.Error(), "hint", fail.HintOf(err))
}

// beforeVariable is readyTools for a script that asks for one of the variables. The error is why there is none; one that was
// there before the run is better than none.
func (s *session) beforeVariable(ctx context.Context, name string) error {
	if name != bearerVariable && name != proxyVariable {
		return nil
	}
	err := s.readyTools(ctx)
	if err != nil && s.p.Getenv(name) != "" && !errors.Is(err, auth.Cancelled) {
		s.p.logger(s.c).Warn(name+" is the one that was set before the run: "+err.Error(), "hint", fail.HintOf(err))
		return nil
	}
	return err
}

// offerer returns what hands tokens of an identity provider to tools, in BEARER_TOKEN; nil when tokens are Rucio's own, which no
// tool takes.
func (p *program) offerer(settings *config.Client) func(rucio.Secret) {
	if settings.AuthType != "oidc" {
		return nil
	}
	return func(token rucio.Secret) { p.offer(bearerVariable, token.Reveal()) }
}

// offer sets a variable for programs that are started later, and for scripts that ask for it.
func (p *program) offer(name, value string) {
	if old, was := p.offered.Swap(name, value); was && old == value || p.Setenv == nil {
		return
	}
	if err := p.Setenv(name, value); err != nil {
		fmt.Fprintf(p.Stderr, "warning: cannot set %s for tools: %v\n", name, err)
	}
}

// lookupEnv returns a variable of the environment, or what offer made of it. A secret that is not set may be in the file that
// NAME_FILE names.
func (p *program) lookupEnv(name string) (string, bool) {
	if value, ok := p.offered.Load(name); ok {
		return value.(string), true
	}
	value, ok := p.State.lookupEnv(name)
	if value != "" {
		return value, ok
	}
	switch text, err := p.secretFile(name); {
	case err != nil:
		fmt.Fprintf(p.Stderr, "warning: cannot read the secret that %s%s names: %v\n", name, fileSuffix, err)
	case text != "":
		return text, true
	}
	return value, ok
}
