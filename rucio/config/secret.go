package config

import (
	"regexp"
	"strings"
)

// isSecret tells by its name whether an option holds a secret. Rucio marks none, and rucio.cfg may hold options of
// servers and of policy packages as well, so the words decide.
func isSecret(option string) bool {
	for _, ending := range []string{"_path", "_file", "_dir", "_endpoint", "_url", "_host", "_lifetime"} {
		if strings.HasSuffix(option, ending) {
			return false
		}
	}
	for _, word := range []string{"password", "passwd", "passphrase", "pwd", "secret", "token", "api_key", "apikey", "access_key", "cfg_value", "cert_value", "key_value"} {
		if strings.Contains(option, word) {
			return true
		}
	}
	return false
}

// urlPassword finds the password in "scheme://user:password@host", as the database of a server's rucio.cfg has it.
var urlPassword = regexp.MustCompile(`(://[^/@\s:]*):[^/@\s]+@`)

// redacted is what is shown in place of a secret; rucio.Secret shows the same.
const redacted = "[redacted]"

func redactURL(text string) string { return urlPassword.ReplaceAllString(text, "$1:"+redacted+"@") }
