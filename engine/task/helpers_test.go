package task

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// head is a task's fields up to kwargs, for definitions in tests.
const head = "  description: d\n  module_name: m\n  class_name: c\n  enabled: true\n  args:\n  kwargs:\n"

// env makes an environment of pairs: name, value, name, value ...
func env(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

// load loads a text as the file x.yml.
func load(t *testing.T, text string, opts Options) (*Set, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "x.yml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := Load(t.Context(), []string{path}, opts)
	for i := range set.Problems {
		set.Problems[i].File = filepath.Base(set.Problems[i].File)
	}
	return set, err
}

// loadKwargs loads a task whose kwargs are the given lines, and returns them.
func loadKwargs(t *testing.T, lines string, opts Options) (map[string]any, *Set) {
	t.Helper()
	set, err := load(t, "t:\n"+head+indent(lines), opts)
	if err != nil {
		t.Fatal(err)
	}
	if len(set.Definitions) != 1 {
		t.Fatalf("%d definitions", len(set.Definitions))
	}
	kwargs := set.Definitions[0].Kwargs
	delete(kwargs, "task_name")
	return kwargs, set
}

func indent(lines string) string {
	return "    " + strings.ReplaceAll(strings.TrimSuffix(lines, "\n"), "\n", "\n    ") + "\n"
}

// at returns the value of a definition at a path below kwargs.
func at(t *testing.T, d *Definition, path string) any {
	t.Helper()
	steps, err := parsePath(path)
	if err != nil {
		t.Fatal(err)
	}
	value := any(map[string]any{"kwargs": d.Kwargs})
	for _, step := range steps {
		switch step := step.(type) {
		case string:
			m, ok := value.(map[string]any)
			if _, there := m[step]; !ok || !there {
				t.Fatalf("%s has no %q", path, step)
			}
			value = m[step]
		case int:
			value = value.([]any)[step]
		}
	}
	return value
}

// wantProblems compares problems with the lines that they should print.
func wantProblems(t *testing.T, got Problems, want ...string) {
	t.Helper()
	var lines []string
	for _, p := range got {
		lines = append(lines, p.String())
	}
	if g, w := strings.Join(lines, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("problems:\n%s\nwant:\n%s", g, w)
	}
}

// python runs a script with the modules it needs, gives it input as JSON and reads its answer as JSON. The golden tables
// hold without it; it proves that they are what Python does. Without the modules the test is skipped.
func python(t *testing.T, modules, script string, input, answer any) {
	t.Helper()
	name := "python3"
	for _, candidate := range []string{os.Getenv("TESTBED_PYTHON"), name} {
		if candidate != "" && exec.Command(candidate, "-c", "import "+modules).Run() == nil {
			name = candidate
			break
		}
		if candidate == "python3" {
			t.Skip("no python3 with " + modules)
		}
	}
	data, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), name, "-c", script)
	cmd.Stdin = bytes.NewReader(data)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if err := json.Unmarshal(out, answer); err != nil {
		t.Fatalf("answer %q: %v", out, err)
	}
}
