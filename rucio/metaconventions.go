package rucio

import (
	"context"
	"slices"
)

// AddKeyOptions say what values a new key takes.
type AddKeyOptions struct {
	ValueType   string `py:"value_type=None"`   // int, float or str
	ValueRegexp string `py:"value_regexp=None"` // that values must match at their beginning, in Python's syntax
}

// AddKey adds a key to the conventions for metadata of DIDs. It fails with ErrDuplicate, ErrUnsupportedKeyType or
// ErrUnsupportedValueType. The server wants Python's spelling of a type, "<class 'int'>"; the plain name is taken as well.
//
//rucio:method MetaConventionClient.add_key POST /meta_conventions/{key}
//rucio:param key of the metadata; without slashes, for which the server has no path
//rucio:param key_type of the DIDs that have the key: ALL, COLLECTION, CONTAINER, DATASET, FILE, or DERIVED
func (c *Client) AddKey(ctx context.Context, key, keyType string, o *AddKeyOptions) error {
	o = withDefaults(o)
	valueType := o.ValueType
	if slices.Contains([]string{"int", "float", "str"}, valueType) {
		valueType = "<class '" + valueType + "'>"
	}
	return exec(ctx, c, post("add_key", "/meta_conventions/{key}", key).
		json(fields{"value_type": orNull(valueType), "value_regexp": orNull(o.ValueRegexp), "key_type": keyType}))
}

// ListKeys returns the keys of the conventions for metadata of DIDs.
//
//rucio:method MetaConventionClient.list_keys GET /meta_conventions/
func (c *Client) ListKeys(ctx context.Context) ([]string, error) {
	return value[[]string](ctx, c, get("list_keys", "/meta_conventions/"))
}

// ListValues returns the values that a key of metadata may have, as text; none for a key that does not exist.
//
//rucio:method MetaConventionClient.list_values GET /meta_conventions/{key}/
//rucio:param key of the metadata
func (c *Client) ListValues(ctx context.Context, key string) ([]string, error) {
	return value[[]string](ctx, c, get("list_values", "/meta_conventions/{key}/", key))
}

// AddValue adds a value to those that a key of metadata may have. It fails with ErrDuplicate, with ErrInvalidValueForKey when
// the value is not of the type of the key or does not match its expression, and with ErrKeyNotFound or, depending on the
// server's database, ErrRucioException when the key does not exist.
//
//rucio:method MetaConventionClient.add_value POST /meta_conventions/{key}/
//rucio:param key of the metadata
//rucio:param value text, or a number for a key of such a type
func (c *Client) AddValue(ctx context.Context, key string, value any) error {
	return exec(ctx, c, post("add_value", "/meta_conventions/{key}/", key).json(fields{"value": value}))
}

// DelValue would remove a value of a key of metadata. No Rucio server can: it fails with ErrNotImplementedError, where
// Python's method silently does nothing.
//
//rucio:method MetaConventionClient.del_value - -
//rucio:param key of the metadata
//rucio:none
func (c *Client) DelValue(_ context.Context, key string, value any) error {
	return argumentError("del_value", ErrNotImplementedError, "no Rucio server can remove the value %v of key %q", value, key)
}

// DelKey would remove a key of metadata. No Rucio server can: it fails with ErrNotImplementedError, where Python's method
// silently does nothing.
//
//rucio:method MetaConventionClient.del_key - -
//rucio:param key of the metadata
//rucio:none
func (c *Client) DelKey(_ context.Context, key string) error {
	return argumentError("del_key", ErrNotImplementedError, "no Rucio server can remove key %q", key)
}

// UpdateKeyOptions say what UpdateKey would change.
type UpdateKeyOptions struct {
	Type   any    `py:"type_=None"`  // of its values
	Regexp string `py:"regexp=None"` // that its values must match
}

// UpdateKey would change a key of metadata. No Rucio server can: it fails with ErrNotImplementedError, where Python's method
// silently does nothing.
//
//rucio:method MetaConventionClient.update_key - -
//rucio:param key of the metadata
//rucio:none
func (c *Client) UpdateKey(_ context.Context, key string, _ *UpdateKeyOptions) error {
	return argumentError("update_key", ErrNotImplementedError, "no Rucio server can change key %q", key)
}
