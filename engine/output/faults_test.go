package output

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// A fake stands here for what a real server does not do on demand: being overloaded, and not being one at all.
func fake(t *testing.T, answer func(n int32, w http.ResponseWriter, docs []string)) (Target, *atomic.Int32) {
	var count atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var ids []string
		for dec := json.NewDecoder(r.Body); dec.More(); {
			var line struct {
				Index *struct {
					ID string `json:"_id"`
				}
			}
			if err := dec.Decode(&line); err != nil {
				t.Error(err)
			}
			if line.Index != nil {
				ids = append(ids, line.Index.ID)
			}
		}
		if got := r.Header.Get("Content-Type") + " " + r.Header.Get("Accept") + " " + r.UserAgent(); got != "application/x-ndjson application/json rucio-task-manager/test" {
			t.Errorf("headers: %s", got)
		}
		answer(count.Add(1), w, ids)
	}))
	t.Cleanup(s.Close)
	return Target{Type: "es", URI: s.URL, Index: "i"}, &count
}

func items(w http.ResponseWriter, docs []string, status func(id string) int) {
	var all []string
	for _, id := range docs {
		item := fmt.Sprintf(`{"index":{"status":%d}}`, status(id))
		if status(id) >= 300 {
			item = fmt.Sprintf(`{"index":{"status":%d,"error":{"type":"some_exception","reason":"why","caused_by":{"type":"x","reason":"deeper"}}}}`, status(id))
		}
		all = append(all, item)
	}
	fmt.Fprintf(w, `{"errors":true,"items":[%s]}`, strings.Join(all, ","))
}

func taken(string) int { return 201 }

func TestFaults(t *testing.T) {
	status := func(code int, body string) func(int32, http.ResponseWriter, []string) {
		return func(_ int32, w http.ResponseWriter, _ []string) { w.WriteHeader(code); fmt.Fprint(w, body) }
	}
	for name, c := range map[string]struct {
		answer   func(n int32, w http.ResponseWriter, docs []string)
		left     int
		rejected string
		want     string
		requests int32
	}{
		"overloaded once": {answer: func(n int32, w http.ResponseWriter, docs []string) {
			if n == 1 {
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(429)
				return
			}
			items(w, docs, taken)
		}, requests: 2},
		"some overloaded once": {answer: func(n int32, w http.ResponseWriter, docs []string) {
			items(w, docs, func(id string) int {
				if n == 1 && id != "n-0" {
					return 429
				}
				if n == 2 && id == "n-0" {
					return 500 // must not be sent again
				}
				return 201
			})
		}, requests: 2},
		"overloaded": {answer: status(429, ""), left: 3, want: "429 Too Many Requests: (empty answer)", requests: 2},
		"restarting": {answer: status(503, "<html>busy\n</html>"), left: 3, want: "503 Service Unavailable: <html>busy </html>", requests: 2},
		"mixed": {answer: func(_ int32, w http.ResponseWriter, docs []string) {
			items(w, docs, func(id string) int { return map[string]int{"n-0": 201, "n-1": 400, "n-2": 503}[id] })
		}, left: 1, rejected: "n-1: some_exception: why: deeper", want: "1 of 1 documents were not taken: 503 some_exception: why: deeper", requests: 2},
		"too large for the proxy": {answer: func(_ int32, w http.ResponseWriter, docs []string) {
			if len(docs) > 1 || docs[0] == "n-2" {
				w.WriteHeader(413)
				return
			}
			items(w, docs, taken)
		}, rejected: "n-2: 413 Request Entity Too Large: (empty answer)", requests: 5},
		"not Elasticsearch": {answer: status(200, "<html>welcome</html>"), left: 3, want: "the answer is not that of a bulk request (0 items for 3 documents); is the uri right? It begins: <html>welcome</html>", requests: 1},
		"some other API":    {answer: status(400, `{"detail":"no"}`), left: 3, want: `400 Bad Request: {"detail":"no"}`, requests: 1},
		"moved": {answer: func(_ int32, w http.ResponseWriter, _ []string) {
			w.Header().Set("Location", "https://elsewhere/")
			w.WriteHeader(302)
		}, left: 3, want: "302 Found: redirected to https://elsewhere/, which the uri should be", requests: 1},
		"forbidden": {answer: status(403, ""), left: 3, want: "403 Forbidden: (empty answer) (credentials: ", requests: 1},
	} {
		t.Run(name, func(t *testing.T) {
			target, requests := fake(t, c.answer)
			d, _ := newDispatcher(t, "", noEnv)
			left, rejected, err := send(t, d, target, numbered(0, 3))
			if len(left) != c.left || (err == nil) != (c.left == 0) {
				t.Errorf("left %v, error %v", left, err)
			}
			if err != nil && !strings.HasPrefix(err.Error(), "es "+target.URI+", index i: "+c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			var refused []string
			for _, r := range rejected {
				refused = append(refused, r.ID+": "+r.Reason)
			}
			if strings.Join(refused, "; ") != c.rejected {
				t.Errorf("rejected %v, want %s", refused, c.rejected)
			}
			if got := requests.Load(); got != c.requests {
				t.Errorf("%d requests, want %d", got, c.requests)
			}
		})
	}
}

// When sending fails half way through a request that was divided, the rest stays in order.
func TestFailsAfterDividing(t *testing.T) {
	target, _ := fake(t, func(_ int32, w http.ResponseWriter, docs []string) {
		switch {
		case len(docs) > 2:
			w.WriteHeader(413)
		case docs[0] == "n-0":
			items(w, docs, taken)
		default:
			w.WriteHeader(503)
		}
	})
	d, _ := newDispatcher(t, "", noEnv)
	left, rejected, err := send(t, d, target, numbered(0, 8))
	if err == nil || len(rejected) > 0 || len(left) != 6 {
		t.Fatal(left, rejected, err)
	}
	for i, doc := range left {
		if doc.ID != fmt.Sprintf("n-%d", i+2) {
			t.Errorf("%d: %s", i, doc.ID)
		}
	}
}

func TestNobodyListens(t *testing.T) {
	s := httptest.NewServer(nil)
	s.Close()
	d, _ := newDispatcher(t, "", noEnv)
	left, _, err := send(t, d, Target{Type: "es", URI: s.URL, Index: "i"}, numbered(0, 2))
	if len(left) != 2 || err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Error(left, err)
	}
}
