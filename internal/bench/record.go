package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// recordedFiles is how many files the dataset of the recorded answers has.
const recordedFiles = 100_000

// A recording is the answer of the real server to one method.
type recording struct {
	method string // Python's name
	verb   string
	path   string
	body   string
}

// recordings are the answers that the row benchmarks replay.
func recordings() []recording {
	dataset := "/dids/perf/bulk" + strconv.Itoa(recordedFiles)
	return []recording{
		{"list_files", http.MethodGet, dataset + "/files", ""},
		{"list_content", http.MethodGet, dataset + "/dids", ""},
		{"list_replicas", http.MethodPost, "/replicas/list", fmt.Sprintf(`{"dids":[{"scope":"perf","name":"bulk%d"}],"domain":null,"all_states":false,"resolve_archives":true,"resolve_parents":false,"updated_after":null}`, recordedFiles)},
	}
}

// record makes sure that the rows of each recording are in a folder of the testbed's state, and returns the folder. Making
// them takes minutes, most of it the server's.
func record(ctx context.Context, s setup) (string, error) {
	folder := filepath.Join(s.vars["TESTBED_STATE"], "bench")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	made := false
	for _, r := range recordings() {
		if _, err := os.Stat(r.file(folder)); err == nil {
			continue
		}
		if !made {
			if err := makeFiles(ctx); err != nil {
				return "", err
			}
			made = true
		}
		if err := fetch(ctx, s, r, r.file(folder)); err != nil {
			return "", fmt.Errorf("record %s: %w", r.method, err)
		}
	}
	return folder, nil
}

// file is where a recording is kept.
func (r recording) file(folder string) string {
	return filepath.Join(folder, fmt.Sprintf("%s-%d.jsonl", r.method, recordedFiles))
}

func makeFiles(ctx context.Context) error {
	fmt.Fprintf(os.Stderr, "bench: recording the answers for %d files once; this takes some minutes\n", recordedFiles)
	cmd := exec.CommandContext(ctx, "python3", "etc/testbed/testbed.py", "bulk", strconv.Itoa(recordedFiles))
	if out, err := cmd.CombinedOutput(); err != nil && !strings.Contains(string(out), "already exists") {
		return fmt.Errorf("make %d files: %w\n%s", recordedFiles, err, out)
	}
	return nil
}

// fetch writes the server's answer to a file, whole or not at all.
func fetch(ctx context.Context, s setup, r recording, file string) error {
	token, err := login(ctx, s)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, r.verb, s.vars["TESTBED_HTTP_URL"]+r.path, strings.NewReader(r.body))
	if err != nil {
		return err
	}
	req.Header.Set("X-Rucio-Auth-Token", token)
	req.Header.Set("X-Rucio-Account", s.vars["TESTBED_ACCOUNT"])
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/x-json-stream")
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s", res.Status)
	}
	// Streamed, so that this process stays small: the kernel counts its peak as that of the processes it starts.
	partial, err := os.Create(file + ".partial")
	if err != nil {
		return err
	}
	defer os.Remove(partial.Name())
	var rows lineCounter
	if _, err := io.Copy(io.MultiWriter(partial, &rows), res.Body); err != nil {
		return err
	}
	if rows != recordedFiles {
		return fmt.Errorf("the server sent %d rows, want %d", rows, recordedFiles)
	}
	if err := partial.Close(); err != nil {
		return err
	}
	return os.Rename(partial.Name(), file)
}

type lineCounter int

// Write implements io.Writer.
func (c *lineCounter) Write(p []byte) (int, error) {
	*c += lineCounter(bytes.Count(p, []byte("\n")))
	return len(p), nil
}
