// Package testbed gives tests the real servers that etc/testbed/testbed.py runs.
//
// A test that needs Rucio begins with
//
//	env := testbed.Require(t)
//
// and makes names of its own with [Unique], so that it can be repeated and run beside others on the
// same server. The standard data (scope test, RSEs POSIX1-3, TAPE1 and MOCK1-2, accounts root,
// jdoe, panda, tier0 and higgs) is described in etc/testbed/README.md; leave it as it is.
package testbed

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Env tells how to reach the servers of a testbed. Files are absolute paths.
type Env struct {
	State   string // folder with everything the testbed keeps
	HTTPURL string // Rucio over plain http, no slash at the end
	TLSURL  string // the same server data over https; the certificate is for localhost
	CA      string // PEM file of the CA that signed the certificates
	CertDir string // hashed folder of CAs, for X509_CERT_DIR

	Username, Password string // userpass identity of Account
	Account            string // root, with the attribute admin

	UserCert, UserKey string // PEM files of an x509 identity of Account
	Proxy             string // RFC 3820 proxy of it: certificate, key, user certificate
	SSHKey            string // private key of an ssh identity of Account (.pub beside it)

	Python    string // interpreter that has the real rucio-clients
	Config    string // rucio.cfg for the real client: userpass over http
	TraceFile string // every trace that the server passed on, one JSON object a line

	// Vars has all variables of the testbed, those of services that were started on demand included.
	Vars map[string]string
}

// Require returns the running testbed: the one that TESTBED_* in the environment describe, else
// the one in $TESTBED_STATE, else the one in .testbed at the top of the repository. When its Rucio
// does not answer the test is skipped with a hint, or fails where a skip would hide the absence:
// with CI=true or TESTBED_REQUIRED=1.
func Require(tb testing.TB) *Env {
	tb.Helper()
	env, err := Find(tb.Context())
	if err != nil {
		absent(tb, err.Error())
	}
	return env
}

// Find returns the testbed that [Require] returns, or why there is none. It is for examples, which have no testing.TB; see
// also [Required].
func Find(ctx context.Context) (*Env, error) {
	env, err := load(os.Environ())
	if err == nil {
		err = ping(ctx, env.HTTPURL)
	}
	if err != nil {
		return nil, fmt.Errorf("no testbed: %w (start one with `etc/testbed/testbed.py up`)", err)
	}
	return env, nil
}

// Required tells whether an absent testbed is a failure.
func Required() bool { return os.Getenv("CI") == "true" || os.Getenv("TESTBED_REQUIRED") == "1" }

// Daemons runs Rucio's real daemons once: all of them when no name is given, in an order that takes a
// new rule to OK, e.g. "judge-evaluator" or "conveyor-submitter". A rule on a DID whose name begins with
// stuck- becomes STUCK, whoever runs the daemons. Tests that run them at the same time wait for each other,
// and a rule may be OK before its own test has run them.
func (e *Env) Daemons(tb testing.TB, names ...string) {
	tb.Helper()
	e.mustRun(tb, "", append([]string{"daemons"}, names...)...)
}

// PythonClient runs a script with the real Python client configured for this testbed (userpass, account
// root) and returns what it prints, for tests that compare our answers with the client's.
func (e *Env) PythonClient(tb testing.TB, script string) []byte {
	tb.Helper()
	return e.mustRun(tb, script, "python", "-")
}

// RequireService starts a service of the testbed that is not up by default, e.g. "elasticsearch",
// unless it runs, and returns its variables. A service that cannot be started is treated as [Require]
// treats an absent testbed.
func (e *Env) RequireService(tb testing.TB, name string) map[string]string {
	tb.Helper()
	return requireService(tb, e.State, name)
}

// RequireService is [Env.RequireService] for tests that need no Rucio.
func RequireService(tb testing.TB, name string) map[string]string {
	tb.Helper()
	state, err := stateDir(os.Getenv("TESTBED_STATE"))
	if err != nil {
		tb.Fatal(err)
	}
	return requireService(tb, state, name)
}

// Unique returns prefix with nine random digits after it: digits are allowed in the names of
// scopes, accounts, RSEs and DIDs alike, and a prefix of up to 16 characters keeps within their limit of 25.
func Unique(prefix string) string {
	n, err := rand.Int(rand.Reader, big.NewInt(1e9))
	if err != nil { // crypto/rand never fails on the systems we run on
		panic(err)
	}
	return fmt.Sprintf("%s%09d", prefix, n)
}

// load reads the variables of the testbed; those in environ (KEY=value) win over those of the file.
func load(environ []string) (*Env, error) {
	own := map[string]string{}
	for _, entry := range environ {
		if key, value, _ := strings.Cut(entry, "="); strings.HasPrefix(key, "TESTBED_") && value != "" {
			own[key] = value
		}
	}
	state, err := stateDir(own["TESTBED_STATE"])
	if err != nil {
		return nil, err
	}
	vars := map[string]string{}
	text, err := os.ReadFile(filepath.Join(state, "env"))
	switch {
	case err == nil:
		vars = parse(string(text))
	case !errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("reading the variables of the testbed: %w", err)
	}
	maps.Copy(vars, own)
	if vars["TESTBED_HTTP_URL"] == "" {
		return nil, fmt.Errorf("no Rucio was started in %s, and TESTBED_HTTP_URL is not set", state)
	}
	return &Env{
		State: state, Vars: vars,
		HTTPURL: vars["TESTBED_HTTP_URL"], TLSURL: vars["TESTBED_TLS_URL"],
		CA: vars["TESTBED_CA"], CertDir: vars["TESTBED_CERT_DIR"],
		Username: vars["TESTBED_USERNAME"], Password: vars["TESTBED_PASSWORD"], Account: vars["TESTBED_ACCOUNT"],
		UserCert: vars["TESTBED_USER_CERT"], UserKey: vars["TESTBED_USER_KEY"],
		Proxy: vars["TESTBED_PROXY"], SSHKey: vars["TESTBED_SSH_KEY"],
		Python: vars["TESTBED_PYTHON"], Config: vars["RUCIO_CONFIG"], TraceFile: vars["TESTBED_TRACE_FILE"],
	}, nil
}

// parse reads KEY=value lines; the value is everything after the first '='.
func parse(text string) map[string]string {
	vars := map[string]string{}
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimRight(line, "\n"), "="); ok {
			vars[key] = value
		}
	}
	return vars
}

// stateDir returns named, or .testbed beside the go.mod above the working directory, which for a
// test is the folder of its package.
func stateDir(named string) (string, error) {
	if named != "" {
		return filepath.Abs(named)
	}
	root, err := moduleRoot()
	return filepath.Join(root, ".testbed"), err
}

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if filepath.Dir(dir) == dir {
			return "", errors.New("no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}

func ping(ctx context.Context, url string) error {
	// generous: the machine may be busy with other tests, and one that is down refuses at once
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/ping", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", req.URL, resp.Status)
	}
	return nil
}

func requireService(tb testing.TB, state, name string) map[string]string {
	tb.Helper()
	out, err := run(tb.Context(), "python3", state, "", "up", name)
	if err != nil {
		absent(tb, fmt.Sprintf("no service %s: %v", name, err))
	}
	return parse(string(out))
}

func (e *Env) mustRun(tb testing.TB, stdin string, args ...string) []byte {
	tb.Helper()
	out, err := run(tb.Context(), e.Python, e.State, stdin, args...)
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// run runs testbed.py and returns its standard output; what it wrote is in the error.
func run(ctx context.Context, python, state, stdin string, args ...string) ([]byte, error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	script := filepath.Join(root, "etc", "testbed", "testbed.py")
	cmd := exec.CommandContext(ctx, python, append([]string{script, "--state", state}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("testbed.py %s: %w\n%s%s", strings.Join(args, " "), err, stdout.Bytes(), stderr.Bytes())
	}
	return stdout.Bytes(), nil
}

// absent ends the test: as skipped on a developer's machine, as failed where servers are promised.
func absent(tb testing.TB, why string) {
	tb.Helper()
	if Required() {
		tb.Fatal(why)
	}
	tb.Skip(why)
}
