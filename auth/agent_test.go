package auth

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testoidc"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// agentFile reads a configuration of testdata; make.py wrote the old ones, the real oidc-agent the others.
func agentFile(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "oidc-agent", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDecryptAgent(t *testing.T) {
	now := agentFile(t, "4.2.6")
	lines := strings.Split(now, "\n")
	for name, text := range map[string]string{
		"4.2.6":                  now,
		"with a line end":        now + "\n",
		"as an image writes it":  strings.ReplaceAll(now, "\n", `\n`),
		"by echo -e":             strings.ReplaceAll(now, "\n", "\r\n"),
		"5.3.3":                  strings.Join(lines[:6], "\n") + "\nGenerated using version: 5.3.3",
		"2.1.0":                  strings.Join(lines[:6], "\n") + "\nGenerated using version: 2.1.0",
		"libsodium18":            agentFile(t, "libsodium18"),
		"libsodium23":            agentFile(t, "libsodium23") + "\n",
		"libsodium23 with a tag": agentFile(t, "libsodium23") + "\nGenerated using version: 2.0.1",
	} {
		t.Run(name, func(t *testing.T) {
			plain, _, err := decryptAgent(text, "sésame")
			if err != nil {
				t.Fatal(err)
			}
			var config agentConfig
			if err := json.Unmarshal(plain, &config); err != nil || config.RefreshToken == "" || config.ClientID == "" || config.IssuerURL == "" {
				t.Errorf("got %s, %v", plain, err)
			}
			if _, _, err := decryptAgent(text, "Sesame"); !errors.Is(err, errAgentPassword) {
				t.Errorf("with a wrong password: %v", err)
			}
		})
	}
}

// The real oidc-gen reads the old files as we do, byte for byte.
func TestDecryptAgentAsOidcGen(t *testing.T) {
	testbed.RequireService(t, "oidc") // brings oidc-gen
	for _, name := range []string{"4.2.6", "libsodium18", "libsodium23"} {
		path, err := filepath.Abs(filepath.Join("testdata", "oidc-agent", name))
		if err != nil {
			t.Fatal(err)
		}
		want := strings.TrimSuffix(string(testoidc.PrintAgentConfig(t, path, "sésame")), "\n")
		got, _, err := decryptAgent(agentFile(t, name), "sésame")
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s, %v, want %s", name, got, err, want)
		}
	}
}

func TestAgentRefused(t *testing.T) {
	now, old := agentFile(t, "4.2.6"), agentFile(t, "libsodium23")
	lines := strings.Split(now, "\n")
	edited := func(line int, text string) string {
		changed := append([]string(nil), lines...)
		changed[line] = text
		return strings.Join(changed, "\n")
	}
	const (
		read  = "read the oidc-agent configuration of OIDC_AGENT_AUTH_CLIENT_CFG_VALUE: "
		none  = "it is no account configuration of oidc-agent"
		again = "set it to the text of a file in ~/.oidc-agent"
	)
	for name, test := range map[string]struct{ text, problem, advice string }{
		"wrong password":       {now, "the password is wrong", "check OIDC_AGENT_AUTH_CLIENT_CFG_PASSWORD"},
		"wrong password, old":  {old, "the password is wrong", "check OIDC_AGENT_AUTH_CLIENT_CFG_PASSWORD"},
		"PGP":                  {"-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----\nGenerated using version: 5.3.3", "it is encrypted for a PGP key, not with a password", "make one that is encrypted with a password: oidc-gen without --gpg"},
		"empty":                {" \n", none + ": it is empty", again},
		"a path":               {"/root/.oidc-agent/rucio", none, again},
		"cut in the middle":    {strings.Join(lines[:4], "\n"), none, again},
		"lines missing":        {strings.Join(append(lines[:3:3], lines[6]), "\n"), none + ": it has 4 lines, not 7: was it cut?", again},
		"cipher cut":           {edited(4, lines[4][:40]), none + ": lengths differ: was it cut?", again},
		"no base64":            {edited(4, "*"), none + ": line 5 is not base64", again},
		"no length":            {edited(0, "x"), none + ": its first line is no length", again},
		"parameters of future": {edited(3, "24:16:16:64:1:2:67108864:2"), none + `: its parameters "24:16:16:64:1:2:67108864:2" are not known`, again},
		"old, cut":             {old[:len(old)-4], none + ": lengths differ: was it cut?", again},
		"old, not hexadecimal": {strings.Replace(old, ":", ":zz", 1), none + ": its parts are not hexadecimal", again},
		"old, a strange salt":  {strings.Replace(old, ":", ":00", 1), none + ": lengths differ: was it cut?", again},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(Options{Type: "oidc", Hosts: []string{"https://rucio.example.org"}, OIDC: OIDCOptions{AgentConfig: rucio.Secret(test.text), AgentPassword: "hunter2"}})
			wantError(t, err, Config, read+test.problem, test.advice)
		})
	}
}

func FuzzDecryptAgent(f *testing.F) {
	for _, name := range []string{"4.2.6", "libsodium18", "libsodium23"} {
		f.Add(agentFile(f, name))
	}
	f.Add("1:00:00:00")
	f.Add("Generated using version: 4.2.6\n")
	f.Fuzz(func(t *testing.T, text string) {
		if plain, _, err := decryptAgent(text, "wrong"); err == nil {
			t.Errorf("decrypted %q with a wrong password: %q", text, plain)
		}
	})
}
