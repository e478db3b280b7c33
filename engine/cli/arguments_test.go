package cli

import (
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"
)

// newTestState is a State without a process behind it: the arguments, nothing else.
func newTestState(t *testing.T, args ...string) (s *State, stdout, stderr *strings.Builder) {
	t.Helper()
	stdout, stderr = &strings.Builder{}, &strings.Builder{}
	return &State{
		Args: args, Env: map[string]string{}, TempDir: t.TempDir(),
		Stdin: strings.NewReader(""), Stdout: stdout, Stderr: stderr, Files: osFiles{},
		User: func() string { return "tester" },
		Exit: func(int) { t.Error("a command called Exit") }, Now: time.Now,
		BuildInfo: debug.ReadBuildInfo,
	}, stdout, stderr
}

func newTestApp() *cli.App {
	return (&program{State: &State{Now: time.Now}}).newApp()
}

func TestFlagsMayStandAnywhere(t *testing.T) {
	app := newTestApp()
	for _, c := range []struct{ args, want string }{
		{"run a.yml", "run -- a.yml"},
		{"run --only x a.yml", "run --only=x -- a.yml"},
		{"run a.yml --only x", "run --only=x -- a.yml"},
		{"--only x run a.yml", "run --only=x -- a.yml"},
		{"run a.yml --account root b.yml --only=x", "--account=root run --only=x -- a.yml b.yml"},
		{"run a.yml -- --only", "run -- a.yml --only"},
		{"run -", "run -- -"},
		{"-v -t a.yml", "--verbose=true run --task-file=a.yml --"},
		{"-vt a.yml", "--verbose=true run --task-file=a.yml --"},
		{"-vta.yml", "--verbose=true run --task-file=a.yml --"},
		{"-t=a.yml -q", "--quiet=true run --task-file=a.yml --"},
		{"run a.yml --timeout 30", "run --timeout=30s -- a.yml"},
		{"run a.yml --set kwargs.text=-x,y --set b=c", "run --set=kwargs.text=-x,y --set=b=c -- a.yml"},
		{"tasks list --output json", "tasks list --output=json --"},
		{"call list_rses rse_expression=a=b", "call -- list_rses rse_expression=a=b"},
	} {
		inv, err := understand(app, strings.Fields(c.args), nil)
		if err != nil {
			t.Errorf("%s: %v", c.args, err)
			continue
		}
		if got := strings.Join(inv.arguments(app)[1:], " "); got != c.want {
			t.Errorf("%s: cli/v2 gets %q, want %q", c.args, got, c.want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	app := newTestApp()
	env := map[string]string{
		"TASK_FILE_PATH": "a.yml", "RUCIO_TASK_MANAGER_LOG_FORMAT": "json", "RUCIO_TASK_MANAGER_ONLY": "a\nb",
		"RUCIO_TASK_MANAGER_FAIL_FAST": "yes", "RUCIO_TASK_MANAGER_OUTPUT": "junit", "RUCIO_TASK_MANAGER_ROOT": "/opt",
		"RUCIO_TASK_MANAGER_VERSION": "1.2.3", "RUCIO_TASK_MANAGER_PORT": "tcp://10.0.0.1:80",
	}
	inv, err := understand(app, []string{"--output", "jsonl"}, env)
	if err != nil {
		t.Fatal(err)
	}
	got := inv.arguments(app)[1:]
	slices.Sort(got)
	want := []string{"--", "--fail-fast=true", "--log-format=json", "--only=a", "--only=b", "--output=jsonl", "run"}
	if !slices.Equal(got, want) {
		t.Errorf("cli/v2 gets %q, want %q", got, want)
	}
}

// One table of flags serves all commands, so that a flag may stand before its command: a name must mean the same kind.
func TestFlagsOfOneNameAreOfOneKind(t *testing.T) {
	app := newTestApp()
	kinds := map[string]bool{}
	check := func(path []string, flags []cli.Flag) {
		for _, f := range flags {
			for _, name := range namesOf(f) {
				if kind, seen := kinds[name]; seen && kind != isBool(f) {
					t.Errorf("%s: --%s takes a value in one command and none in another", path, name)
				}
				kinds[name] = isBool(f)
			}
		}
	}
	check(nil, app.Flags)
	walk(app.Commands, nil, func(path []string, c *cli.Command) { check(path, c.Flags) })
}

// The examples in --help must be understood by the program whose help they are.
func TestExamplesOfHelpAreRight(t *testing.T) {
	app := newTestApp()
	walk(app.Commands, nil, func(path []string, c *cli.Command) {
		_, examples, _ := strings.Cut(c.Description, "\nexamples:\n")
		if len(c.Subcommands) == 0 && c.Name != "version" && strings.Count(examples, "$ ") < 2 {
			t.Errorf("%s has fewer than two examples", path)
		}
		for line := range strings.Lines(examples) {
			_, command, ok := strings.Cut(line, programName+" ")
			if !ok {
				continue
			}
			command, _, _ = strings.Cut(command, " #")
			command = strings.NewReplacer("'", "", "\"", "", ")", "").Replace(command)
			command, _, _ = strings.Cut(command, " >")
			command, _, _ = strings.Cut(command, " |")
			if _, err := understand(app, strings.Fields(command), nil); err != nil {
				t.Errorf("%s: %s: %v", path, strings.TrimSpace(line), err)
			}
		}
	})
}

func TestHelpOfEveryCommand(t *testing.T) {
	walk(newTestApp().Commands, nil, func(path []string, c *cli.Command) {
		s, stdout, stderr := newTestState(t, append(slices.Clone(path), "--help")...)
		if code := Run(t.Context(), s); code != 0 || stderr.Len() > 0 {
			t.Errorf("%s --help: exit code %d, %s", path, code, stderr)
		}
		if !strings.Contains(stdout.String(), "usage: rucio-task-manager "+strings.Join(path, " ")) {
			t.Errorf("%s --help has no usage line:\n%s", path, stdout)
		}
		if c.Usage == "" || strings.ToLower(c.Usage[:1]) != c.Usage[:1] {
			t.Errorf("%s: the one-line usage %q must begin in lower case", path, c.Usage)
		}
	})
}

// Whatever is typed, what cli/v2 gets means the same when it is typed again.
func FuzzUnderstand(f *testing.F) {
	for _, args := range []string{
		"run a.yml --only x -v", "-vt a.yml", "call list_rses rse_expression=a=b -o json", "tasks list -- --x", "help run",
		"run --set a= --set=b=c -", "exec -e print(1) --timeout 5", "--version", "run -vq -t=a",
	} {
		f.Add(strings.ReplaceAll(args, " ", "\x00"))
	}
	app := newTestApp()
	f.Fuzz(func(t *testing.T, text string) {
		inv, err := understand(app, strings.Split(text, "\x00"), nil)
		if err != nil || inv.help || inv.version {
			return
		}
		again, err := understand(app, inv.arguments(app)[1:], nil)
		if err != nil {
			t.Fatalf("%q was understood as %q, which is not: %v", text, inv.arguments(app), err)
		}
		values := func(inv *invocation) (all []string) {
			for _, f := range inv.flags {
				all = append(all, f.name+"="+f.value)
			}
			slices.Sort(all)
			return all
		}
		if !slices.Equal(again.words, inv.words) || !slices.Equal(again.path, inv.path) || !slices.Equal(values(again), values(inv)) {
			t.Fatalf("%q was understood as %+v, and that as %+v", text, inv, again)
		}
	})
}
