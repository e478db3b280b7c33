package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
)

const differentialHead = `# Proven against Python's client

<!-- Made by internal/docgen from rucio/catalog/testdata; run ` + "`go test ./rucio/catalog -update`" + ` and ` + "`go generate ./internal/docgen`" + ` instead. -->

The tests of package rucio/catalog make the same call through the real Python client (rucio-clients 41.5.1), through the catalog, and
through ` + "`call --serve`" + `, on the same real server, and compare the answers as JSON and the errors by class and message. Each figure is how
many such calls of a method found no difference; ids, times and the names that each side gives its own things do not count. The
tests fail when a method has no success or no failure here and no reason beside it, and when these figures are not theirs.

`

// proof is a line of proven.jsonl and what unproven.jsonl says of the method.
type proof struct {
	Method              string
	Successes, Failures int
	Missing, Because    string
	client              string
}

// differentialPage is the table of what was compared with Python's client.
func differentialPage(testdata string) ([]byte, error) {
	var proofs, excuses []proof
	if err := readLines(filepath.Join(testdata, "proven.jsonl"), &proofs); err != nil {
		return nil, err
	}
	if err := readLines(filepath.Join(testdata, "unproven.jsonl"), &excuses); err != nil {
		return nil, err
	}
	reasons := map[string]proof{}
	for _, e := range excuses {
		reasons[e.Method] = e
	}
	var table bytes.Buffer
	successes, failures, calls, both := 0, 0, 0, 0
	for i, p := range proofs {
		m, ok := catalog.Lookup(p.Method)
		if !ok {
			return nil, fmt.Errorf("proven.jsonl: there is no method %q", p.Method)
		}
		proofs[i].client = m.Client
	}
	slices.SortStableFunc(proofs, func(a, b proof) int { return cmp.Compare(a.client, b.client) })
	for _, p := range proofs {
		remark := ""
		if reason, ok := reasons[p.Method]; ok {
			remark = fmt.Sprintf("no %s: %s", strings.ReplaceAll(reason.Missing, " and ", ", no "), reason.Because)
		}
		fmt.Fprintf(&table, "| %s | [%s](methods.md#%[2]s) | %d | %d | %s |\n", p.client, p.Method, p.Successes, p.Failures, remark)
		calls += p.Successes + p.Failures
		successes += min(p.Successes, 1)
		failures += min(p.Failures, 1)
		both += min(p.Successes, p.Failures, 1)
	}
	n := len(proofs)
	page := fmt.Sprintf("%s%d calls compared. Successes: %d of %d methods. Failures: %d of %d. Both: %d. The others are named with the reason.\n\n"+
		"| client | method | successes | failures | |\n|---|---|---:|---:|---|\n%s",
		differentialHead, calls, successes, n, failures, n, both, table.String())
	return []byte(page), nil
}

// readLines reads a file of JSON lines; those that begin with # are comments.
func readLines(file string, into *[]proof) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		var p proof
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			return fmt.Errorf("%s: %w: %s", filepath.Base(file), err, line)
		}
		*into = append(*into, p)
	}
	return nil
}
