//go:build unix

package rucio

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"
)

// benchRows is how many rows a stream of the benchmarks has, each of some 200 bytes and in an HTTP chunk of its own, as
// Rucio's servers send them.
const benchRows = 100_000

// benchRow is a row of list_files as a server sent it, with a number in the name.
const benchRow = `{"scope": "user.jdoe", "name": "user.jdoe.data25_13p6TeV.00481234.physics_Main.daq.RAW._lb%06d._SFO-11._0001.data", "bytes": 2147483648, "adler32": "0cc737eb", "guid": "5FE0B3D2C9A14C4E8D0B5B8F4E5D6A7B", "events": 1234}` + "\n"

// replay serves one recorded answer from memory over real sockets, so that what is measured is nearly all the client.
func replay(b *testing.B) string {
	var wire bytes.Buffer
	wire.WriteString("HTTP/1.1 200 OK\r\nContent-Type: application/x-json-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
	for i := range benchRows {
		row := fmt.Sprintf(benchRow, i)
		fmt.Fprintf(&wire, "%x\r\n%s\r\n", len(row), row)
	}
	wire.WriteString("0\r\n\r\n")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for in := bufio.NewReader(conn); ; {
					if _, err := http.ReadRequest(in); err != nil {
						return
					}
					if _, err := conn.Write(wire.Bytes()); err != nil {
						return
					}
				}
			}()
		}
	}()
	return "http://" + listener.Addr().String()
}

// flushing serves the same answer with net/http, which flushes each row: the server costs more than the client here.
func flushing(b *testing.B) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-json-stream")
		for i := range benchRows {
			fmt.Fprintf(w, benchRow, i)
			w.(http.Flusher).Flush()
		}
	}))
	b.Cleanup(server.Close)
	return server.URL
}

// BenchmarkStream reads 100,000 rows; cpu-ms/op is the whole process, server included.
func BenchmarkStream(b *testing.B) {
	read := map[string]func(b *testing.B, c *Client) int{
		"raw": func(b *testing.B, c *Client) (n int) {
			for _, err := range c.Raw().ListFiles(b.Context(), "s", "n", nil) {
				if err != nil {
					b.Fatal(err)
				}
				n++
			}
			return n
		},
		"typed": func(b *testing.B, c *Client) (n int) {
			for _, err := range c.ListFiles(b.Context(), "s", "n", nil) {
				if err != nil {
					b.Fatal(err)
				}
				n++
			}
			return n
		},
	}
	for _, run := range []struct {
		mode, server string
		start        func(*testing.B) string
	}{{"raw", "replay", replay}, {"raw", "flush", flushing}, {"typed", "replay", replay}} {
		b.Run(run.mode+"/"+run.server, func(b *testing.B) {
			c, err := New(Options{Hosts: []string{run.start(b)}})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			before := cpuTime()
			b.ResetTimer()
			for range b.N {
				if n := read[run.mode](b, c); n != benchRows {
					b.Fatalf("%d rows", n)
				}
			}
			b.ReportMetric(float64((cpuTime()-before).Milliseconds())/float64(b.N), "cpu-ms/op")
		})
	}
}

// BenchmarkRowReader splits the same rows from memory.
func BenchmarkRowReader(b *testing.B) {
	data := bytes.Repeat([]byte(fmt.Sprintf(benchRow, 1)), benchRows)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		r, n := newRowReader(bytes.NewReader(data)), 0
		for {
			if _, err := r.next(); errors.Is(err, io.EOF) {
				break
			}
			n++
		}
		if n != benchRows {
			b.Fatalf("%d rows", n)
		}
	}
}

// cpuTime is what the process has used so far.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
