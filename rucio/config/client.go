package config

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// Client is the [client] section as Python's BaseClient understands it, with values checked and paths expanded (~ and
// $VARIABLE). What is not set is empty.
type Client struct {
	RucioHosts []string // base URLs, without a slash at the end; in the order in which to try them
	AuthHosts  []string // the same for logging in; RucioHosts when auth_host is not set
	TraceHost  string   // where traces go ([trace] trace_host); the first of RucioHosts when not set
	Account    string   // empty: the server chooses the default account of the identity
	VO         string   // "def" when not set
	AuthType   string   // empty when not set

	Username  string
	Password  rucio.Secret
	AuthToken rucio.Secret // a Rucio token that somebody else obtained

	CACert      string // file or folder with certificates to trust; empty: the system's
	InsecureTLS bool   // ca_cert is False: certificates are not verified

	ClientCert, ClientKey           string       // paths
	ClientCertValue, ClientKeyValue rucio.Secret // the PEM text, in place of paths
	ClientKeyPassphrase             rucio.Secret
	Proxy                           string       // path of an X.509 proxy certificate
	VOMS                            string       // the virtual organisation to make a proxy for, or VO:/VO/Role=role
	SSHPrivateKey                   string       // path
	SSHPrivateKeyValue              rucio.Secret // the text, in place of a path
	SSHPrivateKeyPassphrase         rucio.Secret

	OIDC OIDC

	RequestRetries    int
	AuthTokenFilePath string // token cache file; empty: where Python's client keeps it
}

// OIDC is what [client] and the OIDC_* variables say about OpenID Connect.
type OIDC struct {
	Scope, Audience, Issuer string
	Polling                 bool
	RefreshLifetime         string // hours that the server refreshes the token; empty: the server's default
	RefreshActive           bool   // auth_oidc_refresh_active
	RefreshBeforeExp        int    // minutes before the end of a token at which to refresh it

	ClientID, TokenEndpoint string // for the client credentials flow
	ClientSecret            rucio.Secret
	AccessToken             rucio.Secret // a ready token of the identity provider
	AccessTokenFile         string       // where AccessToken was read; the file may hold a newer one later
	AgentConfig             rucio.Secret // an encrypted oidc-agent configuration
	AgentPassword           rucio.Secret // its password
}

// clientOptions lists the options of [client] that are read somewhere, here or by Python's client.
func clientOptions() []string {
	return []string{
		"account", "auth_host", "auth_oidc_refresh_active", "auth_oidc_refresh_before_exp", "auth_token",
		"auth_token_file_path", "auth_type", "ca_cert", "client_cert", "client_cert_value", "client_key", "client_key_passphrase",
		"client_key_value", "client_x509_proxy", "oidc_access_token", "oidc_agent_cfg_password", "oidc_agent_cfg_value", "oidc_audience",
		"oidc_client_id", "oidc_client_secret", "oidc_issuer", "oidc_polling", "oidc_refresh_lifetime", "oidc_scope",
		"oidc_token_endpoint", "opendata_host", "password", "protocol_stat_retries", "register_bittorrent_meta",
		"request_retries", "rucio_host", "ssh_private_key", "ssh_private_key_passphrase", "ssh_private_key_value", "username", "vo", "voms",
	}
}

// Client returns the checked [client] section. Everything that is wrong is reported at once: each an *Error, joined.
// That rucio_host is missing is one; what a way to log in needs is checked there.
func (c *Config) Client() (*Client, error) { return c.client(true) }

// ClientWithoutServer is Client for what speaks to storage alone: rucio_host may be missing.
func (c *Config) ClientWithoutServer() (*Client, error) { return c.client(false) }

func (c *Config) client(needsHost bool) (*Client, error) {
	r := reader{cfg: c}
	cl := &Client{
		RucioHosts: r.hosts("rucio_host"),
		AuthHosts:  r.hosts("auth_host"),
		Account:    r.text("account"),
		VO:         r.text("vo"),
		AuthType:   r.authType(),

		Username:  r.text("username"),
		Password:  r.secret("password"),
		AuthToken: r.secret("auth_token"),

		ClientCert:              r.path("client_cert"),
		ClientKey:               r.clientKey(),
		ClientCertValue:         r.secret("client_cert_value"),
		ClientKeyValue:          r.secret("client_key_value"),
		ClientKeyPassphrase:     r.secret("client_key_passphrase"),
		Proxy:                   r.path("client_x509_proxy"),
		VOMS:                    r.text("voms"),
		SSHPrivateKey:           r.path("ssh_private_key"),
		SSHPrivateKeyValue:      r.secret("ssh_private_key_value"),
		SSHPrivateKeyPassphrase: r.secret("ssh_private_key_passphrase"),

		OIDC: OIDC{
			Scope:            r.text("oidc_scope"),
			Audience:         r.text("oidc_audience"),
			Issuer:           r.text("oidc_issuer"),
			Polling:          r.flag("oidc_polling"),
			RefreshLifetime:  r.text("oidc_refresh_lifetime"),
			RefreshActive:    r.flag("auth_oidc_refresh_active"),
			RefreshBeforeExp: r.number("auth_oidc_refresh_before_exp"),
			ClientID:         r.text("oidc_client_id"),
			TokenEndpoint:    r.text("oidc_token_endpoint"),
			ClientSecret:     r.secret("oidc_client_secret"),
			AccessToken:      r.secret("oidc_access_token"),
			AccessTokenFile:  r.secretFile("oidc_access_token"),
			AgentConfig:      r.secret("oidc_agent_cfg_value"),
			AgentPassword:    r.secret("oidc_agent_cfg_password"),
		},

		RequestRetries:    r.number("request_retries"),
		AuthTokenFilePath: r.path("auth_token_file_path"),
	}
	if _, cl.InsecureTLS = c.insecure(); !cl.InsecureTLS {
		cl.CACert = r.path("ca_cert")
	}
	if _, err := c.Get("client", "rucio_host"); err == nil && len(cl.RucioHosts) == 0 && needsHost {
		r.problems = append(r.problems, c.missing("rucio_host", "https://rucio.example.org"))
	}
	if len(cl.AuthHosts) == 0 {
		cl.AuthHosts = cl.RucioHosts
	}
	cl.TraceHost = r.traceHost(cl.RucioHosts)
	if err := errors.Join(r.problems...); err != nil {
		return nil, err
	}
	return cl, nil
}

// missing is the error for an option that must be set and is nowhere.
func (c *Config) missing(option, example string) *Error {
	where := "no rucio.cfg was found (looked for " + strings.Join(c.looked, ", ") + ")"
	if c.path != "" {
		where = c.path + " does not set it in [client]"
	}
	variable := variableOf(key{"client", option})
	return &Error{
		Option:  option,
		Problem: fmt.Sprintf("not set: %s, and %s is not set", where, variable),
		Advice:  fmt.Sprintf("set %s=%s, or %s in the [client] section of rucio.cfg", variable, example, option),
	}
}

// insecure tells whether ca_cert says that certificates are not to be verified, and where. Python's Client(ca_cert=False)
// does so; its rucio.cfg knows only the empty text for it, which here means the system's certificates.
func (c *Config) insecure() (origin string, off bool) {
	v, err := c.Get("client", "ca_cert")
	return v.Origin, err == nil && slices.Contains([]string{"false", "no", "off", "0"}, strings.ToLower(v.Text()))
}

// reader reads options of [client] and collects what is wrong with them.
type reader struct {
	cfg      *Config
	problems []error
}

func (r *reader) fail(v Value, option, problem, advice string) {
	r.problems = append(r.problems, &Error{Origin: v.Origin, Option: option, Problem: problem, Advice: advice})
}

// value returns an option of [client], without white space around it.
func (r *reader) value(option string) Value {
	v, err := r.cfg.Get("client", option)
	if err != nil {
		r.problems = append(r.problems, err)
		return Value{}
	}
	if !v.IsSecret() {
		v.text = strings.TrimSpace(v.text)
	}
	return v
}

func (r *reader) text(option string) string { return r.value(option).text }

func (r *reader) secret(option string) rucio.Secret { return rucio.Secret(r.value(option).text) }

// secretFile returns the path of the file that holds a secret, if a variable names one.
func (r *reader) secretFile(option string) string {
	if origin := r.value(option).Origin; strings.HasSuffix(origin, fileSuffix) {
		return r.cfg.opts.Env[origin]
	}
	return ""
}

func (r *reader) path(option string) string { return r.cfg.expand(r.text(option)) }

// clientKey is the path client_key. The key that X509_USER_KEY names belongs to the certificate of X509_USER_CERT, and is
// left alone when the certificate is another one.
func (r *reader) clientKey() string {
	if r.value("client_key").Origin == "X509_USER_KEY" && r.value("client_cert").Origin != "X509_USER_CERT" {
		return ""
	}
	return r.path("client_key")
}

// flag reads a truth value, as Python's config_get_bool does.
func (r *reader) flag(option string) bool {
	v := r.value(option)
	switch strings.ToLower(v.text) {
	case "true", "yes", "on", "1":
		return true
	case "false", "no", "off", "0", "":
		return false
	}
	r.fail(v, option, fmt.Sprintf("%q is neither true nor false", v), "write True or False")
	return false
}

// number reads a whole number that is not negative.
func (r *reader) number(option string) int {
	v := r.value(option)
	if v.text == "" {
		return 0
	}
	n, err := strconv.Atoi(v.text)
	if err != nil || n < 0 {
		r.fail(v, option, fmt.Sprintf("%q is not a whole number", v), "write a number such as 3")
	}
	return n
}

func (r *reader) authType() string {
	v := r.value("auth_type")
	name := strings.ToLower(v.text) // the Python task manager's entrypoint took any case
	if known := r.cfg.opts.AuthTypes; name != "" && known != nil && !slices.Contains(known, name) {
		advice := r.cfg.opts.Suggest(name, known)
		r.fail(v, "auth_type", fmt.Sprintf("%q is not one of %s", v, strings.Join(known, ", ")), advice)
	}
	return name
}

// hosts reads base URLs separated by commas.
func (r *reader) hosts(option string) []string {
	v := r.value(option)
	var hosts []string
	for _, host := range strings.Split(v.text, ",") {
		if host = strings.TrimSpace(host); host == "" {
			continue
		}
		if problem, advice := checkHost(host); problem != "" {
			r.fail(v, option, problem, advice)
		}
		hosts = append(hosts, strings.TrimRight(host, "/"))
	}
	return hosts
}

func (r *reader) traceHost(rucioHosts []string) string {
	v, err := r.cfg.Get("trace", "trace_host")
	if err != nil {
		r.problems = append(r.problems, err)
	}
	host := strings.TrimSpace(v.text)
	if host == "" && len(rucioHosts) > 0 {
		return rucioHosts[0]
	}
	if problem, advice := checkHost(host); host != "" && problem != "" {
		r.fail(v, "trace.trace_host", problem, advice)
	}
	return strings.TrimRight(host, "/")
}

// checkHost tells what is wrong with a base URL; nothing when it is right.
func checkHost(host string) (problem, advice string) {
	u, err := url.Parse(host)
	shown := redactURL(host)
	switch {
	case !strings.Contains(host, "://"):
		return fmt.Sprintf("%q has no scheme", shown), fmt.Sprintf("write https://%s", shown)
	case err != nil:
		return fmt.Sprintf("%q is not a URL: %v", shown, errors.Unwrap(err)), "write it as https://rucio.example.org"
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Sprintf("%q has the scheme %s, which Rucio does not speak", shown, u.Scheme), "write http:// or https://"
	case u.Hostname() == "":
		return fmt.Sprintf("%q names no host", shown), "write it as https://rucio.example.org"
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Sprintf("%q has more than a host, a port and a path", shown), "write it as https://rucio.example.org:443/path"
	}
	return "", ""
}

// variableInPath finds $NAME and ${NAME}.
var variableInPath = regexp.MustCompile(`\$(?:(\w+)|\{([^}]*)\})`)

// expander returns a function that expands a path as Python's client does: variables that are set, then ~ at its
// beginning. A variable that is not set stays as written.
func expander(env map[string]string) func(path string) string {
	return func(path string) string {
		path = variableInPath.ReplaceAllStringFunc(path, func(reference string) string {
			if value, found := env[strings.Trim(reference, "${}")]; found {
				return value
			}
			return reference
		})
		if rest, found := strings.CutPrefix(path, "~"); found && (rest == "" || rest[0] == '/') && env["HOME"] != "" {
			return env["HOME"] + rest
		}
		return path
	}
}
