package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/rucio-task-manager/rucio-task-manager/engine/cli"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
)

// method is what `methods list --output json` tells of a method.
type method struct {
	Name, Client, Go, Doc, Verb, Path, Returns, Lua, Shell string
	Params                                                 []struct {
		Name, Type, Default, Doc string
		Required, Variadic       bool
	}
}

const methodsHead = `# Rucio's methods

<!-- Made by internal/docgen from the catalog; edit the doc comments of package rucio instead. -->

Every method of the clients in rucio-clients 41.5.1, by the name and with the arguments that Python has. Each can be called in Lua
(` + "`rucio.get_did{ scope = \"test\", name = \"file1\" }`" + `, or positional in the order of the table), in a shell
(` + "`rucio-task-manager call get_did scope=test name=file1`" + `), by programs in other languages
(` + "`rucio-task-manager call --serve`" + `, see its --help) and in Go (package rucio). What fails is an error with Rucio's exception class.

An optional argument that is not given has Python's default. A datetime is a text, ` + "`Sat, 31 Jan 2026 12:00:00 UTC`" + ` or
` + "`2026-01-31T12:00:00`" + `. "Rows" come one by one, as the server sends them.
`

// methodsPage is the reference of all methods, grouped by Python's client.
func methodsPage() ([]byte, error) {
	methods, err := allMethods()
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(methods, func(a, b method) int { return cmp.Compare(a.Client, b.Client) })
	var page, list bytes.Buffer
	client := ""
	for _, m := range methods {
		if m.Client != client {
			client = m.Client
			fmt.Fprintf(&list, "\n\n**%s**:", client)
			fmt.Fprintf(&page, "\n## %s\n", client)
		} else {
			list.WriteString(" ·")
		}
		fmt.Fprintf(&list, " [%s](#%[1]s)", m.Name)
		m.write(&page)
	}
	list.WriteString("\n")
	return slices.Concat([]byte(methodsHead), bytes.TrimPrefix(list.Bytes(), []byte("\n")), page.Bytes()), nil
}

// allMethods asks the program itself.
func allMethods() (methods []method, err error) {
	var stdout, stderr bytes.Buffer
	code := cli.Run(context.Background(), &cli.State{
		Args: []string{"methods", "list", "--output", "json"}, Env: map[string]string{},
		Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr, Now: time.Now, BuildInfo: debug.ReadBuildInfo,
	})
	if code != 0 {
		return nil, fmt.Errorf("methods list: exit code %d: %s", code, stderr.Bytes())
	}
	return methods, json.Unmarshal(stdout.Bytes(), &methods)
}

func (m *method) write(w *bytes.Buffer) {
	row, _ := catalog.Lookup(m.Name)
	fmt.Fprintf(w, "\n### %s\n\n```python\n%s\n```\n\n%s\n", m.Name, row.Signature(), prose(m.Doc))
	if len(m.Params) > 0 {
		w.WriteString("\n| argument | type | default | |\n|---|---|---|---|\n")
	}
	for _, p := range m.Params {
		name, otherwise := "`"+p.Name+"`", "required"
		switch {
		case p.Variadic:
			name, otherwise = "any further name", ""
		case !p.Required:
			otherwise = "`" + cmp.Or(p.Default, "None") + "`"
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", name, p.Type, otherwise, strings.ReplaceAll(prose(p.Doc), "|", `\|`))
	}
	returns := map[string]string{"none": "nothing", "value": "a value", "stream": "rows"}[m.Returns]
	fmt.Fprintf(w, "\nReturns %s", returns)
	if m.Verb != "" {
		fmt.Fprintf(w, " · REST `%s %s`", m.Verb, m.Path)
	}
	fmt.Fprintf(w, " · Go `%s`\n\n```lua\n%s\n```\n\n```sh\n%s\n```\n", m.Go, m.Lua, m.Shell)
}

// prose is text for Markdown.
func prose(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return strings.NewReplacer("*", `\*`, "<", "&lt;").Replace(text)
}
