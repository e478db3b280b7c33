package output

import (
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// Auth is how we log in to a database: a user with a password, or an API key. Empty: not at all.
type Auth struct {
	User     string
	Password rucio.Secret
	APIKey   rucio.Secret
}

// IsSet tells whether there are credentials.
func (a Auth) IsSet() bool { return a.User != "" || a.APIKey.IsSet() }

func (a Auth) apply(r *http.Request) {
	switch {
	case a.APIKey.IsSet():
		r.Header.Set("Authorization", "ApiKey "+a.APIKey.Reveal())
	case a.User != "":
		r.SetBasicAuth(a.User, a.Password.Reveal())
	}
}

// envAuth reads the credentials that serve every target without its own: ELASTICSEARCH_USERNAME and
// ELASTICSEARCH_PASSWORD, when neither is empty. NAME_FILE names a file that holds the value of NAME.
func envAuth(getenv func(string) string) (Auth, error) {
	user, err := envOrFile(getenv, "ELASTICSEARCH_USERNAME")
	if err != nil {
		return Auth{}, err
	}
	password, err := envOrFile(getenv, "ELASTICSEARCH_PASSWORD")
	if err != nil || user == "" || password == "" {
		return Auth{}, err
	}
	return Auth{User: user, Password: rucio.Secret(password)}, nil
}

func envOrFile(getenv func(string) string, name string) (string, error) {
	if v := getenv(name); v != "" {
		return v, nil
	}
	path := getenv(name + "_FILE")
	if path == "" {
		return "", nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fail.With(fail.Config, fmt.Errorf("read the file that %s_FILE names: %w", name, err))
	}
	return strings.TrimRight(string(b), "\r\n"), nil
}

// errOwnAuth tells why a spooled target cannot be served without its definition: secrets are never written to the spool,
// and those of the environment are meant for other databases.
func errOwnAuth(t Target) error {
	return fail.Hint(fmt.Errorf("%s: its credentials stand in a task definition, and the spool does not keep them", t),
		"run a task that has this database, or name its definition: outputs flush FILE")
}

// authOf returns the credentials for a target: its own, else those of the environment.
func authOf(t Target, getenv func(string) string) (Auth, error) {
	switch {
	case t.Auth.IsSet():
		return t.Auth, nil
	case t.OwnAuth:
		return Auth{}, errOwnAuth(t)
	}
	return envAuth(getenv)
}
