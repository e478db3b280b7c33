package main

import (
	"context"
	"fmt"
)

// The row benchmarks read every row of a long list and sum its fields, in Lua and in Python, with the same field accesses.
const (
	luaRows = `
local rows, total, names = 0, 0, 0
local list = %s
for r in list do
  rows = rows + 1
  total = total + r.bytes
  names = names + #r.scope + #r.name + #r.adler32
  if rows == 1 then print("first row") end
end
print(rows, string.format("%%d", total), names)
`
	pythonRows = `
from rucio.client import Client
client = Client()
rows = total = names = 0
for r in %s:
    rows += 1
    total += r["bytes"]
    names += len(r["scope"]) + len(r["name"]) + len(r["adler32"])
    if rows == 1:
        print("first row", flush=True)
print(rows, total, names)
`
)

// lists are the calls that are measured, in Lua and in Python.
var lists = []struct{ method, lua, python string }{
	{"list_files", `rucio.list_files("perf", "bulk100000")`, `client.list_files("perf", "bulk100000")`},
	{"list_content", `rucio.list_content("perf", "bulk100000")`, `client.list_content("perf", "bulk100000")`},
	{"list_replicas", `rucio.list_replicas{ dids = { { scope = "perf", name = "bulk100000" } } }`,
		`client.list_replicas([{"scope": "perf", "name": "bulk100000"}])`},
}

// rowBenchmarks are one for each list and number of rows.
func rowBenchmarks() []benchmark {
	var all []benchmark
	for _, l := range lists {
		for _, repeat := range []int{1, 10} {
			all = append(all, benchmark{
				name: fmt.Sprintf("%s, %d rows replayed", l.method, repeat*recordedFiles),
				goal: "CPU <= 1/4 of Python's net of start-up, peak <= 64 MB, first row at once",
				runs: 5,
				prepare: func(ctx context.Context, s setup) ([]contender, error) {
					url, err := startReplay(ctx, s, repeat, 0)
					if err != nil {
						return nil, err
					}
					return scripts(s, url, fmt.Sprintf(luaRows, l.lua), fmt.Sprintf(pythonRows, l.python))
				},
			})
		}
	}
	return all
}

// scripts are the contenders of a Lua and a Python script against a replay, and beside each the same program doing nothing but
// one ping, whose CPU is its start-up.
func scripts(s setup, url, lua, python string) ([]contender, error) {
	luaFile, err := s.write("rows.lua", lua)
	if err != nil {
		return nil, err
	}
	pythonFile, err := s.write("rows.py", python)
	if err != nil {
		return nil, err
	}
	pingFile, err := s.write("ping.py", "from rucio.client import Client\nClient().ping()\n")
	if err != nil {
		return nil, err
	}
	cfg, err := s.write("rucio.cfg", fmt.Sprintf("[client]\nrucio_host = %[1]s\nauth_host = %[1]s\nauth_type = userpass\nusername = ddmlab\npassword = secret\naccount = root\nauth_token_file_path = %[2]s/token\n", url, s.dir))
	if err != nil {
		return nil, err
	}
	env := []string{"RUCIO_CONFIG=" + cfg, "RUCIO_CFG_CLIENT_RUCIO_HOST=" + url, "RUCIO_CFG_CLIENT_AUTH_HOST=" + url}
	return []contender{
		{name: "ours", argv: []string{s.bin, "exec", luaFile}, env: env, net: "ours, call ping"},
		{name: "ours, call ping", argv: []string{s.bin, "call", "ping"}, env: env},
		{name: "Python", argv: []string{s.python, pythonFile}, env: env, net: "Python, ping"},
		{name: "Python, ping", argv: []string{s.python, pingFile}, env: env},
	}, nil
}
