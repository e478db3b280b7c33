package transfer_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rucio-task-manager/rucio-task-manager/internal/testbed"
	"github.com/rucio-task-manager/rucio-task-manager/rucio"
	"github.com/rucio-task-manager/rucio-task-manager/rucio/transfer"
)

// TestDownloadAria2c: the program fetches from a door that wants a certificate, and from signed URLs; what it brings is
// verified.
func TestDownloadAria2c(t *testing.T) {
	env := testbed.Require(t)
	vars := env.RequireService(t, "rses")
	env.RequireService(t, "aria2")
	for _, d := range []door{{"DAVS1", "davs", ""}, {"S31", "https", ""}} {
		t.Run(d.String(), func(t *testing.T) {
			l := newLake(t, d.setup(t, env, vars))
			content := random(40 * mib)
			dids := l.upload(d, content, random(1000), random(1000), random(10))
			damage(t, d, vars, dids[1], func(path string) { must(t, os.WriteFile(path, random(1000), 0o600)) })
			damage(t, d, vars, dids[2], func(path string) { must(t, os.Remove(path)) })
			folder := t.TempDir()
			items := []transfer.Item{{"did": dids[0], "base_dir": folder}, {"did": dids[0], "base_dir": folder, "no_subdir": true}, {"did": dids[1:3], "base_dir": folder}}
			_, err := transfer.DownloadAria2c(t.Context(), l.c, append(items, transfer.Item{"did": "test:nope", "base_dir": folder}), nil)
			e := failed(t, err, rucio.ErrNotAllFilesDownloaded)
			states := map[any]any{}
			for _, item := range e.Items {
				states[item["did"]] = item["clientState"]
			}
			if states[dids[0]] != "DONE" || states[dids[1]] != "FAIL_VALIDATE" || states[dids[2]] != "FAILED" || states["test:nope"] != "FILE_NOT_FOUND" {
				t.Errorf("got %v: %v", states, err)
			}
			if strings.Contains(err.Error(), "X-Amz") {
				t.Errorf("a signature is in %v", err)
			}
			holds(t, l.path(folder, dids[0]), content)
			holds(t, filepath.Join(folder, strings.TrimPrefix(dids[0], "test:")), content)
			result, err := transfer.DownloadAria2c(t.Context(), l.c, items[:1], nil)
			if err != nil || result[0]["clientState"] != "ALREADY_DONE" {
				t.Errorf("got %v, %v", result, err)
			}
			if traces := l.tracesOf(strings.TrimPrefix(dids[0], "test:"), 2); len(traces) != 2 || traces[0]["remoteSite"] != d.rse || traces[0]["clientState"] != "DONE" || traces[1]["clientState"] != "ALREADY_DONE" {
				t.Errorf("got %v", traces)
			}
		})
	}
	left, _ := filepath.Glob(filepath.Join(os.TempDir(), "rucio-aria2c-*"))
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestDownloadAria2cMissing(t *testing.T) {
	l := newLake(t, nil)
	t.Setenv("PATH", t.TempDir())
	_, err := transfer.DownloadAria2c(t.Context(), l.c, []transfer.Item{{"did": "test:seed_file_000"}}, nil)
	if !errors.Is(err, rucio.ErrRucioException) || !strings.Contains(err.Error(), "install the package aria2") {
		t.Errorf("got %v", err)
	}
}
