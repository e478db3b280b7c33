package catalog_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// servedCalls is a process of `call --serve`, the way in which programs in other languages use the catalog.
type servedCalls struct {
	in  io.Writer
	out *bufio.Reader
	n   int
}

func startServing(t *testing.T, env *testbed.Env) *servedCalls {
	program := filepath.Join(t.TempDir(), "rucio-task-manager")
	if out, err := exec.Command("go", "build", "-o", program, "../..").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	cmd := exec.Command(program, "call", "--serve")
	cmd.Env = append(os.Environ(), "RUCIO_CONFIG="+env.Config, "HOME="+t.TempDir(), "TMPDIR="+t.TempDir())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("call --serve: %v\n%s", err, stderr.Bytes())
		}
	})
	return &servedCalls{in: in, out: bufio.NewReader(out)}
}

// call asks for one call and sees the answer as the Python client would show it.
func (s *servedCalls) call(method string, kwargs json.RawMessage) outcome {
	s.n++
	var args map[string]json.RawMessage
	if err := json.Unmarshal(kwargs, &args); err != nil {
		return outcome{Class: "broken case", Message: err.Error()}
	}
	for name, value := range args {
		args[name] = asServed(value)
	}
	line, err := json.Marshal(map[string]any{"id": s.n, "method": method, "kwargs": args})
	if err == nil {
		_, err = s.in.Write(append(line, '\n'))
	}
	if err != nil {
		return outcome{Class: "call --serve", Message: err.Error()}
	}
	text, err := s.out.ReadString('\n')
	if err != nil {
		return outcome{Class: "call --serve", Message: err.Error()}
	}
	var answer struct {
		ID    int
		Error *struct {
			Class, Message string
			Status         int
		}
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.ID != s.n {
		return outcome{Class: "call --serve", Message: fmt.Sprintf("%v: %s", err, text)}
	}
	whole := decode(text).(map[string]any)
	if _, given := whole["result"]; given == (answer.Error != nil) {
		return outcome{Class: "call --serve", Message: "neither result nor error, or both: " + text}
	}
	if answer.Error != nil {
		return pythonError(&rucio.Error{Class: answer.Error.Class, Message: answer.Error.Message, Status: answer.Error.Status})
	}
	return outcome{Result: whole["result"]}
}

// asServed is standIn with datetimes as requests have them.
func asServed(v json.RawMessage) json.RawMessage {
	var stands struct {
		Date string `json:"$date"`
	}
	if json.Unmarshal(v, &stands) != nil || stands.Date == "" {
		return standIn(v)
	}
	for _, layout := range []string{"2006-01-02T15:04:05", time.RFC3339Nano} {
		if at, err := time.Parse(layout, strings.TrimSuffix(stands.Date, "Z")); err == nil {
			return json.RawMessage(`"` + at.UTC().Format("Mon, 02 Jan 2006 15:04:05 UTC") + `"`)
		}
	}
	return standIn(v)
}
