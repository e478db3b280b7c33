package bind

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/uuid"
	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/report"
)

func uuidModule() module {
	return module{
		name: "uuid",
		doc:  "UUIDs.",
		functions: []function{
			{name: "uuid", signature: "() -> text", doc: "A random (version 4) UUID.", example: `print(uuid())`, call: func(c *call) int {
				return c.give(lua.LString(uuid.NewString()))
			}},
		},
	}
}

func didModule() module {
	return module{
		name: "did",
		doc:  "Names of data identifiers.",
		functions: []function{
			{name: "parse", signature: "(text) -> did", doc: "Reads \"scope:name\" into a table with scope and name, as methods of Rucio take it. Without a colon, the scope is what Rucio's default convention " +
				"makes of the name: its part before the first dot, or two parts if it begins with user or group.",
				example: `print(did.parse("user.jdoe:data.1").name)
print(did.parse("user.jdoe.data.1").scope)`, call: func(c *call) int {
					scope, name := c.did(1)
					d := c.CreateTable(0, 2)
					d.RawSetString("scope", lua.LString(scope))
					d.RawSetString("name", lua.LString(name))
					return c.give(d)
				}},
			{name: "split", signature: "(text) -> scope, name", doc: "As did.parse, with two results.", example: `local scope, name = did.split("user.jdoe:data.1")`, call: func(c *call) int {
				scope, name := c.did(1)
				return c.give(lua.LString(scope), lua.LString(name))
			}},
			{name: "format", signature: "(did) or (scope, name) -> text", doc: "\"scope:name\".", example: `print(did.format{ scope = "user.jdoe", name = "data.1" }, did.format("user.jdoe", "data.1"))`,
				call: func(c *call) int {
					if !c.given(2) {
						table := c.table("did")
						c.SetTop(0)
						c.Push(table.RawGetString("scope"))
						c.Push(table.RawGetString("name"))
					}
					return c.give(lua.LString(c.str(1, "scope") + ":" + c.str(2, "name")))
				}},
		},
	}
}

// did reads argument n as extract_scope of rucio.common.utils does by default.
func (c *call) did(n int) (scope, name string) {
	text := c.str(n, "text")
	scope, name, found := strings.Cut(text, ":")
	if !found {
		parts := strings.SplitN(text, ".", 3)
		scope, name = parts[0], strings.TrimSuffix(text, "/")
		if len(parts) > 1 && (strings.HasPrefix(text, "user") || strings.HasPrefix(text, "group")) {
			scope = parts[0] + "." + parts[1]
		}
		return scope, name
	}
	if scope == "" || name == "" || strings.Contains(name, ":") {
		c.wrong("text", `a DID as "scope:name"`, c.Get(n))
	}
	return scope, name
}

func envModule() module {
	return module{
		name: "env",
		doc:  "Environment variables. The value of one whose name tells of a secret (API_TOKEN, DB_PASSWORD) is not shown in logs and reports.",
		functions: []function{
			{name: "get", signature: "(name [, default]) -> text", doc: "A variable's value; the default, or nil, if it is not set or empty.", example: `print(env.get("SITE", "CERN"))`, call: func(c *call) int {
				value := c.env(c.str(1, "name"))
				if value == "" {
					return c.give(c.Get(2))
				}
				return c.give(lua.LString(value))
			}},
			{name: "require", signature: "(name) -> text", doc: "A variable's value; an error if it is not set.", example: `local ok, err = pcall(env.require, "SITE")`, call: func(c *call) int {
				name := c.str(1, "name")
				value := c.env(name)
				if value == "" {
					c.raise(fail.With(fail.Config, fail.Hint(fmt.Errorf("the environment variable %s is not set", name), "set %s", name)))
				}
				return c.give(lua.LString(value))
			}},
		},
	}
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
	value, _ := c.host.Env(name)
	if secretName.MatchString(name) && (!publicName.MatchString(name) || strings.Contains(strings.ToLower(name), "webhook")) {
		c.host.secret(value)
	}
	return value
}

func metricModule() module {
	kind := func(name, signature, doc, example string) function {
		return function{name: name, signature: signature, doc: doc, example: example, call: func(c *call) int { return record(c, name) }}
	}
	const more = " Options: unit (s, bytes, ...), tags (a table of names and values)."
	return module{
		name: "metric",
		doc:  "Measurements of the task, for its report and whatever collects it.",
		functions: []function{
			kind("counter", "(name [, value [, options]])", "Adds to a count, by default 1."+more, `metric.counter("uploads", 1, { tags = { rse = "XRD1" } })`),
			kind("gauge", "(name, value [, options])", "Tells how much there is now."+more, `metric.gauge("free", 10e12, { unit = "bytes" })`),
			kind("trend", "(name, value [, options])", "Adds a value to a series, of which the distribution matters."+more, `metric.trend("upload duration", 1.5, { unit = "s" })`),
		},
	}
}

func record(c *call, kind string) int {
	m := report.Metric{Name: c.str(1, "name"), Kind: kind}
	if kind == "counter" {
		if m.Value = c.optNum(2, "value", 1); m.Value < 0 {
			c.wrong("value", "a number from 0 on", c.Get(2))
		}
	} else {
		m.Value = c.num(2, "value")
	}
	o := c.options(3)
	m.Unit = o.str("unit", "")
	for name, values := range o.texts("tags") {
		if m.Tags == nil {
			m.Tags = map[string]string{}
		}
		m.Tags[name] = strings.Join(values, ",")
	}
	o.done()
	if m.Name == "" {
		c.raise(errors.New("name must not be empty"))
	}
	if c.host.Record != nil {
		c.host.Record(m)
	}
	return 0
}
