package rucio

import "context"

// SendTrace posts a trace, the record of an access to data from which Rucio learns what is popular. It goes to
// Options.TraceHost and needs no credentials.
func (c *Client) SendTrace(ctx context.Context, trace map[string]any) error {
	return exec(ctx, c, post("send_trace", "/traces/").json(trace).anonymous().at(c.options.TraceHost))
}

// SendTraces posts several traces at once, which servers of version 35 and later take.
func (c *Client) SendTraces(ctx context.Context, traces []map[string]any) error {
	return exec(ctx, c, post("send_trace", "/traces/").json(orEmpty(traces)).anonymous().at(c.options.TraceHost))
}

// TouchOptions refine Touch.
type TouchOptions struct {
	RSE string `py:"rse=None"` // where the DID was accessed
}

// Touch records an access to a file or a dataset, so that its last access time is updated.
//
//rucio:method TouchClient.touch POST /traces/
//rucio:none
func (c *Client) Touch(ctx context.Context, scope, name string, o *TouchOptions) error {
	o = withDefaults(o)
	account, err := c.Account(ctx)
	if err != nil {
		return err
	}
	trace := map[string]any{"eventType": "touch", "clientState": "DONE", "account": account}
	if c.options.VO != DefaultVO {
		trace["vo"] = c.options.VO
	}
	if o.RSE != "" {
		if _, err := c.GetRSE(ctx, o.RSE); err != nil {
			return err
		}
		trace["localSite"], trace["remoteSite"] = o.RSE, o.RSE
	}
	did, err := c.typed().GetDID(ctx, scope, name, nil)
	if err != nil {
		return err
	}
	switch did.Type {
	case "CONTAINER":
		return argumentError("touch", ErrUnsupportedDIDType, "%s:%s is a container.", scope, name)
	case "FILE":
		trace["scope"], trace["filename"] = scope, name
	case "DATASET":
		trace["datasetScope"], trace["dataset"] = scope, name
	}
	return c.SendTrace(ctx, trace)
}
