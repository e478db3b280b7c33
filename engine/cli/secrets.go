package cli

import "strings"

// secretWords in a variable's name mean that its value is a secret. What rucio.cfg holds is known to package config; this
// is for the rest: tokens of CI systems, passwords of databases, what a deployment hands to its tasks.
var secretWords = []string{"PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "API_KEY", "APIKEY", "ACCESS_KEY", "PRIVATE_KEY", "CREDENTIAL"}

// notSecret ends the names of variables that only tell where a secret is, or how to get one.
var notSecret = []string{"_FILE", "_PATH", "_DIR", "_URL", "_URI", "_HOST", "_ENDPOINT", "_LIFETIME", "_NAME"}

// secretsOf returns the values of the environment that must not be shown.
func secretsOf(env map[string]string) (secrets []string) {
	for name, value := range env {
		if value != "" && isSecretName(strings.ToUpper(name)) {
			secrets = append(secrets, value)
		}
	}
	return secrets
}

func isSecretName(name string) bool {
	if strings.Contains(name, "WEBHOOK") { // Slack's and others' URLs are secret as a whole
		return true
	}
	for _, ending := range notSecret {
		if strings.HasSuffix(name, ending) {
			return false
		}
	}
	for _, word := range secretWords {
		if strings.Contains(name, word) {
			return true
		}
	}
	return name == "KUBE_CONFIG_VALUE" || strings.HasSuffix(name, "_CFG_VALUE") || strings.HasSuffix(name, "_KEY_VALUE")
}
