// Package output delivers the documents that tasks emit to databases, and keeps on disk what cannot be delivered now.
package output

import (
	"context"
	"encoding/json"
	"time"
)

// Target names a database as a definition's output.databases (or the older databases) does.
type Target struct {
	Type  string         // "es"
	URI   string         // "https://monit.example.org/elastic"
	Index string         // "rucio-task-manager.tasks.tests.upload"
	Extra map[string]any // every other key of the entry, for instance auth
}

// Document is one emitted document with its stable id: sent twice, it is stored once.
type Document struct {
	ID      string
	Body    json.RawMessage
	Emitted time.Time
}

// Database takes documents.
type Database interface {
	// Send delivers docs and returns, for each that was refused for good (a bad mapping, no permission), an entry in
	// Rejected; an error means that none or not all were delivered and that sending them again later is right.
	Send(ctx context.Context, docs []Document) (rejected []Rejection, err error)
}

// Rejection is a document that the database will never take, and why.
type Rejection struct {
	Document Document
	Reason   string
}
