package config

import (
	"sort"
	"strings"
)

// prefix begins the variables of rucio/containers: RUCIO_CFG_<SECTION>_<OPTION>.
const prefix = "RUCIO_CFG_"

// fileSuffix makes of a secret's variable the one that names a file with the secret.
const fileSuffix = "_FILE"

// longSections are the sections of several words that merge_rucio_configs.py knows; any other ends at the first "_".
var longSections = []struct{ variable, section string }{
	{"messaging_fts3", "messaging-fts3"},
	{"messaging_cache", "messaging-cache"},
	{"messaging_hermes", "messaging-hermes"},
	{"messaging_hermes2", "hermes"},
	{"nongrid_trace", "nongrid-trace"},
	{"tracer_kronos", "tracer-kronos"},
}

// oldNames are RUCIO_CFG_* names that do not follow the pattern, and the options of [client] that they set. Most are of
// the first generation of the task manager, which had no section in them.
var oldNames = map[string]string{
	"ACCOUNT":               "account",
	"AUTH_TYPE":             "auth_type",
	"AUTH_HOST":             "auth_host",
	"RUCIO_HOST":            "rucio_host",
	"USERNAME":              "username",
	"PASSWORD":              "password",
	"VO":                    "vo",
	"CA_CERT":               "ca_cert",
	"OIDC_SCOPE":            "oidc_scope",
	"OIDC_AUDIENCE":         "oidc_audience",
	"CLIENT_CERT":           "client_cert", // by the pattern, the option "cert" of [client], which nothing reads
	"CLIENT_KEY":            "client_key",
	"CLIENT_CERT_VALUE":     "client_cert_value", // the PEM text itself
	"CLIENT_KEY_VALUE":      "client_key_value",
	"CLIENT_KEY_PASSPHRASE": "client_key_passphrase",
	"CLIENT_X509_PROXY":     "client_x509_proxy", // so in the README of the rucio/containers client image
}

// clientVariables are the other variables that set options of [client].
var clientVariables = map[string]string{ //nolint:gosec // names of variables, not credentials
	// rucio/client/baseclient.py
	"RUCIO_ACCOUNT":      "account",
	"RUCIO_AUTH_TYPE":    "auth_type",
	"RUCIO_VO":           "vo",
	"RUCIO_CLIENT_CERT":  "client_cert",
	"RUCIO_CLIENT_KEY":   "client_key",
	"RUCIO_CLIENT_PROXY": "client_x509_proxy",
	"X509_CERT_DIR":      "ca_cert",
	// the entrypoint of the Python task manager
	"VOMS":                                "voms",
	"OIDC_CLIENT_ID":                      "oidc_client_id",
	"OIDC_CLIENT_SECRET":                  "oidc_client_secret",
	"OIDC_TOKEN_ENDPOINT":                 "oidc_token_endpoint",
	"OIDC_ACCESS_TOKEN":                   "oidc_access_token",
	"OIDC_AGENT_AUTH_CLIENT_CFG_VALUE":    "oidc_agent_cfg_value",
	"OIDC_AGENT_AUTH_CLIENT_CFG_PASSWORD": "oidc_agent_cfg_password",
}

// lateVariables set options of [client] that rucio.cfg does not set: x509_proxy logins of baseclient.py ask
// X509_USER_PROXY last, the grid's tools have the two beside it, and Python's requests library the last two. The first in the
// list wins.
var lateVariables = []struct{ name, option string }{
	{"X509_USER_PROXY", "client_x509_proxy"},
	{"X509_USER_CERT", "client_cert"},
	{"X509_USER_KEY", "client_key"},
	{"REQUESTS_CA_BUNDLE", "ca_cert"},
	{"CURL_CA_BUNDLE", "ca_cert"},
}

// optionOf returns the option that a RUCIO_CFG_* variable sets, and whether the name is an old one. name comes without
// the prefix. ok is false when there is no option in it.
func optionOf(name string) (k key, old, ok bool) {
	if option, found := oldNames[name]; found {
		return key{"client", option}, true, true
	}
	name = strings.ToLower(name)
	for _, long := range longSections {
		if option, found := strings.CutPrefix(name, long.variable+"_"); found && option != "" {
			return key{long.section, option}, false, true
		}
	}
	section, option, _ := strings.Cut(name, "_")
	return key{section, option}, false, section != "" && option != ""
}

// variableOf returns the proper RUCIO_CFG_* variable of an option, for messages.
func variableOf(k key) string {
	section := k.section
	for _, long := range longSections {
		if long.section == section {
			section = long.variable
		}
	}
	return prefix + strings.ToUpper(strings.ReplaceAll(section+"_"+k.option, "-", "_"))
}

// sortedNames returns the names of the environment in order, so that messages come in the same order every time.
func sortedNames(env map[string]string) []string {
	names := make([]string, 0, len(env))
	for name := range env {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
