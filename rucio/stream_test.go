package rucio

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestReadsGzip(t *testing.T) {
	c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Type", "application/x-json-stream")
		z := gzip.NewWriter(w)
		for i := range 1000 {
			fmt.Fprintf(z, "{\"rse\": \"R%d\"}\n", i)
			z.Flush()
			w.(http.Flusher).Flush()
		}
		z.Close()
	}, nil)
	n := 0
	for rse, err := range c.ListRSEs(t.Context(), nil) {
		if err != nil || rse.RSE != fmt.Sprint("R", n) {
			t.Fatalf("row %d: %+v, %v", n, rse, err)
		}
		n++
	}
	if n != 1000 {
		t.Errorf("got %d rows", n)
	}
}

// streamOf answers with rows and then with whatever end does.
func streamOf(rows string, end func(w http.ResponseWriter, r *http.Request)) handler {
	return func(w http.ResponseWriter, r *http.Request, _ int) {
		w.Header().Set("Content-Type", "application/x-json-stream")
		fmt.Fprint(w, rows)
		w.(http.Flusher).Flush()
		end(w, r)
	}
}

func TestCutStreamsAreErrors(t *testing.T) {
	hangUp := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for name, test := range map[string]struct {
		handler handler
		class   Exception
		cause   error
		message string
		change  func(*Options)
	}{
		"connection closed": {handler: streamOf("{\"rse\":\"A\"}\n", hangUp), class: ErrServerConnectionException, cause: io.ErrUnexpectedEOF,
			message: "the answer was cut off after 1 rows"},
		"half a row": {handler: streamOf("{\"rse\":\"A\"}\n{\"rse\":", func(http.ResponseWriter, *http.Request) {}), class: ErrServerConnectionException,
			cause: io.ErrUnexpectedEOF, message: "the answer was cut off after 1 rows"},
		"silence": {handler: streamOf("{\"rse\":\"A\"}\n", hang), class: ErrReadTimeout, message: "after 1 rows: the server stopped answering for 50ms",
			change: func(o *Options) { o.Timeout = 50 * time.Millisecond }},
		"not JSON": {handler: streamOf("{\"rse\":\"A\"}\n<html>\n", func(http.ResponseWriter, *http.Request) {}), class: ErrRucioException,
			message: "cannot read the server's answer"},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := serve(t, test.handler, test.change)
			rows, failures := 0, 0
			for rse, err := range c.ListRSEs(t.Context(), nil) {
				if err == nil && rse.RSE == "A" {
					rows++
					continue
				}
				failures++
				if e := asError(t, err); e.Class != string(test.class) || !strings.Contains(e.Message, test.message) || e.Method != "list_rses" {
					t.Errorf("got %v", err)
				}
				if test.cause != nil && !errors.Is(err, test.cause) {
					t.Errorf("%v does not wrap %v", err, test.cause)
				}
			}
			if rows != 1 || failures != 1 {
				t.Errorf("got %d rows and %d errors", rows, failures)
			}
		})
	}
}

// TestOneObject holds that a method which returns an object takes neither none nor several for one, and that the connection
// is used again.
func TestOneObject(t *testing.T) {
	var mu sync.Mutex
	connections := map[string]bool{}
	answer := func(rows string) (*DIDInfo, error) {
		c, _ := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
			mu.Lock()
			connections[r.RemoteAddr] = true
			mu.Unlock()
			streamOf(rows, func(http.ResponseWriter, *http.Request) {})(w, r, n)
		}, nil)
		clear(connections)
		c.GetDID(t.Context(), "s", "n", nil) //nolint:errcheck // the next tells
		return c.GetDID(t.Context(), "s", "n", nil)
	}
	did, err := answer("{\"name\": \"n\"}\n")
	if err != nil || did.Name != "n" || len(connections) != 1 {
		t.Errorf("got %+v, %v by %d connections", did, err, len(connections))
	}
	for rows, message := range map[string]string{
		"":                                       "expected an object, got nothing",
		"{\"name\": \"n\"}\n{\"name\": \"m\"}\n": "expected one object, got several",
	} {
		if did, err := answer(rows); did != nil || err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("%q: got %+v, %v, want %s", rows, did, err, message)
		}
	}
}

func TestLastRowNeedsNoNewline(t *testing.T) {
	c, _ := serve(t, streamOf("\n{\"rse\":\"A\"}\r\n\n{\"rse\":\"B\"}", func(http.ResponseWriter, *http.Request) {}), nil)
	var names []string
	for rse, err := range c.ListRSEs(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, rse.RSE)
	}
	if fmt.Sprint(names) != "[A B]" {
		t.Errorf("got %v", names)
	}
}

func TestContextEndsEverything(t *testing.T) {
	why := errors.New("the task was stopped")
	for name, h := range map[string]handler{
		"before the answer": func(_ http.ResponseWriter, r *http.Request, _ int) { <-r.Context().Done() },
		"within a stream":   streamOf("{\"rse\":\"A\"}\n", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }),
		"between attempts":  func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(503) },
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := serve(t, h, nil)
			c.unit = time.Hour
			ctx, cancel := context.WithCancelCause(t.Context())
			stop := time.AfterFunc(50*time.Millisecond, func() { cancel(why) })
			defer stop.Stop()
			var last error
			for _, err := range c.ListRSEs(ctx, nil) {
				last = err
			}
			if !errors.Is(last, ErrCancelled) || !errors.Is(last, why) {
				t.Errorf("got %v", last)
			}
		})
	}
}

// TestLeavingAStream sees that a stream that is left ends on the server too, and that the connection of a short one is used
// again.
func TestLeavingAStream(t *testing.T) {
	ended := make(chan struct{})
	var mu sync.Mutex
	var reused []bool
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request, n int) {
		w.Header().Set("Content-Type", "application/x-json-stream")
		if n > 2 {
			defer close(ended)
			for r.Context().Err() == nil {
				fmt.Fprintln(w, `{"rse":"A"}`)
			}
			return
		}
		fmt.Fprint(w, "{\"rse\":\"A\"}\n{\"rse\":\"B\"}\n")
	}, func(o *Options) {
		o.Trace = func(r RequestTrace) {
			mu.Lock()
			defer mu.Unlock()
			reused = append(reused, r.Reused)
		}
	})
	for range 3 {
		for rse, err := range c.ListRSEs(t.Context(), nil) {
			if err != nil || rse.RSE != "A" {
				t.Fatal(rse, err)
			}
			break
		}
	}
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Error("the server goes on sending")
	}
	if fmt.Sprint(reused) != "[false true true]" {
		t.Errorf("connections were reused: %v", reused)
	}
}

// TestListsThatAreOneRow sees that an endpoint that answers with one list counts as its elements, while a raw client gives
// what the Python client does.
func TestListsThatAreOneRow(t *testing.T) {
	c, _ := serve(t, func(w http.ResponseWriter, _ *http.Request, _ int) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `[{"rse": "A"}, {"rse": "B"}]`)
	}, nil)
	var names []string
	for rse, err := range c.ListRSEs(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, rse.RSE)
	}
	for row, err := range c.Raw().ListRSEs(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, string(row.JSON()))
	}
	if got := strings.Join(names, " "); got != `A B [{"rse": "A"}, {"rse": "B"}]` {
		t.Errorf("got %s", got)
	}
}
