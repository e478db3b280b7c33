package cli

import (
	"fmt"
	"strings"
)

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

// maxSecretFile bounds the files that secretFile reads, in bytes.
const maxSecretFile = 1 << 20

// secretsInFiles returns the secrets of the files that variables such as DB_PASSWORD_FILE name. Who needs one reads it again, and
// tells what is wrong with it.
func (s *State) secretsInFiles() (secrets []string) {
	for variable := range s.Env {
		if name, ok := strings.CutSuffix(variable, fileSuffix); ok {
			if text, err := s.secretFile(name); err == nil && text != "" {
				secrets = append(secrets, text)
			}
		}
	}
	return secrets
}

// fileSuffix makes of the name of a secret's variable that of one with the path of a file which holds it, as containers do.
const fileSuffix = "_FILE"

// secretFile returns the secret in the file that NAME_FILE names; nothing when there is no such variable, or NAME is no secret. A
// line end at its end is no part of it.
func (s *State) secretFile(name string) (string, error) {
	path := s.Env[name+fileSuffix]
	if path == "" || !isSecretName(strings.ToUpper(name)) {
		return "", nil
	}
	info, err := s.Files.Stat(path)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > maxSecretFile {
		return "", fmt.Errorf("%s is no file that can hold a secret", path) // reading a pipe would take it from who needs it
	}
	data, err := s.Files.ReadFile(path)
	return strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r"), err
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
