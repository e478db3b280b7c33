package output

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
)

// What one bulk request holds at most: little enough for a proxy with nginx's default limit of 1 MiB for a request.
const (
	maxBatchDocuments = 500
	maxBatchBytes     = 800 << 10
)

// maxAnswer bounds what is read of an answer; a bulk answer has some hundred bytes for each document.
const maxAnswer = 16 << 20

// parseElasticsearch reads {type: es, uri, index, auth, ca, verify, op_type}.
func parseElasticsearch(e *entry) Target {
	t := Target{Index: e.text("index", true), Auth: e.auth(), CA: e.text("ca", false), Insecure: !e.boolean("verify", true)}
	uri, inURI := e.uri()
	if t.URI = uri; !t.Auth.IsSet() {
		t.Auth = inURI
	}
	t.OwnAuth = t.Auth.IsSet()
	switch op := e.text("op_type", false); op {
	case "", "index":
	case "create":
		t.Create = true
	default:
		e.wrong(e.path+".op_type", fmt.Sprintf("is %q, not index or create", op), "")
	}
	// Elasticsearch would refuse every document; <name-{now/d}> is its date math, and may hold nearly anything.
	if i := t.Index; !strings.HasPrefix(i, "<") && (i != strings.ToLower(i) || strings.ContainsAny(i, ` "*\<|,>/?#:`) || strings.ContainsAny(firstOf(i), "-_+")) {
		e.wrong(e.path+".index", fmt.Sprintf("%q cannot be the name of an index", i),
			`it must be in lower case, without space and "*\<|,>/?#:, and not begin with - _ +`)
	}
	return t
}

func firstOf(s string) string { return s[:min(1, len(s))] }

// elasticsearch speaks the bulk API, which Elasticsearch (7 to 9) and OpenSearch share; their own clients refuse each
// other's servers.
type elasticsearch struct {
	connection
	target Target
}

func openElasticsearch(t Target, c connection) (Database, error) {
	return &elasticsearch{connection: c, target: t}, nil
}

// Send implements Database.
func (es *elasticsearch) Send(ctx context.Context, docs []Document) (left []Document, rejected []Rejection, err error) {
	for len(docs) > 0 {
		n := batch(docs)
		again, refused, err := es.persist(ctx, docs[:n])
		rejected = append(rejected, refused...)
		if err != nil {
			return slices.Concat(again, docs[n:]), rejected, fmt.Errorf("%s: %w", es.target, err)
		}
		docs = docs[n:]
	}
	return nil, rejected, nil
}

// batch returns how many of docs go into the next request.
func batch(docs []Document) int {
	size := 0
	for i, d := range docs {
		if size += len(d.Body) + len(d.ID); i > 0 && size > maxBatchBytes || i == maxBatchDocuments {
			return i
		}
	}
	return len(docs)
}

// persist sends one batch, again when that helps. A request that is refused as a whole because of one document in it (an
// id of more than 512 bytes, too many bytes) is halved until that document stands alone.
func (es *elasticsearch) persist(ctx context.Context, docs []Document) (left []Document, rejected []Rejection, err error) {
	left = docs
	err = es.retry(ctx, func() error {
		var refused []Rejection
		var err error
		left, refused, err = es.bulk(ctx, left)
		rejected = append(rejected, refused...)
		return err
	})
	var whole *refusedWhole
	if !errors.As(err, &whole) {
		return left, rejected, err
	}
	if len(left) == 1 {
		return nil, append(rejected, Rejection{left[0], whole.Error()}), nil
	}
	middle := len(left) / 2
	for i, half := range [][]Document{left[:middle], left[middle:]} {
		again, refused, halfErr := es.persist(ctx, half)
		rejected = append(rejected, refused...)
		if halfErr != nil && i == 0 {
			again = slices.Concat(again, left[middle:])
		}
		if halfErr != nil {
			return again, rejected, halfErr
		}
	}
	return nil, rejected, nil
}

// bulk makes one request.
func (es *elasticsearch) bulk(ctx context.Context, docs []Document) (left []Document, rejected []Rejection, err error) {
	body, err := es.encode(docs)
	if err != nil {
		return docs, nil, err
	}
	// Plain media types: "vnd.elasticsearch+json; compatible-with=8" is unknown to version 7 and to OpenSearch.
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, es.target.URI+"/_bulk?filter_path=errors,items.*.status,items.*.error", bytes.NewReader(body))
	if err != nil {
		return docs, nil, err
	}
	r.Header.Set("Content-Type", "application/x-ndjson")
	r.Header.Set("Accept", "application/json")
	answer, err := es.do(r)
	if err != nil {
		return docs, nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return docs, nil, &temporary{err: fmt.Errorf("read the answer: %w", err)}
	}
	if answer.StatusCode != http.StatusOK {
		return docs, nil, refusal(answer, text)
	}
	return es.read(text, docs)
}

func (es *elasticsearch) encode(docs []Document) ([]byte, error) {
	type meta struct {
		Index string `json:"_index"`
		ID    string `json:"_id"`
	}
	op := "index"
	if es.target.Create {
		op = "create"
	}
	var b bytes.Buffer
	for _, d := range docs {
		line, err := json.Marshal(map[string]meta{op: {es.target.Index, d.ID}})
		if err != nil {
			return nil, err
		}
		b.Write(line)
		b.WriteByte('\n')
		b.Write(d.Body)
		b.WriteByte('\n')
	}
	return b.Bytes(), nil
}

// bulkError is Elasticsearch's description of what went wrong.
type bulkError struct {
	Type     string     `json:"type"`
	Reason   string     `json:"reason"`
	CausedBy *bulkError `json:"caused_by"`
}

func (e *bulkError) String() string {
	text := e.Type + ": " + e.Reason
	for c := e.CausedBy; c != nil; c = c.CausedBy {
		text += ": " + c.Reason
	}
	return text
}

// read sorts the documents of a request by the answer, which has an item for each, in their order.
func (es *elasticsearch) read(text []byte, docs []Document) (left []Document, rejected []Rejection, err error) {
	var answer struct {
		Items []map[string]struct {
			Status int       `json:"status"`
			Error  bulkError `json:"error"`
		} `json:"items"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || len(answer.Items) != len(docs) {
		return docs, nil, fmt.Errorf("the answer is not that of a bulk request (%d items for %d documents); is the uri right? It begins: %s",
			len(answer.Items), len(docs), excerpt(text))
	}
	status, why := 0, ""
	for i, d := range docs {
		for _, item := range answer.Items[i] {
			switch s := item.Status; {
			case s/100 == 2, s == http.StatusConflict && es.target.Create: // there already, from an earlier try
			case s == http.StatusBadRequest, s == http.StatusRequestEntityTooLarge:
				rejected = append(rejected, Rejection{d, item.Error.String()})
			default:
				left = append(left, d)
				status, why = s, item.Error.String()
			}
		}
	}
	if len(left) > 0 {
		err = statusError(status, "", fmt.Errorf("%d of %d documents were not taken: %d %s", len(left), len(docs), status, why))
	}
	return left, rejected, err
}

// refusal makes the error of an answer other than 200.
func refusal(answer *http.Response, text []byte) error {
	var body struct {
		Error bulkError `json:"error"`
	}
	why := excerpt(text)
	isElastic := json.Unmarshal(text, &body) == nil && body.Error.Type != ""
	if isElastic {
		why = body.Error.String()
	}
	err := fmt.Errorf("%s: %s", answer.Status, why)
	switch s := answer.StatusCode; {
	case s == http.StatusRequestEntityTooLarge, s == http.StatusBadRequest && isElastic:
		return &refusedWhole{err}
	case s/100 == 3:
		return fmt.Errorf("%s: redirected to %s, which the uri should be", answer.Status, answer.Header.Get("Location"))
	case s == http.StatusUnauthorized, s == http.StatusForbidden:
		return fmt.Errorf("%w (credentials: auth in the definition, or ELASTICSEARCH_USERNAME and ELASTICSEARCH_PASSWORD)", err)
	default:
		return statusError(s, answer.Header.Get("Retry-After"), err)
	}
}

// refusedWhole says that a request was refused because of something in it.
type refusedWhole struct{ error }

// excerpt shortens an answer for a message.
func excerpt(text []byte) string {
	s := strings.Join(strings.Fields(string(text)), " ")
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "..."
	}
	if s == "" {
		return "(empty answer)"
	}
	return s
}
