package storage_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/storage/storagetest"
)

// gfal2's own plugin for files stands for srm and gsiftp, whose servers no package has.
func TestGfal(t *testing.T) {
	if _, err := exec.LookPath("gfal-copy"); err != nil {
		t.Skip("gfal2's commands are not installed: apt-get install gfal2-util-scripts python3-gfal2-util gfal2-plugin-file")
	}
	b, err := storage.NewGfal(storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	storagetest.Run(t, storagetest.Door{Backend: b, Base: "file://" + t.TempDir()})
}

func TestGfalIsMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, scheme := range []string{"srm", "gsiftp://host/a"} {
		_, err := storage.Open(scheme, storage.Options{})
		if !storage.Is(err, storage.Unsupported) || !strings.Contains(err.Error(), "gfal-copy is not in PATH: install gfal2-util-scripts") {
			t.Errorf("%s: error %v, want what to install", scheme, err)
		}
	}
}

// Credentials and PFNs reach the commands, credentials by the environment alone.
func TestGfalCommands(t *testing.T) {
	folder := t.TempDir()
	script := "#!/bin/sh\necho \"$0 $* $X509_USER_PROXY $X509_CERT_DIR\" >&2\nexit 70\n" // 70 is ECOMM
	for _, name := range []string{"gfal-copy", "gfal-stat"} {
		if err := os.WriteFile(folder+"/"+name, []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", folder+":/bin:/usr/bin")
	b := open(t, "srm", storage.Options{Proxy: "/p.pem", CADir: "/cas"})
	_, err := b.Stat(t.Context(), "srm://host/a b")
	want := "stat srm://host/a b: " + folder + "/gfal-stat srm://host/a b /p.pem /cas: communication error on send"
	if err == nil || err.Error() != want || !storage.Is(err, storage.Unavailable) {
		t.Errorf("error %v, want %s", err, want)
	}
}
