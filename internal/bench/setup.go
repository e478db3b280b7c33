package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// setup is what all benchmarks share: our program, the testbed's variables, and a folder for what they write.
type setup struct {
	bin    string
	python string            // of the testbed's virtual environment, with rucio-clients
	env    []string          // the testbed's variables, for all contenders
	vars   map[string]string // the same, to look up
	dir    string
	ends   *[]func() // what benchmarks have started, to be stopped
}

func newSetup(bin string) (setup, error) {
	bin, err := filepath.Abs(bin)
	if err != nil {
		return setup{}, err
	}
	out, err := exec.Command("python3", "etc/testbed/testbed.py", "env").Output()
	if err != nil {
		return setup{}, fmt.Errorf("the testbed's environment (is it up? make up): %w", err)
	}
	s := setup{bin: bin, vars: map[string]string{}, ends: new([]func())}
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if name, value, ok := strings.Cut(line, "="); ok {
			s.env, s.vars[name] = append(s.env, line), value
		}
	}
	s.python = s.vars["TESTBED_PYTHON"]
	s.dir, err = os.MkdirTemp("", "bench-")
	return s, err
}

func (s setup) close() {
	for _, end := range *s.ends {
		end()
	}
	_ = os.RemoveAll(s.dir)
}

// atEnd has fn called when all benchmarks are over.
func (s setup) atEnd(fn func()) { *s.ends = append(*s.ends, fn) }

// write puts a file into the benchmarks' folder and returns its path.
func (s setup) write(name, content string) (string, error) {
	path := filepath.Join(s.dir, name)
	return path, os.WriteFile(path, []byte(content), 0o600)
}

// tool returns the path of a command-line tool of the virtual environment, such as rucio.
func (s setup) tool(name string) string { return filepath.Join(filepath.Dir(s.python), name) }
