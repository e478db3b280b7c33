package task

import (
	"slices"
	"testing"
)

func TestSecrets(t *testing.T) {
	vars := env("PASSWORD", "hunter22", "API_KEY", "k3y-value", "TOKEN", "abc", "ENABLED_SECRET", "true", "HOST", "h.example.org", "OIDC_TOKEN_ENDPOINT", "https://idp/token",
		"PLAIN", "plain-value", "KUBE_CONFIG_VALUE", "apiVersion: v1\nusers: []", "SLACK_WEBHOOK_URL", "https://hooks/T0/B0", "UNUSED_PASSWORD", "not-used-1", "MULTI_SECRET", "l1-long\nl2-long")
	tests := []struct {
		lines string
		want  []string
	}{
		{`x: "{{ PASSWORD }}"`, []string{"hunter22"}},
		{`x: {{ PASSWORD }}`, []string{"hunter22"}},
		{`x: "{{ PASSWORD | upper }}"`, []string{"hunter22", "HUNTER22"}},
		{`x: "{{ 'Basic ' ~ PASSWORD }}"`, []string{"hunter22", "Basic hunter22"}},
		{`x: "{{ '%s:%s' | format(HOST, PASSWORD) }}"`, []string{"hunter22", "h.example.org:hunter22"}},
		{`x: "{% set p = PASSWORD | upper %}{{ p | lower }}"`, []string{"hunter22"}},
		{`x: "{% set p = PASSWORD | upper %}{{ p }}"`, []string{"hunter22", "HUNTER22"}},
		{`x: "{% for c in PASSWORD.split('u') %}{{ c }}{% endfor %}"`, []string{"hunter22", "nter22"}},
		{`x: {{ PASSWORD.split('t') }}`, []string{"hunter22", "er22"}},
		{`x: "{{ 'set' if PASSWORD else 'missing' }}{{ PASSWORD == 'a' }}{{ PASSWORD is defined }}{{ PASSWORD | length }}"`, []string{"hunter22"}},
		{`x: "{{ TOKEN }}{{ ENABLED_SECRET }}"`, nil}, // too short, too common
		{`x: "{{ HOST }}{{ OIDC_TOKEN_ENDPOINT }}"`, nil},
		{`x: "{{ SLACK_WEBHOOK_URL }}"`, []string{"https://hooks/T0/B0"}},
		{`x: "{{ KUBE_CONFIG_VALUE }}"`, []string{"apiVersion: v1\nusers: []"}},
		{`x: "{{ MULTI_SECRET }}"`, []string{"l1-long\nl2-long"}},
		{`bot_token: "{{ PLAIN }}"`, []string{"plain-value"}},
		{`bot_token: {{ PLAIN }}`, []string{"plain-value"}},
		{`bot_token: "Bearer {{ PLAIN }}"`, []string{"plain-value"}},
		{`secrets: ["{{ PLAIN }}"]`, []string{"plain-value"}},
		{`passwords: {{ PLAIN.split('-') }}`, nil},
		{`client_secret: {{ PLAIN.split('-') }}`, []string{"['plain', 'value']", "plain", "value"}},
		{`access_token_envvar: "{{ PLAIN }}"`, nil},
		{`bot_token: written-here`, nil}, // not by a template: it is in the file for all to see
		{`x: "{{ API_KEY }} {{ PASSWORD }} {{ API_KEY }}"`, []string{"k3y-value", "hunter22"}},
	}
	for _, tt := range tests {
		_, set := loadKwargs(t, tt.lines, Options{Env: vars})
		got, want := slices.Sorted(slices.Values(set.Secrets)), slices.Sorted(slices.Values(tt.want))
		if !slices.Equal(got, want) {
			t.Errorf("%s: secrets %q, want %q", tt.lines, got, want)
		}
	}
}

func TestSecretNames(t *testing.T) {
	for name, want := range map[string]bool{
		"PASSWORD": true, "ELASTICSEARCH_PASSWORD": true, "RUCIO_CFG_CLIENT_PASSWORD": true, "clientSecret": true, "OIDC_CLIENT_SECRET": true, "BEARER_TOKEN": true,
		"API_KEY": true, "apikey": true, "apiKey": true, "S3_ACCESS_KEY": true, "credentials": true, "OIDC_AGENT_AUTH_CLIENT_CFG_VALUE": true, "KUBE_CONFIG_VALUE": true,
		"cluster_service_account_token": true, "SLACK_WEBHOOK_URL": true, "userpassword": true, "passphrase": true, "PASS": true,
		"HOST": false, "OIDC_TOKEN_ENDPOINT": false, "access_token_envvar": false, "TOKEN_FILE": false, "key_path": false, "KEYBOARD": false, "MONKEY": false, "compass": false,
		"RUCIO_CFG_CLIENT_RUCIO_HOST": false, "bypass": false, "": false, "_": false, "é": false, "secret_name": false, "token_lifetime": false, "PWD": false,
	} {
		if got := isSecretName(name); got != want {
			t.Errorf("isSecretName(%q) is %v", name, got)
		}
	}
}
