package storage_test

import (
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
)

func TestPublic(t *testing.T) {
	for pfn, want := range map[string]string{
		"https://h:443/a%20b?X-Amz-Signature=secret": "https://h:443/a%20b",
		"davs://user:secret@h/a":                     "davs://h/a",
		"https://user:secret@h":                      "https://h/",
		"root://u@h//a?authz=secret":                 "root://h//a",
		"xroots://u@h//a?authz=secret":               "xroots://h//a",
		"https://h/a b%zz?sig=secret#x":              "https://h/a b%zz",
		"file:///a?b":                                "file:///a?b",
		"/a/b?c":                                     "/a/b?c",
		"s3://h/b/k?x@y":                             "s3://h/b/k?x@y",
	} {
		if got := storage.Public(pfn); got != want {
			t.Errorf("Public(%q) = %q, want %q", pfn, got, want)
		}
	}
}

func TestJoinAndParent(t *testing.T) {
	for _, test := range []struct{ folder, name, want string }{
		{"file:///a", "b c%", "file:///a/b c%"},
		{"davs://h/a/", "b c%", "davs://h/a/b%20c%25"},
		{"https://h/a?q=1", "x?y+z", "https://h/a/x%3Fy%2Bz?q=1"},
		{"root://h//a", "b c", "root://h//a/b c"},
		{"s3://h/bucket", "k%20", "s3://h/bucket/k%20"},
		{"/a", "b", "/a/b"},
	} {
		joined := storage.Join(test.folder, test.name)
		if joined != test.want {
			t.Errorf("Join(%q, %q) = %q, want %q", test.folder, test.name, joined, test.want)
		}
		if got, want := storage.Parent(joined), strings.Replace(test.folder, "a/", "a", 1); got != want {
			t.Errorf("Parent(%q) = %q, want %q", joined, got, want)
		}
	}
	for _, top := range []string{"file:///a", "davs://h/a", "davs://h/", "davs://h", "root://h//a", "/a", "/"} {
		if got := storage.Parent(top); got != "" {
			t.Errorf("Parent(%q) = %q, want none", top, got)
		}
	}
}

func TestOpenUnknown(t *testing.T) {
	_, err := storage.Open("gopher://h/a?token=secret", storage.Options{})
	if !storage.Is(err, storage.Unsupported) || !strings.Contains(err.Error(), `no storage of scheme "gopher" (known: `) {
		t.Errorf("error %v", err)
	}
}

func TestFilePFNs(t *testing.T) {
	b := storage.NewFile()
	for pfn, want := range map[string]string{
		"file://host":  "stat file://host: a file PFN needs an absolute path, as in file:///data/file: invalid argument",
		"file:a/b":     "stat file:a/b: a file PFN needs an absolute path, as in file:///data/file: invalid argument",
		"davs://h/a?x": "stat davs://h/a: no file PFN: unsupported operation",
	} {
		if _, err := b.Stat(t.Context(), pfn); err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", pfn, err, want)
		}
	}
}
