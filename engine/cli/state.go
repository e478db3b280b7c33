package cli

import (
	"context"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"os/user"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
)

// State is all that a command may know of the process around it. NewState fills it from the real one; a test fills it as
// it likes and runs a whole command in a few lines. Nothing else in this package touches os.
type State struct {
	Version string            // as the build set it; empty: taken from the build information
	Args    []string          // arguments without the program's name
	Env     map[string]string // the environment
	TempDir string
	Home    string // the user's home folder; empty when there is none
	PID     int
	UID     int // effective

	Stdin          io.Reader
	Stdout, Stderr io.Writer
	StdinTTY       bool
	StdoutTTY      bool
	StderrTTY      bool
	NoColumns      bool // the terminal does not know how wide it is, as in a container that nobody looks at

	Files Files

	TempFile     func() (TempFile, error)
	User         func() string                                 // the login name; "unknown" when there is none
	ReadPassword func() (string, error)                        // reads a line from the terminal without echo
	Notify       func() (signals <-chan os.Signal, off func()) // SIGINT and SIGTERM
	Setenv       func(name, value string) error                // for programs that are started later; nil: not done
	Exit         func(code int)
	Now          func() time.Time
	BuildInfo    func() (*debug.BuildInfo, bool)
}

// Files is the file system. Paths are the operating system's.
type Files interface {
	Open(path string) (fs.File, error)
	ReadFile(path string) ([]byte, error)
	ReadDir(path string) ([]fs.DirEntry, error)
	Stat(path string) (fs.FileInfo, error)
	MkdirAll(path string) error
	// WriteNew writes a file that must not exist yet (fs.ErrExist when it does).
	WriteNew(path string, data []byte) error
	// WritePrivate writes a file whole, and its folder, for the owner alone.
	WritePrivate(path string, data []byte) error
	// Sub returns the file system below a folder.
	Sub(path string) fs.FS
}

// NewState returns the state of the real process. version is the one that the build set, or empty.
func NewState(version string) *State {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "" // a container's user may have none; what needs it says so
	}
	columns, _, err := term.GetSize(int(os.Stderr.Fd()))
	return &State{
		Version: version,
		Args:    os.Args[1:],
		Env:     environment(os.Environ()),
		TempDir: os.TempDir(),
		Home:    home,
		PID:     os.Getpid(),
		UID:     os.Geteuid(),

		Stdin:     os.Stdin,
		Stdout:    os.Stdout,
		Stderr:    os.Stderr,
		StdinTTY:  term.IsTerminal(int(os.Stdin.Fd())),
		StdoutTTY: term.IsTerminal(int(os.Stdout.Fd())),
		StderrTTY: term.IsTerminal(int(os.Stderr.Fd())),
		NoColumns: err == nil && columns == 0,

		Files: osFiles{},

		TempFile: newTempFile,

		User: loginName,
		ReadPassword: func() (string, error) {
			line, err := term.ReadPassword(int(os.Stdin.Fd()))
			return string(line), err
		},
		Notify:    notify,
		Setenv:    os.Setenv,
		Exit:      os.Exit,
		Now:       time.Now,
		BuildInfo: debug.ReadBuildInfo,
	}
}

// Getenv returns a variable of the environment; empty when it is not set.
func (s *State) Getenv(name string) string { return s.Env[name] }

func (s *State) lookupEnv(name string) (string, bool) {
	value, ok := s.Env[name]
	return value, ok
}

// withSignals returns a context that the first SIGINT or SIGTERM cancels, so that running tasks can clean up. The second
// one calls onSecond, to end clean-up too; a third ends the process whatever it does.
func (s *State) withSignals(ctx context.Context, onFirst func(os.Signal), onSecond func()) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals, off := s.Notify()
	done := make(chan struct{})
	go func() {
		for n := 1; ; n++ {
			select {
			case sig := <-signals:
				switch n {
				case 1:
					onFirst(sig)
					cancel(&interrupted{sig})
				case 2:
					onSecond()
				default:
					s.Exit(int(fail.Interrupted))
				}
			case <-done:
				return
			}
		}
	}()
	return ctx, func() { off(); close(done); cancel(context.Canceled) }
}

// interrupted is the cause of a context that a signal cancelled.
type interrupted struct{ signal os.Signal }

func (e *interrupted) Error() string { return "stopped by signal: " + e.signal.String() }
func (e *interrupted) Unwrap() error { return context.Canceled }

func environment(pairs []string) map[string]string {
	env := make(map[string]string, len(pairs))
	for _, pair := range pairs {
		if name, value, ok := strings.Cut(pair, "="); ok {
			env[name] = value
		}
	}
	return env
}

func notify() (<-chan os.Signal, func()) {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	return signals, func() { signal.Stop(signals) }
}

func loginName() string {
	u, err := user.Current()
	if err != nil {
		return "unknown" // an arbitrary uid, as OpenShift gives
	}
	return u.Username
}

// osFiles is the real file system.
type osFiles struct{}

func (osFiles) Open(path string) (fs.File, error)          { return os.Open(path) }
func (osFiles) ReadFile(path string) ([]byte, error)       { return os.ReadFile(path) }
func (osFiles) ReadDir(path string) ([]fs.DirEntry, error) { return os.ReadDir(path) }
func (osFiles) Stat(path string) (fs.FileInfo, error)      { return os.Stat(path) }
func (osFiles) Sub(path string) fs.FS                      { return os.DirFS(path) }

// MkdirAll and WriteNew make what others may read, as git would: scripts and definitions hold no secrets.
func (osFiles) MkdirAll(path string) error { return os.MkdirAll(path, 0o755) } //nolint:gosec // see above

func (osFiles) WriteNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // see above
	if err != nil {
		return err
	}
	if _, err := f.Write(data); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
