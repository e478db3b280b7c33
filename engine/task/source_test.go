package task

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

const good = "a:\n" + head

// tree writes files below a new folder and returns it.
func tree(t *testing.T, files ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(good), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func files(set *Set, root string) []string {
	var all []string
	for _, d := range set.Definitions {
		all = append(all, strings.TrimPrefix(d.File, root+"/"))
	}
	return all
}

func TestFolder(t *testing.T) {
	root := tree(t, "b.yml", "a/z.yaml", "a/b/c.yml", "a.yml", ".hidden.yml", ".git/x.yml", "readme.md", "x.yml.bak", "UPPER.YML")
	// as Kubernetes mounts a ConfigMap: ..data links to a folder, and each file links through it
	for link, target := range map[string]string{"..data": "..2026", "map.yml": "..data/map.yml", "linked": "a/b"} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(root, "..2026"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "..2026", "map.yml"), []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	want := []string{"a/b/c.yml", "a/z.yaml", "a.yml", "b.yml", "linked/c.yml", "map.yml"}
	set, err := Load(t.Context(), []string{root}, Options{})
	if got := files(set, root); err != nil || !slices.Equal(got, want) {
		t.Errorf("files %q, want %q; error %v", got, want, err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(root, link); err != nil {
		t.Fatal(err)
	}
	set, err = Load(t.Context(), []string{link}, Options{})
	if got := files(set, link); err != nil || !slices.Equal(got, want) {
		t.Errorf("by a link: files %q, want %q; error %v", got, want, err)
	}
}

func TestFolderThatHoldsItself(t *testing.T) {
	root := tree(t, "a.yml", "sub/b.yml")
	for link, target := range map[string]string{"loop": ".", "sub/up": ".."} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Fatal(err)
		}
	}
	set, err := Load(t.Context(), []string{root}, Options{})
	if got := files(set, root); err != nil || !slices.Equal(got, []string{"a.yml", "sub/b.yml"}) {
		t.Errorf("files %q, error %v", got, err)
	}
}

func TestSourcesKeepTheirOrder(t *testing.T) {
	root := tree(t, "b.yml", "a.yml", "http.yml", "dir/c.yml")
	t.Chdir(root)
	if err := os.MkdirAll("https:/host", 0o700); err != nil { // "https://host/x.yml" is a file here, since it is there
		t.Fatal(err)
	}
	if err := os.WriteFile("https:/host/x.yml", []byte(good), 0o600); err != nil {
		t.Fatal(err)
	}
	sources := []string{"b.yml", "-", "dir", "http.yml", "https://host/x.yml", "a.yml"}
	set, err := Load(t.Context(), sources, Options{Stdin: strings.NewReader(good)})
	want := []string{"b.yml", "standard input", "dir/c.yml", "http.yml", "https://host/x.yml", "a.yml"}
	if got := files(set, root); err != nil || !slices.Equal(got, want) {
		t.Errorf("files %q, want %q; error %v", got, want, err)
	}
}

func TestSourceProblems(t *testing.T) {
	root := tree(t, "stubs.yml", "empty/notes.txt", "locked/a.yml", "dir/secret.yml")
	t.Chdir(root)
	for _, path := range []string{"locked", "dir/secret.yml"} {
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _ = os.Chmod("locked", 0o700) })
	tests := []struct {
		source, want string
		opts         Options
		asRoot       bool // root may read everything
	}{
		{source: "stub.yml", want: `stub.yml: no such file or folder (did you mean "stubs.yml"?)`, asRoot: true},
		{source: "other", want: `other: no such file or folder`, asRoot: true},
		{source: "none/x.yml", want: `none/x.yml: no such file or folder`, asRoot: true},
		{source: "empty", want: `empty: the folder has no *.yml or *.yaml file`, asRoot: true},
		{source: "stubs.yml/x", want: `stubs.yml/x: cannot be read: not a directory`, asRoot: true},
		{source: "locked", want: "locked: cannot be read: permission denied\nlocked: the folder has no *.yml or *.yaml file"},
		{source: "dir", want: "dir/secret.yml: cannot be read: permission denied"},
		{source: "ftp://host/x.yml", want: `ftp://host/x.yml: no such file or folder`, asRoot: true},
		{source: "http://", want: `http://...: is not a valid URL`, asRoot: true},
		{source: "http://user:pass word@host:x/", want: `http://...: is not a valid URL`, asRoot: true},
		{source: "-", want: `standard input: is empty (expected a map of task names to their fields)`, asRoot: true},
		{source: "stubs.yml", want: `stubs.yml: is larger than 10 bytes`, opts: Options{MaxBytes: 10}, asRoot: true},
		{source: "-", want: `standard input: cannot be read: broken pipe`, opts: Options{Stdin: broken{}}, asRoot: true},
	}
	for _, tt := range tests {
		if os.Getuid() == 0 && !tt.asRoot {
			continue
		}
		set, err := Load(t.Context(), []string{tt.source}, tt.opts)
		wantProblems(t, set.Problems, tt.want)
		if err == nil {
			t.Errorf("%s: no error", tt.source)
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestEnvironment(t *testing.T) {
	root := tree(t, "here/a.yml", "root/etc/tasks/b.yml", "root/here/a.yml")
	t.Chdir(root)
	inline := strings.Replace(good, "description: d", `description: "{{ WHAT }}"`, 1)
	tests := []struct {
		name     string
		env      []string
		files    []string
		problems []string
	}{
		{"inline wins", []string{"TASK_FILE_YAML", inline, "TASK_FILE_PATH", "here/a.yml", "WHAT", "x"}, []string{"TASK_FILE_YAML"}, nil},
		{"path", []string{"TASK_FILE_PATH", "here/a.yml"}, []string{"here/a.yml"}, nil},
		{"empty inline is none", []string{"TASK_FILE_YAML", " \n", "TASK_FILE_PATH", "here"}, []string{"here/a.yml"}, nil},
		{"path below the root", []string{"TASK_FILE_PATH", "etc/tasks/b.yml", "RUCIO_TASK_MANAGER_ROOT", root + "/root"}, []string{"root/etc/tasks/b.yml"}, nil},
		{"path here before the root", []string{"TASK_FILE_PATH", "here/a.yml", "RUCIO_TASK_MANAGER_ROOT", root + "/root"}, []string{"here/a.yml"}, nil},
		{"nowhere", []string{"TASK_FILE_PATH", "x.yml", "RUCIO_TASK_MANAGER_ROOT", root + "/root"}, nil, []string{"x.yml: no such file or folder"}},
		{"nothing", []string{"TASK_FILE_PATH", ""}, nil, []string{"no task definitions are given (name a file, folder or URL, or set TASK_FILE_PATH or TASK_FILE_YAML)"}},
		{"broken inline", []string{"TASK_FILE_YAML", "a: 1"}, nil, []string{
			`TASK_FILE_YAML:1:1: task "a": a task must be a map of fields, this is a number (its fields are description, module_name, class_name, enabled, args, kwargs)`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set, _ := Load(t.Context(), nil, Options{Env: env(tt.env...)})
			if got := files(set, root); !slices.Equal(got, tt.files) {
				t.Errorf("files %q, want %q", got, tt.files)
			}
			wantProblems(t, set.Problems, tt.problems...)
			if tt.name == "inline wins" && set.Definitions[0].Description != "x" {
				t.Errorf("description %q is not rendered", set.Definitions[0].Description)
			}
		})
	}
}

// serve starts a server for the faults that a real one will not show, and returns its address.
func serve(t *testing.T, start func(*httptest.Server)) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	answer := func(path string, code int, body string) {
		mux.HandleFunc(path, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			_, _ = io.WriteString(w, body)
		})
	}
	answer("/good.yml", 200, good)
	answer("/missing.yml", 404, "<html>not here</html>")
	answer("/login.yml", 401, "")
	answer("/page.yml", 200, "<!DOCTYPE html><html><body>sign in</body></html>")
	answer("/empty.yml", 204, "")
	answer("/large.yml", 200, good+strings.Repeat("#", 5000))
	mux.HandleFunc("/basic.yml", func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "pass-word" || r.URL.Query().Get("token") != "t0ken" {
			w.WriteHeader(403)
		}
		_, _ = io.WriteString(w, good)
	})
	mux.HandleFunc("/moved.yml", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/good.yml", http.StatusFound) })
	mux.HandleFunc("/round.yml", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/round.yml", http.StatusFound) })
	mux.HandleFunc("/down.yml", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+r.Host+"/good.yml?token=t0ken", http.StatusFound)
	})
	mux.HandleFunc("/slow.yml", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	mux.HandleFunc("/stuck.yml", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, good)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	server := httptest.NewUnstartedServer(mux)
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // a refused certificate is what a test wants
	start(server)
	t.Cleanup(server.Close)
	return server
}

func TestURLs(t *testing.T) {
	server := serve(t, (*httptest.Server).Start)
	host := strings.TrimPrefix(server.URL, "http://")
	quick := Options{Timeout: 100 * time.Millisecond}
	tests := []struct {
		url, file, problem string
		opts               Options
	}{
		{url: server.URL + "/good.yml", file: server.URL + "/good.yml"},
		{url: "HTTP://" + host + "/good.yml", file: server.URL + "/good.yml"},
		{url: server.URL + "/moved.yml", file: server.URL + "/moved.yml"},
		{url: "http://me:pass-word@" + host + "/basic.yml?token=t0ken", file: server.URL + "/basic.yml"},
		{url: "http://me:wrong-word@" + host + "/basic.yml?token=t0ken",
			problem: server.URL + "/basic.yml: cannot be fetched: the server answered 403 Forbidden (the address needs a login; download the file, or put user:password@ or a token into the URL)"},
		{url: server.URL + "/missing.yml", problem: server.URL + "/missing.yml: cannot be fetched: the server answered 404 Not Found (check the address, the branch and the path)"},
		{url: server.URL + "/login.yml?token=t0ken", problem: server.URL + "/login.yml: cannot be fetched: the server answered 401 Unauthorized " +
			"(the address needs a login; download the file, or put user:password@ or a token into the URL)"},
		{url: server.URL + "/empty.yml", problem: server.URL + "/empty.yml: cannot be fetched: the server answered 204 No Content"},
		{url: server.URL + "/page.yml", problem: server.URL + "/page.yml: looks like an HTML page, not YAML (give the address of the raw file, and check that it needs no login)"},
		{url: server.URL + "/large.yml", opts: Options{MaxBytes: 1000}, problem: server.URL + "/large.yml: is larger than 1000 bytes"},
		{url: server.URL + "/round.yml", problem: server.URL + "/round.yml: cannot be fetched: redirected more than 5 times"},
		{url: server.URL + "/slow.yml", opts: quick, problem: server.URL + "/slow.yml: cannot be fetched: no answer within 100ms"},
		{url: server.URL + "/stuck.yml", opts: quick, problem: server.URL + "/stuck.yml: cannot be fetched: no answer within 100ms"},
	}
	for _, tt := range tests {
		set, err := Load(t.Context(), []string{tt.url}, tt.opts)
		if tt.problem == "" {
			if err != nil || len(set.Definitions) != 1 || set.Definitions[0].File != tt.file {
				t.Errorf("%s: file %q, error %v", tt.url, files(set, ""), err)
			}
			continue
		}
		wantProblems(t, set.Problems, tt.problem)
	}
}

func TestURLsOverTLS(t *testing.T) {
	server := serve(t, (*httptest.Server).StartTLS)
	set, err := Load(t.Context(), []string{server.URL + "/good.yml"}, Options{HTTP: server.Client()})
	if err != nil || len(set.Definitions) != 1 {
		t.Errorf("with the server's CA: %v", err)
	}
	_, err = Load(t.Context(), []string{server.URL + "/good.yml"}, Options{})
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("without the server's CA: %v", err)
	}
	set, _ = Load(t.Context(), []string{server.URL + "/down.yml"}, Options{HTTP: server.Client()})
	wantProblems(t, set.Problems, server.URL+"/down.yml: cannot be fetched: redirected from https to http"+strings.TrimPrefix(server.URL, "https")+"/good.yml")
}

func TestUnreachableURL(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	_, err := Load(t.Context(), []string{"http://me:pass-word@" + host + "/x.yml?token=t0ken"}, Options{})
	if err == nil || !strings.HasPrefix(err.Error(), server.URL+"/x.yml: cannot be fetched: dial tcp "+host) || strings.Contains(err.Error(), "t0ken") || strings.Contains(err.Error(), "pass-word") {
		t.Errorf("error %v", err)
	}
}

func TestURLSecrets(t *testing.T) {
	server := serve(t, (*httptest.Server).Start)
	host := strings.TrimPrefix(server.URL, "http://")
	set, _ := Load(t.Context(), []string{"http://me:pass-word@" + host + "/basic.yml?token=t0ken&ref=main&X-Amz-Signature=abcdef"}, Options{})
	if got := slices.Sorted(slices.Values(set.Secrets)); !slices.Equal(got, []string{"abcdef", "pass-word", "t0ken"}) {
		t.Errorf("secrets %q", got)
	}
}

func TestLoadStops(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	set, err := Load(ctx, []string{"testdata/original"}, Options{})
	if !errors.Is(err, why) || len(set.Definitions) != 0 {
		t.Errorf("error %v, %d definitions", err, len(set.Definitions))
	}
	server := serve(t, (*httptest.Server).Start)
	ctx, cancel = context.WithCancelCause(t.Context())
	time.AfterFunc(50*time.Millisecond, func() { cancel(why) })
	if _, err = Load(ctx, []string{server.URL + "/slow.yml"}, Options{}); !errors.Is(err, why) {
		t.Errorf("error %v", err)
	}
}

// TestFilesOption asserts that nothing but Options.Files is used to read.
func TestFilesOption(t *testing.T) {
	set, err := Load(t.Context(), []string{"dir", "other.yml"}, Options{Files: memory{"dir/a.yml": good, "other.yml": good}})
	if got := files(set, ""); err != nil || !slices.Equal(got, []string{"dir/a.yml", "other.yml"}) {
		t.Errorf("files %q, error %v", got, err)
	}
}

type memory map[string]string

func (m memory) fs() fs.FS {
	all := fstest.MapFS{}
	for name, text := range m {
		all[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return all
}

func (m memory) Open(path string) (fs.File, error)          { return m.fs().Open(path) }
func (m memory) ReadDir(path string) ([]fs.DirEntry, error) { return fs.ReadDir(m.fs(), path) }
func (m memory) Stat(path string) (fs.FileInfo, error)      { return fs.Stat(m.fs(), path) }
