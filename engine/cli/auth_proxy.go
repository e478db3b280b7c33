package cli

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/auth"
	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
)

// authProxyCommand makes and shows proxy certificates, as voms-proxy-init and voms-proxy-info do.
func (p *program) authProxyCommand() *cli.Command {
	return &cli.Command{
		Name:  "proxy",
		Usage: "make or show a proxy certificate",
		Description: `
A proxy is a short-lived certificate that is made of your own one. With a VO it carries its attributes, which storage asks for.
Runs make proxies by themselves where VOMS names a VO; these commands are for looking, and for other programs.
`,
		Subcommands: []*cli.Command{
			{
				Name:  "init",
				Usage: "make a proxy, with the attributes of a VO",
				Description: `
The certificate is the one of the configuration (client_cert and client_key, X509_USER_CERT and X509_USER_KEY, or their text). VOMS
servers are looked up in VOMS_USERCONF or ~/.voms/vomses and ~/.glite/vomses, and in /etc/vomses. The proxy is written with mode
600 to client_x509_proxy (X509_USER_PROXY), or to /tmp/x509up_u and the user's number, where the tools of the grid find it.

examples:
$ rucio-task-manager auth proxy init --voms skatelescope.eu
$ rucio-task-manager auth proxy init --voms atlas:/atlas/Role=production --valid 24h --out ./proxy.pem
`,
				Flags: []cli.Flag{
					&cli.StringSliceFlag{Name: "voms", Category: catHow, Usage: "`VO`, or VO:/VO/group/Role=role (default: the variable VOMS)"},
					&cli.DurationFlag{Name: "valid", Category: catHow, Usage: "how `LONG` it lives (default: 12h)"},
					&pathFlag{&cli.StringFlag{Name: "out", Category: catOut, Usage: "write it to `FILE`"}},
					outputFlag("`FORMAT` of the answer", "text", "json"),
				},
				Before: noWords,
				Action: p.authProxyInit,
			},
			{
				Name:      "info",
				Usage:     "show a proxy",
				ArgsUsage: "[FILE]",
				Description: `
Without a file, the proxy that runs would use. Ends with 6 (authentication) when it has expired, or when the attributes of a VO
have.

examples:
$ rucio-task-manager auth proxy info
$ rucio-task-manager auth proxy info /tmp/x509up_u1000 --output json
`,
				Flags:  []cli.Flag{outputFlag("`FORMAT` of the answer", "text", "json")},
				Before: atMost(1),
				Action: p.authProxyInfo,
			},
		},
	}
}

// proxyOptions reads the configuration for commands that do not speak with Rucio: it need not say where Rucio is.
func (p *program) proxyOptions(c *cli.Context) (auth.IdentityOptions, error) {
	s := p.newSession(c, "auth-proxy")
	settings, err := s.settings(map[string]string{"rucio_host": "https://not.used", "auth_host": "", "auth_type": "x509_proxy"})
	if err != nil {
		return auth.IdentityOptions{}, err
	}
	return s.identityOptions(settings), nil
}

func (p *program) authProxyInit(c *cli.Context) error {
	options, err := p.proxyOptions(c)
	if err != nil {
		return err
	}
	options.MakeProxy, options.Lifetime = true, c.Duration("valid")
	if c.IsSet("voms") {
		options.VOMS = strings.Join(c.StringSlice("voms"), ",")
	}
	options.Proxy = cmp.Or(c.String("out"), options.Proxy)
	identity, err := auth.NewIdentity(options)
	if err == nil && identity == nil {
		err = fail.Hint(fail.Errorf(fail.Config, "there is no certificate to make a proxy of"),
			"set RUCIO_CFG_CLIENT_CLIENT_CERT and RUCIO_CFG_CLIENT_CLIENT_KEY (or X509_USER_CERT and X509_USER_KEY) to files in PEM, or RUCIO_CFG_CLIENT_CERT_VALUE and RUCIO_CFG_CLIENT_KEY_VALUE to their text")
	}
	if err != nil {
		return classify(err)
	}
	proxy, err := identity.NewProxy(c.Context)
	if err != nil {
		return classify(err)
	}
	if proxy.File == "" {
		return fail.Errorf(fail.Config, "the proxy could not be written, see above")
	}
	return p.printProxy(c, proxy)
}

func (p *program) authProxyInfo(c *cli.Context) error {
	options, err := p.proxyOptions(c)
	if err != nil {
		return err
	}
	file := cmp.Or(c.Args().First(), options.Proxy, options.DefaultProxy)
	proxy, err := auth.ReadProxy(file, options.Grid, p.Now())
	if err != nil {
		return classify(err)
	}
	if err := p.printProxy(c, proxy); err != nil {
		return err
	}
	if p.Now().After(proxy.Ends) {
		return fail.Errorf(fail.Auth, "the proxy expired at %s", proxy.Ends.UTC().Format(time.RFC3339))
	}
	for _, vo := range proxy.VOs {
		if p.Now().After(vo.Ends) {
			return fail.Errorf(fail.Auth, "the attributes of the VO %s ended at %s", vo.VO, vo.Ends.UTC().Format(time.RFC3339))
		}
	}
	return nil
}

// proxyObject is a proxy for machines.
type proxyObject struct {
	Path     string     `json:"path"`
	Type     string     `json:"type"`
	Identity string     `json:"identity"`
	Subject  string     `json:"subject"`
	Issuer   string     `json:"issuer"`
	Strength int        `json:"strength"`
	Ends     time.Time  `json:"ends"`
	VOs      []voObject `json:"vos"`
}

type voObject struct {
	VO         string    `json:"vo"`
	Attributes []string  `json:"attributes"`
	URI        string    `json:"uri"`
	Issuer     string    `json:"issuer"`
	Ends       time.Time `json:"ends"`
	Problem    string    `json:"problem,omitempty"`
}

// printProxy shows a proxy in the layout of voms-proxy-info, which scripts read.
func (p *program) printProxy(c *cli.Context, proxy *auth.Proxy) error {
	if c.String("output") == "json" {
		object := proxyObject{proxy.File, proxy.Kind, proxy.Identity, proxy.Subject, proxy.Issuer, proxy.Bits, proxy.Ends.UTC(), []voObject{}}
		for _, vo := range proxy.VOs {
			object.VOs = append(object.VOs, voObject{vo.VO, vo.FQANs, vo.Server, vo.Issuer, vo.Ends.UTC(), vo.Problem})
		}
		return p.printJSON(object)
	}
	var text strings.Builder
	line := func(label, value string) { fmt.Fprintf(&text, "%-10s: %s\n", label, value) }
	line("subject", proxy.Subject)
	line("issuer", proxy.Issuer)
	line("identity", proxy.Identity)
	line("type", proxy.Kind)
	line("strength", fmt.Sprintf("%d bits", proxy.Bits))
	line("path", proxy.File)
	line("timeleft", p.timeLeft(proxy.Ends))
	for _, vo := range proxy.VOs {
		fmt.Fprintf(&text, "=== VO %s extension information ===\n", vo.VO)
		line("VO", vo.VO)
		line("subject", proxy.Identity)
		line("issuer", vo.Issuer)
		for _, fqan := range vo.FQANs {
			line("attribute", fqan)
		}
		line("timeleft", p.timeLeft(vo.Ends))
		line("uri", vo.Server)
	}
	if _, err := fmt.Fprint(p.Stdout, text.String()); err != nil {
		return err
	}
	for _, vo := range proxy.VOs {
		if vo.Problem != "" {
			fmt.Fprintf(p.Stderr, "warning: services may not believe the attributes of the VO %s: %s\n", vo.VO, vo.Problem)
		}
	}
	return nil
}

// timeLeft is the time until a proxy ends, as hours:minutes:seconds.
func (p *program) timeLeft(end time.Time) string {
	left := max(end.Sub(p.Now()), 0)
	return fmt.Sprintf("%02d:%02d:%02d", int(left.Hours()), int(left.Minutes())%60, int(left.Seconds())%60)
}
