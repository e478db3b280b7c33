package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
)

func (p *program) methodsCommand() *cli.Command {
	output := outputFlag("`FORMAT` of the answer", "text", "json")
	return &cli.Command{
		Name:  "methods",
		Usage: "tell what Rucio can do",
		Description: `
The methods of Rucio's Python client, by the same names and with the same parameters, as scripts and call use them.
`,
		Subcommands: []*cli.Command{
			{
				Name:      "list",
				Usage:     "list Rucio's methods",
				ArgsUsage: "[PATTERN]",
				Description: `
PATTERN is a part of a name, or a glob such as list_*.

examples:
$ rucio-task-manager methods list
$ rucio-task-manager methods list rule
$ rucio-task-manager methods list 'add_*' --output json
`,
				Flags:  []cli.Flag{output},
				Before: atMost(1),
				Action: p.methodsList,
			},
			{
				Name:      "describe",
				Usage:     "tell a method's parameters, with examples",
				ArgsUsage: "METHOD",
				Description: `
examples:
$ rucio-task-manager methods describe add_replication_rule
$ rucio-task-manager methods describe list_replicas --output json
`,
				Flags:  []cli.Flag{output},
				Before: atMost(1),
				Action: p.methodsDescribe,
			},
		},
	}
}

func (p *program) methodsList(c *cli.Context) error {
	pattern := c.Args().First()
	var found []*catalog.Method
	for i := range catalog.Methods {
		m := &catalog.Methods[i]
		matched, err := path.Match(pattern, m.Name)
		if err != nil {
			return usagef("methods list: %q is no pattern: %w", pattern, err)
		}
		if matched || strings.Contains(m.Name, pattern) {
			found = append(found, m)
		}
	}
	if len(found) == 0 {
		return near(usagef("no method matches %q", pattern), pattern, catalog.Names(), "")
	}
	if c.String("output") == "json" {
		objects := make([]methodObject, len(found))
		for i, m := range found {
			objects[i] = newMethodObject(m)
		}
		return p.printJSON(objects)
	}
	table(p.Stdout, func(row func(...string)) {
		for _, m := range found {
			row(m.Name, firstSentence(m.Doc))
		}
	})
	return nil
}

func (p *program) methodsDescribe(c *cli.Context) error {
	m, err := findMethod("methods describe", c.Args().First())
	if err != nil {
		return err
	}
	if c.String("output") == "json" {
		return p.printJSON(newMethodObject(m))
	}
	describeMethod(p.Stdout, m)
	return nil
}

// findMethod returns a method of the catalog, or an error with near names.
func findMethod(command, name string) (*catalog.Method, error) {
	if name == "" {
		return nil, near(usagef("%s: a method is missing", command), "", nil,
			"`"+programName+" methods list` lists them")
	}
	if m, ok := catalog.Lookup(name); ok {
		return m, nil
	}
	return nil, near(usagef("Rucio has no method %q", name), name, catalog.Names(),
		"`"+programName+" methods list` lists them")
}

func describeMethod(w io.Writer, m *catalog.Method) {
	fmt.Fprintf(w, "%s (%s): %s\n", m.Name, m.Client, m.Doc)
	if len(m.Params) > 0 {
		fmt.Fprintln(w, "\nparameters, in their order:")
		table(w, func(row func(...string)) {
			for _, param := range m.Params {
				row(param.Name, param.Type, requirement(param), param.Doc)
			}
		})
	}
	fmt.Fprintf(w, "\nreturns: %s\n", shapeText(m.Returns))
	if m.Verb != "" {
		fmt.Fprintf(w, "REST:    %s %s\n", m.Verb, m.Path)
	}
	fmt.Fprintf(w, "Go:      %s\n", goName(m))
	fmt.Fprintf(w, "\nin Lua:\n  %s\n\nin a shell:\n  %s\n", luaExample(m), shellExample(m))
}

// goName is how Go code calls a method.
func goName(m *catalog.Method) string {
	if strings.Contains(m.Go, ".") {
		return m.Go
	}
	return "(*rucio.Client)." + m.Go
}

func requirement(param catalog.Param) string {
	switch {
	case param.Variadic:
		return "any further name"
	case param.Required:
		return "required"
	}
	return "default " + cmp.Or(param.Default, "None")
}

func shapeText(s catalog.Shape) string {
	switch s {
	case catalog.Value:
		return "a value"
	case catalog.Stream:
		return "a stream of rows"
	}
	return "nothing"
}

// luaExample is a call with the required parameters.
func luaExample(m *catalog.Method) string {
	var args []string
	for _, param := range m.Params {
		if param.Required && !param.Variadic {
			args = append(args, param.Name+" = "+luaSample(param))
		}
	}
	call := fmt.Sprintf("rucio.%s()", m.Name)
	if len(args) > 0 {
		call = fmt.Sprintf("rucio.%s{ %s }", m.Name, strings.Join(args, ", "))
	}
	switch m.Returns {
	case catalog.Stream:
		return fmt.Sprintf("for row in %s do print(json.encode(row)) end", call)
	case catalog.Value:
		return "local answer = " + call
	}
	return call
}

func luaSample(param catalog.Param) string {
	switch kind := param.Type; {
	case kind == "integer" || kind == "number":
		return "1"
	case kind == "boolean":
		return "true"
	case kind == "list of DIDs":
		return `{ { scope = "test", name = "file1" } }`
	case strings.HasPrefix(kind, "list"):
		return "{ ... }"
	case strings.HasPrefix(kind, "map"):
		return "{ " + sampleKey(param.Name) + " = " + `"..."` + " }"
	}
	return `"` + sampleText(param.Name) + `"`
}

func shellExample(m *catalog.Method) string {
	example := programName + " call " + m.Name
	for _, param := range m.Params {
		if param.Required && !param.Variadic {
			example += " " + param.Name + "=" + shellSample(param)
		}
	}
	return example
}

func shellSample(param catalog.Param) string {
	switch kind := param.Type; {
	case kind == "integer" || kind == "number":
		return "1"
	case kind == "boolean":
		return "true"
	case kind == "list of DIDs":
		return "test:file1,test:file2"
	case strings.HasPrefix(kind, "list"):
		return "'[...]'"
	case strings.HasPrefix(kind, "map"):
		return "'{" + sampleKey(param.Name) + ": ...}'"
	}
	return sampleText(param.Name)
}

// sampleText is a plausible value for a parameter of that name.
func sampleText(name string) string {
	samples := map[string]string{
		"account": "root", "scope": "test", "name": "file1", "rse": "SITE_DISK", "rse_expression": "tier=1",
		"type_": "USER", "email": "me@example.org", "did_type": "dataset",
	}
	return cmp.Or(samples[name], "...")
}

// sampleKey is a plausible key of a parameter that takes a map.
func sampleKey(name string) string {
	samples := map[string]string{"filters": "name", "parameters": "city", "meta": "project", "options": "lifetime"}
	return cmp.Or(samples[name], "key")
}

func firstSentence(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if i := strings.Index(text, ". "); i >= 0 {
		return text[:i+1]
	}
	return text
}

// methodObject is a method for machines.
type methodObject struct {
	Name    string        `json:"name"`
	Client  string        `json:"client"`
	Go      string        `json:"go"`
	Doc     string        `json:"doc"`
	Params  []paramObject `json:"params"`
	Verb    string        `json:"verb,omitempty"`
	Path    string        `json:"path,omitempty"`
	Returns string        `json:"returns"` // "none", "value" or "stream"
	Lua     string        `json:"lua"`     // a call with the required parameters
	Shell   string        `json:"shell"`   // the same
}

type paramObject struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Required bool   `json:"required"`
	Default  string `json:"default,omitempty"`
	Doc      string `json:"doc,omitempty"`
	Variadic bool   `json:"variadic,omitempty"`
}

func newMethodObject(m *catalog.Method) methodObject {
	o := methodObject{
		Name: m.Name, Client: m.Client, Go: m.Go, Doc: m.Doc, Verb: m.Verb, Path: m.Path,
		Returns: map[catalog.Shape]string{catalog.None: "none", catalog.Value: "value", catalog.Stream: "stream"}[m.Returns],
		Params:  []paramObject{}, Lua: luaExample(m), Shell: shellExample(m),
	}
	for _, param := range m.Params {
		o.Params = append(o.Params, paramObject(param))
	}
	return o
}

// printJSON prints a value as JSON; indented for people.
func (p *program) printJSON(v any) error {
	enc := json.NewEncoder(p.Stdout)
	enc.SetEscapeHTML(false)
	if p.StdoutTTY {
		enc.SetIndent("", "  ")
	}
	return enc.Encode(v)
}
