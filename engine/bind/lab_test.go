package bind

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/redact"
	"github.com/rucio-task-manager/rucio-task-manager/engine/report"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

// A lab is a VM with all modules, and what they did to their host.
type lab struct {
	*Host
	L       *lua.LState
	out     *buffer // what was printed
	logged  *buffer
	mu      sync.Mutex
	metrics []report.Metric
	env     map[string]string
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// labTime is the present in labs.
var labTime = time.Date(2026, 11, 23, 4, 56, 23, 784e6, time.UTC) // a Monday

// newLab makes a lab; change may change its host before the VM is made.
func newLab(t testing.TB, change ...func(*Host)) *lab {
	t.Helper()
	b := &lab{out: &buffer{}, logged: &buffer{}, env: map[string]string{}}
	dir := t.TempDir()
	b.Host = &Host{
		Log: slog.New(slog.NewTextHandler(b.logged, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}})),
		TempDir:  func() (string, error) { return dir, os.MkdirAll(dir, 0o700) },
		Env:      func(name string) (string, bool) { v, ok := b.env[name]; return v, ok },
		Redactor: &redact.Redactor{},
		Record: func(m report.Metric) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.metrics = append(b.metrics, m)
		},
		Now: func() time.Time { return labTime },
	}
	for _, f := range change {
		f(b.Host)
	}
	v := vm.New(vm.Options{Modules: Modules(b.Host), Prepare: Prepare, Fill: Fill, Stdout: b.out})
	t.Cleanup(v.Close)
	b.L = v.State()
	return b
}

// eval runs a chunk and returns what it returns, as text; or "error: ...".
func (b *lab) eval(t testing.TB, chunk string, args ...lua.LValue) string {
	t.Helper()
	results, err := run(t, b.L, chunk, args...)
	if err != nil {
		return "error: " + vm.AsError(err).Message
	}
	return b.texts(results)
}

func (b *lab) texts(values []lua.LValue) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = b.L.ToStringMeta(v).String()
	}
	return strings.Join(texts, " ")
}

// check runs chunks, each in the same VM, and compares what they return.
func (b *lab) check(t *testing.T, tests []example) {
	t.Helper()
	for _, test := range tests {
		got := b.eval(t, test.chunk)
		if strings.HasPrefix(test.want, "error: ...") {
			if want := test.want[len("error: ..."):]; !strings.HasPrefix(got, "error: ") || !strings.Contains(got, want) {
				t.Errorf("%s\n got %s\nwant an error with %s", test.chunk, got, want)
			}
			continue
		}
		if got != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.chunk, got, test.want)
		}
	}
}

// An example is a chunk and what it returns. A want that begins with "error: ..." is a part of the error.
type example struct{ chunk, want string }
