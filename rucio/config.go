package rucio

import "context"

// GetConfigOptions narrow GetConfig.
type GetConfigOptions struct {
	Section string `py:"section=None"`
	Option  string `py:"option=None"` // of the section, which must be given too
}

// GetConfig returns the server's configuration table: all sections, the options of one, or one value.
//
//rucio:method ConfigClient.get_config GET /config
func (c *Client) GetConfig(ctx context.Context, o *GetConfigOptions) (*Object, error) {
	o = withDefaults(o)
	switch {
	case o.Section == "" && o.Option != "":
		return nil, argumentError("get_config", ErrValueError, "option %q needs a section", o.Option)
	case o.Option != "":
		return one[Object](ctx, c, get("get_config", "/config/{section}/{option}", o.Section, o.Option))
	case o.Section != "":
		return one[Object](ctx, c, get("get_config", "/config/{section}", o.Section))
	}
	return one[Object](ctx, c, get("get_config", "/config"))
}

// SetConfigOptionOptions say how SetConfigOption sends the value.
type SetConfigOptionOptions struct {
	UseBodyForParams *bool `py:"use_body_for_params=True"` // false puts it into the path, as old servers want it: text only
}

// SetConfigOption sets an option of the server's configuration table, and makes its section when it is new. A server that
// was given a nil value can no longer show the section; it takes text, numbers and booleans, but neither lists nor maps:
// ErrDatabaseException.
//
//rucio:method ConfigClient.set_config_option POST /config
//rucio:param section such as "conveyor"
//rucio:param option its name
func (c *Client) SetConfigOption(ctx context.Context, section, option string, value any, o *SetConfigOptionOptions) error {
	o = withDefaults(o)
	if *o.UseBodyForParams {
		return exec(ctx, c, post("set_config_option", "/config").json(fields{section: fields{option: value}}))
	}
	text, ok := value.(string)
	if !ok {
		return argumentError("set_config_option", ErrTypeError, "without use_body_for_params, value must be text, not %T", value)
	}
	return exec(ctx, c, put("set_config_option", "/config/{section}/{option}/{value}", section, option, text))
}

// DeleteConfigOption removes an option of the server's configuration table, or fails with ErrConfigNotFound.
//
//rucio:method ConfigClient.delete_config_option DELETE /config/{section}/{option}
//rucio:param section such as "conveyor"
//rucio:param option its name
func (c *Client) DeleteConfigOption(ctx context.Context, section, option string) error {
	return exec(ctx, c, del("delete_config_option", "/config/{section}/{option}", section, option))
}

// DeleteConfigSection removes a section of the server's configuration table with all its options, or fails with
// ErrConfigNotFound.
//
//rucio:method ConfigClient.delete_config_section DELETE /config/{section}
//rucio:param section such as "conveyor"
func (c *Client) DeleteConfigSection(ctx context.Context, section string) error {
	return exec(ctx, c, del("delete_config_section", "/config/{section}", section))
}
