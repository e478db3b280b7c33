package scripts_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/engine/fail"
	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
)

// buildProgram builds the program as users have it.
func buildProgram(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "rucio-task-manager")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "..").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// stopped runs the program with a definition, ends it by SIGTERM when began is closed or a line of its log matches, and returns
// its exit code, what it wrote, and its temporary folder.
func stopped(t *testing.T, program string, env map[string]string, began <-chan struct{}, line string) (code fail.Code, stdout, stderr, temp string) {
	t.Helper()
	temp = t.TempDir()
	cmd := exec.CommandContext(t.Context(), program, "run")
	cmd.Env = []string{"HOME=" + t.TempDir(), "TMPDIR=" + temp, "RUCIO_TASK_MANAGER_SPOOL=" + t.TempDir()}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var out, log bytes.Buffer
	cmd.Stdout = &out
	lines, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	seen, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		scanner, sought := bufio.NewScanner(io.TeeReader(lines, &log)), regexp.MustCompile(line)
		for told := false; scanner.Scan(); {
			if line != "" && !told && sought.MatchString(scanner.Text()) {
				told = true
				close(seen)
			}
		}
	}()
	select {
	case <-began:
	case <-seen:
	case <-ended:
		t.Error("it ended before it was stopped")
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	<-ended
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return fail.Code(cmd.ProcessState.ExitCode()), out.String(), log.String(), temp
}

// door is a storage behind http that stalls at a method.
type door struct {
	rse     string
	stalls  string        // the method at which it stalls
	stalled chan struct{} // closed when it does

	mu      sync.Mutex
	objects map[string][]byte
}

// newDoor opens a door, and makes an RSE of it, on which Rucio's reaper believes to have deleted what it should.
func newDoor(t *testing.T, env map[string]string, stalls string) *door {
	t.Helper()
	d := &door{rse: testbed.Unique("STALLS"), stalls: stalls, stalled: make(chan struct{}), objects: map[string][]byte{}}
	over := make(chan struct{})
	var once sync.Once
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == d.stalls {
			if r.Method == http.MethodGet {
				w.Header().Set("Content-Length", "1000000")
				_, _ = w.Write([]byte("not all"))
				_ = http.NewResponseController(w).Flush()
			} else {
				_, _ = r.Body.Read(make([]byte, 100))
			}
			once.Do(func() { close(d.stalled) })
			<-over
			return
		}
		d.serve(w, r)
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(over) })
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := run(t, env, "exec", "-e", `rucio.add_rse(kwargs.rse)
		local domain = { read = 1, write = 1, delete = 1 }
		rucio.add_protocol(kwargs.rse, { scheme = "http", hostname = "127.0.0.1", port = kwargs.port, prefix = "/stalls/",
			impl = "rucio.rse.protocols.mock.Default", domains = { wan = domain, lan = domain } })
		rucio.add_rse_attribute(kwargs.rse, "verify_checksum", false)
		rucio.set_local_account_limit("root", kwargs.rse, -1)`, "rse="+d.rse, "port="+u.Port()); code != fail.OK {
		t.Fatal(stderr)
	}
	return d
}

// holds is how many objects are behind the door.
func (d *door) holds() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.objects)
}

func (d *door) serve(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	object, there := d.objects[r.URL.Path]
	switch {
	case r.Method == http.MethodPut:
		d.objects[r.URL.Path], _ = io.ReadAll(r.Body)
		w.WriteHeader(http.StatusCreated)
	case r.Method == "MOVE":
		to, _ := url.Parse(r.Header.Get("Destination"))
		d.objects[to.Path] = object
		delete(d.objects, r.URL.Path)
		w.WriteHeader(http.StatusCreated)
	case !there:
		http.NotFound(w, r)
	case r.Method == http.MethodDelete:
		delete(d.objects, r.URL.Path)
	case r.Method == http.MethodHead, r.Method == http.MethodGet:
		w.Header().Set("Content-Length", strconv.Itoa(len(object)))
		_, _ = w.Write(object)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

// left are the files below folders whose name has part in it.
func left(t *testing.T, part string, folders ...string) (found []string) {
	t.Helper()
	for _, folder := range folders {
		if err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // others clean up too
			}
			if err == nil && path != folder && strings.Contains(entry.Name(), part) {
				found = append(found, path)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// SIGTERM in any phase of a matrix ends it: the rules of what it made end at once, so that Rucio removes the files, nothing is
// left half done, and what was measured is told.
func TestTransferMatrixIsStopped(t *testing.T) {
	program := buildProgram(t)
	for phase, c := range map[string]struct {
		stalls, size string
		row          string // of the table
		registered   int
	}{
		"upload":       {http.MethodPut, "1MB", `RSE +http +- +- +- +- +- +- +- +stopped`, 1},
		"registration": {http.MethodGet, "1MB", `RSE +http +- +- +- +- +- +- +- +stopped`, 2}, // small files are read again
		"download":     {http.MethodGet, "2MB", `RSE +http( +\d\.\d\ds){2} +- +- +- +- +- +stopped`, 2},
		"rule":         {"", "1MB", ` +- +- +- +- +- +- +`, 1},
	} {
		t.Run(phase, func(t *testing.T) {
			bed, env := lake(t)
			prefix := "stuck-" + env["UNIQUE"]
			kwargs := []string{"naming_prefix: " + prefix, "size: " + c.size}
			var began chan struct{}
			line, rse := "check passed: POSIX1 by file: rule to POSIX2$", "POSIX2"
			if c.stalls == "" {
				c.row = `POSIX1 +file( +\d\.\d\ds){4} +POSIX2 +(-|REPLICATING|STUCK) +(-|\d+\.\d\ds) +stopped`
				matrix(env, append(kwargs, "rses: [POSIX1]", "destinations: [POSIX2]")...)
			} else {
				d := newDoor(t, env, c.stalls)
				began, rse, line = d.stalled, d.rse, ""
				c.row = `POSIX1 +file( +\d\.\d\ds){4} +- +- +- +stopped\n` + strings.Replace(c.row, "RSE", rse, 1)
				matrix(env, append(kwargs, "rses: [POSIX1, "+rse+"]", "replicate: none")...)
			}
			code, stdout, stderr, temp := stopped(t, program, env, began, line)
			if code != fail.Interrupted {
				t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
			}
			wants(t, stdout, `(?m)^`+c.row+`$`, `matrix +failed .*stopped by signal: terminated`)
			if files := left(t, "rucio-task-", temp); files != nil {
				t.Errorf("left in the temporary folder: %q", files)
			}
			names := registered(t, env, prefix)
			if len(names) != c.registered {
				t.Errorf("registered: %q", names)
			}
			for _, name := range names {
				if !expired(t, env, name) {
					t.Errorf("rules of %s go on", name)
				}
			}
			bed.Daemons(t, "judge-cleaner", "reaper")
			if files := left(t, prefix+"_POSIX", bed.State+"/storage"); files != nil {
				t.Errorf("left: %q", files)
			}
			if names := registered(t, env, prefix); len(names) > 0 {
				t.Errorf("left in the catalogue: %q", names)
			}
			told := map[string]int{}
			for _, d := range documents(t, env, "matrix") {
				told[d.key("to_rse", "failed_step", "is_identical")]++
			}
			want := map[string]int{"POSIX1/stopped/1": 1}
			switch phase {
			case "download":
				want[rse+"/stopped/0"] = 1
			case "rule":
				want["POSIX2/<nil>/<nil>"] = 1
			}
			if !maps.Equal(told, want) {
				t.Errorf("documents %v, want %v", told, want)
			}
		})
	}
}

// registered are the files in the catalogue whose names begin so.
func registered(t *testing.T, env map[string]string, prefix string) (names []string) {
	t.Helper()
	call(t, env, &names, "list_dids", "scope=test", "filters={name: "+prefix+"*}", "did_type=file")
	return names
}

// SIGTERM in the middle of an upload ends the upload tasks: of the file that was under way nothing is left, those before it are
// there, as they would be at the end of the task, and told of.
func TestUploadTasksAreStopped(t *testing.T) {
	program := buildProgram(t)
	for class, c := range map[string]struct {
		kwargs string
		told   map[string]int
	}{
		"upload.TestUpload": {"rses: [POSIX1, RSE], protocols: [file, http], n_files: 1, sizes: [1MB], naming_prefix: UNIQUE", map[string]int{
			"POSIX1/file/UPLOAD-SUCCESSFUL": 1, "POSIX1/http/UPLOAD-FAILED": 1, "RSE/file/UPLOAD-FAILED": 1,
		}},
		"upload_replication.TestUploadReplication": {"rses: [POSIX1, RSE], activity: Functional Test, n_files: 1, sizes: [1MB], eb_id: UNIQUE", map[string]int{
			"POSIX1/file/OK": 1, "RSE/http/REPLICATING": 1,
		}},
		"upload_size_limit.UploadSizeLimit": {"rse: RSE, min_size: 100000, max_size: 100000, factor: 2", nil},
	} {
		t.Run(class, func(t *testing.T) {
			_, env := lake(t)
			d := newDoor(t, env, http.MethodPut)
			fill := strings.NewReplacer("RSE", d.rse, "UNIQUE", "stuck-"+env["UNIQUE"])
			module, class, _ := strings.Cut(class, ".")
			env["TASK_FILE_YAML"] = fmt.Sprintf(`{x: {description: , module_name: tasks.tests.%s, class_name: %s, enabled: yes, args: , kwargs: {
				scope: test, lifetime: 600, %s, output: {databases: [{type: es, uri: "{{ ES }}", index: "{{ INDEX }}-x"}]}}}}`,
				module, class, fill.Replace(c.kwargs))
			code, stdout, stderr, temp := stopped(t, program, env, d.stalled, "")
			if code != fail.Interrupted {
				t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
			}
			wants(t, stdout, `x +failed .*stopped by signal: terminated`)
			if files := left(t, "rucio-task-", temp); files != nil {
				t.Errorf("left in the temporary folder: %q", files)
			}
			if n := d.holds(); n > 0 {
				t.Errorf("left at the storage: %d objects", n)
			}
			if c.told == nil {
				return // nothing came to an end
			}
			if names := registered(t, env, "stuck-"+env["UNIQUE"]); len(names) != 1 {
				t.Errorf("registered: %q", names)
			}
			told, want := map[string]int{}, map[string]int{}
			for _, doc := range documents(t, env, "x") {
				told[doc.key("to_rse", "protocol", "state")]++
			}
			for key, n := range c.told {
				want[fill.Replace(key)] = n
			}
			if !maps.Equal(told, want) {
				t.Errorf("documents %v, want %v", told, want)
			}
		})
	}
}

// A replication that is stopped while its rules are followed tells of them.
func TestReplicationIsStopped(t *testing.T) {
	_, env := lake(t)
	env["TASK_FILE_YAML"] = `{x: {description: , module_name: tasks.tests.upload_replication_random, class_name: TestUploadReplicationRandom, enabled: yes, args: , kwargs: {
		scope: test, lifetime: 600, rses: [POSIX1, POSIX2], activity: Functional Test, n_files: 1, size: 1MB, eb_id: "stuck-{{ UNIQUE }}", wait: 10m,
		output: {databases: [{type: es, uri: "{{ ES }}", index: "{{ INDEX }}-x"}]}}}}`
	code, stdout, stderr, temp := stopped(t, buildProgram(t), env, nil, "check passed: rule for stuck-")
	if code != fail.Interrupted {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	if files := left(t, "rucio-task-", temp); files != nil {
		t.Errorf("left in the temporary folder: %q", files)
	}
	told := map[string]int{}
	for _, doc := range documents(t, env, "x") {
		told[doc.key("is_done", "is_submitted", "n_files")]++
	}
	if !maps.Equal(told, map[string]int{"1/1/1": 1, "0/1/1": 1}) { // the upload's own rule, and the one that waits
		t.Errorf("documents %v", told)
	}
}
