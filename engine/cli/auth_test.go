package cli

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testoidc"
)

// TestAuthScripts are the scripts about logins, with a real identity provider. Each has an account $ACCOUNT, which belongs
// to the user $ACCOUNT and to the client robot-$ACCOUNT.
func TestAuthScripts(t *testing.T) {
	idp := testoidc.Require(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/auth",
		Setup: func(env *testscript.Env) error {
			name := testbed.Unique("cli")
			idp.Account(t, name, name, "robot-"+name)
			for name, value := range map[string]string{
				"RUCIO_CFG_CLIENT_RUCIO_HOST": idp.HTTPURL, "RUCIO_CFG_CLIENT_AUTH_TYPE": "oidc", "RUCIO_CFG_CLIENT_ACCOUNT": name,
				"RUCIO_CFG_CLIENT_CA_CERT": idp.CA, "RUCIO_CFG_CLIENT_OIDC_AUDIENCE": "rucio",
				"ACCOUNT": name, "ISSUER": idp.Issuer, "TOKEN_ENDPOINT": idp.TokenEndpoint(), "CA": idp.CA, "HTTP": idp.HTTPURL,
				"PYTHON": idp.Python,
			} {
				env.Setenv(name, value)
			}
			for variable, scope := range map[string]string{"TOKEN": "openid profile", "SMALL_TOKEN": "openid"} {
				env.Setenv(variable, idp.Token(t, "robot-"+name, scope, "rucio"))
			}
			env.Setenv("EXPIRED_TOKEN", idp.Token(t, "robot-expired-"+name, "openid profile", "rucio"))
			return setupScript(env)
		},
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": cmdExits},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// browse is the browser of these scripts: it logs in as $ACCOUNT, and prints the code if the page has one.
func browse() {
	client, err := testoidc.Client(os.Getenv("CA"))
	if err == nil {
		var page string
		page, err = testoidc.Browse(client, strings.TrimSpace(os.Args[1]), os.Getenv("ACCOUNT"))
		if code, noCode := testoidc.FetchCode(page); err == nil && noCode == nil {
			fmt.Println(code)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
