package task

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"time"
)

// Options are what Load needs of the world around it. The zero value reads files of the operating system and knows no
// environment.
type Options struct {
	Files    Files                            // nil: the operating system's
	Env      func(name string) (string, bool) // variables for templates, TASK_FILE_YAML and TASK_FILE_PATH; nil: none are set
	Stdin    io.Reader                        // for the source "-"; nil: empty
	HTTP     *http.Client                     // for URLs, e.g. with CAs of one's own; nil: http.DefaultTransport
	Strict   bool                             // a variable that is not set is an error, not a warning
	Timeout  time.Duration                    // for one URL, body included; 0: 30 s
	MaxBytes int64                            // of one source; 0: 10 MiB
}

// Files is the part of a file system that Load uses. Paths are the operating system's.
type Files interface {
	Open(path string) (fs.File, error)
	ReadDir(path string) ([]fs.DirEntry, error)
	Stat(path string) (fs.FileInfo, error)
}

// Set is what was loaded.
type Set struct {
	Definitions []*Definition // the sound ones, in the order of the sources and of each document; disabled ones too
	Problems    Problems      // errors and warnings, in order; a key that a template made may show in them, so redact Secrets
	Secrets     []string      // values that came in by templates and URLs and must not be shown; each once
}

// Load reads definitions from sources: paths of files, paths of folders (all *.yml and *.yaml files in them and below, in
// lexical order, without hidden ones), http and https URLs, and "-" for standard input. Without sources it takes
// TASK_FILE_YAML (the definitions themselves) from the environment, else TASK_FILE_PATH (a path or URL; a relative one is
// also looked for below RUCIO_TASK_MANAGER_ROOT).
//
// The Set is never nil. The error is a Problems with all that keeps tasks from being run; the definitions without
// errors are in the Set all the same, and it is for the caller to decide whether to run these. When ctx ends, the error
// is its cause.
func Load(ctx context.Context, sources []string, opts Options) (*Set, error) {
	l := &loader{opts: opts.withDefaults(), set: &Set{}}
	for _, source := range l.sources(sources) {
		if ctx.Err() != nil {
			return l.set, context.Cause(ctx)
		}
		l.load(ctx, source)
	}
	if ctx.Err() != nil {
		return l.set, context.Cause(ctx)
	}
	return l.set, l.set.Problems.Err()
}

func (o Options) withDefaults() Options {
	if o.Files == nil {
		o.Files = osFiles{}
	}
	if o.Env == nil {
		o.Env = func(string) (string, bool) { return "", false }
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{}
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 10 << 20
	}
	return o
}

type loader struct {
	opts Options
	set  *Set
}

// load reads one source and adds what is in it to the set.
func (l *loader) load(ctx context.Context, s source) {
	text, err := s.read(ctx)
	if err != nil {
		l.problem(s.name, err)
		return
	}
	u := &unit{file: s.name, strict: l.opts.Strict, broken: map[*Definition]bool{},
		t: newTemplater(ctx, l.opts.Env, l.opts.MaxBytes, l.keepSecret)}
	l.set.Definitions = append(l.set.Definitions, u.load(text)...)
	slices.SortStableFunc(u.problems, func(a, b Problem) int { return a.Line - b.Line })
	l.set.Problems = append(l.set.Problems, u.problems...)
}

func (l *loader) problem(name string, err error) {
	p := Problem{File: name, Message: err.Error()}
	var known *fault
	if errors.As(err, &known) {
		p.Hint = known.hint
	}
	l.set.Problems = append(l.set.Problems, p)
}

func (l *loader) keepSecret(value string) {
	if !slices.Contains(l.set.Secrets, value) {
		l.set.Secrets = append(l.set.Secrets, value)
	}
}

// osFiles is the operating system's file system.
type osFiles struct{}

// Open opens a file.
func (osFiles) Open(path string) (fs.File, error) { return os.Open(path) }

// ReadDir lists a folder, sorted by name.
func (osFiles) ReadDir(path string) ([]fs.DirEntry, error) { return os.ReadDir(path) }

// Stat describes a file, or what a link leads to.
func (osFiles) Stat(path string) (fs.FileInfo, error) { return os.Stat(path) }
