//go:build unix

package bind

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	lua "github.com/yuin/gopher-lua"

	"github.com/rucio-task-manager/rucio-task-manager/rucio"
)

// benchRows is how many rows each benchmark reads.
const benchRows = 100_000

// answers are rows as a server sent them, with a number in them.
var answers = map[string]string{
	"files": `{"scope": "user.jdoe", "name": "data25_13p6TeV.00481234.physics_Main._lb%06[1]d._0001.data", "bytes": %[1]d, "adler32": "0cc737eb", "guid": "5fe0b3d2c9a14c4e8d0b5b8f4e5d6a7b", "events": 1234}`,
	"dids":  `{"scope": "user.jdoe", "name": "data25_13p6TeV.00481234.physics_Main._lb%06[1]d._0001.data", "type": "FILE", "bytes": %[1]d, "adler32": "0cc737eb", "md5": null}`,
	"replicas": `{"adler32": "0cc737eb", "bytes": %[1]d, "md5": null, "name": "data25_13p6TeV.00481234.physics_Main._lb%06[1]d._0001.data", "scope": "user.jdoe", ` +
		`"pfns": {"davs://xrd1.example.org:1094/rucio/user/jdoe/0b/c7/data25_13p6TeV.00481234._lb%06[1]d._0001.data": {"client_extract": false, "domain": "wan", "priority": 1, "rse": "XRD1", "rse_id": "9ae1ab43a8af4bb0a9e2d3b5d4a1f9e0", "type": "DISK", "volatile": false}}, ` +
		`"rses": {"XRD1": ["davs://xrd1.example.org:1094/rucio/user/jdoe/0b/c7/data25_13p6TeV.00481234._lb%06[1]d._0001.data"]}, "states": {"XRD1": "AVAILABLE"}}`,
}

// TestMain serves recorded answers instead of running tests when the benchmarks say so: the server must not be counted.
func TestMain(m *testing.M) {
	if kind := os.Getenv("BIND_BENCH_REPLAY"); kind != "" {
		replay(answers[kind])
		return
	}
	os.Exit(m.Run())
}

// replay answers every request with the rows, each an HTTP chunk as Rucio sends them, until its standard input ends.
func replay(row string) {
	var wire strings.Builder
	wire.WriteString("HTTP/1.1 200 OK\r\nContent-Type: application/x-json-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
	for i := range benchRows {
		line := fmt.Sprintf(row, i) + "\n"
		fmt.Fprintf(&wire, "%x\r\n%s\r\n", len(line), line)
	}
	wire.WriteString("0\r\n\r\n")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				for in := bufio.NewReader(conn); ; {
					request, err := http.ReadRequest(in)
					if err != nil {
						return
					}
					_, _ = io.Copy(io.Discard, request.Body)
					if _, err := io.WriteString(conn, wire.String()); err != nil {
						return
					}
				}
			}()
		}
	}()
	fmt.Println("http://" + listener.Addr().String())
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// replaying starts a replay in a process of its own and returns its address.
func replaying(b *testing.B, kind string) string {
	b.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), "BIND_BENCH_REPLAY="+kind)
	stdin, err := command.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := command.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		stdin.Close()
		_ = command.Wait()
	})
	address, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(address)
}

// BenchmarkRows reads 100,000 rows in Lua, over HTTP. cpu-ms/op is the CPU time of this process, the client's and the VM's.
func BenchmarkRows(b *testing.B) {
	const count = `local n = 0 for r in %s do n = n + 1 end`
	const one = `local n, s = 0, 0 for r in %s do n, s = n + 1, s + r.bytes end assert(s == 4999950000)`
	for _, test := range []struct{ name, kind, call, chunk string }{
		{"list_files/count", "files", `rucio.list_files("user.jdoe", "ds")`, `local n = %s:count()`},
		{"list_files/loop", "files", `rucio.list_files("user.jdoe", "ds")`, count},
		{"list_files/one field", "files", `rucio.list_files("user.jdoe", "ds")`, one},
		{"list_files/all fields", "files", `rucio.list_files("user.jdoe", "ds")`, `local n, s, l = 0, 0, 0
for r in %s do n, s, l = n + 1, s + r.bytes + r.events, l + #r.scope + #r.name + #r.adler32 + #r.guid end`},
		{"list_files/pairs", "files", `rucio.list_files("user.jdoe", "ds")`, `local n, f = 0, 0
for r in %s do n = n + 1 for k, v in pairs(r) do f = f + 1 end end assert(f == 600000)`},
		{"list_content/all fields", "dids", `rucio.list_content("user.jdoe", "ds")`, `local n, s, l = 0, 0, 0
for r in %s do n, s, l = n + 1, s + r.bytes, l + #r.scope + #r.name + #r.adler32 + #r.type + #(r.md5 or "") end`},
		{"list_replicas/plain fields", "replicas", `rucio.list_replicas{dids = {{scope = "user.jdoe", name = "ds"}}}`, `local n, s, l = 0, 0, 0
for r in %s do n, s, l = n + 1, s + r.bytes, l + #r.scope + #r.name + #r.adler32 end`},
		{"list_replicas/nested", "replicas", `rucio.list_replicas{dids = {{scope = "user.jdoe", name = "ds"}}}`, `local n, s, l = 0, 0, 0
for r in %s do n, s, l = n + 1, s + r.bytes, l + #r.scope + #r.name + #r.adler32
  for rse, state in pairs(r.states) do l = l + #rse + #state end for rse, pfns in pairs(r.rses) do l = l + #pfns[1] end end`},
		{"list_replicas/encode", "replicas", `rucio.list_replicas{dids = {{scope = "user.jdoe", name = "ds"}}}`, `local n, l = 0, 0
for r in %s do n, l = n + 1, l + #json.encode(r) end`},
	} {
		b.Run(test.name, func(b *testing.B) {
			client, err := rucio.New(rucio.Options{Hosts: []string{replaying(b, test.kind)}})
			if err != nil {
				b.Fatal(err)
			}
			l := newLab(b, func(h *Host) { h.Client = func(context.Context) (*rucio.Client, error) { return client, nil } })
			chunk := fmt.Sprintf(test.chunk, test.call) + fmt.Sprintf(" assert(n == %d, n)", benchRows)
			b.ReportAllocs()
			before := cpu()
			for b.Loop() {
				if got := l.eval(b, chunk); got != "" {
					b.Fatal(got)
				}
			}
			b.ReportMetric(float64(cpu()-before)/1e6/float64(b.N), "cpu-ms/op")
		})
	}
}

// cpu returns the CPU time of this process, in nanoseconds.
func cpu() int64 {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return usage.Utime.Nano() + usage.Stime.Nano()
}

// BenchmarkTables compares ways to give Lua a row: lazily, as done; filled at once; and by way of Go maps.
func BenchmarkTables(b *testing.B) {
	for _, kind := range []string{"files", "replicas"} {
		doc := fmt.Sprintf(answers[kind], 12345)
		for _, way := range []struct {
			name string
			make func(L *lua.LState) lua.LValue
		}{
			{"lazy", func(L *lua.LState) lua.LValue { return decode(b, L, string([]byte(doc)), false) }},
			{"filled", func(L *lua.LState) lua.LValue { return decode(b, L, string([]byte(doc)), true) }},
			{"maps", func(L *lua.LState) lua.LValue {
				var m map[string]any
				if err := json.Unmarshal([]byte(doc), &m); err != nil {
					b.Fatal(err)
				}
				v, err := FromGo(L, m)
				if err != nil {
					b.Fatal(err)
				}
				return v
			}},
		} {
			b.Run(kind+"/"+way.name, func(b *testing.B) {
				L := newState(b)
				b.ReportAllocs()
				for b.Loop() {
					if L.GetField(way.make(L), "bytes") != lua.LNumber(12345) {
						b.Fatal("wrong")
					}
				}
			})
		}
	}
}
