// Package docs runs the examples of the documents, so that a reader who copies one sees what it says.
package docs

import (
	"bufio"
	"bytes"
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
)

// An example is a fenced block of a document: a file to write, named by a comment before it, commands to run, or Lua to run
// because a comment before it says so.
type example struct {
	line     int
	language string
	file     string // from <!-- file: PATH -->
	exit     string // from <!-- exit: CODE -->
	run      string // "run" or "same", from <!-- run --> or <!-- run: same -->
	python   string // the block of Python before it, which prints the same if run is "same"
	text     string
}

var (
	fileComment = regexp.MustCompile(`^<!-- file: (\S+) -->$`)
	exitComment = regexp.MustCompile(`^<!-- exit: (\d+) -->$`)
	runComment  = regexp.MustCompile(`^<!-- (?:run: )?(run|same) -->$`)
)

// examples reads the fenced blocks of a document, in order.
func examples(t *testing.T, path string) []example {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []example
	var open *example
	var file, exit, run, python string
	scanner := bufio.NewScanner(bytes.NewReader(content))
	for n := 1; scanner.Scan(); n++ {
		line := scanner.Text()
		switch language, fence := strings.CutPrefix(line, "```"); {
		case fence && open == nil:
			open = &example{line: n, language: language, file: file, exit: exit, run: run, python: python}
			file, exit, run = "", "", ""
		case fence:
			if open.language == "python" {
				python = open.text
			}
			all = append(all, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		default:
			if m := fileComment.FindStringSubmatch(line); m != nil {
				file = m[1]
			}
			if m := exitComment.FindStringSubmatch(line); m != nil {
				exit = m[1]
			}
			if m := runComment.FindStringSubmatch(line); m != nil {
				run = m[1]
			}
		}
	}
	return all
}

// TestDocuments goes through each document from top to bottom in a folder of its own: writes the files, runs the commands of
// this program, and expects them to end well. Commands of other programs (make, docker) are for the reader.
func TestDocuments(t *testing.T) {
	env := testbed.Require(t)
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(bin, "rucio-task-manager"), root)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	for _, service := range []string{"oidc", "voms", "kdc"} { // of the pages about logins
		maps.Copy(env.Vars, env.RequireService(t, service))
	}
	for _, path := range []string{
		"README.md", "docs/guide.md", "docs/transfers.md", "docs/from-python.md", "docs/reference/lua.md",
		"docs/auth/README.md", "docs/auth/userpass.md", "docs/auth/x509.md", "docs/auth/oidc.md", "docs/auth/ssh.md", "docs/auth/kerberos.md",
	} {
		t.Run(path, func(t *testing.T) {
			all := examples(t, filepath.Join(root, path))
			if len(all) == 0 {
				t.Fatal("no examples")
			}
			dir := t.TempDir()
			if err := os.CopyFS(filepath.Join(dir, "etc", "tasks"), os.DirFS(filepath.Join(root, "etc", "tasks"))); err != nil {
				t.Fatal(err)
			}
			environ := append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+dir, "RUCIO_TASK_MANAGER_ROOT="+dir,
				"TASK_STUBS_TEXT=Hello", "XDG_STATE_HOME="+dir, "TMPDIR="+dir)
			for name, value := range env.Vars {
				if strings.HasPrefix(name, "RUCIO_") || strings.HasPrefix(name, "TESTBED_") {
					environ = append(environ, name+"="+value)
				}
			}
			ran := 0
			for _, e := range all {
				ran += play(t, dir, &environ, e)
			}
			if ran == 0 {
				t.Error("no example was run")
			}
		})
	}
}

// play writes the example's file or runs its commands, and returns how many it ran. Variables that they export are there for
// what comes after.
func play(t *testing.T, dir string, environ *[]string, e example) int {
	t.Helper()
	if e.file != "" {
		path := filepath.Join(dir, e.file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(e.text), 0o644); err != nil {
			t.Fatal(err)
		}
		return 0
	}
	switch {
	case e.run != "":
		playLua(t, dir, *environ, e)
		return 1
	case e.language != "console":
		return 0
	}
	ran := 0
	for line := range strings.SplitSeq(strings.ReplaceAll(e.text, "\\\n", " "), "\n") {
		line, ok := strings.CutPrefix(line, "$ ")
		if strings.HasPrefix(line, "export ") || strings.HasPrefix(line, "unset ") {
			*environ = changed(t, dir, *environ, line)
			continue
		}
		if !ok || !strings.Contains(line, "rucio-task-manager ") || strings.HasPrefix(line, "docker") {
			continue
		}
		out, got, err := command(dir, *environ, line)
		want := e.exit
		if want == "" {
			want = "0"
		}
		if got < 0 || want != strconv.Itoa(got) {
			t.Errorf("line %d: $ %s\nexit code %d (%v), want %s\n%s", e.line, line, got, err, want, out)
		}
		ran++
	}
	return ran
}

// changed returns the environment after a line that exports variables, or unsets some.
func changed(t *testing.T, dir string, environ []string, line string) []string {
	t.Helper()
	out, code, err := command(dir, environ, line+"; env -0")
	if code != 0 {
		t.Fatalf("$ %s\nexit code %d (%v)\n%s", line, code, err, out)
	}
	return strings.Split(strings.TrimSuffix(out, "\x00"), "\x00")
}

// playLua runs a piece of Lua, and the Python beside it if both are to print the same.
func playLua(t *testing.T, dir string, environ []string, e example) {
	t.Helper()
	got, code, err := command(dir, environ, `rucio-task-manager exec --quiet -e "$0"`, e.text) // Python logs nothing either
	if code != 0 {
		t.Errorf("line %d: exit code %d (%v)\n%s\n%s", e.line, code, err, e.text, got)
		return
	}
	if e.run != "same" {
		return
	}
	python := "from rucio.client import Client\nclient = Client()\n" + e.python
	want, code, err := command(dir, environ, `"$TESTBED_PYTHON" -c "$0"`, python)
	if code != 0 || got != want {
		t.Errorf("line %d: Python (exit code %d, %v) prints\n%s\nand Lua\n%s", e.line, code, err, want, got)
	}
}

// command runs a line of shell for at most a minute; args are $0, $1 and so on. It returns what was written and the exit code.
func command(dir string, environ []string, line string, args ...string) (out string, code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", append([]string{"-c", line}, args...)...)
	cmd.Dir, cmd.Env = dir, environ
	text, err := cmd.CombinedOutput()
	return string(text), cmd.ProcessState.ExitCode(), err
}
