package auth

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/auth/voms"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// X509Options are for the types x509 and x509_proxy.
type X509Options struct {
	// Identity has the certificate. Nil is an error of New, which says what to set.
	Identity *Identity
	// Connect returns what sends the requests that show it: a client whose transport is one of NewTransport with the same
	// Identity, and with this newest version of TLS (0: any). Other requests go through Options.HTTP, which shows no certificate.
	Connect func(newestTLS uint16) (*http.Client, error)
}

// allowedSkew is how far two clocks may differ before it is worth a word; what is made has held for that long already.
const allowedSkew = 5 * time.Minute

// x509Login logs in with a client certificate (Python: BaseClient.__get_token_x509; GET /auth/x509 and /auth/x509_proxy).
type x509Login struct {
	*session           // shows no certificate
	shows     *session // shows it
	identity  *Identity
	path      string
	downgrade bool // shows speaks TLS 1.2
}

func newX509(s *session) (method, error) {
	isProxy := s.opts.Type == "x509_proxy"
	if s.opts.X509.Identity == nil {
		e := &Error{Kind: Config, Problem: "auth_type is x509, but there is no client certificate",
			Advice: "set RUCIO_CFG_CLIENT_CLIENT_CERT and RUCIO_CFG_CLIENT_CLIENT_KEY to files in PEM, or RUCIO_CFG_CLIENT_CERT_VALUE and RUCIO_CFG_CLIENT_KEY_VALUE to their text"}
		if isProxy {
			e.Problem = "auth_type is x509_proxy, but there is no proxy certificate"
			e.Advice = "make one (auth proxy init, voms-proxy-init), or set RUCIO_CFG_CLIENT_CLIENT_X509_PROXY to it; with VOMS, and a certificate and its key, proxies are made as they are needed"
		}
		return method{}, e
	}
	for _, host := range s.opts.Hosts {
		if strings.HasPrefix(host, "http://") {
			return method{}, &Error{Kind: Config, Problem: fmt.Sprintf("auth_type is %s, but auth_host %s is not https, and certificates are shown over TLS only", s.opts.Type, host),
				Advice: advise("auth_host", "to https://...")}
		}
	}
	x := &x509Login{session: s, identity: s.opts.X509.Identity, path: "/auth/" + s.opts.Type}
	var err error
	x.shows, err = x.connect(0)
	return method{login: x.login}, err
}

// connect returns a session that shows the certificate.
func (x *x509Login) connect(newestTLS uint16) (*session, error) {
	client, err := x.opts.X509.Connect(newestTLS)
	if err != nil {
		return nil, err
	}
	opts := x.opts
	opts.HTTP = client
	return newSession(opts), nil
}

// login asks for a token. When it is refused it finds out why.
func (x *x509Login) login(ctx context.Context) (grant, error) {
	c, err := x.identity.current(ctx)
	if err != nil {
		return grant{}, err
	}
	g, err := x.loginWith(ctx, c)
	var e *Error
	if errors.As(err, &e) && e.Attempt == "" {
		e.Attempt = "log in with " + c.origin
		if x.opts.Account != "" {
			e.Attempt += " to account " + x.opts.Account
		}
	}
	return g, err
}

func (x *x509Login) loginWith(ctx context.Context, c *credential) (grant, error) {
	if invalid := validNow(c, x.opts.Now()); invalid != nil {
		return grant{}, x.orSkew(ctx, c, invalid)
	}
	got, err := x.ask(ctx, x.opts.Account)
	if err != nil {
		return grant{}, x.explain(ctx, c, err)
	}
	if got.status == http.StatusPartialContent {
		return grant{}, &Error{Kind: UnknownAccount, Host: got.host, Problem: "no account is given, and this certificate has several",
			Advice: advise("account", "to one of "+strings.Join(accounts(got), ", "))}
	}
	return x.grant(got)
}

// ask shows the certificate for an account; empty: the server chooses the default one, or names those to choose from.
func (x *x509Login) ask(ctx context.Context, account string) (*answer, error) {
	header := http.Header{}
	if account != "" {
		header.Set("X-Rucio-Account", account)
	} else {
		header.Set("X-Rucio-Allow-Return-Multiple-Accounts", "true")
	}
	got, err := x.shows.get(ctx, x.path, header)
	var sent *rucio.Error
	if x.downgrade || !errors.As(err, &sent) || sent.Status != http.StatusForbidden {
		return got, err
	}
	// Apache, told to ask for certificates on some pages only, asks after the handshake. Go knows how that goes in TLS 1.2,
	// but not in 1.3, which Python's client speaks with it.
	older, failure := x.connect(tls.VersionTLS12)
	if failure != nil {
		return got, err
	}
	again, failure := older.get(ctx, x.path, header)
	if failure != nil && errors.Is(failure, TLS) {
		return got, err // it speaks nothing older; the first answer says more
	}
	x.shows, x.downgrade = older, true
	return again, failure
}

// explain makes a refused login useful.
func (x *x509Login) explain(ctx context.Context, c *credential, refusal error) error {
	var e *Error
	if !errors.As(refusal, &e) {
		return refusal
	}
	var sent *rucio.Error
	switch {
	case e.Kind == TLS && strings.Contains(e.Problem, remoteAlert):
		return x.explainAlert(ctx, c, e)
	case errors.As(e, &sent) && sent.Status == http.StatusForbidden:
		explained := *e
		explained.Kind = WrongCredentials
		explained.Problem = "it refuses us the page (HTTP 403)"
		explained.Advice = "ask the server's operators: where it asks for certificates on some pages only (SSLVerifyClient in a <Location>), it must speak TLS 1.2 besides 1.3"
		return &explained
	case e.Kind != WrongCredentials:
		return refusal
	case strings.Contains(e.Problem, "Cannot get DN"):
		explained := *e
		explained.Kind = Config
		explained.Problem = "it saw no client certificate"
		explained.Advice = "set auth_host to a server that asks for client certificates; one that stands behind a proxy cannot, unless the proxy passes them on"
		return &explained
	}
	return x.explainRefusal(ctx, c, e)
}

// explainRefusal tells a certificate that is no identity of any account from one that is not for this account: the server says
// the same of both. Asked without the account, it tells them apart.
func (x *x509Login) explainRefusal(ctx context.Context, c *credential, e *Error) error {
	explained, again := *e, error(e)
	if x.opts.Account != "" {
		var got *answer
		if got, again = x.ask(ctx, ""); again == nil {
			own := strings.Join(accounts(got), ", ")
			if slices.Contains(accounts(got), x.opts.Account) {
				return e
			}
			explained.Kind = UnknownAccount
			explained.Problem = fmt.Sprintf("there is no account %q, or it is not for this certificate, which has %s", x.opts.Account, own)
			explained.Advice = advise("account", "to "+own)
			return &explained
		}
	}
	var sent *rucio.Error
	forgotten := errors.As(again, &sent) && sent.Status == http.StatusInternalServerError // so fails a server that once knew the name
	if !forgotten && !errors.Is(again, rucio.ErrIdentityError) {
		return e
	}
	name := seenName(again, c)
	explained.Kind = UnknownIdentity
	explained.Problem = "the certificate's name is not registered for any account: " + name
	explained.Advice = "have an administrator of Rucio run: " + addIdentity(x.opts.Account, "X509", name)
	return &explained
}

// seenIdentity finds the name in the server's refusal: "Identity 'CN=Jane Doe,DC=org' of type 'IdentityType.X509' does not exist!"
var seenIdentity = regexp.MustCompile(`Identity '(.*)' of type`)

// seenName is the certificate's name as the server writes it, in one order or the other, without what proxies add to it.
func seenName(err error, c *credential) string {
	var sent *rucio.Error
	if errors.As(err, &sent) {
		if m := seenIdentity.FindStringSubmatch(sent.Message); m != nil {
			return m[1]
		}
	}
	return voms.ApacheDN(c.owner().RawSubject)
}

// addIdentity is the command that registers an identity for an account.
func addIdentity(account, kind, identity string) string {
	if account == "" {
		account = "ACCOUNT"
	}
	return fmt.Sprintf("rucio account identity add %s --type %s --id '%s' --email ADDRESS", account, kind, strings.ReplaceAll(identity, "'", `'\''`))
}

// remoteAlert begins what crypto/tls says when the other side refused.
const remoteAlert = "remote error: tls: "

// explainAlert tells what a server dislikes of the certificate, as far as TLS has words for it.
func (x *x509Login) explainAlert(ctx context.Context, c *credential, e *Error) error {
	explained := *e
	explained.Kind = Unusable
	_, alert, _ := strings.Cut(e.Problem, remoteAlert)
	shown := voms.DN(c.chain[0].RawSubject)
	switch alert {
	case "unknown certificate authority":
		explained.Problem = fmt.Sprintf("it does not trust the authority that signed our certificate (%s)", voms.DN(c.owner().RawIssuer))
		explained.Advice = "use a certificate of an authority that the server's operators trust"
	case "expired certificate":
		explained.Problem = fmt.Sprintf("it says that our certificate (%s, until %s) has expired", shown, c.ends().UTC().Format(time.RFC3339))
		return x.orSkew(ctx, c, &explained)
	default:
		explained.Problem = fmt.Sprintf("it does not take our certificate (%s): %s", shown, alert)
		explained.Advice = "ask the server's operators why; if it is a proxy, whether proxies are taken"
		return x.orSkew(ctx, c, &explained)
	}
	return &explained
}

// validNow tells a certificate that has ended, or not begun, by this machine's clock. Nil: it holds.
func validNow(c *credential, now time.Time) *Error {
	for _, cert := range c.chain {
		e := &Error{Kind: Unusable}
		switch {
		case now.After(cert.NotAfter):
			e.Problem = fmt.Sprintf("the certificate of %s expired at %s", voms.DN(cert.RawSubject), cert.NotAfter.UTC().Format(time.RFC3339))
			e.Advice = "get a new one from your certificate authority"
			if voms.Kind(cert) != "" {
				e.Advice = "make a new proxy (auth proxy init, voms-proxy-init); with VOMS, and a certificate and its key, proxies are made as they are needed"
			}
		case now.Before(cert.NotBefore):
			e.Problem = fmt.Sprintf("the certificate of %s does not hold before %s", voms.DN(cert.RawSubject), cert.NotBefore.UTC().Format(time.RFC3339))
			e.Advice = "check this machine's clock"
		default:
			continue
		}
		return e
	}
	return nil
}

// orSkew looks at the server's clock before it believes that the dates of a certificate are wrong.
func (x *x509Login) orSkew(ctx context.Context, c *credential, e *Error) error {
	host := x.opts.Hosts[0]
	if e.Host != "" {
		host = e.Host
	}
	x.skew.Store(0)
	_, _ = x.getFrom(ctx, host, x.path, nil) // refused, with a date
	skew := time.Duration(x.skew.Load()).Round(time.Second)
	if skew.Abs() < allowedSkew {
		return e
	}
	explained := *e
	explained.Kind = ClockSkew
	explained.Problem += fmt.Sprintf("; but this machine's clock is %v %s that of %s", skew.Abs(), aheadOrBehind(skew), host)
	explained.Advice = "set this machine's clock right"
	if validNow(c, x.opts.Now().Add(skew)) != nil {
		explained.Advice += "; the certificate does not hold by the server's clock either"
	}
	return &explained
}

// aheadOrBehind says where this machine's clock stands, of a server's that is so much ahead.
func aheadOrBehind(skew time.Duration) string {
	if skew > 0 {
		return "behind"
	}
	return "ahead of"
}
