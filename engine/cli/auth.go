package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/auth"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/config"
)

func (p *program) authCommand() *cli.Command {
	return &cli.Command{
		Name:  "auth",
		Usage: "log in to Rucio",
		Subcommands: []*cli.Command{{
			Name:  "login",
			Usage: "log in, and tell as whom",
			Description: `
Logs in as the configuration says and tells the account. With auth_type oidc it shows a page on which to log in with a
browser, and keeps the token where tasks, and Python's client, find it.

examples:
$ rucio-task-manager auth login
$ rucio-task-manager auth login --auth-type oidc --account me
$ rucio-task-manager auth login --auth-type oidc --code
`,
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "code", Usage: "type the code that the page shows, instead of waiting for the page to tell the server"},
			},
			Before: noWords,
			Action: p.authLogin,
		}},
	}
}

func (p *program) authLogin(c *cli.Context) error {
	s := p.newSession(c, "auth-login")
	settings, err := s.settings(nil)
	if err != nil {
		return err
	}
	if settings.AuthType == "oidc" {
		return classify(s.browserLogin(settings, !c.Bool("code")))
	}
	client, err := s.client(nil)
	if err != nil {
		return err
	}
	me, err := client.Whoami(c.Context)
	if err != nil {
		return classify(err)
	}
	_, err = fmt.Fprintf(p.Stdout, "logged in to account %s at %s\n", me.Account, strings.Join(settings.AuthHosts, ", "))
	return err
}

// browserLogin logs in with OpenID Connect, with the help of a person and a browser.
func (s *session) browserLogin(settings *config.Client, polling bool) error {
	transport, err := s.transport(settings)
	if err != nil {
		return err
	}
	options, err := s.loginOptions(settings, transport)
	if err != nil {
		return err
	}
	login, err := auth.LoginOIDC(s.c.Context, options, polling, &browser{s.p, bufio.NewReader(s.p.Stdin)})
	if err != nil {
		return err
	}
	s.p.redactor.Add(login.Token.Reveal())
	fmt.Fprintf(s.p.Stdout, "logged in to account %s at %s\n", login.Account, strings.Join(settings.AuthHosts, ", "))
	if !login.Expires.IsZero() {
		fmt.Fprintf(s.p.Stdout, "the token is good until %s\n", login.Expires.Local().Format(time.DateTime))
	}
	if login.File != "" {
		fmt.Fprintf(s.p.Stdout, "it is kept in %s\n", login.File)
	}
	return nil
}

// browser is the person at the terminal, who opens a page elsewhere.
type browser struct {
	p     *program
	input *bufio.Reader
}

// Open implements auth.Browser.
func (b *browser) Open(url string) {
	fmt.Fprintf(b.p.terminal, "log in on this page:\n\n  %s\n\n", url)
}

// ReadCode implements auth.Browser.
func (b *browser) ReadCode(ctx context.Context) (string, error) {
	fmt.Fprint(b.p.terminal, "the code that it shows then: ")
	line, err := b.input.ReadString('\n')
	if err == io.EOF && line != "" {
		err = nil
	}
	if err != nil {
		return "", fmt.Errorf("read the code: %w", err)
	}
	return strings.TrimSpace(line), ctx.Err()
}

// WrongCode implements auth.Browser.
func (b *browser) WrongCode() {
	fmt.Fprintln(b.p.terminal, "the server does not know this code")
}
