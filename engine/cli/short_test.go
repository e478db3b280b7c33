package cli

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testoidc"
)

// longTask calls Rucio for as long as told, and looks now and then at the token that a tool would find.
const longTask = `
local stop, calls, tokens, count, tools = time.now() + kwargs.seconds, 0, {}, 0, 0
while time.now() < stop do
  assert(rucio.whoami().account == kwargs.account)
  calls = calls + 1
  local token = env.get("BEARER_TOKEN")
  if not tokens[token] then
    tokens[token], count = true, count + 1
    local tool = io.popen('printf %s "$BEARER_TOKEN"')
    assert(tool:read("*a") == token, "a tool has another token")
    tools = tools + 1
  end
  time.sleep(0.02)
end
return { calls = calls, tokens = count, tools = tools }
`

// failedCall is a line of --trace-http about a call that failed, or had to be repeated. Logins are apart: a server that sees a new
// token from two processes at once refuses it once.
var failedCall = regexp.MustCompile(`(?m)^http: .*: (4\d\d|5\d\d|no answer) in [^(]*\((?:first byte|.*attempt).*$`)

// Two runs that outlast their tokens several times lose no call, though they share one refresh token, of which each use makes a
// new one. OIDC_TEST_LONG=1: three minutes on tokens of a minute.
func TestRunsOutlastTokens(t *testing.T) {
	t.Parallel()
	idp := testoidc.Require(t)
	life, seconds, atLeast := "10s", 28, 3
	if os.Getenv("OIDC_TEST_LONG") != "" {
		life, seconds, atLeast = "60s", 185, 4
	}
	name := testbed.Unique("cli")
	user := "user-" + name
	idp.Account(t, name, user)
	const scope, password = "openid profile offline_access", "agents-password"
	client := "agent-rotating-" + life
	config := filepath.Join(t.TempDir(), "agent")
	text := idp.AgentConfig(t, "laptop", client, idp.RefreshToken(t, client, user, scope), scope, password)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	temp := t.TempDir() // which they share, as two containers with a volume would
	start := func() (wait func() (stdout, stderr string, err error)) {
		cmd := exec.CommandContext(t.Context(), programName, "exec", "--allow-os", "--trace-http", "--output", "json", "--eval", longTask,
			"seconds="+strconv.Itoa(seconds), "account="+name)
		cmd.Env = []string{
			"PATH=" + os.Getenv("PATH"), "HOME=" + temp, "TMPDIR=" + temp, "USER=tester", "RUCIO_CFG_CLIENT_RUCIO_HOST=" + idp.HTTPURL,
			"RUCIO_CFG_CLIENT_AUTH_TYPE=oidc", "RUCIO_CFG_CLIENT_ACCOUNT=" + name, "RUCIO_CFG_CLIENT_CA_CERT=" + idp.CA,
			"RUCIO_CFG_CLIENT_OIDC_AUDIENCE=rucio", "OIDC_AGENT_AUTH_CLIENT_CFG_VALUE_FILE=" + config,
			"OIDC_AGENT_AUTH_CLIENT_CFG_PASSWORD=" + password,
		}
		var stdout, stderr strings.Builder
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return func() (string, string, error) { err := cmd.Wait(); return stdout.String(), stderr.String(), err }
	}
	begun := time.Now()
	for i, wait := range []func() (string, string, error){start(), start()} {
		stdout, stderr, err := wait()
		if err != nil {
			t.Fatalf("process %d: %v\n%s", i+1, err, tail(stderr))
		}
		var did struct{ Calls, Tokens, Tools int }
		if err := json.Unmarshal([]byte(stdout), &did); err != nil {
			t.Fatalf("process %d printed %s: %v", i+1, stdout, err)
		}
		t.Logf("process %d: %d calls with %d tokens in %v", i+1, did.Calls, did.Tokens, time.Since(begun).Round(time.Second))
		if failed := failedCall.FindAllString(stderr, 5); len(failed) > 0 {
			t.Errorf("process %d: calls failed: %s", i+1, strings.Join(failed, "\n"))
		}
		if n := strings.Count(stderr, "/accounts/whoami: 200 "); n != did.Calls {
			t.Errorf("process %d made %d calls, of which %d went well", i+1, did.Calls, n)
		}
		if did.Tokens < atLeast || did.Tools != did.Tokens {
			t.Errorf("process %d used %d tokens in %d tools, want at least %d", i+1, did.Tokens, did.Tools, atLeast)
		}
	}
}

func tail(text string) string { return text[max(0, len(text)-2000):] }
