// Package catalog is the table of all methods of Rucio's Python client that this module speaks, by their Python names:
// what each is called, takes, returns and does on the wire. It is generated from the Go methods of package rucio; one loop
// over it makes the Lua bindings, `call`, `methods list|describe`, shell completion, the reference and the inventory test.
package catalog

//go:generate go run ../../internal/catalogen

import (
	"context"
	"encoding/json"
	"iter"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// Shape says what a method returns.
type Shape int

const (
	// None is a method that says nothing but success (Python: None).
	None Shape = iota
	// Value is one JSON value (object, list, string, number, bool or null).
	Value
	// Stream is a sequence of JSON values that is read row by row (Python: an iterator).
	Stream
)

// Param is one parameter of a method, as Python's client names it.
type Param struct {
	Name     string // Python's name: "rse_expression"
	Type     string // for people: "string", "integer", "number", "boolean", "list of DIDs", "map", "any"
	Required bool
	Default  string // Python's default as its source has it: "None", "False", "'collection'"; empty when Required
	Doc      string // a sentence
	Variadic bool   // Python's **kwargs: any further name is taken
}

// Method is one row of the catalog.
type Method struct {
	Name    string // Python's name: "add_replication_rule"
	Client  string // Python's class: "RuleClient"
	Go      string // the method of *rucio.Client: "AddReplicationRule", or a function: "transfer.Upload"
	Doc     string // what it does, from the Go method's doc comment
	Params  []Param
	Verb    string // HTTP verb of the request that does the work: "POST"; empty when none is made
	Path    string // its path below the host: "/rules/"
	Returns Shape
	// Call runs the method. Exactly one of the results is set, as Returns says; of a Stream, errors come from the
	// sequence; Out may be set beside it, or beside an error. Arguments are checked first: a *ArgumentError names the method, the parameter and what was expected.
	Call func(ctx context.Context, c *rucio.Client, args Args) (Result, error)
}

// Result is what a method returned, as the server sent it.
type Result struct {
	Value json.RawMessage                   // Shape Value; "null" when Python returns None
	Rows  iter.Seq2[json.RawMessage, error] // Shape Stream; a row is valid until the next one is read

	// Out holds the arguments that Python's client fills in place, by their names, each as it is after the call; only those
	// that were given, and nil when there are none. It is set beside an error too: traces are sent of a transfer that failed.
	Out map[string]json.RawMessage
}

// Args are the arguments of one call by Python's names, each as JSON. An absent name takes Python's default; an explicit
// null is Python's None.
type Args map[string]json.RawMessage
