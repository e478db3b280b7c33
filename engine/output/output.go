// Package output delivers the documents that tasks emit to databases, and keeps on disk what cannot be delivered now.
//
// A Dispatcher (one a run) makes an Emitter (one a task). An emitted document is first appended to a file of the spool
// and then sent, in bulk, in the background and when the task ends; what is not delivered stays in the spool for the next
// run, or for `outputs flush`. Each document has an id that never changes, so that sending it twice stores it once.
package output

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// kinds are the types of databases, by the word that a definition uses for them. A new one is a line here and a file.
var kinds = map[string]kind{
	"es": {parse: parseElasticsearch, open: openElasticsearch}, // Elasticsearch 7 to 9, OpenSearch
}

// kind is a type of database.
type kind struct {
	parse func(e *entry) Target // reads the fields of a definition's entry; problems are noted in e
	open  func(t Target, c connection) (Database, error)
}

// Target is a database as a definition's output.databases (or the older databases) names it. Its JSON has no secrets:
// the spool remembers targets by it.
type Target struct {
	Type     string `json:"type"`               // a key of kinds: "es"
	URI      string `json:"uri"`                // "https://monit.example.org/elastic"; user and password are in Auth
	Index    string `json:"index"`              // "rucio-task-manager.tasks.tests.upload"
	CA       string `json:"ca,omitempty"`       // PEM file with the authorities that may sign the server's certificate
	Insecure bool   `json:"insecure,omitempty"` // verify: false; the certificate is not checked
	Create   bool   `json:"create,omitempty"`   // op_type: create, the only operation that data streams take
	OwnAuth  bool   `json:"own_auth,omitempty"` // the definition has credentials; those of the environment are for others
	Auth     Auth   `json:"-"`                  // the definition's credentials; empty when read back from the spool
}

// String names the target in messages.
func (t Target) String() string { return fmt.Sprintf("%s %s, index %s", t.Type, t.URI, t.Index) }

// Key identifies the database: two targets with the same key are the same one, whatever their credentials.
func (t Target) Key() string {
	sum := sha256.Sum256([]byte(t.Type + "\n" + t.URI + "\n" + t.Index))
	return t.Type + "-" + hex.EncodeToString(sum[:8])
}

// Document is one emitted document with its stable id.
type Document struct {
	ID      string          `json:"id"`
	Emitted time.Time       `json:"emitted"`
	Body    json.RawMessage `json:"doc"` // a JSON object on one line
}

// Rejection is a document that the database will never take as it is, and why.
type Rejection struct {
	Document
	Reason string `json:"reason"`
}

// Database takes documents. It is used by one goroutine at a time.
type Database interface {
	// Send delivers docs in their order. What was refused for good (a field of the wrong type) comes back in rejected;
	// what may be taken later, because the database is down, overloaded or locked, in left, with err saying why. err is
	// nil exactly when left is empty. Retries that make sense within seconds have been made.
	Send(ctx context.Context, docs []Document) (left []Document, rejected []Rejection, err error)
}
