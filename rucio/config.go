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
