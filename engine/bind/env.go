package bind

import (
	"fmt"
	"regexp"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
)

var envModule = module{
	name: "env",
	doc:  "Environment variables. The value of one whose name tells of a secret (API_TOKEN, DB_PASSWORD) is not shown in logs and reports.",
	functions: []function{
		{
			name: "get", signature: "(name [, default]) -> text",
			doc:     "A variable's value; the default, or nil, if it is not set or empty.",
			example: `print(env.get("SITE", "CERN"))`,
			call: func(c *call) int {
				value := c.env(c.str(1, "name"))
				if value == "" {
					return c.give(c.Get(2))
				}
				return c.give(lua.LString(value))
			},
		},
		{
			name: "require", signature: "(name) -> text",
			doc:     "A variable's value; an error if it is not set.",
			example: `local ok, err = pcall(env.require, "SITE")`,
			call: func(c *call) int {
				name := c.str(1, "name")
				value := c.env(name)
				if value == "" {
					c.raise(fail.With(fail.Config, fail.Hint(fmt.Errorf("the environment variable %s is not set", name), "set %s", name)))
				}
				return c.give(lua.LString(value))
			},
		},
	},
}

var (
	secretName = regexp.MustCompile(`(?i)pass(word|wd|phrase)?(_|$)|secret|token|credential|api_?key|(^|_)key(_|$)|bearer|cookie|webhook`)
	publicName = regexp.MustCompile(`(?i)_(url|uri|endpoint|host|path|file|dir|name|id|type|ttl|lifetime|expir\w*|scopes?|audience)$`)
)

// env returns a variable's value and makes it known as a secret if it seems to be one.
func (c *call) env(name string) string {
	if c.host.Env == nil {
		return ""
	}
	if c.host.BeforeEnv != nil {
		c.check(c.host.BeforeEnv(c.context(), name))
	}
	value, _ := c.host.Env(name)
	if secretName.MatchString(name) && (!publicName.MatchString(name) || strings.Contains(strings.ToLower(name), "webhook")) {
		c.host.secret(value)
	}
	return value
}
