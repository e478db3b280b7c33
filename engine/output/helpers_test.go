package output

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// fast makes retries quick, and background sending so rare that a test decides when documents are sent.
var fast = timing{timeout: 20 * time.Second, attempts: 2, pause: time.Millisecond, every: time.Hour}

// database is a real server of the testbed.
type database struct {
	name, url, user, password string
}

func elasticsearch7(t *testing.T) database {
	v := testbed.RequireService(t, "elasticsearch")
	return database{"Elasticsearch", v["TESTBED_ES_URL"], v["TESTBED_ES_USERNAME"], v["TESTBED_ES_PASSWORD"]}
}

func opensearch(t *testing.T) database {
	return database{"OpenSearch", testbed.RequireService(t, "opensearch")["TESTBED_OPENSEARCH_URL"], "", ""}
}

// env is an environment with the server's credentials.
func (s database) env(name string) string {
	return map[string]string{"ELASTICSEARCH_USERNAME": s.user, "ELASTICSEARCH_PASSWORD": s.password}[name]
}

func (s database) target(t *testing.T) Target {
	return Target{Type: "es", URI: s.url, Index: testbed.Unique("rtm-test-")}
}

func (s database) do(t *testing.T, method, path, body string) []byte {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	Auth{User: s.user, Password: rucio.Secret(s.password)}.apply(r)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode >= 300 {
		t.Fatalf("%s %s: %s %s %v", method, path, answer.Status, text, err)
	}
	return text
}

// stored is a document as the server has it.
type stored struct {
	ID      string         `json:"_id"`
	Version int            `json:"_version"` // how often it was written
	Source  map[string]any `json:"_source"`
}

// documents returns all of an index, by id.
func (s database) documents(t *testing.T, index string) map[string]stored {
	t.Helper()
	s.do(t, "POST", "/"+index+"/_refresh", "")
	var answer struct {
		Hits struct{ Hits []stored }
	}
	if err := json.Unmarshal(s.do(t, "GET", "/"+index+"/_search?size=10000&version=true", ""), &answer); err != nil {
		t.Fatal(err)
	}
	all := map[string]stored{}
	for _, d := range answer.Hits.Hits {
		all[d.ID] = d
	}
	return all
}

// remote is a network between us and a real server that can be made to fail.
type remote struct {
	*httptest.Server
	requests atomic.Int32
	served   chan struct{}                       // told when a request was answered, if anybody listens
	fault    atomic.Pointer[func(n int32) fault] // what happens to the n-th request, from 1
}

type fault int

const (
	none   fault = iota
	cut          // the connection breaks before the server sees the request
	answer       // the server takes the request, and its answer is lost
)

func behind(t *testing.T, s database) *remote {
	u, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(u)
		r.Out.URL.Path = strings.TrimPrefix(r.In.URL.Path, "/elastic") // as an ingress would
	}}
	n := &remote{served: make(chan struct{}, 1)}
	n.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		count, what := n.requests.Add(1), none
		if f := n.fault.Load(); f != nil {
			what = (*f)(count)
		}
		switch what {
		case cut:
			panic(http.ErrAbortHandler)
		case answer:
			proxy.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		}
		proxy.ServeHTTP(w, r)
		select {
		case n.served <- struct{}{}:
		default:
		}
	}))
	t.Cleanup(n.Close)
	return n
}

func (n *remote) set(f func(n int32) fault) { n.fault.Store(&f) }
func (n *remote) down()                     { n.set(func(int32) fault { return cut }) }
func (n *remote) up()                       { n.set(func(int32) fault { return none }) }

// logBuffer is a log for tests.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// newDispatcher makes one as a process of its own would have it.
func newDispatcher(t *testing.T, spool string, getenv func(string) string, change ...func(*Options)) (*Dispatcher, *logBuffer) {
	t.Helper()
	log := &logBuffer{}
	times := fast
	o := Options{Spool: spool, Getenv: getenv, Log: log.logger(), UserAgent: "rucio-task-manager/test", timing: &times}
	for _, f := range change {
		f(&o)
	}
	return New(o), log
}

func noEnv(string) string { return "" }

// emit sends documents {"n": from}, {"n": from+1}, ... with the ids n-<from>, ...
func emit(t *testing.T, e *Emitter, from, count int) {
	t.Helper()
	for n := from; n < from+count; n++ {
		if err := e.Emit(t.Context(), fmt.Sprintf("n-%d", n), json.RawMessage(fmt.Sprintf(`{"n": %d}`, n))); err != nil {
			t.Fatal(err)
		}
	}
}

func closed(t *testing.T, e *Emitter, want Tally) {
	t.Helper()
	got, err := e.Close(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}

// expect fails unless the index holds exactly the documents n-0 to n-<count-1>, each written once.
func expect(t *testing.T, s database, index string, count int) {
	t.Helper()
	docs := s.documents(t, index)
	for n := range count {
		d, ok := docs[fmt.Sprintf("n-%d", n)]
		if !ok || d.Source["n"] != float64(n) || d.Version != 1 {
			t.Errorf("n-%d: there %t, %+v", n, ok, d)
		}
	}
	if len(docs) != count {
		t.Errorf("%d documents, want %d", len(docs), count)
	}
}

// waiting fails unless exactly n documents wait in the spool.
func waiting(t *testing.T, d *Dispatcher, n int) []Backlog {
	t.Helper()
	all, err := d.List()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, b := range all {
		sum += b.Documents
	}
	if sum != n {
		t.Errorf("%d documents wait, want %d: %+v", sum, n, all)
	}
	return all
}

// spoolText is everything that is written in a spool, names included.
func spoolText(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		fmt.Fprintln(&b, path)
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		b.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func send(t *testing.T, d *Dispatcher, target Target, docs []Document) ([]Document, []Rejection, error) {
	t.Helper()
	db, err := d.open(target)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return db.Send(ctx, docs)
}

func numbered(from, count int) []Document {
	var docs []Document
	for n := from; n < from+count; n++ {
		docs = append(docs, Document{ID: fmt.Sprintf("n-%d", n), Emitted: time.Now(), Body: json.RawMessage(fmt.Sprintf(`{"n":%d}`, n))})
	}
	return docs
}
