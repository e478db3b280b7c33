package cli

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/engine/redact"
)

// secrets are texts that nobody may ever see, by what they are.
type secrets map[string]string

// forms are the ways in which a secret may turn up.
func forms(secret string) map[string]string {
	quoted, _ := json.Marshal(secret)
	all := map[string]string{
		"plain": secret, "in a query": url.QueryEscape(secret), "in a path": url.PathEscape(secret),
		"in JSON": strings.Trim(string(quoted), `"`), "in hex": hex.EncodeToString([]byte(secret)),
	}
	for name, encoding := range map[string]*base64.Encoding{"base64": base64.RawStdEncoding, "base64 of URLs": base64.RawURLEncoding} {
		for skip := range 3 { // what stands before it moves it
			text := encoding.EncodeToString(append(make([]byte, skip), secret...))
			all[name+" after "+string(rune('0'+skip))] = text[[]int{0, 2, 3}[skip] : len(text)-2]
		}
	}
	return all
}

// multiline adds the lines of a text, such as a key's, each of which is a secret.
func (s secrets) multiline(what, text string) {
	for i, line := range strings.Split(text, "\n") {
		if line = strings.TrimSpace(line); len(line) > 30 && !strings.HasPrefix(line, "-----") {
			s[what+" line "+string(rune('0'+i%10))+" "+line[:4]] = line
		}
	}
}

// always are patterns of secrets that come into being during a run: tokens, keys.
var always = map[string]*regexp.Regexp{
	"a token of an identity provider": regexp.MustCompile(`eyJ[\w-]{10,}\.eyJ[\w-]{10,}`),
	"a token of Rucio":                regexp.MustCompile(`-unknown-[0-9a-f]{32}`),
	"a private key":                   regexp.MustCompile(`BEGIN [A-Z ]*PRIVATE KEY`),
}

// find reports each secret in a text.
func (s secrets) find(t *testing.T, where string, text []byte) {
	t.Helper()
	for what, secret := range s {
		for how, form := range forms(secret) {
			if at := bytes.Index(text, []byte(form)); at >= 0 {
				t.Errorf("%s: %s (%s) is there, before %q", where, what, how, text[max(0, at-60):at])
			}
		}
	}
	for what, pattern := range always {
		if at := pattern.FindIndex(text); at != nil {
			t.Errorf("%s: %s is there, after %q", where, what, text[max(0, at[0]-60):at[0]])
		}
	}
}

// kept are the files in which secrets are kept on purpose, for the owner alone: tokens and proxies.
var kept = regexp.MustCompile(`/(auth_token_for_[^/]*|proxy\.pem)$`)

// findInFiles looks into every file below a folder.
func (s secrets) findInFiles(t *testing.T, folder string) {
	t.Helper()
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if kept.MatchString(path) {
			if info.Mode().Perm() != 0o600 {
				t.Errorf("%s has mode %v", path, info.Mode())
			}
			return nil
		}
		text, err := os.ReadFile(path)
		s.find(t, path, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// quoting is a server that quotes whatever it is sent, in all places from which an error may be made.
func quoting(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent, _ := httputil.DumpRequest(r, true)
		text := strings.Join(strings.Fields(string(sent)), " ")
		w.Header().Set("ExceptionClass", "CannotAuthenticate")
		w.Header().Set("ExceptionMessage", text)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		if r.URL.Path == "/_bulk" { // as Elasticsearch answers
			_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"type": "security_exception", "reason": text}, "status": 401})
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_client", "error_description": text, "ExceptionClass": "CannotAuthenticate", "ExceptionMessage": text})
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// hunted is a command line; stdin, and whether its standard output is the secret that was asked for.
type hunted struct {
	args, stdin string
	shows       bool
}

// loginCommands are those that log in, or tell of logins.
var loginCommands = []hunted{
	{args: "call whoami"},
	{args: "exec ../in/hunt.lua"},
	{args: "auth whoami --output json"},
	{args: "auth token", shows: true},
	{args: "auth token --decode"},
	{args: "auth login --code --no-browser", stdin: "nonsense\n"},
	{args: "run ../in/tasks.yml --output json"},
	{args: "config show"},
}

// otherCommands are all others, with all their formats.
var otherCommands = []hunted{
	{args: "call get_rse rse=NO-SUCH-RSE --output json"},
	{args: "call --serve", stdin: `{"id": 1, "method": "whoami"}` + "\n" + `{"id": 2, "method": "get_rse", "kwargs": {"rse": "NO-SUCH-RSE"}}` + "\nnonsense\n"},
	{args: "auth whoami"},
	{args: "auth token --decode --output json"},
	{args: "run ../in/tasks.yml --output jsonl"},
	{args: "run ../in/tasks.yml --output junit --log-format json"},
	{args: "run ../in/tasks.yml --output text --parallel 3"},
	{args: "run ../in/tasks.yml --nagios"},
	{args: "check ../in/tasks.yml --output json"},
	{args: "check ../in/tasks.yml --strict"},
	{args: "config show --output json"},
	{args: "outputs list --output json"},
	{args: "outputs flush"},
	{args: "outputs flush ../in/tasks.yml --output json"},
	{args: "repl", stdin: "rucio.whoami()\nrucio.get_rse('NO-SUCH-RSE')\nerror(env.get('PLANTED_TOKEN'))\n"},
	{args: "exec --allow-os -e os.execute('env')"},
	{args: "exec tasks.hunt:Hunt"},
	{args: "auth proxy info --output json"},
	{args: "auth proxy init --out made/proxy.pem"},
	{args: "tasks list"},
	{args: "tasks describe tasks.hunt:Hunt"},
	{args: "tasks new tasks.mine:Mine"},
	{args: "methods list"},
	{args: "methods describe whoami"},
	{args: "completion bash"},
	{args: "version"},
	{args: "run --help"},
	{args: "nonsense"},
	{args: "auth logout"},
}

// hunt is one login and one set of planted secrets, in a folder of its own.
type hunt struct {
	dir, work string
	env       map[string]string
	secrets   secrets
}

// run runs a command as a process, as loud as it can be, and looks at what it printed.
func (h *hunt) run(t *testing.T, c hunted) (code int, printed string) {
	t.Helper()
	args := append(strings.Fields(c.args), "--verbose", "--trace-http", "--scripts", filepath.Join(h.dir, "scripts"))
	cmd := exec.CommandContext(t.Context(), programName, args...)
	cmd.Dir, cmd.Stdin = h.work, strings.NewReader(c.stdin)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	for name, value := range h.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if !c.shows {
		h.secrets.find(t, c.args+": standard output", stdout.Bytes())
	}
	h.secrets.find(t, c.args+": standard error", stderr.Bytes())
	return cmd.ProcessState.ExitCode(), stdout.String() + stderr.String()
}

// runRaw runs a command in this process and without the redactor, which is only there for what nobody thought of: our own
// messages have no secrets in them in the first place.
func (h *hunt) runRaw(t *testing.T, c hunted) (code int, printed string) {
	t.Helper()
	var mu sync.Mutex
	stdout, stderr := &lockedBuffer{mu: &mu}, &lockedBuffer{mu: &mu}
	s := NewState("")
	s.Args = append(strings.Fields(c.args), "--verbose", "--trace-http", "--scripts", filepath.Join(h.dir, "scripts"))
	s.Env, s.TempDir, s.Home = h.env, h.env["TMPDIR"], h.env["HOME"]
	s.Stdin, s.Stdout, s.Stderr, s.Setenv = strings.NewReader(c.stdin), stdout, stderr, nil
	s.StdinTTY, s.StdoutTTY, s.StderrTTY = false, false, false
	p := &program{State: s, redactor: &redact.Redactor{}, terminal: stderr, plain: stdout}
	code = p.finish(p.run(t.Context()))
	if !c.shows {
		h.secrets.find(t, "not redacted, "+c.args+": standard output", stdout.Bytes())
	}
	h.secrets.find(t, "not redacted, "+c.args+": standard error", stderr.Bytes())
	return code, stdout.String() + stderr.String()
}

// lockedBuffer is a buffer for a whole program's output.
type lockedBuffer struct {
	mu *sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

// variant is how the secrets of a way are planted, and what becomes of the login.
type variant struct {
	name     string
	byFile   bool
	change   map[string]string
	commands []hunted
	raw      bool // without the redactor
	fails    bool
}

// variants are those of a way. quoting is a server that quotes what it is sent.
func (w huntedWay) variants(quoting string) []variant {
	to := func(host string) map[string]string {
		return map[string]string{"RUCIO_CFG_CLIENT_RUCIO_HOST": host, "RUCIO_CFG_CLIENT_AUTH_HOST": host, "OIDC_TOKEN_ENDPOINT": host}
	}
	all := []variant{
		{name: "right, as files", byFile: true, commands: slices.Concat(loginCommands, otherCommands)},
		{name: "right, as values", commands: loginCommands},
		{name: "right, without redactor", byFile: true, commands: quiet(loginCommands, otherCommands), raw: true},
		{name: "no server", byFile: true, change: to("https://localhost:1"), commands: loginCommands[:1], fails: true},
		{name: "a server that quotes", byFile: true, change: to(quoting), commands: loginCommands[:6], fails: true},
	}
	if w.wrong != nil {
		all = append(all,
			variant{name: "wrong", byFile: true, change: w.wrong, commands: loginCommands, fails: true},
			variant{name: "wrong, without redactor", byFile: true, change: w.wrong, commands: quiet(loginCommands), raw: true, fails: true})
	}
	return all
}

// TestSecretHunt plants the secrets of every way to log in, and others, as values and as files, runs every command as loud as it
// can be, with logins that succeed and that fail, and looks for them in all that is printed and written.
func TestSecretHunt(t *testing.T) {
	echo := quoting(t)
	for _, w := range huntedWays(t) {
		for _, v := range w.variants(echo) {
			t.Run(w.name+"/"+v.name, func(t *testing.T) {
				t.Parallel()
				w.hunt(t, v, echo)
			})
		}
	}
}

// hunt runs the commands of a variant. That the secrets were there to be found is seen from the marks in their places, and from
// the login's success.
func (w huntedWay) hunt(t *testing.T, v variant, database string) {
	t.Helper()
	h := w.plant(t, v.byFile, v.change, database)
	run := h.run
	if v.raw {
		run = h.runRaw
	}
	for i, c := range v.commands {
		code, printed := run(t, c)
		if fails := v.fails || w.nobody; i == 0 && (code != 0) != fails {
			t.Errorf("%s ended with %d: %s", c.args, code, printed)
		}
		if strings.Contains(c.args, "/in/") && !strings.HasPrefix(c.args, "check") && !strings.HasPrefix(c.args, "outputs") && !strings.Contains(printed, redact.Mark) {
			t.Errorf("%s printed no secret, though it is made to: %s", c.args, printed)
		}
	}
	h.secrets.findInFiles(t, h.work)
	waiting, err := filepath.Glob(h.work + "/state/*/*/*/*")
	if spools := slices.ContainsFunc(v.commands, func(c hunted) bool { return strings.HasPrefix(c.args, "run ../in/") }); err != nil || spools && len(waiting) == 0 {
		t.Errorf("nothing is in the spool: %v", err)
	}
}

// quiet are the commands whose scripts do not print secrets on purpose.
func quiet(lists ...[]hunted) (all []hunted) {
	for _, list := range lists {
		for _, c := range list {
			if !strings.Contains(c.args, ":Hunt") && !strings.Contains(c.args, "/in/") && c.args != "repl" && !strings.Contains(c.args, "allow-os") {
				all = append(all, c)
			}
		}
	}
	return all
}
