package output

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
)

func TestEmitAndClose(t *testing.T) {
	s := elasticsearch7(t)
	spool := filepath.Join(t.TempDir(), "a", "spool")
	d, log := newDispatcher(t, spool, s.env)
	target := s.target(t)
	e := d.Emitter([]Target{target})
	emit(t, e, 0, 3)
	if err := e.Emit(t.Context(), "", json.RawMessage(`{"n": 9007199254740993, "text": "<&>"}`)); err != nil {
		t.Fatal(err)
	}
	closed(t, e, Tally{Sent: 4})
	docs := s.documents(t, target.Index)
	if len(docs) != 4 {
		t.Fatalf("got %v", docs)
	}
	for id, doc := range docs {
		if !strings.HasPrefix(id, "n-") && (len(id) != 36 || id[14] != '4' || doc.Source["text"] != "<&>") {
			t.Errorf("got %s: %v", id, doc.Source)
		}
	}
	if text := string(s.do(t, "GET", "/"+target.Index+"/_search?q=n:9007199254740993", "")); !strings.Contains(text, "9007199254740993") {
		t.Errorf("digits were lost: %s", text)
	}
	waiting(t, d, 0)
	if log.String() != "" {
		t.Error(log)
	}
	if err := e.Emit(t.Context(), "late", json.RawMessage(`{}`)); err == nil || err.Error() != "emit: the task has ended" {
		t.Error(err)
	}
}

func TestEmitRefusesWhatIsNoDocument(t *testing.T) {
	d, _ := newDispatcher(t, t.TempDir(), noEnv)
	e := d.Emitter(nil)
	for _, text := range []string{"", "null", "3", `"text"`, "[1]", "{", `{"a":1} {"b":2}`} {
		if err := e.Emit(t.Context(), "", json.RawMessage(text)); err == nil || !strings.HasPrefix(err.Error(), "a document must be a JSON object: ") {
			t.Errorf("%q: %v", text, err)
		}
	}
	closed(t, e, Tally{})
}

// The database goes away in the middle of a run, and comes back: each document is stored, and written once, although the
// answer to one request was lost.
func TestDownInTheMiddle(t *testing.T) {
	s := elasticsearch7(t)
	n := behind(t, s)
	spool := t.TempDir()
	target := s.target(t)
	target.URI = n.URL + "/elastic"

	n.set(func(n int32) fault {
		if n > 1 {
			return cut
		}
		return none
	})
	first, log := newDispatcher(t, spool, s.env)
	e := first.Emitter([]Target{target})
	emit(t, e, 0, 700)
	got, err := e.Close(t.Context())
	if err != nil || got.Lost+got.Rejected > 0 || got.Sent+got.Spooled != 700 || got.Spooled < 200 {
		t.Fatalf("%+v, %v", got, err)
	}
	if text := log.String(); !strings.Contains(text, target.String()+": EOF; ") || !strings.Contains(text, fmt.Sprintf("; %d documents of this task wait in the spool", got.Spooled)) {
		t.Error(log)
	}
	if b := waiting(t, first, got.Spooled); len(b) != 1 || b[0].Target.String() != target.String() || time.Since(b[0].Oldest).Abs() > time.Hour {
		t.Errorf("%+v", b)
	}

	n.up()
	second, _ := newDispatcher(t, spool, s.env)
	e = second.Emitter([]Target{target})
	emit(t, e, 700, 10)
	closed(t, e, Tally{Sent: 10})
	expect(t, s, target.Index, 710)
	waiting(t, second, 0)
}

func TestLostAnswer(t *testing.T) {
	s := elasticsearch7(t)
	n := behind(t, s)
	target := s.target(t)
	target.URI = n.URL + "/elastic"
	n.set(func(int32) fault { return answer })
	d, _ := newDispatcher(t, t.TempDir(), s.env)
	e := d.Emitter([]Target{target})
	emit(t, e, 0, 5)
	closed(t, e, Tally{Spooled: 5}) // as far as we know
	n.up()
	if r, err := d.Flush(t.Context(), nil, false); err != nil || len(r) != 1 || r[0].Sent != 5 || r[0].Err != nil {
		t.Fatalf("%+v %v", r, err)
	}
	if docs := s.documents(t, target.Index); len(docs) != 5 {
		t.Errorf("%d documents: ids are not stable", len(docs))
	}
}

func TestFlush(t *testing.T) {
	s := elasticsearch7(t)
	n := behind(t, s)
	spool := t.TempDir()
	target := s.target(t)
	target.URI = n.URL + "/elastic"
	n.down()
	d, _ := newDispatcher(t, spool, s.env)
	e := d.Emitter([]Target{target})
	emit(t, e, 0, 3)
	closed(t, e, Tally{Spooled: 3})

	results, err := d.Flush(t.Context(), nil, false)
	if err != nil || len(results) != 1 || results[0].Sent != 0 || results[0].Err == nil {
		t.Fatalf("%+v %v", results, err)
	}
	n.up()
	results, err = d.Flush(t.Context(), nil, false)
	if err != nil || len(results) != 1 || results[0].Sent != 3 || results[0].Err != nil || results[0].Target.Index != target.Index {
		t.Fatalf("%+v %v", results, err)
	}
	expect(t, s, target.Index, 3)
	if results, err = d.Flush(t.Context(), nil, false); err != nil || len(results) != 0 {
		t.Errorf("%+v %v", results, err)
	}
}

// A task that emits nothing still sends what waits for its databases.
func TestNextRunSends(t *testing.T) {
	s := elasticsearch7(t)
	spool := t.TempDir()
	target := s.target(t)
	d, _ := newDispatcher(t, spool, noEnv) // 401
	e := d.Emitter([]Target{target})
	emit(t, e, 0, 3)
	closed(t, e, Tally{Spooled: 3})
	next, _ := newDispatcher(t, spool, s.env)
	closed(t, next.Emitter([]Target{target}), Tally{})
	expect(t, s, target.Index, 3)
}

// What was emitted later is what the database ends up with.
func TestOrder(t *testing.T) {
	s := elasticsearch7(t)
	spool := t.TempDir()
	target := s.target(t)
	for i := range 5 {
		env := noEnv
		if i == 4 {
			env = s.env
		}
		d, _ := newDispatcher(t, spool, env)
		e := d.Emitter([]Target{target})
		if err := e.Emit(t.Context(), "service", json.RawMessage(fmt.Sprintf(`{"i": %d}`, i))); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if d := s.documents(t, target.Index)["service"]; d.Source["i"] != 4.0 || d.Version != 5 {
		t.Errorf("%+v", d)
	}
}

func TestRejectedArePutAside(t *testing.T) {
	s := elasticsearch7(t)
	spool := t.TempDir()
	target := s.target(t)
	s.do(t, "PUT", "/"+target.Index, `{"mappings": {"properties": {"n": {"type": "long"}}}}`)
	d, log := newDispatcher(t, spool, s.env)
	e := d.Emitter([]Target{target})
	emit(t, e, 0, 2)
	if err := e.Emit(t.Context(), "odd", json.RawMessage(`{"n": "three"}`)); err != nil {
		t.Fatal(err)
	}
	got, err := e.Close(t.Context())
	if got != (Tally{Sent: 2, Rejected: 1}) || fail.CodeOf(err) != fail.Output ||
		!strings.Contains(err.Error(), "1 documents were refused for good; they are in "+filepath.Join(spool, target.Key(), "rejected")) {
		t.Fatalf("%+v %v", got, err)
	}
	if !strings.Contains(log.String(), "the first, odd: mapper_parsing_exception") {
		t.Error(log)
	}
	b := waiting(t, d, 0)
	if len(b) != 1 || b[0].Rejected != 1 {
		t.Fatalf("%+v", b)
	}

	// Still refused: it stays there, once. Mended: it goes.
	if r, err := d.Flush(t.Context(), nil, true); err != nil || len(r) != 1 || r[0].Rejected != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	if b := waiting(t, d, 0); len(b) != 1 || b[0].Rejected != 1 {
		t.Fatalf("%+v", b)
	}
	s.do(t, "DELETE", "/"+target.Index, "")
	if r, err := d.Flush(t.Context(), nil, true); err != nil || len(r) != 1 || r[0].Sent != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	if docs := s.documents(t, target.Index); docs["odd"].Source["n"] != "three" {
		t.Errorf("%+v", docs)
	}
	if b := waiting(t, d, 0); len(b) > 0 {
		t.Errorf("%+v", b)
	}
}

// The credentials of a definition are never written; a flush needs the definition, and does not try others.
func TestOwnCredentials(t *testing.T) {
	s := elasticsearch7(t)
	n := behind(t, s)
	n.down()
	spool := t.TempDir()
	target := s.target(t)
	target.URI, target.OwnAuth, target.Auth = n.URL+"/elastic", true, Auth{User: "somebody", Password: "hunter22"}
	d, log := newDispatcher(t, spool, s.env)
	e := d.Emitter([]Target{target})
	emit(t, e, 0, 1)
	closed(t, e, Tally{Spooled: 1})
	if text := spoolText(t, spool) + log.String(); strings.Contains(text, "hunter22") || strings.Contains(text, "somebody") || strings.Contains(text, s.password) {
		t.Error(text)
	}

	n.up()
	before := n.requests.Load()
	r, err := d.Flush(t.Context(), nil, false)
	if err != nil || len(r) != 1 || r[0].Err == nil || !strings.Contains(r[0].Err.Error(), "its credentials stand in a task definition") ||
		!strings.Contains(fail.HintOf(r[0].Err), "outputs flush FILE") {
		t.Errorf("%+v %v", r, err)
	}
	if n.requests.Load() != before {
		t.Error("the database was asked without its credentials")
	}
	target.Auth = Auth{User: "elastic", Password: "secret"}
	if r, err = d.Flush(t.Context(), []Target{target}, false); err != nil || len(r) != 1 || r[0].Sent != 1 || r[0].Err != nil {
		t.Errorf("%+v %v", r, err)
	}
	expect(t, s, target.Index, 1)
}

// Damage in the spool is put aside, and holds up nothing.
func TestBrokenSegment(t *testing.T) {
	s := elasticsearch7(t)
	spool := t.TempDir()
	target := s.target(t)
	d, _ := newDispatcher(t, spool, noEnv)
	e := d.Emitter([]Target{target})
	emit(t, e, 0, 4)
	closed(t, e, Tally{Spooled: 4})
	path := only(t, filepath.Join(spool, target.Key()), sealedSuffix)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	lines[1] = "\x00\x00\x00\n"
	torn := append(slices.Clone(lines[:4]), `{"id":"n-4","doc":{"n":`)
	if err := os.WriteFile(path, []byte(strings.Join(torn, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	d, log := newDispatcher(t, spool, s.env)
	r, err := d.Flush(t.Context(), nil, false)
	if err != nil || len(r) != 1 || r[0].Sent != 3 || r[0].Err != nil {
		t.Fatalf("%+v %v", r, err)
	}
	if !strings.Contains(log.String(), "1 lines of "+path+" are no documents") {
		t.Error(log)
	}
	if docs := s.documents(t, target.Index); len(docs) != 3 || docs["n-1"].ID != "" {
		t.Errorf("%v", docs)
	}
	if b := waiting(t, d, 0); len(b) != 1 || b[0].Broken != 1 {
		t.Errorf("%+v", b)
	}

	if err := os.WriteFile(filepath.Join(spool, target.Key(), "target.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := d.List(); err != nil || len(b) != 1 || !strings.Contains(b[0].Problem, "target.json: unexpected end of JSON input") {
		t.Errorf("%+v %v", b, err)
	}
	if r, err := d.Flush(t.Context(), nil, false); err != nil || len(r) != 1 || r[0].Err == nil {
		t.Errorf("%+v %v", r, err)
	}
	if r, err := d.Flush(t.Context(), []Target{target}, false); err != nil || len(r) != 0 {
		t.Errorf("%+v %v", r, err)
	}
}

func only(t *testing.T, dir, suffix string) string {
	t.Helper()
	paths, err := files(dir, suffix)
	if err != nil || len(paths) != 1 {
		t.Fatalf("%v %v", paths, err)
	}
	return paths[0]
}

// Many tasks of several processes write and send at the same time.
func TestSideBySide(t *testing.T) {
	s := elasticsearch7(t)
	spool := t.TempDir()
	target := s.target(t)
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			d, _ := newDispatcher(t, spool, s.env)
			e := d.Emitter([]Target{target})
			for n := range 40 {
				if err := e.Emit(t.Context(), fmt.Sprintf("n-%d", worker*40+n), json.RawMessage(fmt.Sprintf(`{"n":%d}`, worker*40+n))); err != nil {
					t.Error(err)
				}
			}
			if got, err := e.Close(t.Context()); err != nil || got != (Tally{Sent: 40}) {
				t.Errorf("%+v %v", got, err)
			}
		})
	}
	all.Wait()
	expect(t, s, target.Index, 320)
}

// Whoever looks for segments that were left behind never gets hold of one that is being begun.
func TestBeginBesideAdopt(t *testing.T) {
	q := (&spool{dir: t.TempDir()}).queueOf(Target{Type: "es", URI: "http://a", Index: "i"})
	done := make(chan struct{})
	var adopting sync.WaitGroup
	adopting.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				if err := q.adopt(); err != nil {
					t.Error(err)
				}
			}
		}
	})
	for n := range 500 {
		s, err := q.begin()
		if err == nil {
			err = s.append(numbered(n, 1)[0])
		}
		if err == nil {
			err = s.seal()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	adopting.Wait()
	total := 0
	for _, path := range must(files(q.dir, sealedSuffix))(t) {
		docs, broken, err := readSegment(path)
		if err != nil || broken > 0 {
			t.Error(broken, err)
		}
		total += len(docs)
	}
	if total != 500 {
		t.Errorf("%d documents, want 500", total)
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// A process that sends forever holds up no other: its documents are safe.
func TestAnotherProcessIsSending(t *testing.T) {
	s := opensearch(t)
	target := s.target(t)
	spool := t.TempDir()
	times := fast
	times.timeout = 10 * time.Millisecond
	d, log := newDispatcher(t, spool, s.env, func(o *Options) { o.timing = &times })
	e := d.Emitter([]Target{target})
	emit(t, e, 0, 2)
	unlock, err := d.spool.queueOf(target).lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	closed(t, e, Tally{Spooled: 2})
	if !strings.Contains(log.String(), target.String()+": another process is sending: context deadline exceeded; 2 documents of this task wait in the spool") {
		t.Error(log)
	}
	unlock()
	next, _ := newDispatcher(t, spool, s.env)
	closed(t, next.Emitter([]Target{target}), Tally{})
	expect(t, s, target.Index, 2)
}

// A long task's documents are sent while it runs.
func TestBackground(t *testing.T) {
	s := elasticsearch7(t)
	n := behind(t, s)
	times := fast
	times.every = 20 * time.Millisecond
	d, _ := newDispatcher(t, t.TempDir(), s.env, func(o *Options) { o.timing = &times })
	target := s.target(t)
	target.URI = n.URL
	e := d.Emitter([]Target{target})
	emit(t, e, 0, 1)
	<-n.served
	expect(t, s, target.Index, 1)
	emit(t, e, 1, 1)
	closed(t, e, Tally{Sent: 2})
	expect(t, s, target.Index, 2)
}

// A segment that is full is sent at once.
func TestFullSegment(t *testing.T) {
	s := elasticsearch7(t)
	n := behind(t, s)
	d, _ := newDispatcher(t, t.TempDir(), s.env)
	target := s.target(t)
	target.URI = n.URL
	e := d.Emitter([]Target{target})
	emit(t, e, 0, maxBatchDocuments)
	<-n.served
	expect(t, s, target.Index, maxBatchDocuments)
	emit(t, e, maxBatchDocuments, 1)
	closed(t, e, Tally{Sent: maxBatchDocuments + 1})
}

// A database that failed is asked once, not at the end of each task; another gets its documents.
func TestLeavesAloneWhatFailed(t *testing.T) {
	s := opensearch(t)
	n := behind(t, s)
	n.down()
	times := fast
	times.rest = time.Hour
	d, _ := newDispatcher(t, t.TempDir(), s.env, func(o *Options) { o.timing = &times })
	dead, alive := s.target(t), s.target(t)
	dead.URI = n.URL
	for i := range 5 {
		e := d.Emitter([]Target{dead, alive})
		emit(t, e, i, 1)
		closed(t, e, Tally{Sent: 1, Spooled: 1})
	}
	if got := int(n.requests.Load()); got != fast.attempts {
		t.Errorf("%d requests, want the %d attempts of the first task", got, fast.attempts)
	}
	expect(t, s, alive.Index, 5)
	n.up()
	if r, err := d.Flush(t.Context(), nil, false); err != nil || len(r) != 1 || r[0].Sent != 5 {
		t.Errorf("%+v %v", r, err)
	}
	expect(t, s, dead.Index, 5)
}

func TestCloseInTime(t *testing.T) {
	s := opensearch(t)
	spool := t.TempDir()
	target := s.target(t)
	d, _ := newDispatcher(t, spool, s.env)
	e := d.Emitter([]Target{target})
	emit(t, e, 0, 2)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := e.Close(ended); err != nil || got != (Tally{Spooled: 2}) {
		t.Fatalf("%+v %v", got, err)
	}
	next, _ := newDispatcher(t, spool, s.env)
	closed(t, next.Emitter([]Target{target}), Tally{})
	expect(t, s, target.Index, 2)
}
