package rucio

import "log/slog"

// redacted is what a Secret shows wherever a program prints it.
const redacted = "[redacted]"

// Secret is a password, a token or a key. It prints as "[redacted]" through fmt, log/slog and encoding/json, so that a
// struct that holds one can be logged without a second thought; Reveal is the only way to the text.
type Secret string

// Reveal returns the secret text, for the one place that sends or writes it.
func (s Secret) Reveal() string { return string(s) }

// IsSet tells whether there is a secret at all.
func (s Secret) IsSet() bool { return s != "" }

// String implements fmt.Stringer; an empty secret prints as nothing, so that "not set" stays visible.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString implements fmt.GoStringer (%#v).
func (s Secret) GoString() string { return s.String() }

// MarshalText keeps the secret out of JSON, YAML and every other text encoding.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
