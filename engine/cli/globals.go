package cli

import "github.com/urfave/cli/v2"

// Categories of flags, as --help groups them.
const (
	catLog     = "what is told"
	catConnect = "connection to Rucio (each overrides rucio.cfg and RUCIO_CFG_*)"
	catScripts = "scripts"
	catSelect  = "which tasks"
	catHow     = "how they run"
	catOut     = "output"
)

// globalFlags are the flags of every command. There is none for a password: passwords come from the environment, from
// rucio.cfg or from a prompt, since a process list shows arguments to everybody.
func globalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Category: catLog, Usage: "log debug messages too (--log-level debug)"},
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Category: catLog, Usage: "log warnings and errors only (--log-level warning)"},
		choice("log-level", catLog, "log messages from this `LEVEL` on", "info", "debug", "warning", "error"),
		choice("log-format", catLog, "`FORMAT` of log lines", "text", "json"),
		&cli.BoolFlag{Name: "no-color", Category: catLog, Usage: "no colours, as with NO_COLOR set"},
		&cli.BoolFlag{Name: "trace-http", Category: catLog, Usage: "print each request with its status and duration, without secrets"},

		&pathFlag{&cli.StringFlag{Name: "config", Category: catConnect, Usage: "read this rucio.cfg `FILE` and no other"}},
		&cli.StringFlag{Name: "account", Aliases: []string{"a"}, Category: catConnect, Usage: "Rucio `ACCOUNT`"},
		&cli.StringFlag{Name: "rucio-host", Category: catConnect, Usage: "`URL` of the Rucio server"},
		&cli.StringFlag{Name: "auth-host", Category: catConnect, Usage: "`URL` of the server that logs in"},
		&cli.StringFlag{Name: "auth-type", Category: catConnect, Usage: "`TYPE` of login, such as userpass, x509_proxy or oidc"},
		&cli.StringFlag{Name: "username", Category: catConnect, Usage: "`NAME` for userpass (the password: RUCIO_CFG_CLIENT_PASSWORD, or a prompt)"},
		&cli.StringFlag{Name: "vo", Category: catConnect, Usage: "virtual organisation `VO` of a server that has several"},
		&pathFlag{&cli.StringFlag{Name: "ca-cert", Category: catConnect, Usage: "trust the certificate authorities in `FILE`"}},
		&pathFlag{&cli.StringFlag{Name: "client-cert", Category: catConnect, Usage: "x509 certificate `FILE`"}},
		&pathFlag{&cli.StringFlag{Name: "client-key", Category: catConnect, Usage: "key `FILE` of the certificate"}},
		&pathFlag{&cli.StringFlag{Name: "client-proxy", Category: catConnect, Usage: "x509 proxy `FILE`"}},
		&cli.BoolFlag{Name: "insecure", Category: catConnect, Usage: "do not verify servers' certificates; for tests only"},
		&cli.BoolFlag{Name: "no-login-check", Category: catConnect, Usage: "do not ask the server, before the first call, for which account it takes a token that is there"},
		&cli.BoolFlag{Name: "xrdcp", Category: catConnect, Usage: "have the installed xrdcp and xrdfs serve root:// storages: they speak GSI"},

		&pathsFlag{&cli.StringSliceFlag{Name: "scripts", Category: catScripts, Usage: "search this `DIR` for modules before the built-in ones"}},

		&cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show help"},
		&cli.BoolFlag{Name: "version", Usage: "show the version"},
	}
}
