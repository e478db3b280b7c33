package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestSecretsOfTheEnvironment(t *testing.T) {
	env := map[string]string{
		"RUCIO_CFG_CLIENT_PASSWORD": "a", "ELASTICSEARCH_PASSWORD": "b", "OIDC_ACCESS_TOKEN": "c", "BEARER_TOKEN": "d",
		"OIDC_AGENT_AUTH_CLIENT_CFG_VALUE": "e", "RUCIO_CFG_CLIENT_KEY_VALUE": "f", "KUBE_CONFIG_VALUE": "g",
		"SLACK_API_KEY": "h", "SLACK_WEBHOOK_URL": "j", "oidc_client_secret": "i", "EMPTY_TOKEN": "",
		"RUCIO_CFG_CLIENT_PASSWORD_FILE": "/run/secrets/x", "OIDC_TOKEN_ENDPOINT": "https://iam", "BEARER_TOKEN_FILE": "/tmp/bt",
		"HOME": "/root", "RUCIO_CFG_CLIENT_ACCOUNT": "root", "SECRET_NAME": "pull-secret",
	}
	got := secretsOf(env)
	slices.Sort(got)
	if want := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}; !slices.Equal(got, want) {
		t.Errorf("secrets %q, want %q", got, want)
	}
}

// A task's secret may be in a file, as containers mount them; whoever reads the file, it is not shown.
func TestSecretsInFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	definition := file("tasks.yml", `
hello:
  description: a secret in a template
  module_name: tasks.stubs
  class_name: StubHelloWorld
  enabled: true
  args:
  kwargs: {text: "is {{ DB_PASSWORD }}"}
`)
	env := map[string]string{
		"DB_PASSWORD_FILE": file("password", "pl4nted in a file\n"), "SITE_FILE": file("site", "CERN"), "GONE_TOKEN_FILE": dir + "/gone", "A_TOKEN_FILE": dir,
		"TASK_FILE_PATH": definition,
	}
	for _, test := range []struct{ args, stdout, stderr string }{
		{"exec -e print(#env.require('DB_PASSWORD'),env.get('DB_PASSWORD'))", "17\t[redacted]\n", ""},
		{"exec -e print(env.get('SITE'))", "nil\n", ""},
		{"exec -e print(file.read('" + dir + "/password'))", "[redacted]\n\n", ""},
		{"exec -e print(env.get('GONE_TOKEN'))", "nil\n", "warning: cannot read the secret that GONE_TOKEN_FILE names: stat " + dir + "/gone: no such file or directory\n"},
		{"exec -e print(env.get('A_TOKEN'))", "nil\n", "warning: cannot read the secret that A_TOKEN_FILE names: " + dir + " is no file that can hold a secret\n"},
	} {
		s, stdout, stderr := newTestState(t, strings.Split(test.args, " ")...)
		s.Env, s.Notify = env, func() (<-chan os.Signal, func()) { return nil, func() {} }
		if code := Run(t.Context(), s); code != 0 || stdout.String() != test.stdout || stderr.String() != test.stderr {
			t.Errorf("%s: exit code %d\n%q\n%q", test.args, code, stdout, stderr)
		}
	}
	s, _, stderr := newTestState(t, "run")
	s.Env, s.Notify = env, func() (<-chan os.Signal, func()) { return nil, func() {} }
	if code := Run(t.Context(), s); code != 0 || !strings.Contains(stderr.String(), "is [redacted]") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
