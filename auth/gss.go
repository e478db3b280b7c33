package auth

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/jcmturner/gokrb5/v8/client"
	"github.com/jcmturner/gokrb5/v8/spnego"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// GSSOptions are for the type gss: where the files of Kerberos are, as its own tools know them.
type GSSOptions struct {
	// Config is the configuration, or several separated by colons (KRB5_CONFIG); empty is /etc/krb5.conf.
	Config string
	// Cache has the ticket that kinit got (KRB5CCNAME); empty is the file that belongs to UID. Only files can be read.
	Cache string
	UID   int
	// Keytab has the key of a principal (KRB5_CLIENT_KTNAME), for programs that run where nobody types a password. It is used when
	// the cache has no good ticket; empty: none. A keytab of several principals is used for its first one.
	Keytab string
}

// gss logs in with Kerberos (Python: BaseClient.__get_token_gss; GET /auth/gss).
type gss struct {
	*session // its requests carry a ticket
	tickets  *ticketTransport
}

func newGSS(s *session) (method, error) {
	if s.opts.Account == "" {
		return method{}, accountNeeded("gss")
	}
	transport := s.client.Transport
	if transport == nil {
		transport = http.DefaultTransport
	}
	g := &gss{tickets: &ticketTransport{next: transport}}
	opts := s.opts
	opts.HTTP = &http.Client{Transport: g.tickets, Jar: s.client.Jar, Timeout: s.client.Timeout}
	g.session = newSession(opts)
	s.warnPlain("the token")
	return method{login: g.login}, nil
}

// login gets a ticket for the server and shows it. Files are read anew each time: whoever renews the ticket is not us.
func (g *gss) login(ctx context.Context) (grant, error) {
	user, err := openKerberos(g.opts.GSS, g.opts.Now())
	if err != nil {
		return grant{}, err
	}
	defer user.Destroy()
	name := user.Credentials.CName().PrincipalNameString() + "@" + user.Credentials.Domain()
	g.tickets.user = user
	got, err := g.get(ctx, "/auth/gss", http.Header{"X-Rucio-Account": {g.opts.Account}})
	if err == nil {
		return g.grant(got)
	}
	err = g.explain(name, err)
	var e *Error
	if errors.As(err, &e) {
		e.Attempt = cmp.Or(e.Attempt, fmt.Sprintf("log in as %s to account %s", name, g.opts.Account))
	}
	return grant{}, err
}

// explain makes a refused login useful.
func (g *gss) explain(name string, refusal error) error {
	var e *Error
	var sent *rucio.Error
	if !errors.As(refusal, &e) || !errors.As(refusal, &sent) {
		return refusal
	}
	explained := *e
	switch {
	case strings.Contains(sent.Message, "REMOTE_USER"):
		explained.Kind, explained.Problem = Config, "it does not ask for Kerberos tickets at /auth/gss"
		explained.Advice = "use another auth_type, or a server that is set up for Kerberos"
	case e.Kind == WrongCredentials && strings.HasPrefix(sent.Message, "Cannot authenticate to account"):
		explained.Kind, explained.Problem = UnknownIdentity, fmt.Sprintf("there is no account %q, or %s is not registered for it", g.opts.Account, name)
		explained.Advice = "check the account; else have an administrator of Rucio run: " + addIdentity(g.opts.Account, "GSS", name)
	case e.Kind == WrongCredentials:
		explained.Problem = "it does not take the Kerberos ticket"
		explained.Advice = "ask the server's operators: its keytab may be older than the ticket, or for another name"
	default:
		return refusal
	}
	return &explained
}

// ticketTransport adds a ticket to each request, for the server that it goes to.
type ticketTransport struct {
	next http.RoundTripper
	user *client.Client // set before each login; there is one at a time
}

// RoundTrip implements http.RoundTripper.
func (t *ticketTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	token, err := negotiate(req.Context(), t.user, req.URL.Hostname())
	if err != nil {
		return nil, kerberosError(err)
	}
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Negotiate "+token)
	return t.next.RoundTrip(req)
}

// negotiate makes what a server is to see: a ticket for HTTP/host. When the realm knows no such service, the host's name
// may be an alias: then its proper name is tried, as Kerberos' own library does.
func negotiate(ctx context.Context, user *client.Client, host string) (string, error) {
	token, err := ticket(user, host)
	if err == nil || !strings.Contains(err.Error(), "KDC_ERR_S_PRINCIPAL_UNKNOWN") || !user.Config.LibDefaults.DNSCanonicalizeHostname {
		return token, err
	}
	name, lookup := net.DefaultResolver.LookupCNAME(ctx, host)
	if name = strings.ToLower(strings.TrimSuffix(name, ".")); lookup != nil || name == "" || name == strings.ToLower(host) {
		return "", err
	}
	return ticket(user, name)
}

func ticket(user *client.Client, host string) (string, error) {
	context := spnego.SPNEGOClient(user, "HTTP/"+strings.ToLower(host))
	if err := context.AcquireCred(); err != nil {
		return "", err
	}
	token, err := context.InitSecContext()
	if err != nil {
		return "", err
	}
	text, err := token.Marshal()
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(text), nil
}

// kerberosProblems are what goes wrong with Kerberos, by the words that its errors have.
var kerberosProblems = []struct {
	word            string
	kind            Kind
	problem, advice string
}{
	{"KRB_AP_ERR_SKEW", ClockSkew, "this machine's clock differs too much from that of Kerberos' server", "set this machine's clock right"},
	{"KDC_ERR_PREAUTH_FAILED", WrongCredentials, "Kerberos' server does not take the key", "make the keytab anew: the password may have changed since"},
	{"keytab incorrect", WrongCredentials, "Kerberos' server has another key for the principal", "make the keytab anew: the password may have changed since"},
	{"KDC_ERR_C_PRINCIPAL_UNKNOWN", WrongCredentials, "Kerberos' server does not know the principal", "check the principal in the keytab (klist -k)"},
	{"KDC_ERR_S_PRINCIPAL_UNKNOWN", Config, "Kerberos' server does not know the Rucio server", "set auth_host to the name that its operators registered as HTTP/host"},
	{"KDC_ERR_CLIENT_REVOKED", WrongCredentials, "the principal is locked", "ask the operators of Kerberos' server"},
	{"KDC_ERR_KEY_EXPIRED", Unusable, "the principal's password has expired", "change it (kpasswd), and make the keytab anew"},
	{"no KDC", Config, "no server of the realm is known", "put the realm into krb5.conf (KRB5_CONFIG)"},
	{"communicat", Unreachable, "Kerberos' server cannot be reached", "check krb5.conf (KRB5_CONFIG), and that the server is up"},
}

// kerberosError explains an error of Kerberos.
func kerberosError(err error) *Error {
	for _, p := range kerberosProblems {
		if strings.Contains(err.Error(), p.word) {
			return &Error{Kind: p.kind, Problem: p.problem + detail(err), Err: err, Advice: p.advice}
		}
	}
	return &Error{Kind: Unusable, Problem: "no Kerberos ticket for the server can be had: " + err.Error(), Err: err, Advice: "get a new ticket (kinit)"}
}

// detail is the innermost part of an error of Kerberos, whose texts are long: "[Root cause: KDC_Error] KDC_Error: ... : KRB Error: (24)
// KDC_ERR_PREAUTH_FAILED Pre-authentication information was invalid".
func detail(err error) string {
	_, text, found := strings.Cut(err.Error(), "KRB Error: ")
	if !found {
		return ""
	}
	return " (" + strings.TrimSpace(strings.TrimSuffix(text, "- ")) + ")"
}
