package config

import (
	"cmp"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// Config is the configuration of a Rucio client, merged from all its sources. It does not change; any number of
// goroutines may use it.
type Config struct {
	opts     Options
	path     string   // the rucio.cfg that was read; empty: none
	looked   []string // where it was looked for
	warnings []string
	expand   func(string) string // expands ~ and variables in paths

	layers    []map[key]entry // all places of settings; the first that has an option wins
	file      map[key]entry   // that of rucio.cfg
	variables []map[key]entry // those of RUCIO_CFG_*
	sections  map[string]bool // the sections of the last two, which have the options of [DEFAULT] too
}

// Value is the text of a setting and where it comes from. A secret prints as "[redacted]"; Text returns it.
type Value struct {
	Origin string // "RUCIO_CFG_CLIENT_ACCOUNT", "/opt/rucio/etc/rucio.cfg:12", "command line", "default"; empty: not set
	text   string
	secret bool
}

// Text returns the setting, also when it is a secret.
func (v Value) Text() string { return v.text }

// IsSet tells whether there is such a setting and it is not empty.
func (v Value) IsSet() bool { return v.text != "" }

// IsSecret tells whether the setting is a password, a token or a key.
func (v Value) IsSecret() bool { return v.secret }

// String returns the setting as it may be shown: "[redacted]" for a secret, URLs without a password.
func (v Value) String() string {
	if v.secret && v.text != "" {
		return redacted
	}
	return redactURL(v.text)
}

// GoString implements fmt.GoStringer (%#v).
func (v Value) GoString() string {
	return fmt.Sprintf("config.Value(%q from %s)", v.String(), v.Origin)
}

// LogValue implements slog.LogValuer.
func (v Value) LogValue() slog.Value { return slog.StringValue(v.String()) }

// Setting is a row of `config show`.
type Setting struct {
	Section string
	Option  string
	Value   Value
	Err     error // the value cannot be had: a wrong reference in it; Value is then as written
}

// Path returns the rucio.cfg that was read; empty when there is none.
func (c *Config) Path() string { return c.path }

// Warnings returns what is not wrong but hardly meant: unknown names, variables that others hide, TLS without
// verification.
func (c *Config) Warnings() []string { return slices.Clone(c.warnings) }

// String keeps settings out of logs that print the whole configuration.
func (c *Config) String() string {
	if c.path == "" {
		return "config without rucio.cfg"
	}
	return "config of " + c.path
}

// GoString implements fmt.GoStringer (%#v).
func (c *Config) GoString() string { return c.String() }

// Get returns an option of a section (Python: rucio.common.config.config_get). One that is not set is the zero Value.
// The error, an *Error, is a reference %(name)s in the value that leads nowhere.
func (c *Config) Get(section, option string) (Value, error) {
	k := key{section, strings.ToLower(option)}
	e, found := c.find(k)
	if !found {
		return Value{}, nil
	}
	v := Value{Origin: e.origin, text: e.text, secret: isSecret(k.option)}
	text, err := c.resolve(k.section, e)
	if err != nil {
		return v, &Error{Origin: e.origin, Option: name(k), Problem: err.Error(), Err: err}
	}
	v.text = text
	return v, nil
}

// find returns the entry of the first place that has the option with a value. An empty one in rucio.cfg counts only when
// no place below has one.
func (c *Config) find(k key) (found entry, ok bool) {
	for _, layer := range c.layers {
		e, there := layer[k]
		if !there && c.sections[k.section] {
			e, there = layer[key{defaultSection, k.option}]
		}
		if there && e.text != "" {
			return e, true
		}
		if there && !ok {
			found, ok = e, true
		}
	}
	return found, ok
}

// resolve replaces the references in an entry of a section. Those in rucio.cfg mean the file's own options, whatever a
// variable says; those in a variable see what the variables make of the file. So does merge_rucio_configs.py.
func (c *Config) resolve(section string, e entry) (string, error) {
	if e.literal {
		return e.text, nil
	}
	if e.inFile {
		return interpolate(e.text, func(option string) (string, bool) {
			e, found := c.inFile(section, option)
			return e.text, found
		})
	}
	return interpolate(e.text, func(option string) (string, bool) {
		for _, layer := range c.variables {
			if e, found := layer[key{section, option}]; found {
				return e.asWritten(), true
			}
		}
		e, found := c.inFile(section, option)
		if text, err := c.resolve(section, e); err == nil {
			e.literal, e.text = true, text
		}
		return e.asWritten(), found
	})
}

// inFile finds an option of rucio.cfg, in a section or else in [DEFAULT].
func (c *Config) inFile(section, option string) (entry, bool) {
	e, found := c.file[key{section, option}]
	if !found {
		e, found = c.file[key{defaultSection, option}]
	}
	return e, found
}

// Effective returns every setting there is, with those of [DEFAULT] in each section that has them, sorted by section and
// option.
func (c *Config) Effective() []Setting {
	keys := map[key]bool{}
	for _, layer := range c.layers {
		for k := range layer {
			if k.section != defaultSection {
				keys[k] = true
				continue
			}
			for section := range c.sections {
				keys[key{section, k.option}] = true
			}
		}
	}
	settings := make([]Setting, 0, len(keys))
	for _, k := range sortedKeys(keys) {
		v, err := c.Get(k.section, k.option)
		settings = append(settings, Setting{Section: k.section, Option: k.option, Value: v, Err: err})
	}
	return settings
}

// name returns how messages call an option.
func name(k key) string {
	if k.section == "client" {
		return k.option
	}
	return k.section + "." + k.option
}

func sortedKeys[V any](m map[key]V) []key {
	keys := make([]key, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b key) int {
		return cmp.Or(cmp.Compare(a.section, b.section), cmp.Compare(a.option, b.option))
	})
	return keys
}
