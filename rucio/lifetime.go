package rucio

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
)

// LifetimeException is a request to keep a DID beyond the end of its life.
type LifetimeException struct {
	Object
	ID        string `json:"id"` // one id may be about several DIDs, each in a row of its own
	Scope     string `json:"scope"`
	Name      string `json:"name"`
	DIDType   string `json:"did_type"`
	Account   string `json:"account"` // that asked
	Pattern   string `json:"pattern"`
	Comments  string `json:"comments"`
	State     string `json:"state"` // WAITING, APPROVED or REJECTED
	CreatedAt Time   `json:"created_at"`
	ExpiresAt Time   `json:"expires_at"`
}

// ListExceptionsOptions narrow ListExceptions.
type ListExceptionsOptions struct {
	ExceptionID string   `py:"exception_id=None"` // of one request
	States      []string `py:"states=None"`       // WAITING, APPROVED, REJECTED
}

// ListExceptions lists the exceptions to the lifetime of DIDs; an id that does not exist gives none. Python's client always
// gets all of them, because it sends both options in a way in which the server does not read them: here they do narrow the
// list, the states on this side.
//
//rucio:method LifetimeClient.list_exceptions GET /lifetime_exceptions/
func (c *Client) ListExceptions(ctx context.Context, o *ListExceptionsOptions) iter.Seq2[*LifetimeException, error] {
	o = withDefaults(o)
	r := get("list_exceptions", "/lifetime_exceptions/")
	if o.ExceptionID != "" {
		r = get("list_exceptions", "/lifetime_exceptions/{exception_id}", o.ExceptionID)
	}
	all := stream[LifetimeException](ctx, c, r)
	if len(o.States) == 0 {
		return all
	}
	return func(yield func(*LifetimeException, error) bool) {
		for exception, err := range all {
			if err == nil && !slices.Contains(o.States, exception.state()) {
				continue
			}
			if !yield(exception, err) {
				return
			}
		}
	}
}

// state reads the state from the JSON, which is all there is in raw mode.
func (e *LifetimeException) state() string {
	var row struct{ State string }
	if json.Unmarshal(e.JSON(), &row) != nil {
		return ""
	}
	return row.State
}

// RequestedExceptions says what became of a request for exceptions.
type RequestedExceptions struct {
	Object
	Exceptions  map[string][]RequestedDID `json:"exceptions"`   // by id: one for each scope and datatype
	Unknown     []RequestedDID            `json:"unknown"`      // that do not exist
	NotAffected []RequestedDID            `json:"not_affected"` // whose life does not end before the server's cut-off date
}

// RequestedDID is a DID of RequestedExceptions.
type RequestedDID struct {
	Scope   string `json:"scope"`
	Name    string `json:"name"`
	DIDType string `json:"did_type"`
}

// AddException asks for exceptions to the lifetime of DIDs, which somebody has to approve. The server takes the caller for
// the account that asks. It fails with ErrUnsupportedOperation unless the server's option lifetime_model/cutoff_date is a
// date to come.
//
//rucio:method LifetimeClient.add_exception POST /lifetime_exceptions/
//rucio:param account that asks
//rucio:param pattern of names, for people
//rucio:param comments the reason
//rucio:param expires_at when the exception ends; null for what the server allows
func (c *Client) AddException(ctx context.Context, dids []DID, account string, pattern *string, comments string, expiresAt *Time) (*RequestedExceptions, error) {
	return one[RequestedExceptions](ctx, c, post("add_exception", "/lifetime_exceptions/").json(fields{
		"dids": orEmpty(dids), "account": account, "pattern": pattern, "comments": comments, "expires_at": expiresAt,
	}))
}
