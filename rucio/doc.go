// Package rucio is a client of Rucio's REST API.
package rucio

// Client speaks to a Rucio server.
type Client struct{}
