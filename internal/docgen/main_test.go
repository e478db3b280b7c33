package main

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/engine/bind"
	"github.com/rucio-task-manager/rucio-task-manager/engine/report"
	"github.com/rucio-task-manager/rucio-task-manager/engine/runner"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm/class"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/catalog"
)

// TestNotStale holds the pages to what they are made of.
func TestNotStale(t *testing.T) {
	if err := run("../..", "../../docs/reference", true); err != nil {
		t.Error(err)
	}
}

func TestCheckTellsAStalePage(t *testing.T) {
	dir := t.TempDir()
	if err := run("../..", dir, false); err != nil {
		t.Fatal(err)
	}
	if err := run("../..", dir, true); err != nil {
		t.Errorf("fresh pages: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "lua.md"), []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run("../..", dir, true); err == nil || !strings.Contains(err.Error(), "lua.md is stale: run `go generate ./internal/docgen`") {
		t.Errorf("got %v", err)
	}
}

// TestEveryMethodIsProvenOrNamed holds that the table leaves no method out.
func TestEveryMethodIsProvenOrNamed(t *testing.T) {
	data, err := differentialPage("../../rucio/catalog/testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range catalog.Methods {
		row := regexp.MustCompile(`(?m)^\| ` + m.Client + ` \| \[` + m.Name + `\]\(methods.md#` + m.Name + `\) \| (\d+) \| (\d+) \| (.*)\|$`).FindStringSubmatch(string(data))
		if row == nil {
			t.Errorf("%s is not there", m.Name)
		} else if (row[1] == "0" || row[2] == "0") && row[3] == " " {
			t.Errorf("%s: neither proven nor named with a reason", m.Name)
		}
	}
}

// TestEveryMethod holds that no method and no parameter is missing, and that links lead somewhere.
func TestEveryMethod(t *testing.T) {
	data, err := methodsPage()
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	for _, m := range catalog.Methods {
		_, section, found := strings.Cut(page, "\n### "+m.Name+"\n")
		if !found || !strings.Contains(page, "(#"+m.Name+")") {
			t.Errorf("%s is not there", m.Name)
			continue
		}
		section, _, _ = strings.Cut(section, "\n### ")
		for _, p := range m.Params {
			if !p.Variadic && !strings.Contains(section, "\n| `"+p.Name+"` |") {
				t.Errorf("%s: %s is not there", m.Name, p.Name)
			}
		}
	}
}

// TestTaskObject holds the page to the task object that scripts have.
func TestTaskObject(t *testing.T) {
	var documented []string
	for _, m := range regexp.MustCompile(`task\.([a-z]+)`).FindAllStringSubmatch(section(t, "\n## The task\n", "\n## "), -1) {
		documented = append(documented, m[1])
	}
	source := `local names = {} for name in pairs(require "task") do names[#names + 1] = name end return names`
	result := runner.Exec(t.Context(), runner.Chunk{Name: "names", Source: source}, runner.Options{Values: runner.Values{ToLua: bind.FromGo, ToGo: bind.ToGo, ToJSON: bind.Encode}})
	names, ok := result.Value.([]any)
	if result.Status != report.Passed || !ok {
		t.Fatalf("%v: %s", result.Status, result.Reason)
	}
	for _, name := range names {
		if !slices.Contains(documented, name.(string)) {
			t.Errorf("task.%s is not documented", name)
		}
	}
	for _, name := range documented {
		if !slices.Contains(names, any(name)) {
			t.Errorf("there is no task.%s", name)
		}
	}
}

// TestSchema holds that every documented type and field of a schema is one.
func TestSchema(t *testing.T) {
	rows := regexp.MustCompile("(?m)^\\| `[^|]*\\|").FindAllString(section(t, "\n### Schema of kwargs\n", "\n## "), -1)
	if len(rows) < 15 {
		t.Fatalf("%d rows", len(rows))
	}
	samples := map[string]string{"default": `"x"`, "doc": `"x"`, "min": "1", "max": "2", "enum": `{ "x" }`, "pattern": `"x"`, "aliases": `{ "y" }`,
		"of": `"string"`, "fields": `{ a = "string" }`, "required": "true", "secret": "true"}
	types := map[string]string{"of": "list", "fields": "map"}
	for _, row := range rows {
		for _, m := range regexp.MustCompile("`([a-z]+)").FindAllStringSubmatch(row, -1) {
			entry := `"` + m[1] + `"`
			if sample, isField := samples[m[1]]; isField {
				kind := types[m[1]]
				if kind == "" {
					kind = "string"
				}
				entry = `{ "` + kind + `", ` + m[1] + " = " + sample + " }"
			}
			if err := load(t.Context(), entry); err != nil {
				t.Errorf("%s: %v", entry, err)
			}
		}
	}
}

// load loads a class with a kwarg of this schema.
func load(ctx context.Context, entry string) error {
	v := vm.New(vm.Options{})
	defer v.Close()
	fn, err := v.Load("class", `package.loaded["tasks.x"] = { X = { kwargs = { k = `+entry+` }, run = function() end } }`)
	if err != nil {
		return err
	}
	if _, err := v.Call(ctx, fn); err != nil {
		return err
	}
	_, err = class.Load(ctx, v, "tasks.x", "X")
	return err
}

func section(t *testing.T, begin, end string) string {
	t.Helper()
	_, text, found := strings.Cut(luaHead, begin)
	if !found {
		t.Fatalf("no %q", begin)
	}
	text, _, _ = strings.Cut(text, end)
	return text
}
