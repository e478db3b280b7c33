package auth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// userpass logs in with a username and a password (Python: BaseClient.__get_token_userpass; GET /auth/userpass).
type userpass struct {
	*session
	username, password string // as they are sent
}

func newUserpass(s *session) (method, error) {
	u := &userpass{session: s}
	if s.opts.Username == "" {
		return method{}, &Error{Kind: Config, Problem: "auth_type is userpass, but username is not set", Advice: advise("username", "")}
	}
	if !s.opts.Password.IsSet() && s.opts.AskPassword == nil && !mayHoldToken(s.opts) {
		return method{}, noPassword(nil)
	}
	var err error
	if u.username, err = headerText("username", s.opts.Username); err != nil {
		return method{}, err
	}
	if u.password, err = headerText("password", s.opts.Password.Reveal()); err != nil {
		return method{}, err
	}
	s.warnPlain("the password")
	return method{login: u.login, identity: s.opts.Username}, nil
}

// mayHoldToken tells whether there may be a token, so that a login, and a password, need not be.
func mayHoldToken(opts Options) bool {
	path := cachePath(opts)
	if path == "" {
		return opts.Token.IsSet()
	}
	_, err := os.Stat(path)
	return opts.Token.IsSet() || err == nil
}

// noPassword is the error when there is no password; asking is why nobody gave one, or nil.
func noPassword(asking error) *Error {
	e := &Error{Kind: Config, Problem: "auth_type is userpass, but password is not set", Err: asking,
		Advice: "set RUCIO_CFG_CLIENT_PASSWORD, or RUCIO_CFG_CLIENT_PASSWORD_FILE to a file that holds the password"}
	if asking != nil {
		e.Kind, e.Problem = WrongCredentials, "read the password: "+asking.Error()
	}
	return e
}

// askPassword gets the password of somebody at a terminal, unless it is there.
func (u *userpass) askPassword() error {
	if u.password != "" {
		return nil
	}
	if u.opts.AskPassword == nil {
		return noPassword(nil)
	}
	password, err := u.opts.AskPassword()
	if err != nil {
		return noPassword(err)
	}
	u.password, err = headerText("password", password.Reveal())
	return err
}

// login asks for a token. When it is refused it finds out what is wrong.
func (u *userpass) login(ctx context.Context) (grant, error) {
	if err := u.askPassword(); err != nil {
		return grant{}, err
	}
	got, err := u.ask(ctx, u.opts.Account)
	if err != nil {
		err = u.explain(ctx, err)
	} else if got.status == http.StatusPartialContent {
		err = &Error{Kind: UnknownAccount, Host: got.host, Problem: "no account is given, and this username has several",
			Advice: advise("account", "to one of "+strings.Join(accounts(got), ", "))}
	}
	if err != nil {
		return grant{}, u.named(err)
	}
	g, err := u.grant(got)
	return g, u.named(err)
}

// ask sends the username and the password for an account; empty: the server chooses the default one.
func (u *userpass) ask(ctx context.Context, account string) (*answer, error) {
	header := http.Header{}
	header.Set("X-Rucio-Username", u.username)
	header.Set("X-Rucio-Password", u.password)
	if account != "" {
		header.Set("X-Rucio-Account", account)
	}
	return u.get(ctx, "/auth/userpass", header)
}

// explain makes a refused login useful. The server says the same for a wrong username, a wrong password and an account
// that does not exist or is not this user's. Asked without the account, it tells them apart.
func (u *userpass) explain(ctx context.Context, refusal error) error {
	var e *Error
	if !errors.As(refusal, &e) || e.Kind != WrongCredentials {
		return refusal
	}
	got, again := (*answer)(nil), refusal
	if u.opts.Account != "" {
		if got, again = u.ask(ctx, ""); again != nil && !errors.Is(again, WrongCredentials) {
			return refusal
		}
	}
	explained := *e
	switch {
	case got != nil && !slices.Contains(accounts(got), u.opts.Account):
		own := strings.Join(accounts(got), ", ")
		explained.Kind = UnknownAccount
		explained.Problem = fmt.Sprintf("there is no account %q, or it is not for this username, which has %s", u.opts.Account, own)
		explained.Advice = advise("account", "to "+own)
	case errors.Is(again, rucio.ErrIdentityError):
		explained.Problem = "there is no such username"
		explained.Advice = "check RUCIO_CFG_CLIENT_USERNAME, or username in the [client] section of rucio.cfg"
	default:
		explained.Problem = "the password is wrong"
		explained.Advice = "check RUCIO_CFG_CLIENT_PASSWORD, or password in the [client] section of rucio.cfg"
	}
	return &explained
}

// named says in an error who was to log in.
func (u *userpass) named(err error) error {
	var e *Error
	if errors.As(err, &e) && e.Attempt == "" {
		e.Attempt = "log in as " + u.opts.Username
		if u.opts.Account != "" {
			e.Attempt += " to account " + u.opts.Account
		}
	}
	return err
}

// accounts lists the accounts that an answer names: the one that was logged in to, or those to choose from (for which the
// server has not looked at the password).
func accounts(got *answer) []string {
	if got.status == http.StatusPartialContent {
		return strings.Split(got.header.Get("X-Rucio-Auth-Accounts"), ",")
	}
	return []string{got.header.Get("X-Rucio-Auth-Account")}
}

// headerText returns text as the bytes of an HTTP header. Python's client sends Latin-1, and the server reads it so.
func headerText(option, text string) (string, error) {
	refuse := func(why string) (string, error) {
		return "", &Error{Kind: Config, Problem: fmt.Sprintf("%s %s, which an HTTP header cannot hold", option, why),
			Advice: "check that a file or a variable did not add it; else choose another " + option}
	}
	if strings.TrimSpace(text) != text {
		return refuse("begins or ends with white space")
	}
	out := make([]byte, 0, len(text))
	for _, r := range text {
		switch {
		case r < ' ' || r == 0x7f:
			return refuse("has a line end or another control character")
		case r > 0xff:
			return refuse("has a character that is not Latin-1")
		}
		out = append(out, byte(r))
	}
	return string(out), nil
}

// isLoopback tells names and addresses of this machine.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
