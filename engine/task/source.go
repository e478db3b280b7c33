package task

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/engine/suggest"
)

// source is one text of definitions, not yet read.
type source struct {
	name string // for people; no secrets
	read func(ctx context.Context) (string, error)
}

// sources tells what to read. What cannot be found becomes a problem.
func (l *loader) sources(args []string) []source {
	if len(args) == 0 {
		return l.fromEnvironment()
	}
	var all []source
	for _, arg := range args {
		all = append(all, l.expand(arg)...)
	}
	return all
}

// fromEnvironment does what the container's entrypoint of the Python original did: inline definitions win over a path. A
// variable that is empty, as Helm makes it of a missing value, counts as not set.
func (l *loader) fromEnvironment() []source {
	if text, _ := l.opts.Env("TASK_FILE_YAML"); strings.TrimSpace(text) != "" {
		return []source{{"TASK_FILE_YAML", func(context.Context) (string, error) {
			return readAll(strings.NewReader(text), l.opts.MaxBytes)
		}}}
	}
	path, _ := l.opts.Env("TASK_FILE_PATH")
	if path = strings.TrimSpace(path); path == "" {
		l.problem("", &fault{"no task definitions are given", "name a file, folder or URL, or set TASK_FILE_PATH or TASK_FILE_YAML"})
		return nil
	}
	if root, _ := l.opts.Env("RUCIO_TASK_MANAGER_ROOT"); root != "" && !filepath.IsAbs(path) && !isURL(path) {
		if _, err := l.opts.Files.Stat(path); errors.Is(err, fs.ErrNotExist) {
			below := filepath.Join(root, path)
			if _, err := l.opts.Files.Stat(below); err == nil {
				path = below
			}
		}
	}
	return l.expand(path)
}

// expand makes sources of one argument. A file whose name looks like a URL is a file.
func (l *loader) expand(arg string) []source {
	if arg == "-" {
		return []source{{"standard input", func(context.Context) (string, error) {
			if l.opts.Stdin == nil {
				return "", nil
			}
			return readAll(l.opts.Stdin, l.opts.MaxBytes)
		}}}
	}
	info, err := l.opts.Files.Stat(arg)
	switch {
	case err == nil && info.IsDir():
		return l.folder(arg)
	case err == nil:
		return []source{l.file(arg)}
	case isURL(arg):
		return l.url(arg)
	}
	f := &fault{"cannot be read: " + reason(err), ""}
	if errors.Is(err, fs.ErrNotExist) {
		f = &fault{"no such file or folder", l.nearFile(arg)}
	}
	l.problem(arg, f)
	return nil
}

func (l *loader) file(path string) source {
	return source{path, func(context.Context) (string, error) {
		file, err := l.opts.Files.Open(path)
		if err != nil {
			return "", fmt.Errorf("cannot be read: %s", reason(err))
		}
		defer func() { _ = file.Close() }() // it was only read
		return readAll(file, l.opts.MaxBytes)
	}}
}

// folder lists the definition files in a folder and below.
func (l *loader) folder(root string) []source {
	var all []source
	var list func(dir string, above []fs.FileInfo)
	list = func(dir string, above []fs.FileInfo) {
		if info, err := l.opts.Files.Stat(dir); err == nil {
			if slices.ContainsFunc(above, func(other fs.FileInfo) bool { return os.SameFile(info, other) }) {
				return // a link to a folder above: it would never end
			}
			above = append(above, info)
		}
		entries, err := l.opts.Files.ReadDir(dir)
		if err != nil {
			l.problem(dir, fmt.Errorf("cannot be read: %s", reason(err)))
			return
		}
		for _, entry := range entries {
			path := filepath.Join(dir, entry.Name())
			if strings.HasPrefix(entry.Name(), ".") {
				continue // among them ..data, by which Kubernetes mounts a ConfigMap
			}
			isDir, isLink := entry.IsDir(), entry.Type()&fs.ModeSymlink != 0
			if isLink { // the files of a ConfigMap are links, too
				if info, err := l.opts.Files.Stat(path); err == nil {
					isDir = info.IsDir()
				}
			}
			switch extension := filepath.Ext(path); {
			case isDir:
				list(path, above)
			case !isDir && (extension == ".yml" || extension == ".yaml"):
				all = append(all, l.file(path))
			}
		}
	}
	list(root, nil)
	if len(all) == 0 {
		l.problem(root, &fault{"the folder has no *.yml or *.yaml file", ""})
	}
	return all
}

// nearFile suggests a file of a similar name in the same folder.
func (l *loader) nearFile(path string) string {
	entries, err := l.opts.Files.ReadDir(filepath.Dir(path))
	if err != nil {
		return ""
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return suggest.Hint(filepath.Base(path), names)
}

// readAll reads a text that may not be larger than limit.
func readAll(r io.Reader, limit int64) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return "", fmt.Errorf("cannot be read: %w", err)
	}
	if int64(len(data)) > limit {
		return "", fmt.Errorf("is larger than %d bytes", limit)
	}
	return string(data), nil
}

// reason is an error of the file system without the path, which a problem names anyhow.
func reason(err error) string {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}
