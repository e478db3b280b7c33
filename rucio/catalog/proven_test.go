package catalog_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
)

// This file keeps the account of what was compared with Python's client. All tests of the package together must have
// compared a success and a failure of every method, except for what testdata/unproven.jsonl names with its reason; the
// numbers are in testdata/proven.jsonl, of which internal/docgen makes docs/reference/differential.md.

var update = flag.Bool("update", false, "write testdata/proven.jsonl anew")

// proof is a line of testdata/proven.jsonl: how many calls of a method gave what Python's client gives.
type proof struct {
	Method    string `json:"method"`
	Successes int    `json:"successes"`
	Failures  int    `json:"failures"`
}

// proven counts comparisons that found no difference.
var proven = struct {
	sync.Mutex
	successes, failures map[string]int
}{successes: map[string]int{}, failures: map[string]int{}}

// prove counts a call that both clients answered alike.
func prove(method string, failed bool) {
	proven.Lock()
	defer proven.Unlock()
	if failed {
		proven.failures[method]++
	} else {
		proven.successes[method]++
	}
}

// TestMain prints the account after a run of all tests against the testbed, and fails when it is not complete.
func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	all := flag.Lookup("test.run").Value.String() == "" && flag.Lookup("test.skip").Value.String() == "" && flag.Lookup("test.list").Value.String() == ""
	if code == 0 && all && len(proven.successes) > 0 {
		if err := account(); err != nil {
			fmt.Fprintln(os.Stderr, "FAIL:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// account prints what was proven and compares it with testdata.
func account() error {
	excused, err := readExcuses()
	if err != nil {
		return err
	}
	var lines bytes.Buffer
	var problems []string
	successes, failures := 0, 0
	for _, m := range catalog.Methods {
		p := proof{m.Name, proven.successes[m.Name], proven.failures[m.Name]}
		for _, missing := range []struct {
			what  string
			count int
			total *int
		}{{"success", p.Successes, &successes}, {"failure", p.Failures, &failures}} {
			excuse := strings.Contains(excused[m.Name], missing.what)
			switch {
			case missing.count == 0 && !excuse:
				problems = append(problems, fmt.Sprintf("no %s of %s was compared with Python's, and unproven.jsonl gives no reason", missing.what, m.Name))
			case missing.count > 0 && excuse:
				problems = append(problems, fmt.Sprintf("a %s of %s was compared with Python's; unproven.jsonl need not excuse it", missing.what, m.Name))
			}
			*missing.total += min(missing.count, 1)
		}
		line, err := json.Marshal(p)
		if err != nil {
			return err
		}
		lines.Write(append(line, '\n'))
		fmt.Printf("  %-36s %3d successes %3d failures\n", m.Name, p.Successes, p.Failures)
	}
	n := len(catalog.Methods)
	fmt.Printf("differential: a success of %d/%d methods is Python's, a failure of %d/%d\n", successes, n, failures, n)
	if err := compareProven(lines.Bytes()); err != nil {
		problems = append(problems, err.Error())
	}
	if len(problems) > 0 {
		return fmt.Errorf("%s", strings.Join(problems, "\n"))
	}
	return nil
}

// compareProven compares the numbers with testdata/proven.jsonl, which has those of a testbed on SQLite.
func compareProven(lines []byte) error {
	const file = "testdata/proven.jsonl"
	if *update {
		return os.WriteFile(file, lines, 0o644)
	}
	have, err := os.ReadFile(file)
	if err == nil && !bytes.Equal(have, lines) && !skippedCases {
		err = fmt.Errorf("%s is stale: run go test ./rucio/catalog -update, then go generate ./internal/docgen", file)
	}
	return err
}

// readExcuses reads testdata/unproven.jsonl: what is missing of each method.
func readExcuses() (map[string]string, error) {
	data, err := os.ReadFile("testdata/unproven.jsonl")
	if err != nil {
		return nil, err
	}
	excuses := map[string]string{}
	for line := range strings.Lines(string(data)) {
		var excuse struct{ Method, Missing, Because string }
		if strings.HasPrefix(line, "#") {
			continue
		}
		if err := json.Unmarshal([]byte(line), &excuse); err != nil {
			return nil, fmt.Errorf("unproven.jsonl: %w: %s", err, line)
		}
		if _, known := catalog.Lookup(excuse.Method); !known || excuse.Because == "" {
			return nil, fmt.Errorf("unproven.jsonl: no method, or no reason: %s", line)
		}
		excuses[excuse.Method] = excuse.Missing
	}
	return excuses, nil
}
