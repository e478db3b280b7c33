package rucio

import (
	"bytes"
	"context"
	"encoding/json"
	"iter"
	"strings"
)

// TransferRequest is a request of Rucio to copy a file from one RSE to another. (Python's clients call it a request.)
type TransferRequest struct {
	Object
	ID                     string          `json:"id"`
	Type                   string          `json:"request_type"` // TRANSFER, STAGEIN ...
	State                  string          `json:"state"`        // QUEUED, SUBMITTED, DONE, FAILED ...
	Scope                  string          `json:"scope"`
	Name                   string          `json:"name"`
	DIDType                string          `json:"did_type"`
	SourceRSE              string          `json:"source_rse"` // chosen when the request is submitted
	SourceRSEID            string          `json:"source_rse_id"`
	DestRSE                string          `json:"dest_rse"`
	DestRSEID              string          `json:"dest_rse_id"`
	DestURL                string          `json:"dest_url"`
	Attributes             json.RawMessage `json:"attributes"` // an object, or text that holds one; may be null
	ExternalID             string          `json:"external_id"`
	ExternalHost           string          `json:"external_host"`
	TransferTool           string          `json:"transfertool"`
	RetryCount             int             `json:"retry_count"`
	ErrMsg                 string          `json:"err_msg"`
	PreviousAttemptID      string          `json:"previous_attempt_id"`
	RuleID                 string          `json:"rule_id"`
	Account                string          `json:"account"`
	Activity               string          `json:"activity"`
	Priority               *int            `json:"priority"`
	Bytes                  *int64          `json:"bytes"`
	MD5                    string          `json:"md5"`
	Adler32                string          `json:"adler32"`
	CreatedAt              Time            `json:"created_at"`
	UpdatedAt              Time            `json:"updated_at"`
	RequestedAt            Time            `json:"requested_at"`
	SubmittedAt            Time            `json:"submitted_at"`
	StartedAt              Time            `json:"started_at"`
	TransferredAt          Time            `json:"transferred_at"`
	EstimatedAt            Time            `json:"estimated_at"`
	EstimatedStartedAt     Time            `json:"estimated_started_at"`
	EstimatedTransferredAt Time            `json:"estimated_transferred_at"`
	StagingStartedAt       Time            `json:"staging_started_at"`
	StagingFinishedAt      Time            `json:"staging_finished_at"`
}

// RequestStates choose transfer requests by letters: Q (queued), G (being submitted), S (submitted), F (failed), D (done),
// L (lost), N (no sources), O (only sources on tape), A (submission failed), M (no common protocol), U (suspended), W (waiting) or
// P (being prepared). In JSON one string may stand for the list, with commas between the letters.
//
//rucio:kind list of strings
type RequestStates []string

// UnmarshalJSON implements json.Unmarshaler.
func (s *RequestStates) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte{'"'}) {
		*s = make(RequestStates, 1)
		return json.Unmarshal(data, &(*s)[0])
	}
	return json.Unmarshal(data, (*[]string)(s))
}

// String is the letters with commas between them, as queries have them.
func (s RequestStates) String() string { return strings.Join(s, ",") }

// ListRequests lists the transfer requests from one RSE to another that are in one of the states. Requests that wait to be
// submitted for the first time have no source yet and are never found. Several states, which Python's client cannot send as a
// list, are possible. It fails with ErrRSENotFound, and with class Invalid for what is no state.
//
//rucio:method RequestClient.list_requests GET /requests/list
//rucio:param src_rse=sourceRSE name of the RSE that the files come from
//rucio:param dst_rse=destRSE name of the RSE that the files go to
//rucio:param request_states letters: Q (queued), S (submitted), F (failed), D (done) ...; a list, or a string with commas
func (c *Client) ListRequests(ctx context.Context, sourceRSE, destRSE string, requestStates RequestStates) iter.Seq2[*TransferRequest, error] {
	return stream[TransferRequest](ctx, c, get("list_requests", "/requests/list").
		query("src_rse", sourceRSE).query("dst_rse", destRSE).query("request_states", requestStates.String()))
}

// ListRequestsHistoryOptions choose a part of the rows.
type ListRequestsHistoryOptions struct {
	Offset int  `py:"offset=0"`  // rows to leave out
	Limit  *int `py:"limit=100"` // most rows to list; 0 for all
}

// ListRequestsHistory lists the transfer requests from one RSE to another that ended in one of the states, at most 100 unless told
// otherwise. It fails as ListRequests does.
//
//rucio:method RequestClient.list_requests_history GET /requests/history/list
//rucio:param src_rse=sourceRSE name of the RSE that the files came from
//rucio:param dst_rse=destRSE name of the RSE that the files went to
//rucio:param request_states letters: D (done), F (failed) ...; a list, or a string with commas
func (c *Client) ListRequestsHistory(ctx context.Context, sourceRSE, destRSE string, requestStates RequestStates, o *ListRequestsHistoryOptions) iter.Seq2[*TransferRequest, error] {
	o = withDefaults(o)
	return stream[TransferRequest](ctx, c, get("list_requests_history", "/requests/history/list").
		query("src_rse", sourceRSE).query("dst_rse", destRSE).query("request_states", requestStates.String()).
		query("offset", o.Offset).query("limit", o.Limit))
}

// ListRequestByDIDOptions are for ListRequestByDID.
type ListRequestByDIDOptions struct {
	Scope string `py:"scope=None"` // of the file, required all the same
}

// ListRequestByDID returns the present transfer request of a file to an RSE. It fails with ErrRequestNotFound, ErrRSENotFound, and
// ErrValueError without a scope, where Python's client breaks down.
//
//rucio:method RequestClient.list_request_by_did GET /requests/{scope}/{name}/{rse}
//rucio:param name of the file
//rucio:param rse name of the RSE that the file goes to
func (c *Client) ListRequestByDID(ctx context.Context, name, rse string, o *ListRequestByDIDOptions) (*TransferRequest, error) {
	o = withDefaults(o)
	return one[TransferRequest](ctx, c, get("list_request_by_did", "/requests/{scope}/{name}/{rse}", o.Scope, name, rse).
		refuse(checkScope("list_request_by_did", o.Scope)))
}

// ListRequestHistoryByDIDOptions are for ListRequestHistoryByDID.
type ListRequestHistoryByDIDOptions struct {
	Scope string `py:"scope=None"` // of the file, required all the same
}

// ListRequestHistoryByDID returns a transfer request of a file to an RSE that has ended; when there are several, any of them. It
// fails as ListRequestByDID does.
//
//rucio:method RequestClient.list_request_history_by_did GET /requests/history/{scope}/{name}/{rse}
//rucio:param name of the file
//rucio:param rse name of the RSE that the file went to
func (c *Client) ListRequestHistoryByDID(ctx context.Context, name, rse string, o *ListRequestHistoryByDIDOptions) (*TransferRequest, error) {
	o = withDefaults(o)
	return one[TransferRequest](ctx, c, get("list_request_history_by_did", "/requests/history/{scope}/{name}/{rse}", o.Scope, name, rse).
		refuse(checkScope("list_request_history_by_did", o.Scope)))
}

// checkScope refuses a missing scope, without which there is no address to ask.
func checkScope(method, scope string) error {
	if scope == "" {
		return argumentError(method, ErrValueError, "the scope is missing")
	}
	return nil
}
