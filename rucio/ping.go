package rucio

import "context"

// Version is the answer to Ping.
type Version struct {
	Object
	Version string `json:"version"` // of the server: "41.5.1"
}

// Ping asks whether the server is alive and which version it runs. It needs no credentials.
//
//rucio:method PingClient.ping GET /ping
func (c *Client) Ping(ctx context.Context) (*Version, error) {
	return one[Version](ctx, c, get("ping", "/ping").anonymous())
}
