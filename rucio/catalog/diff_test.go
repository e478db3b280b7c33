package catalog_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testclient"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
)

// step is a line of testdata/cases/*.jsonl: a call that the Python client and the catalog both make, on the same server.
// Both must get the same result or the same error, and so must `call --serve`. Each side has names of its own: "$id" stands for a random text, "$ID" for
// the same in capitals, "$number", quotes included, for a random number, and "$dir" for a folder.
type step struct {
	Method    string            `json:"method"`
	Kwargs    json.RawMessage   `json:"kwargs"`
	Error     string            `json:"error"`     // the exception that both must raise; empty: both must succeed
	Mistake   string            `json:"mistake"`   // what Python's client raises by a mistake of its own, where both should succeed
	DB        string            `json:"db"`        // only where this is the testbed's database: sqlite or postgres
	Unordered bool              `json:"unordered"` // the server gives the rows in any order
	Mine      bool              `json:"mine"`      // only rows that hold $id count; others are of tests that run beside this one
	Part      string            `json:"part"`      // only what is at this JSON path of the result counts; other tests change the rest
	Text      bool              `json:"text"`      // Python returns text where the catalog has a stream of one row
	Save      map[string]string `json:"save"`      // variable to JSON path in the result: {"rule": "0"} makes $rule
	Daemons   []string          `json:"daemons"`   // instead of a call: run these of the testbed's daemons, and none but when told from here on
	line      int
}

// TestSameAsPython proves methods against the Python client.
func TestSameAsPython(t *testing.T) {
	env := testbed.Require(t)
	python := startPython(t, env)
	client := testclient.New(t, nil)
	served := startServing(t, env)
	files, err := filepath.Glob("testdata/cases/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".jsonl"), func(t *testing.T) {
			random := fmt.Sprintf("%08x", rand.Uint32())
			goSide := &side{id: "g" + random, dir: t.TempDir(), number: fmt.Sprint(1_000_000_000 + rand.Int32N(500_000_000)), vars: map[string]string{}, call: func(method string, kwargs json.RawMessage) outcome {
				return callCatalog(t.Context(), client, method, kwargs)
			}}
			pySide := &side{id: "p" + random, dir: t.TempDir(), number: fmt.Sprint(1_500_000_000 + rand.Int32N(500_000_000)), vars: map[string]string{}, call: python.call}
			serveSide := &side{id: "s" + random, dir: t.TempDir(), number: fmt.Sprint(500_000_000 + rand.Int32N(500_000_000)), vars: map[string]string{}, call: served.call}
			background := &daemons{env: env}
			defer background.release()
			for _, s := range readSteps(t, file) {
				if s.Daemons != nil {
					background.run(t, s.Daemons)
					continue
				}
				if s.DB != "" && s.DB != env.Vars["TESTBED_DB"] {
					skippedCases = skippedCases || s.DB == "sqlite"
					continue
				}
				want, got, answer := pySide.run(t, s), goSide.run(t, s), serveSide.run(t, s)
				mistaken := s.Mistake != "" && want.Class == s.Mistake
				if mistaken {
					want = outcome{Result: got.Result}
				}
				where := fmt.Sprintf("%s:%d: %s", file, s.line, s.Method)
				if want.Class != s.Error {
					t.Errorf("%s: the Python client raised %q (%s), the case expects %q", where, want.Class, want.Message, s.Error)
				}
				if diff := compare(want, answer); diff != "" {
					t.Errorf("%s with call --serve\n%s", where, diff)
				}
				if diff := compare(want, got); diff != "" {
					t.Errorf("%s\n%s", where, diff)
					continue
				}
				if !mistaken {
					prove(s.Method, s.Error != "")
				}
			}
		})
	}
}

// skippedCases tells that cases of the database for which testdata/proven.jsonl was made were left out.
var skippedCases bool

// readSteps reads a file of cases; lines that begin with # are comments.
func readSteps(t *testing.T, file string) []step {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var steps []step
	for i, line := range strings.Split(string(data), "\n") {
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		s := step{line: i + 1, Kwargs: json.RawMessage("{}")}
		d := json.NewDecoder(strings.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&s); err != nil {
			t.Fatalf("%s:%d: %v", file, i+1, err)
		}
		steps = append(steps, s)
	}
	return steps
}

// outcome is what a call came to.
type outcome struct {
	Result    any
	Class     string // empty on success
	Message   string
	ClassOnly bool // the error was found before anything was sent, where both sides have words of their own
}

// side is one of the two clients, with its own names.
type side struct {
	id, number string // for "$id" and "$number"
	dir        string // for "$dir"

	vars map[string]string
	call func(method string, kwargs json.RawMessage) outcome
}

func (s *side) run(t *testing.T, st step) outcome {
	text := string(st.Kwargs)
	for name, value := range s.vars {
		text = strings.ReplaceAll(text, "$"+name, value)
	}
	text = strings.ReplaceAll(text, `"$number"`, s.number)
	text = strings.ReplaceAll(text, "$dir", s.dir)
	text = strings.ReplaceAll(text, "$id", s.id)
	text = strings.ReplaceAll(text, "$ID", strings.ToUpper(s.id))
	out := s.call(st.Method, json.RawMessage(text))
	for name, path := range st.Save {
		text, ok := at(out.Result, path).(string)
		if !ok {
			t.Fatalf("line %d: nothing to save at %q in %v %s: %s", st.line, path, out.Result, out.Class, out.Message)
		}
		s.vars[name] = text
	}
	if st.Part != "" {
		part := strings.ReplaceAll(strings.ReplaceAll(st.Part, "$id", s.id), "$ID", strings.ToUpper(s.id))
		if out.Result = at(out.Result, part); out.Result == nil && st.Error == "" {
			t.Errorf("line %d: nothing at %s", st.line, part)
		}
	}
	out.Result = s.normal(out.Result)
	out.Message = s.plain(out.Message)
	if list, ok := out.Result.([]any); ok {
		out.Result = st.tidy(list)
	}
	return out
}

// tidy removes what may differ between two lists by the step's own account.
func (st *step) tidy(list []any) any {
	if st.Text && len(list) == 1 {
		return list[0]
	}
	if st.Mine {
		list = slices.DeleteFunc(list, func(row any) bool { return !strings.Contains(fmt.Sprint(row), "$id") })
	}
	if st.Unordered {
		slices.SortFunc(list, func(a, b any) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	}
	return list
}

// at returns what is at a path such as "rses.MOCK1.protocols.0", nil when there is nothing; "." is the whole.
func at(value any, path string) any {
	if path == "." {
		return value
	}
	for _, key := range strings.Split(path, ".") {
		value = member(value, key)
	}
	return value
}

func member(value any, key string) any {
	switch value := value.(type) {
	case map[string]any:
		return value[key]
	case []any:
		var i int
		if _, err := fmt.Sscan(key, &i); err == nil && i < len(value) {
			return value[i]
		}
	}
	return nil
}

var (
	uuids = regexp.MustCompile(`\b[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}\b`)
	dates = regexp.MustCompile(`\b(\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d UTC|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?)`)
)

// plain takes out of a text what may differ between the two sides: their names, times and ids.
func (s *side) plain(text string) string {
	text = strings.ReplaceAll(text, s.id, "$id")
	text = strings.ReplaceAll(text, strings.ToUpper(s.id), "$id")
	text = strings.ReplaceAll(text, s.number, "$number")
	return dates.ReplaceAllString(uuids.ReplaceAllString(text, "UUID"), "DATE")
}

func (s *side) normal(value any) any {
	switch value := value.(type) {
	case string:
		return s.plain(value)
	case json.Number:
		if value == "1e999" {
			return "Infinity"
		}
		return s.plain(value.String())
	case []any:
		for i := range value {
			value[i] = s.normal(value[i])
		}
	case map[string]any:
		changed := make(map[string]any, len(value))
		for k, v := range value {
			changed[s.plain(k)] = s.normal(v)
		}
		return changed
	}
	return value
}

// compare returns how two outcomes differ, or nothing.
func compare(want, got outcome) string {
	if want.Class != got.Class || want.Message != got.Message && !got.ClassOnly {
		return fmt.Sprintf("Python: %s: %s\nGo:     %s: %s", want.Class, want.Message, got.Class, got.Message)
	}
	w, _ := json.MarshalIndent(want.Result, "", " ")
	g, _ := json.MarshalIndent(got.Result, "", " ")
	if !bytes.Equal(w, g) {
		return fmt.Sprintf("Python: %s\nGo:     %s", w, g)
	}
	return ""
}

// callCatalog makes a call through the catalog and sees its error as the Python client would show it.
func callCatalog(ctx context.Context, c *rucio.Client, name string, kwargs json.RawMessage) outcome {
	m, ok := catalog.Lookup(name)
	if !ok {
		return outcome{Class: "no such method"}
	}
	var args catalog.Args
	if err := json.Unmarshal(kwargs, &args); err != nil {
		return outcome{Class: "broken case", Message: err.Error()}
	}
	for k, v := range args {
		args[k] = standIn(v)
	}
	result, err := m.Call(ctx, c, args)
	if err != nil {
		return pythonError(err)
	}
	if m.Returns != catalog.Stream {
		return outcome{Result: decode(cmp.Or(string(result.Value), "null"))}
	}
	list := []any{}
	for row, err := range result.Rows {
		if err != nil {
			return pythonError(err)
		}
		list = append(list, decode(string(row)))
	}
	return outcome{Result: list}
}

// standIn turns the driver's ways to write a datetime and an enumeration's member into the text that the catalog takes.
func standIn(v json.RawMessage) json.RawMessage {
	var stands struct {
		Date string `json:"$date"`
		Enum string `json:"$enum"`
	}
	if json.Unmarshal(v, &stands) != nil || stands.Date+stands.Enum == "" {
		return v
	}
	_, member, _ := strings.Cut(stands.Enum, ".")
	return json.RawMessage(fmt.Sprintf("%q", stands.Date+member))
}

func decode(text string) (v any) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return fmt.Sprintf("not JSON: %v: %s", err, text)
	}
	return v
}

// pythonError is the exception that the Python client would raise: it knows the classes of rucio.common.exception only.
func pythonError(err error) outcome {
	var argument *catalog.ArgumentError
	if errors.As(err, &argument) {
		return outcome{Class: argument.Class, Message: argument.Message, ClassOnly: true}
	}
	var e *rucio.Error
	if file := (*fs.PathError)(nil); !errors.As(err, &e) && errors.As(err, &file) {
		return outcome{Class: "OSError", ClassOnly: true}
	}
	if !errors.As(err, &e) {
		return outcome{Class: fmt.Sprintf("%T", err), Message: err.Error()}
	}
	if e.Status != 0 && e.Class == string(rucio.ErrRucioException) { // the server sent plain text, which Python's client drops
		return outcome{Class: e.Class, ClassOnly: true}
	}
	if strings.HasPrefix(e.Message, "the server gave no reason") { // Python's client says None, or nothing
		return outcome{Class: e.Class, ClassOnly: true}
	}
	if e.Status != 0 && !knownToPython[e.Class] {
		return outcome{Class: "RucioException", Message: e.Class + ": " + e.Message}
	}
	return outcome{Class: e.Class, Message: e.Message, ClassOnly: e.Status == 0}
}

var knownToPython = readExceptions()

func readExceptions() map[string]bool {
	known := map[string]bool{}
	f, err := os.Open("../testdata/exceptions.jsonl")
	if err != nil {
		panic(err)
	}
	defer f.Close()
	for d := json.NewDecoder(f); ; {
		var class struct{ Name string }
		if err := d.Decode(&class); err == io.EOF {
			return known
		} else if err != nil {
			panic(err)
		}
		known[class.Name] = true
	}
}

// pythonClient is the driver's process.
type pythonClient struct {
	in  io.Writer
	out *bufio.Reader
}

// startPython starts the driver. settings are variables that change the client's configuration.
func startPython(t *testing.T, env *testbed.Env, settings ...string) *pythonClient {
	cmd := exec.Command(env.Python, "testdata/driver.py")
	cmd.Env = append(os.Environ(), "RUCIO_CONFIG="+env.Config, "HOME="+t.TempDir(), "TMPDIR="+t.TempDir())
	cmd.Env = append(cmd.Env, settings...)
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
			t.Errorf("the Python client: %v\n%s", err, stderr.Bytes())
		}
	})
	return &pythonClient{in: in, out: bufio.NewReader(out)}
}

func (p *pythonClient) call(method string, kwargs json.RawMessage) outcome {
	line, err := json.Marshal(map[string]any{"method": method, "kwargs": kwargs})
	if err == nil {
		_, err = p.in.Write(append(line, '\n'))
	}
	if err != nil {
		return outcome{Class: "driver", Message: err.Error()}
	}
	answer, err := p.out.ReadString('\n')
	if err != nil {
		return outcome{Class: "driver", Message: err.Error()}
	}
	var a struct {
		Error struct{ Class, Message string }
	}
	if err := json.Unmarshal([]byte(answer), &a); err != nil {
		return outcome{Class: "driver", Message: err.Error()}
	}
	return outcome{Result: member(decode(answer), "result"), Class: a.Error.Class, Message: a.Error.Message}
}
