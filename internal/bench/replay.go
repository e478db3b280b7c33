package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// A replay is a server that answers with recorded bytes, as fast as loopback takes them, so that what is measured is the
// client: the real server makes 400 to 50,000 rows a second, depending on the method. Rows arrive as the real server sends
// them, one HTTP chunk each.
type replay struct {
	streams map[string][]byte // path: the answer's chunks, encoded
	repeat  int               // how often each stream's rows are sent
	delay   time.Duration     // before each answer that is no stream
}

// serveReplay serves a folder of recordings, each repeat times, until standard input is closed; it prints its URL first.
func serveReplay(folder string, repeat int, delay time.Duration) error {
	r := &replay{streams: map[string][]byte{}, repeat: repeat, delay: delay}
	for _, recorded := range recordings() {
		rows, err := os.ReadFile(recorded.file(folder))
		if err != nil {
			return err
		}
		r.streams[recorded.path] = chunked(rows)
	}
	server := httptest.NewServer(r)
	defer server.Close()
	fmt.Println(server.URL)
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// startReplay serves all recordings by a process of its own, until the benchmarks are over. Were it this process, which
// starts the contenders, they would inherit its size as their peak: the kernel counts from the fork.
func startReplay(ctx context.Context, s setup, repeat int, delay time.Duration) (url string, err error) {
	folder, err := record(ctx, s)
	if err != nil {
		return "", err
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, self, "-replay", folder, "-repeat", strconv.Itoa(repeat), "-delay", delay.String())
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return "", err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	s.atEnd(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	url, err = bufio.NewReader(stdout).ReadString('\n')
	return strings.TrimSpace(url), err
}

// values are the answers that are no streams.
var values = map[string]string{
	"/ping":                      `{"version": "41.5.1"}`,
	"/dids/perf/bulk100000/meta": `{"scope": "perf", "name": "bulk100000", "account": "root", "did_type": "DATASET", "bytes": 1000000, "length": 100000, "project": null, "datatype": null, "run_number": null, "created_at": "Mon, 23 Nov 2026 07:36:58 UTC"}`,
}

// chunked encodes each line as a chunk of its own.
func chunked(rows []byte) []byte {
	var b bytes.Buffer
	for line := range bytes.Lines(rows) {
		b.WriteString(strconv.FormatInt(int64(len(line)), 16) + "\r\n")
		b.Write(line)
		b.WriteString("\r\n")
	}
	return b.Bytes()
}

// ServeHTTP answers with the recorded bytes of a path; a login gets a token that nobody checks.
func (r *replay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	_, _ = io.Copy(io.Discard, req.Body)
	if strings.HasPrefix(req.URL.Path, "/auth/") {
		w.Header().Set("X-Rucio-Auth-Token", "root-ddmlab-replay-0")
		w.Header().Set("X-Rucio-Auth-Token-Expires", time.Now().Add(time.Hour).UTC().Format(time.RFC1123))
		return
	}
	if body, ok := values[req.URL.Path]; ok {
		time.Sleep(r.delay) // what a real server needs for an answer, as far as a client can tell
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, body)
		return
	}
	chunks, ok := r.streams[req.URL.Path]
	if !ok {
		http.NotFound(w, req)
		return
	}
	conn, buffered, err := w.(http.Hijacker).Hijack() // net/http would make its own chunks
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	r.send(conn, buffered, chunks)
}

func (r *replay) send(conn net.Conn, w *bufio.ReadWriter, chunks []byte) {
	fmt.Fprint(w, "HTTP/1.1 200 OK\r\nContent-Type: application/x-json-stream\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
	if w.Flush() != nil {
		return
	}
	for range r.repeat {
		if _, err := conn.Write(chunks); err != nil {
			return // the client has seen enough
		}
	}
	_, _ = io.WriteString(conn, "0\r\n\r\n")
}
