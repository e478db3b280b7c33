package cli

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/auth"
	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

func (p *program) authTokenCommand() *cli.Command {
	return &cli.Command{
		Name:  "token",
		Usage: "print the token, and nothing else",
		Description: `
Logs in as a run would, unless a token is kept, and prints the token. With --decode it is not printed, but what it says: whose
it is, for what, and until when.

examples:
$ curl -H "X-Rucio-Auth-Token: $(rucio-task-manager auth token)" https://rucio.example.org/accounts/whoami
$ rucio-task-manager auth token --decode
$ rucio-task-manager auth token --decode --output json
`,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "decode", Category: catOut, Usage: "show the claims of the token instead, and when it ends"},
			choice("output", catOut, "`FORMAT` of --decode", "text", "json"),
		},
		Before: noWords,
		Action: p.authToken,
	}
}

func (p *program) authWhoamiCommand() *cli.Command {
	return &cli.Command{
		Name:  "whoami",
		Usage: "ask Rucio who is logged in",
		Description: `
examples:
$ rucio-task-manager auth whoami
$ rucio-task-manager auth whoami --output json
`,
		Flags:  []cli.Flag{choice("output", catOut, "`FORMAT` of the answer", "text", "json")},
		Before: noWords,
		Action: p.authWhoami,
	}
}

func (p *program) authToken(c *cli.Context) error {
	s, err := p.openAuth(c)
	if err != nil {
		return err
	}
	source, err := s.source()
	if err != nil {
		return err
	}
	token, err := source.Token(c.Context)
	if err != nil {
		return classify(err)
	}
	if c.Bool("decode") {
		return p.decode(token, source.Expires(), c.String("output"))
	}
	_, err = fmt.Fprintln(p.plain, token.Reveal())
	return err
}

// decodedToken is what a token says, for machines.
type decodedToken struct {
	Header    json.RawMessage `json:"header"`
	Claims    json.RawMessage `json:"claims"`
	Expires   string          `json:"expires,omitempty"`
	ExpiresIn int64           `json:"expires_in,omitempty"` // seconds; negative when it has ended
}

// decode shows what a token says.
func (p *program) decode(token rucio.Secret, expires time.Time, format string) error {
	claims, err := auth.ReadClaims(token)
	if err != nil {
		return p.decodeRucio(expires, format)
	}
	if expires.IsZero() {
		expires = claims.Expires
	}
	if format == "json" {
		d := decodedToken{Header: claims.Header, Claims: claims.Payload}
		if !expires.IsZero() {
			d.Expires, d.ExpiresIn = expires.UTC().Format(time.RFC3339), int64(expires.Sub(p.Now()).Seconds())
		}
		return p.printJSON(d)
	}
	var values map[string]any
	if err := json.Unmarshal(claims.Payload, &values); err != nil {
		return fail.With(fail.Auth, fmt.Errorf("read the claims of the token: %w", err))
	}
	table(p.Stdout, func(row func(...string)) {
		for _, name := range slices.Sorted(maps.Keys(values)) {
			row(name, claimText(name, values[name]))
		}
		if !expires.IsZero() {
			row("expires", p.ends(expires))
		}
	})
	return nil
}

// decodeRucio tells of a token that Rucio made, "account-identity-appid-uuid", in which all parts may have dashes.
func (p *program) decodeRucio(expires time.Time, format string) error {
	about := map[string]string{"kind": "a token of Rucio, which says nothing of itself; see auth whoami"}
	if !expires.IsZero() {
		about["expires"] = expires.UTC().Format(time.RFC3339)
	}
	if format == "json" {
		return p.printJSON(about)
	}
	table(p.Stdout, func(row func(...string)) {
		for _, name := range slices.Sorted(maps.Keys(about)) {
			row(name, about[name])
		}
	})
	return nil
}

// claimText shows a claim; those that are times are shown as such.
func claimText(name string, value any) string {
	switch value := value.(type) {
	case string:
		return value
	case float64:
		if slices.Contains([]string{"exp", "iat", "nbf", "auth_time"}, name) {
			return time.Unix(int64(value), 0).UTC().Format(time.RFC3339)
		}
	case []any:
		var parts []string
		for _, part := range value {
			parts = append(parts, claimText("", part))
		}
		return strings.Join(parts, " ")
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

// ends tells when a token ends and how long that is.
func (p *program) ends(at time.Time) string {
	left := at.Sub(p.Now()).Round(time.Second)
	if left < 0 {
		return fmt.Sprintf("%s (%v ago)", at.UTC().Format(time.RFC3339), -left)
	}
	return fmt.Sprintf("%s (in %v)", at.UTC().Format(time.RFC3339), left)
}

// identityObject is who is logged in, for machines.
type identityObject struct {
	Account  string `json:"account"`
	Type     string `json:"account_type"`
	Status   string `json:"status"`
	Email    string `json:"email,omitempty"`
	Login    string `json:"login"`              // where the token comes from
	Identity string `json:"identity,omitempty"` // of a token of an identity provider, as Rucio calls it
	Expires  string `json:"expires,omitempty"`
	Server   string `json:"server"`
}

func (p *program) authWhoami(c *cli.Context) error {
	s, err := p.openAuth(c)
	if err != nil {
		return err
	}
	source, err := s.source()
	if err != nil {
		return err
	}
	settings := s.settings
	client, err := s.clientOf(source)
	if err != nil {
		return err
	}
	me, err := client.Whoami(c.Context)
	if err != nil {
		return classify(err)
	}
	who := identityObject{Account: me.Account, Login: source.Origin(), Server: settings.RucioHosts[0]}
	who.Type, who.Status, who.Email = me.Type, me.Status, me.Email
	token, err := source.Token(c.Context)
	if err != nil {
		return classify(err)
	}
	if claims, err := auth.ReadClaims(token); err == nil {
		who.Identity = claims.Identity()
	} else if settings.AuthType == "userpass" {
		who.Identity = settings.Username
	}
	return p.printIdentity(who, source.Expires(), c.String("output"))
}

func (p *program) printIdentity(who identityObject, expires time.Time, format string) error {
	if !expires.IsZero() {
		who.Expires = expires.UTC().Format(time.RFC3339)
	}
	if format == "json" {
		return p.printJSON(who)
	}
	table(p.Stdout, func(row func(...string)) {
		row("account", who.Account)
		row("type", who.Type)
		row("status", who.Status)
		row("email", who.Email)
		row("logged in with", who.Login)
		if who.Identity != "" {
			row("identity", who.Identity)
		}
		if who.Expires != "" {
			row("token expires", p.ends(expires))
		}
		row("server", who.Server)
	})
	return nil
}
