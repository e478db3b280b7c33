// Package bind gives Lua scripts what Go does for them: one module for each of the entries in Modules, and the one way in
// which values cross between Lua, JSON and Go (see convert.go).
//
// It stands on package vm: a VM is made with Modules as its modules, Prepare and Fill.
package bind

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"sync"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/redact"
	"github.com/rucio-task-manager/rucio-task-manager/engine/report"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

// Host is what the modules need from whoever runs a task. Every task has its own. A field that is nil is done without: its
// comment says how. The functions may be called from several goroutines at once, for a task may run its parts in parallel.
type Host struct {
	// Log takes what scripts log; each record has the attributes file and line (see LogFile and LogLine). nil discards.
	Log *slog.Logger
	// Methods are the functions of module rucio; nil means catalog.Methods.
	Methods []catalog.Method
	// Client returns the client of the run. It is called when a script first needs it, so that a task that does not speak
	// to Rucio needs no account. nil means that there is none.
	Client func(ctx context.Context) (*rucio.Client, error)
	// NewClient makes another client, as rucio.client{...} asks for: its settings are the keyword arguments of Python's
	// Client (account, rucio_host, auth_type, ...). nil means that scripts cannot.
	NewClient func(ctx context.Context, settings map[string]any) (*rucio.Client, error)
	// Storage returns the backend for the PFNs of a storage, which stays open for the run. nil means that there is none.
	Storage func(ctx context.Context, pfn string) (storage.Backend, error)
	// Explain gives an error of a storage its exit code and says what to do about it; nil leaves it as it is.
	Explain func(err error) error
	// TLS is how module http trusts servers and shows a certificate where a script says nothing else; nil means the system's
	// roots and no certificate.
	TLS *tls.Config
	// UserAgent is what module http calls itself; empty means Go's default.
	UserAgent string
	// TempDir returns the task's folder for temporary files. It is there when this returns and goes when the task ends. nil
	// means that scripts cannot make temporary files.
	TempDir func() (string, error)
	// Env looks an environment variable up; nil means that none is set.
	Env func(name string) (string, bool)
	// BeforeEnv is called before a script reads a variable, which may have to be made first: BEARER_TOKEN by a login. The error
	// is why it cannot be. nil means that variables are as they are.
	BeforeEnv func(ctx context.Context, name string) error
	// Redactor learns of the secrets that scripts read; nil forgets them.
	Redactor *redact.Redactor
	// Record takes the metrics of the task; nil drops them.
	Record func(report.Metric)
	// Now is the clock; nil means time.Now. It is the place from where a test sets the time.
	Now func() time.Time

	mu         sync.Mutex
	transports map[trust]*http.Transport // of module http
}

// The attributes that records of scripts have: the script that logged (its path in its root) and the line.
const (
	LogFile = "file"
	LogLine = "line"
)

// modules lists every module, in the order in which the reference shows them. There is no other registry.
func modules() []module {
	return []module{
		rucioModule,
		logModule,
		jsonModule,
		yamlModule,
		httpModule,
		timeModule,
		fileModule,
		storageModule,
		fitsModule,
		randomModule,
		uuidModule,
		didModule,
		envModule,
		metricModule,
		parallelModule,
	}
}

// Modules returns what makes each module in a VM, by the name under which scripts know it.
func Modules(h *Host) map[string]vm.Opener {
	openers := map[string]vm.Opener{}
	for _, m := range modules() {
		openers[m.name] = func(L *lua.LState) lua.LValue { return m.table(L, h) }
	}
	return openers
}

func (h *Host) now() time.Time {
	if h.Now == nil {
		return time.Now()
	}
	return h.Now()
}

func (h *Host) log() *slog.Logger {
	if h.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return h.Log
}

func (h *Host) secret(values ...string) {
	if h.Redactor != nil {
		h.Redactor.Add(values...)
	}
}
