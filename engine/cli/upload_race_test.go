package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
)

// uploadProcess is an upload of one file by a process of its own.
type uploadProcess struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer

	code fail.Code
	file struct{ State, PFN string } // what it has printed
}

// raceEnv is the environment of processes that share a machine, a user and a login.
func raceEnv(t *testing.T) []string {
	bed, home := testbed.Require(t), t.TempDir()
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home, "USER=tester", "RUCIO_CFG_CLIENT_RUCIO_HOST=" + bed.HTTPURL,
		"RUCIO_CFG_CLIENT_AUTH_TYPE=userpass", "RUCIO_CFG_CLIENT_USERNAME=" + bed.Username, "RUCIO_CFG_CLIENT_PASSWORD=" + bed.Password,
		"RUCIO_CFG_CLIENT_ACCOUNT=" + bed.Account, "RUCIO_CFG_CLIENT_CA_CERT=" + bed.CA,
	}
}

// uploadAtOnce uploads each path under the same name, all at the same time.
func uploadAtOnce(t *testing.T, env, flags []string, name string, paths ...string) []*uploadProcess {
	t.Helper()
	var all []*uploadProcess
	for _, path := range paths {
		u := &uploadProcess{cmd: exec.CommandContext(t.Context(), programName, append([]string{"upload", path, "--scope", "test", "--name", name, "--output", "jsonl"}, flags...)...)}
		u.cmd.Env, u.cmd.Stdout, u.cmd.Stderr = env, &u.stdout, &u.stderr
		if err := u.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, u)
	}
	for _, u := range all {
		_ = u.cmd.Wait() // the exit code is looked at by the caller
		u.code = fail.Code(u.cmd.ProcessState.ExitCode())
		if err := json.NewDecoder(&u.stdout).Decode(&u.file); err != nil {
			t.Fatalf("exit code %d, no JSON: %v; %s", u.code, err, &u.stderr)
		}
	}
	return all
}

// Two processes upload under one name at the same time. Of the same content one sends it, or both do; of different contents one wins,
// and the other says so and leaves the winner's bytes alone. Neither leaves anything else.
func TestUploadOfTwoProcesses(t *testing.T) {
	vars := testbed.Require(t).RequireService(t, "rses")
	for rse, flags := range map[string][]string{
		"POSIX1": nil, "ROOT1": nil, "S31": nil,
		"DAVS1": {"--client-cert", vars["TESTBED_RSE_DAVS1_CERT"], "--client-key", vars["TESTBED_RSE_DAVS1_KEY"]},
	} {
		flags = append(flags, "--rse", rse)
		env := raceEnv(t)
		for _, content := range [][2]string{{"a", "a"}, {"a", "b"}} {
			t.Run(rse+" "+content[0]+content[1], func(t *testing.T) {
				for range 3 {
					name, dir := testbed.Unique("race-"), t.TempDir()
					var paths []string
					for i, c := range content {
						paths = append(paths, write(t, filepath.Join(dir, string(rune('0'+i)), "file"), strings.Repeat(c, 4<<20)))
					}
					checkRace(t, env, flags, name, content, uploadAtOnce(t, env, flags, name, paths...))
				}
			})
		}
		t.Run(rse+" one file", func(t *testing.T) { // whose temporary names are the same, too
			name := testbed.Unique("race-")
			path := write(t, filepath.Join(t.TempDir(), "file"), strings.Repeat("a", 4<<20))
			checkRace(t, env, flags, name, [2]string{"a", "a"}, uploadAtOnce(t, env, flags, name, path, path))
		})
	}
}

func checkRace(t *testing.T, env, flags []string, name string, content [2]string, all []*uploadProcess) {
	t.Helper()
	winner := -1
	for i, u := range all {
		switch {
		case u.code == fail.OK && u.file.State == "DONE":
			if winner >= 0 && content[0] != content[1] {
				t.Error("both have won")
			}
			winner = i
		case u.code == fail.OK && u.file.State == "ALREADY_DONE" && content[0] == content[1]:
		case u.code == fail.Task && content[0] != content[1] && strings.Contains(u.stderr.String(), name+" exists"):
		default:
			t.Errorf("process %d: exit code %d, %s, %s", i, u.code, u.file.State, &u.stderr)
		}
	}
	if winner < 0 {
		t.Fatal("none has won")
	}
	run := func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), programName, append(args, "--quiet")...)
		cmd.Env = env
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%v: %v: %s", args, err, out)
		}
		return string(out)
	}
	copies := t.TempDir()
	access := flags[:len(flags)-2] // without --rse
	run(append([]string{"download", "test:" + name, "--dir", copies}, access...)...)
	got, err := os.ReadFile(filepath.Join(copies, "test", name))
	if err != nil || string(got) != strings.Repeat(content[winner], 4<<20) {
		t.Errorf("process %d has won; what comes back are %d bytes %.3q, %v", winner, len(got), got, err)
	}
	if rules := run("call", "list_did_rules", "scope=test", "name="+name, "--output", "jsonl"); strings.Count(rules, "\n") != 1 {
		t.Errorf("rules: %s", rules)
	}
	pfn := all[winner].file.PFN
	if strings.HasPrefix(pfn, "https:") { // signed, which listing is not; there are no temporary names
		return
	}
	if left := run(append([]string{"storage", "ls", pfn[:strings.LastIndex(pfn, "/")]}, access...)...); strings.Count(left, name) != 1 {
		t.Errorf("left are %s", left)
	}
}
