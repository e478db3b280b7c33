// Package rucio is a client of Rucio's REST API.
package rucio
