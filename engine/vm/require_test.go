package vm_test

import (
	"io/fs"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/engine/vm"
)

func twoRoots() []vm.Root {
	return []vm.Root{
		files("/opt/site", map[string]string{
			"tasks/stubs.lua":         `return "mounted stubs"`,
			"tasks/broken.lua":        "local x = 1\nlocal y = = 2",
			"tasks/deep/init.lua":     `return { name = ... }`,
			"tasks/failing.lua":       "local M = {}\nerror('cannot set up')\nreturn M",
			"tasks/silent.lua":        `loads = (loads or 0) + 1`,
			"a.lua":                   `return require "b"`,
			"b.lua":                   `return require "c"`,
			"c.lua":                   `return require "a"`,
			"tasks/tests/upload.lua":  `return "upload"`,
			"with-hyphen/2d_plot.lua": `return "plot"`,
		}),
		files(vm.EmbeddedRoot, map[string]string{
			"tasks/stubs.lua":                    `return "embedded stubs"`,
			"common/collections.lua":             `return { size = function(t) return #t end }`,
			"tasks/tests/upload_replication.lua": `return "replication"`,
			"tasks/where.lua":                    "return function()\n  error('here')\nend",
		}),
	}
}

func TestRequire(t *testing.T) {
	for _, test := range []struct{ name, source, want string }{
		{"first root wins", `print(require "tasks.stubs")`, "mounted stubs\n"},
		{"falls back to the next", `print(require("common.collections").size{1, 2})`, "2\n"},
		{"init.lua", `print(require("tasks.deep").name)`, "tasks.deep\n"},
		{"loaded once", `print(require "tasks.silent", require "tasks.silent", loads, package.loaded["tasks.silent"])`, "true\ttrue\t1\ttrue\n"},
		{"loaded again", `require "tasks.silent"; package.loaded["tasks.silent"] = nil; require "tasks.silent"; print(loads)`, "2\n"},
		{"preload", `package.preload.mine = function(name) return name .. "!" end; print(require "mine", require "mine")`, "mine!\tmine!\n"},
		{"after a caught failure", `print(pcall(require, "tasks.failing")); print(pcall(require, "tasks.failing"))`,
			"false\t/opt/site/tasks/failing.lua:2: cannot set up\nfalse\t/opt/site/tasks/failing.lua:2: cannot set up\n"},
		{"old folder", `print(require "tasks.aux.upload", require "tasks.tests.deprecated.upload", package.loaded["tasks.tests.upload"])`, "upload\tupload\tupload\n"},
		{"old name", `print(require "tasks.tests.upload_replication_random")`, "replication\n"},
		{"old name in an old folder", `print(require "tasks.tests.deprecated.upload_replication_random")`, "replication\n"},
		{"hyphen and digit", `print(require "with-hyphen.2d_plot")`, "plot\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := output(t, vm.Options{Roots: twoRoots()}, test.source); got != test.want {
				t.Errorf("printed %q, want %q", got, test.want)
			}
		})
	}
}

func TestRequireErrors(t *testing.T) {
	for _, test := range []struct{ source, want, hint string }{
		{`require "tasks.stub"`, `test.lua:1: module "tasks.stub" not found: no tasks/stub.lua or tasks/stub/init.lua in /opt/site, embedded`, "did you mean tasks.stubs?"},
		{`require "nothing.like.it"`, `test.lua:1: module "nothing.like.it" not found: no nothing/like/it.lua or nothing/like/it/init.lua in /opt/site, embedded`, ""},
		{`require "../secret"`, `test.lua:1: "../secret" is not a module name`, "a module is named by its file without .lua, with dots for slashes: tasks.stubs is tasks/stubs.lua"},
		{`require "tasks..stubs"`, `test.lua:1: "tasks..stubs" is not a module name`, "a module is named by its file without .lua, with dots for slashes: tasks.stubs is tasks/stubs.lua"},
		{`require "tasks/stubs"`, `test.lua:1: "tasks/stubs" is not a module name`, "a module is named by its file without .lua, with dots for slashes: tasks.stubs is tasks/stubs.lua"},
		{`require "tasks.broken"`, "/opt/site/tasks/broken.lua:2: syntax error near '='", ""},
		{`require "a"`, `/opt/site/c.lua:1: module "a" requires itself: a -> b -> c -> a`, ""},
	} {
		_, err := run(t, newVM(t, vm.Options{Roots: twoRoots()}), test.source)
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: got %v\nwant %s", test.source, err, test.want)
		}
		if hint := fail.HintOf(err); hint != test.hint {
			t.Errorf("%s: hint %q, want %q", test.source, hint, test.hint)
		}
		if code := fail.CodeOf(err); code != fail.Definition {
			t.Errorf("%s: exit code %v", test.source, code)
		}
	}
}

func TestRequireFromGo(t *testing.T) {
	v := newVM(t, vm.Options{Roots: twoRoots()})
	value, err := v.Require(t.Context(), "tasks.where")
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Call(t.Context(), value)
	if want := "embedded:tasks/where.lua:2: here"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	e := vm.AsError(err)
	if e.File != "embedded:tasks/where.lua" || e.Line != 2 || e.Message != "here" {
		t.Errorf("got %+v", e)
	}
}

func TestListTellsWhatIsHidden(t *testing.T) {
	scripts, err := vm.List(twoRoots())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, script := range scripts {
		if strings.HasPrefix(script.Module, "tasks.") && !strings.Contains(script.Module, "tests") {
			got = append(got, script.Module+"="+script.Chunk())
		}
	}
	want := "tasks.broken=/opt/site/tasks/broken.lua tasks.deep=/opt/site/tasks/deep/init.lua tasks.failing=/opt/site/tasks/failing.lua " +
		"tasks.silent=/opt/site/tasks/silent.lua tasks.stubs=/opt/site/tasks/stubs.lua tasks.stubs=embedded:tasks/stubs.lua tasks.where=embedded:tasks/where.lua"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
	if _, err := vm.List([]vm.Root{{Name: "gone", FS: os.DirFS(t.TempDir() + "/gone")}}); err == nil || !strings.HasPrefix(err.Error(), "list the scripts in gone: ") {
		t.Errorf("a missing folder: %v", err)
	}
}

// unreadable fails for every file, as a folder without permissions does.
type unreadable struct{}

func (unreadable) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
}

func TestAnUnreadableRootIsNotAMissingModule(t *testing.T) {
	_, err := vm.Find([]vm.Root{{Name: "locked", FS: unreadable{}}}, "tasks.stubs")
	if want := `module "tasks.stubs": open tasks/stubs.lua: permission denied`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestCacheSeesChangedFiles(t *testing.T) {
	file := &fstest.MapFile{Data: []byte(`return 1`)}
	options := vm.Options{Cache: vm.NewCache(), Roots: []vm.Root{{Name: "scripts", FS: fstest.MapFS{"a.lua": file}}}}
	for i, text := range []string{`return 1`, `return 2`, `return 2`} {
		file.Data = []byte(text)
		value, err := newVM(t, options).Require(t.Context(), "a")
		if want := []lua.LNumber{1, 2, 2}[i]; err != nil || value != want {
			t.Errorf("%s: got %v, %v", text, value, err)
		}
	}
}

func TestSyntaxErrors(t *testing.T) {
	for _, test := range []struct{ name, source, want, hint string }{
		{"near", "local x = 1\nlocal y = = 2", "t.lua:2: syntax error near '='", ""},
		{"end", "if x then\n  y()\n", "t.lua:2: syntax error: the script ends too early", "is an 'end', a ')' or a '}' missing?"},
		{"not equal", "if a != b then end", "t.lua:1: syntax error: invalid token near '!'", "not equal is ~= in Lua"},
		{"increment", "local n = 1\nn += 1", "t.lua:2: syntax error near '+'", "Lua has no +=: write x = x + 1"},
		{"continue", "for i = 1, 2 do\n  if i == 1 then continue end\nend", "t.lua:2: syntax error near 'end'", "Lua has no continue: use an if around the rest of the loop"},
		{"string", "local s = 'open\nprint(s)", "t.lua:1: syntax error: unterminated string near 'open'", ""},
		{"break", "break", "t.lua:1: syntax error: no loop to break", ""},
		{"goto", "goto nowhere", "t.lua:2: syntax error: no visible label 'nowhere' for <goto> at line 1", ""},
		{"vararg", "function f() return ... end", "t.lua:1: syntax error: cannot use '...' outside a vararg function", ""},
		{"brackets", "return " + strings.Repeat("{", 2001) + strings.Repeat("}", 2001), "t.lua: brackets are nested 2001 deep, and may be 2000", ""},
		{"large", strings.Repeat(" ", 1<<20+1), "t.lua: a script has at most 1048576 bytes, and this one 1048577", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := newVM(t, vm.Options{}).Load("t.lua", test.source)
			if err == nil || err.Error() != test.want {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if hint := fail.HintOf(err); hint != test.hint {
				t.Errorf("hint %q, want %q", hint, test.hint)
			}
			if code := fail.CodeOf(err); code != fail.Definition {
				t.Errorf("exit code %v", code)
			}
		})
	}
	for _, source := range []string{"return " + strings.Repeat("(", 2000) + "1" + strings.Repeat(")", 2000), "#!/usr/bin/env rucio-task-manager exec\nreturn 1", "\ufeffreturn 1", "\ufeff#!x\nreturn 1"} {
		if _, err := newVM(t, vm.Options{}).Load("t.lua", source); err != nil {
			t.Errorf("%q: %v", source, err)
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, seed := range []string{"return 1", "local x = {", "goto a", "#!x\n", "x = 'a\\", "--[[", "for i in", "a.b:c{}[1]()"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		_, err := vm.New(vm.Options{}).Load("t.lua", source)
		if err != nil && (!strings.HasPrefix(err.Error(), "t.lua:") || strings.Contains(err.Error(), "\n")) {
			t.Errorf("a syntax error of another form: %q", err)
		}
	})
}
