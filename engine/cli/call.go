package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
)

func (p *program) callCommand() *cli.Command {
	return &cli.Command{
		Name:      "call",
		Usage:     "call one method of Rucio and print the answer",
		ArgsUsage: "METHOD [NAME=VALUE]...|--serve",
		Description: `
Methods and parameters are those of Rucio's Python client; see methods list and methods describe. A VALUE is read as the
parameter's type wants it: text as it stands, a list as a,b or [a, b], a list of DIDs as scope:name,scope:name, a map as
{key: value}. What a method streams is printed row by row as it arrives. A failure is told on standard error and, where the
answer would be JSON, on standard output too (unless that is a terminal), as the last line {"error": {"class": ..., "message": ...,
"status": ..., "code": ...}}; the exit code is not 0 then.
` + serveDescription + `
examples:
$ rucio-task-manager call list_rses
$ rucio-task-manager call add_replication_rule dids=test:file1 copies=1 rse_expression='tier=1'
$ rucio-task-manager call list_replication_rules --json '{"filters": {"account": "root"}}' --output table
$ rucio-task-manager call list_replicas --json - < query.json
$ rucio-task-manager call --serve < requests.jsonl > answers.jsonl
`,
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "json", Usage: "all arguments as one JSON `OBJECT`; - reads it from standard input"},
			withoutDefault(outputFlag("`FORMAT` of the answer, by default jsonl for a stream and json for a value", "json", "jsonl", "table", "csv")),
		}, serveFlags()...),
		Action: p.call,
	}
}

func (p *program) call(c *cli.Context) error {
	if c.Bool("serve") {
		return p.serve(c)
	}
	if !c.IsSet("output") && !p.StdoutTTY {
		p.format = "json" // whoever reads the answer, which is JSON, reads of an error there too
	}
	method, err := findMethod("call", c.Args().First())
	if err != nil {
		return err
	}
	args, err := p.callArguments(method, c.Args().Tail(), c.String("json"))
	if err != nil {
		return fail.With(fail.Usage, fmt.Errorf("%s: %w", method.Name, err))
	}
	client, err := p.newSession(c, "call").client(nil)
	if err != nil {
		return err
	}
	result, err := method.Call(c.Context, client, args)
	if err == nil {
		err = p.printResult(result, c.String("output"))
	}
	return classify(err)
}

// callArguments puts the arguments together: those of --json, and NAME=VALUE over them.
func (p *program) callArguments(m *catalog.Method, words []string, object string) (catalog.Args, error) {
	args := catalog.Args{}
	if object == "-" {
		data, err := io.ReadAll(p.Stdin)
		if err != nil {
			return nil, fmt.Errorf("read standard input: %w", err)
		}
		object = string(data)
	}
	if object != "" {
		var err error
		if args, err = jsonArguments([]byte(object)); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(args)) { // said before anything that is missing: it may be the same thing, misspelt
		if _, err := findParam(m, name); err != nil {
			return nil, err
		}
	}
	for _, word := range words {
		name, text, ok := strings.Cut(word, "=")
		if !ok {
			return nil, fail.Hint(fmt.Errorf("unexpected argument %q", word), "write NAME=VALUE; %s", parameterList(m))
		}
		param, err := findParam(m, name)
		if err != nil {
			return nil, err
		}
		if args[name], err = argument(param, text); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return args, missingArguments(m, args)
}

func findParam(m *catalog.Method, name string) (catalog.Param, error) {
	var names []string
	for _, param := range m.Params {
		if param.Name == name && !param.Variadic {
			return param, nil
		}
		names = append(names, param.Name)
	}
	for _, param := range m.Params {
		if param.Variadic {
			return catalog.Param{Name: name, Type: "any"}, nil
		}
	}
	return catalog.Param{}, near(fmt.Errorf("no parameter %q", name), name, names, parameterList(m))
}

func missingArguments(m *catalog.Method, args catalog.Args) error {
	var missing []string
	for _, param := range m.Params {
		if _, given := args[param.Name]; param.Required && !param.Variadic && !given {
			missing = append(missing, param.Name)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fail.Hint(fmt.Errorf("missing: %s", strings.Join(missing, ", ")), "for instance: %s", shellExample(m))
}

func parameterList(m *catalog.Method) string {
	if len(m.Params) == 0 {
		return m.Name + " takes no parameters"
	}
	var names []string
	for _, param := range m.Params {
		names = append(names, param.Name)
	}
	return "its parameters are " + strings.Join(names, ", ")
}

// printResult prints what a method returned.
func (p *program) printResult(r catalog.Result, format string) error {
	if r.Rows == nil && r.Value == nil {
		return nil
	}
	if r.Rows == nil {
		switch format {
		case "table":
			return printTable(p.Stdout, rowsOf(r.Value))
		case "csv":
			return printCSV(p.Stdout, rowsOf(r.Value))
		}
		return p.printRaw(r.Value, format != "jsonl" && p.StdoutTTY)
	}
	out := p.buffered()
	var err error
	switch format {
	case "json":
		err = printArray(out, r.Rows)
	case "table":
		err = printTable(out, r.Rows)
	case "csv":
		err = printCSV(out, r.Rows)
	default:
		for row, rowErr := range r.Rows {
			if err = rowErr; err != nil {
				break
			}
			if _, err = out.Write(append(oneLine(row), '\n')); err != nil {
				break
			}
		}
	}
	return errors.Join(err, out.Flush())
}

func (p *program) printRaw(value json.RawMessage, pretty bool) error {
	var text bytes.Buffer
	var err error
	if pretty {
		err = json.Indent(&text, value, "", "  ")
	} else {
		err = json.Compact(&text, value)
	}
	if err != nil {
		return fmt.Errorf("the answer is no JSON: %w", err)
	}
	_, err = p.Stdout.Write(append(text.Bytes(), '\n'))
	return err
}

// oneLine returns a row without line ends, which JSON has only between its tokens.
func oneLine(row json.RawMessage) []byte {
	if bytes.IndexByte(row, '\n') < 0 {
		return row
	}
	var text bytes.Buffer
	if json.Compact(&text, row) != nil {
		return row
	}
	return text.Bytes()
}
