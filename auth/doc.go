// Package auth logs in to Rucio. New makes a Source for one of the authentication types of Python's client; a Source gives
// tokens to package rucio (it is a rucio.Credentials), keeps them in the cache file that Python's client uses, and gets
// new ones when they end or are refused.
//
// A type of its own is a constructor in a file of its own (see userpass.go) and a line in types.go.
package auth
