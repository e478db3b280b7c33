package cli

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// scriptSettings are the keyword arguments of Python's Client that rucio.client{...} takes, and the options of [client]
// that they change. creds, a table of credentials, has names of its own.
var scriptSettings = map[string]string{
	"rucio_host": "rucio_host", "auth_host": "auth_host", "account": "account", "auth_type": "auth_type", "ca_cert": "ca_cert",
	"vo": "vo",
}

// scriptCredentials are the names in creds, and their options of [client]: first those that Python's client knows, then what other
// identities need besides.
var scriptCredentials = map[string]string{ //nolint:gosec // names of options, not credentials
	"username": "username", "password": "password", "client_cert": "client_cert", "client_key": "client_key",
	"client_proxy": "client_x509_proxy", "ssh_private_key": "ssh_private_key", "oidc_scope": "oidc_scope",
	"oidc_audience": "oidc_audience", "oidc_issuer": "oidc_issuer", "oidc_polling": "oidc_polling",
	"oidc_refresh_lifetime": "oidc_refresh_lifetime",

	"auth_token": "auth_token", "oidc_client_id": "oidc_client_id", "oidc_client_secret": "oidc_client_secret",
	"oidc_token_endpoint": "oidc_token_endpoint", "client_key_passphrase": "client_key_passphrase",
	"ssh_private_key_passphrase": "ssh_private_key_passphrase", "voms": "voms",
}

// scriptClient returns the client that a script asked for.
func (s *session) scriptClient(settings map[string]any) (*rucio.Client, error) {
	changes := map[string]string{}
	for name, value := range settings {
		if name == "creds" {
			if err := s.takeCredentials(value, changes); err != nil {
				return nil, err
			}
			continue
		}
		if err := change(changes, scriptSettings, name, value); err != nil {
			return nil, err
		}
	}
	return s.client(changes)
}

func (s *session) takeCredentials(value any, changes map[string]string) error {
	creds, ok := value.(map[string]any)
	if !ok {
		return fmt.Errorf("creds must be a table such as { username = \"ddmlab\", password = env.get(\"PASSWORD\") }")
	}
	for name, value := range creds {
		if err := change(changes, scriptCredentials, name, value); err != nil {
			return fmt.Errorf("creds: %w", err)
		}
	}
	return nil // secrets among them become known to the redactor when the configuration is read
}

// change notes that a setting has another value.
func change(changes, known map[string]string, name string, value any) error {
	option, ok := known[name]
	if !ok {
		names := slices.Sorted(maps.Keys(known))
		return fail.With(fail.Task, near(fmt.Errorf("no setting %q", name), name, names, "the settings are "+fmt.Sprint(names)))
	}
	switch value := value.(type) {
	case string:
		changes[option] = value
	case int64:
		changes[option] = strconv.FormatInt(value, 10)
	case float64:
		changes[option] = strconv.FormatFloat(value, 'f', -1, 64)
	case bool:
		changes[option] = map[bool]string{true: "True", false: "False"}[value]
	default:
		return fmt.Errorf("%s must be text", name)
	}
	return nil
}
