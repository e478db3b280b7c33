package transfer

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// bookkeeper is a server that takes traces, each request when it is let go.
type bookkeeper struct {
	mu    sync.Mutex
	sizes []int // of the lists that came
	seen  map[float64]int
	under int
	most  int // requests that were under way at a time
	came  chan struct{}
	leave chan struct{}
}

func (b *bookkeeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var traces []map[string]float64
	if json.Unmarshal(body, &traces) != nil {
		var one map[string]float64
		_ = json.Unmarshal(body, &one)
		traces = append(traces, one)
	}
	b.mu.Lock()
	b.under++
	b.most = max(b.most, b.under)
	b.sizes = append(b.sizes, len(traces))
	for _, trace := range traces {
		b.seen[trace["n"]]++
	}
	b.mu.Unlock()
	b.came <- struct{}{}
	<-b.leave
	b.mu.Lock()
	b.under--
	b.mu.Unlock()
	w.WriteHeader(http.StatusCreated)
}

// Traces go many at once, in few requests at a time beside a registration and in more when it is over; each of them once.
func TestTracesWaitForEachOther(t *testing.T) {
	for _, beside := range []int{traceRequestsBeside, traceRequests} {
		b := &bookkeeper{seen: map[float64]int{}, came: make(chan struct{}, 100), leave: make(chan struct{})}
		server := httptest.NewServer(b)
		defer server.Close()
		c, err := rucio.New(rucio.Options{Hosts: []string{server.URL}, Account: "root"})
		if err != nil {
			t.Fatal(err)
		}
		traces := NewMover(Setup{}).tracer(t.Context(), c, beside)
		const all = 10 * tracesAtOnce
		for n := range all {
			traces.add(map[string]any{"n": n})
		}
		for range beside {
			<-b.came
		}
		b.mu.Lock()
		if b.under != beside || len(b.sizes) != beside {
			t.Errorf("%d requests are under way, want %d", b.under, beside)
		}
		b.mu.Unlock()
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			traces.close()
		}()
		for range traceRequests - beside {
			<-b.came
		}
		close(b.leave)
		<-closed
		if b.most != traceRequests || len(b.sizes) != all/tracesAtOnce || len(b.seen) != all {
			t.Errorf("%d requests at a time, of %v traces; %d of %d came", b.most, b.sizes, len(b.seen), all)
		}
		for n, times := range b.seen {
			if times != 1 {
				t.Errorf("trace %v came %d times", n, times)
			}
		}
	}
}
