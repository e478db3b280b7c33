// Package docs runs the examples of the documents, so that a reader who copies one sees what it says.
package docs

import (
	"bufio"
	"bytes"
	"context"
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

// An example is a fenced block of a document: a file to write, named by a comment before it, or commands to run.
type example struct {
	line     int
	language string
	file     string // from <!-- file: PATH -->
	exit     string // from <!-- exit: CODE -->
	text     string
}

var (
	fileComment = regexp.MustCompile(`^<!-- file: (\S+) -->$`)
	exitComment = regexp.MustCompile(`^<!-- exit: (\d+) -->$`)
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
	var file, exit string
	scanner := bufio.NewScanner(bytes.NewReader(content))
	for n := 1; scanner.Scan(); n++ {
		line := scanner.Text()
		switch language, fence := strings.CutPrefix(line, "```"); {
		case fence && open == nil:
			open = &example{line: n, language: language, file: file, exit: exit}
			file, exit = "", ""
		case fence:
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
	for _, path := range []string{"README.md", "docs/guide.md", "docs/from-python.md"} {
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
				ran += play(t, dir, environ, e)
			}
			if ran == 0 {
				t.Error("no example was run")
			}
		})
	}
}

// play writes the example's file or runs its commands, and returns how many it ran.
func play(t *testing.T, dir string, environ []string, e example) int {
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
	if e.language != "console" {
		return 0
	}
	ran := 0
	for command := range strings.SplitSeq(strings.ReplaceAll(e.text, "\\\n", " "), "\n") {
		command, ok := strings.CutPrefix(command, "$ ")
		if !ok || !strings.Contains(command, "rucio-task-manager ") || strings.HasPrefix(command, "docker") {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		cmd := exec.CommandContext(ctx, "bash", "-c", command)
		cmd.Dir, cmd.Env = dir, environ
		out, err := cmd.CombinedOutput()
		cancel()
		want := e.exit
		if want == "" {
			want = "0"
		}
		if got := cmd.ProcessState.ExitCode(); got < 0 || want != strconv.Itoa(got) {
			t.Errorf("line %d: $ %s\nexit code %d (%v), want %s\n%s", e.line, command, got, err, want, out)
		}
		ran++
	}
	return ran
}
