package rucio

import "context"

// ServerInfo is the answer to Ping.
type ServerInfo struct {
	Object
	Version string `json:"version"` // "41.5.1"
}

// Ping asks whether the server is alive and which version it runs. It needs no credentials.
//
//rucio:method PingClient.ping GET /ping
func (c *Client) Ping(ctx context.Context) (*ServerInfo, error) {
	return one[ServerInfo](ctx, c, get("ping", "/ping").anonymous())
}
