package cli

import (
	"slices"
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
