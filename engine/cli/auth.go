package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"runtime"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/auth"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/config"
)

func (p *program) authCommand() *cli.Command {
	return &cli.Command{
		Name:  "auth",
		Usage: "log in, log out, and tell who is logged in",
		Subcommands: []*cli.Command{
			p.authLoginCommand(),
			p.authTokenCommand(),
			p.authWhoamiCommand(),
			p.authProxyCommand(),
			{
				Name:  "logout",
				Usage: "forget the token that is kept",
				Description: `
The token itself stays valid to its end: neither Rucio nor most identity providers can end one.

examples:
$ rucio-task-manager auth logout
$ rucio-task-manager auth logout --account me
`,
				Before: noWords,
				Action: p.authLogout,
			},
		},
	}
}

func (p *program) authLoginCommand() *cli.Command {
	return &cli.Command{
		Name:  "login",
		Usage: "log in and keep the token for later runs",
		Description: `
With auth_type oidc you log in at your identity provider, in a browser: the URL is printed, and opened if there is a browser
here. With any other auth_type the credentials of the configuration are used. The token is kept where Rucio's Python client
keeps it, and finds it.

examples:
$ rucio-task-manager auth login --auth-type oidc --account me
$ rucio-task-manager auth login --code                 # type a code that the page shows, instead of waiting
`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "code", Category: catHow, Usage: "ask for the code that the server's page shows, instead of waiting for the login"},
			&cli.BoolFlag{Name: "no-browser", Category: catHow, Usage: "print the URL only"},
		},
		Before: noWords,
		Action: p.authLogin,
	}
}

// authSession is what the configuration says about logging in.
type authSession struct {
	*session
	settings  *config.Client
	transport http.RoundTripper // to Rucio
	options   auth.Options
}

func (p *program) openAuth(c *cli.Context) (*authSession, error) {
	s := p.newSession(c, "auth")
	settings, err := s.settings(nil)
	if err != nil {
		return nil, err
	}
	transport, err := s.transport(settings)
	if err != nil {
		return nil, err
	}
	options, err := s.loginOptions(settings, transport)
	return &authSession{s, settings, transport, options}, classify(err)
}

// source returns the login of the configuration.
func (s *authSession) source() (*auth.Source, error) {
	source, err := s.login(s.settings, s.transport)
	return source, classify(err)
}

func (p *program) authLogin(c *cli.Context) error {
	s, err := p.openAuth(c)
	if err != nil {
		return err
	}
	if s.settings.AuthType != "oidc" {
		return s.logIn(c.Context)
	}
	login, err := auth.LoginOIDC(c.Context, s.options, !c.Bool("code"), &browser{p: p, stdin: bufio.NewReader(p.Stdin), open: !c.Bool("no-browser")})
	if err != nil {
		return classify(err)
	}
	p.redactor.Add(login.Token.Reveal())
	fmt.Fprintf(p.Stdout, "logged in to account %s at %s\n", login.Account, s.hosts())
	s.tellExpiry(login.Expires, login.File)
	switch {
	case login.Refreshed:
		fmt.Fprintln(p.Stdout, "Rucio refreshes it for runs that last longer")
	case s.settings.OIDC.RefreshActive:
		fmt.Fprintln(p.Stderr, "warning: Rucio has no refresh token for it; oidc_scope must have offline_access in it, and the identity provider must give it")
	}
	if source, err := auth.New(s.options); err == nil && !source.Stored() {
		fmt.Fprintf(p.Stderr, "warning: runs will not use it, but %s, which goes before\n", source.Origin())
	}
	return nil
}

// logIn logs in with the credentials of the configuration, whatever token is kept, and asks Rucio as whom.
func (s *authSession) logIn(ctx context.Context) error {
	source, err := s.source()
	if err != nil {
		return err
	}
	token, err := source.Login(ctx)
	if err != nil {
		return classify(err)
	}
	s.p.redactor.Add(token.Reveal())
	client, err := s.clientOf(source)
	if err != nil {
		return err
	}
	me, err := client.Whoami(ctx)
	if err != nil {
		return classify(err)
	}
	fmt.Fprintf(s.p.Stdout, "logged in to account %s at %s\n", me.Account, s.hosts())
	s.tellExpiry(source.Expires(), source.File())
	return nil
}

// clientOf returns a client with the tokens of a source.
func (s *authSession) clientOf(source *auth.Source) (*rucio.Client, error) {
	client, err := rucio.New(rucio.Options{
		Hosts: s.settings.RucioHosts, Account: s.settings.Account, VO: s.settings.VO, Script: s.script, UserAgent: s.p.userAgent(),
		HTTP: &http.Client{Transport: s.transport}, Retries: retries(s.settings), Trace: s.p.traceRequests(s.c),
		Credentials: &credentials{source: func() (*auth.Source, error) { return source, nil }, redactor: s.p.redactor},
	})
	return client, classify(err)
}

// tellExpiry tells until when a token is good, and where it is kept.
func (s *authSession) tellExpiry(expires time.Time, file string) {
	if !expires.IsZero() {
		fmt.Fprintf(s.p.Stdout, "the token is good until %s\n", expires.Local().Format(time.DateTime))
	}
	if file != "" {
		fmt.Fprintf(s.p.Stdout, "it is kept in %s\n", file)
	}
}

// hosts are the servers that log in, for people.
func (s *authSession) hosts() string { return strings.Join(s.settings.AuthHosts, ", ") }

func (p *program) authLogout(c *cli.Context) error {
	s, err := p.openAuth(c)
	if err != nil {
		return err
	}
	removed, err := auth.Logout(s.options)
	if err != nil {
		return classify(err)
	}
	for _, file := range removed {
		fmt.Fprintf(p.Stdout, "removed %s\n", file)
	}
	if len(removed) == 0 {
		fmt.Fprintln(p.Stdout, "no token was kept")
	}
	if source, err := auth.New(s.options); err == nil && !source.Stored() {
		fmt.Fprintf(p.Stderr, "warning: runs still log in, with %s\n", source.Origin())
	}
	return nil
}

// browser is the person at the terminal, and the browser on their desk.
type browser struct {
	p     *program
	stdin *bufio.Reader
	open  bool
}

// Open implements auth.Browser.
func (b *browser) Open(url string) {
	fmt.Fprintf(b.p.terminal, "log in on this page:\n\n  %s\n\n", url)
	if b.open && b.p.openBrowser(url) {
		fmt.Fprintln(b.p.terminal, "(a browser opens)")
	}
}

// ReadCode implements auth.Browser.
func (b *browser) ReadCode(context.Context) (string, error) {
	fmt.Fprint(b.p.terminal, "the code that it shows then: ")
	line, err := b.stdin.ReadString('\n')
	if errors.Is(err, io.EOF) {
		fmt.Fprintln(b.p.terminal) // what was typed did not end the line
		if line != "" {
			err = nil
		}
	}
	b.p.redactor.Add(strings.TrimSpace(line))
	return line, err
}

// WrongCode implements auth.Browser.
func (b *browser) WrongCode() {
	fmt.Fprintln(b.p.terminal, "the server does not know this code")
}

// openBrowser starts a browser: $BROWSER, or the desktop's own. It tells whether there is one.
func (p *program) openBrowser(url string) bool {
	name, args := p.Getenv("BROWSER"), []string{url}
	switch {
	case name != "":
		name, _, _ = strings.Cut(name, ":")
	case runtime.GOOS == "darwin":
		name = "open"
	case runtime.GOOS == "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", url}
	case p.Getenv("DISPLAY") != "" || p.Getenv("WAYLAND_DISPLAY") != "":
		name = "xdg-open"
	default:
		return false
	}
	cmd := exec.Command(name, args...) //nolint:gosec,noctx // the user's browser, which outlives us
	if cmd.Start() != nil {
		return false
	}
	go func() { _ = cmd.Wait() }() // so that it leaves no zombie
	return true
}
