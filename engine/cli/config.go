package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/auth"
	"github.com/rucio-task-manager/rucio-task-manager/engine/suggest"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/config"
)

func (p *program) configCommand() *cli.Command {
	return &cli.Command{
		Name:  "config",
		Usage: "tell which settings hold",
		Subcommands: []*cli.Command{{
			Name:  "show",
			Usage: "show each setting and where it comes from",
			Description: `
Flags win over RUCIO_CFG_* variables, these over rucio.cfg, and that over defaults. Secrets are not shown.

examples:
$ rucio-task-manager config show
$ rucio-task-manager config show --config ./rucio.cfg --account me
$ rucio-task-manager config show --output json
`,
			Flags:  []cli.Flag{outputFlag("`FORMAT` of the answer", "text", "json")},
			Before: noWords,
			Action: p.configShow,
		}},
	}
}

// overrides are the options of [client] that flags set.
var overrides = []struct{ flag, option string }{
	{"account", "account"}, {"rucio-host", "rucio_host"}, {"auth-host", "auth_host"}, {"auth-type", "auth_type"},
	{"username", "username"}, {"vo", "vo"}, {"ca-cert", "ca_cert"}, {"client-cert", "client_cert"},
	{"client-key", "client_key"}, {"client-proxy", "client_x509_proxy"},
}

// loadConfig reads the configuration with some options changed, and makes its secrets known to the redactor.
func (p *program) loadConfig(c *cli.Context, changes map[string]string) (*config.Config, error) {
	var lookedFor []string
	given := map[string]string{}
	for _, o := range overrides {
		if c.IsSet(o.flag) {
			given[o.option] = c.String(o.flag)
		}
	}
	if c.Bool("insecure") {
		given["ca_cert"] = "False"
	}
	maps.Copy(given, changes)
	cfg, err := config.Load(config.Options{
		AuthTypes: auth.Names(),
		Env:       p.Env,
		File:      c.String("config"),
		Overrides: given,
		Suggest:   suggest.Hint,
		ReadFile: func(path string) ([]byte, error) {
			data, err := p.Files.ReadFile(path)
			if errors.Is(err, fs.ErrNotExist) && filepath.Ext(path) == ".cfg" {
				lookedFor = append(lookedFor, path)
			}
			return data, err
		},
	})
	p.mu.Lock()
	p.lookedFor = lookedFor
	p.mu.Unlock()
	if err != nil {
		return nil, classify(err)
	}
	var secrets []string
	for _, s := range cfg.Effective() {
		if s.Value.IsSecret() {
			secrets = append(secrets, s.Value.Text())
		}
	}
	p.redactor.Add(secrets...)
	return cfg, nil
}

// settingObject is a setting for machines.
type settingObject struct {
	Section string `json:"section"`
	Option  string `json:"option"`
	Value   string `json:"value"` // "[redacted]" for a secret
	Origin  string `json:"origin"`
	Problem string `json:"problem,omitempty"`
}

func (p *program) configShow(c *cli.Context) error {
	cfg, err := p.loadConfig(c, nil)
	if err != nil {
		return err
	}
	_, wrong := cfg.Client()
	if c.String("output") == "json" {
		err = p.configJSON(cfg)
	} else {
		p.configText(cfg)
	}
	if err != nil || wrong == nil {
		return err
	}
	return classify(wrong)
}

func (p *program) configJSON(cfg *config.Config) error {
	settings := []settingObject{}
	for _, s := range cfg.Effective() {
		o := settingObject{Section: s.Section, Option: s.Option, Value: s.Value.String(), Origin: s.Value.Origin}
		if s.Err != nil {
			o.Problem = s.Err.Error()
		}
		settings = append(settings, o)
	}
	return p.printJSON(map[string]any{"file": cfg.Path(), "looked_for": append([]string{}, p.lookedFor...), "settings": settings, "warnings": cfg.Warnings()})
}

func (p *program) configText(cfg *config.Config) {
	where := cfg.Path()
	if where == "" {
		where = "none was found; looked for " + strings.Join(p.lookedFor, ", ")
	}
	fmt.Fprintf(p.Stdout, "rucio.cfg: %s\n", where)
	section := ""
	table(p.Stdout, func(row func(...string)) {
		for _, s := range cfg.Effective() {
			if s.Section != section {
				section = s.Section
				row("")
				row("[" + section + "]")
			}
			value := s.Value.String()
			if s.Err != nil {
				value += " (wrong)"
			}
			row(s.Option, value, s.Value.Origin)
		}
	})
	for _, warning := range cfg.Warnings() {
		fmt.Fprintf(p.Stderr, "warning: %s\n", warning)
	}
}
