package cli

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"rucio-task-manager": func() { Main(NewState("v1.2.3-test")) },
		"browse":             browse,
	})
}

// TestScripts runs the command line as people do; each file of testdata/script is named for a feature.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		Setup:               setupScript,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": cmdExits},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// TestTestbedScripts are the scripts that need a real Rucio.
func TestTestbedScripts(t *testing.T) {
	bed := testbed.Require(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/testbed",
		Setup: func(env *testscript.Env) error {
			for name, value := range map[string]string{
				"HTTP": bed.HTTPURL, "TLS": bed.TLSURL, "CA": bed.CA, "CERTIFICATES": bed.CertDir,
				"RUCIO_CFG_CLIENT_RUCIO_HOST": bed.HTTPURL, "RUCIO_CFG_CLIENT_AUTH_HOST": bed.HTTPURL,
				"RUCIO_CFG_CLIENT_AUTH_TYPE": "userpass", "RUCIO_CFG_CLIENT_ACCOUNT": bed.Account,
				"RUCIO_CFG_CLIENT_USERNAME": bed.Username, "RUCIO_CFG_CLIENT_PASSWORD": bed.Password,
				"UNIQUE": testbed.Unique("cli"),
			} {
				env.Setenv(name, value)
			}
			return setupScript(env)
		},
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": cmdExits},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// setupScript gives a script a home of its own and a web server that serves its folder www as $WWW.
func setupScript(env *testscript.Env) error {
	www := filepath.Join(env.WorkDir, "www")
	server := httptest.NewServer(http.FileServer(http.Dir(www)))
	env.Defer(server.Close)
	home := filepath.Join(env.WorkDir, "home")
	env.Setenv("WWW", server.URL)
	env.Setenv("HOME", home)
	env.Setenv("USER", "tester")
	temp := filepath.Join(env.WorkDir, "tmp") // tokens are kept below: a script begins without one
	env.Setenv("TMPDIR", temp)
	return errors.Join(os.MkdirAll(home, 0o755), os.MkdirAll(temp, 0o755))
}

// cmdExits runs a command and checks its exit code: exits 2 rucio-task-manager --wrong.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}
