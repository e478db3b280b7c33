package task

import (
	"regexp"
	"slices"
	"strings"

	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

var (
	wordPattern = regexp.MustCompile(`[A-Z]+[a-z0-9]*|[a-z0-9]+`)

	secretWords = []string{"PASSWORD", "PASSWD", "PASSPHRASE", "PASS", "SECRET", "SECRETS", "TOKEN", "TOKENS", "CREDENTIAL",
		"CREDENTIALS", "KEY", "APIKEY", "BEARER", "COOKIE"}
	secretEnds = []string{"PASSWORD", "SECRET", "TOKEN", "APIKEY"}
	// publicWords end the name of something about a secret that is none: OIDC_TOKEN_ENDPOINT, access_token_envvar.
	publicWords = []string{"URL", "URI", "ENDPOINT", "HOST", "PATH", "FILE", "DIR", "NAME", "ENVVAR", "ID", "TYPE", "TTL",
		"LIFETIME", "EXPIRY", "EXPIRES", "SCOPE", "SCOPES", "AUDIENCE"}
	commonValues = []string{"true", "false", "null", "none", "default", "enabled", "disabled"}
)

// isSecretName tells whether a variable or field of this name holds a secret, as far as a name can tell.
func isSecretName(name string) bool {
	words := wordPattern.FindAllString(name, -1)
	for i := range words {
		words[i] = strings.ToUpper(words[i])
	}
	if len(words) == 0 {
		return false
	}
	last := words[len(words)-1]
	switch {
	case slices.Contains(words, "WEBHOOK"): // Slack's and others' are secret as a whole
		return true
	case slices.Contains(publicWords, last):
		return false
	case last == "VALUE" && (slices.Contains(words, "CFG") || slices.Contains(words, "CONFIG")):
		return true // KUBE_CONFIG_VALUE, OIDC_AGENT_AUTH_CLIENT_CFG_VALUE: whole files with credentials
	}
	return slices.ContainsFunc(words, func(w string) bool {
		return slices.Contains(secretWords, w) || slices.ContainsFunc(secretEnds, func(end string) bool { return strings.HasSuffix(w, end) })
	})
}

// keepSecret hands on a value to be redacted, unless it is so short or common that redacting it would only garble outputs.
func (t *templater) keepSecret(value string) {
	trimmed := strings.TrimSpace(value)
	if len(trimmed) < 4 || slices.Contains(commonValues, strings.ToLower(trimmed)) {
		return
	}
	t.secret(value)
}

func (t *templater) keepSecrets(data any) {
	switch v := data.(type) {
	case string:
		t.keepSecret(v)
	case []any:
		for _, item := range v {
			t.keepSecrets(item)
		}
	case map[string]any:
		for _, item := range v {
			t.keepSecrets(item)
		}
	}
}

// taint marks variables of a template as secret when the expression that they get their value from is.
func (t *templater) taint(expression nodes.Node, names ...string) {
	if t.mentionsSecret(expression) {
		for _, name := range names {
			t.tainted[name] = true
		}
	}
}

// mentionsSecret tells whether the value of an expression may be, or contain, a secret. A comparison or test of one is not.
func (t *templater) mentionsSecret(n nodes.Node) bool {
	switch n := n.(type) {
	case *nodes.Name:
		return t.tainted[n.Name.Val] || isSecretName(n.Name.Val)
	case *nodes.FilteredExpression:
		return t.mentionsSecret(n.Expression) || slices.ContainsFunc(n.Filters, func(f *nodes.FilterCall) bool {
			return slices.ContainsFunc(f.Args, func(arg nodes.Expression) bool { return t.mentionsSecret(arg) })
		})
	case *nodes.BinaryExpression:
		switch n.Operator.Token.Type {
		case tokens.Addition, tokens.Tilde, tokens.Multiply, tokens.Modulo, tokens.And, tokens.Or:
			return t.mentionsSecret(n.Left) || t.mentionsSecret(n.Right)
		}
		return false
	case *nodes.Call:
		return t.mentionsSecret(n.Func) || slices.ContainsFunc(n.Args, func(arg nodes.Expression) bool { return t.mentionsSecret(arg) })
	}
	return slices.ContainsFunc(parts(n), t.mentionsSecret)
}

// harmless returns the reason of a failed evaluation without values of the environment in it. The library's messages quote
// values; where one of the tag's variables is secret even a part of one is too much, and the reason is left out.
func (t *templater) harmless(reason string, args []*tokens.Token) string {
	for _, token := range args {
		if token.Type != tokens.Name {
			continue
		}
		if t.tainted[token.Val] || isSecretName(token.Val) {
			return "" // the expression says enough
		}
		if value, ok := t.env(token.Val); ok && len(value) > 0 {
			reason = strings.ReplaceAll(reason, value, token.Val)
		}
	}
	return plainWords(reason)
}
