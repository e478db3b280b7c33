package main

import (
	"context"
	"time"
)

// metadataBenchmarks make many small calls: 10,000 get_metadata, one after the other and eight at a time, beside Python. A
// server that answers at once shares this machine's processors with its client, which shows what a call costs; one that
// takes a while, as real ones do, shows what is gained by several calls at a time.
var metadataBenchmarks = []benchmark{
	{
		name: "10,000 get_metadata, replayed", goal: "less CPU and less time than Python", runs: 3,
		prepare: func(ctx context.Context, s setup) ([]contender, error) { return prepareMetadata(ctx, s, 0) },
	},
	{
		name: "10,000 get_metadata, each answered after 1 ms", goal: "eight at a time several times as fast as one", runs: 1,
		prepare: func(ctx context.Context, s setup) ([]contender, error) {
			return prepareMetadata(ctx, s, time.Millisecond)
		},
	},
}

const (
	luaMetadata = `
local total = 0
for _ = 1, 10000 do
  total = total + rucio.get_metadata("perf", "bulk100000").bytes
end
print(total)
`
	luaMetadataParallel = `
local numbers = {}
for i = 1, 10000 do numbers[i] = i end
local sizes = parallel.map(numbers, function() return rucio.get_metadata("perf", "bulk100000").bytes end, { workers = 8 })
local total = 0
for _, size in ipairs(sizes) do total = total + size end
print(total)
`
	pythonMetadata = `
from rucio.client import Client
client = Client()
total = 0
for _ in range(10000):
    total += client.get_metadata("perf", "bulk100000")["bytes"]
print(total)
`
	pythonMetadataParallel = `
import threading
from concurrent.futures import ThreadPoolExecutor
from rucio.client import Client
mine = threading.local()  # its session is not for several threads
def size(_):
    if not hasattr(mine, "client"):
        mine.client = Client()
    return mine.client.get_metadata("perf", "bulk100000")["bytes"]
with ThreadPoolExecutor(8) as pool:
    print(sum(pool.map(size, range(10000))))
`
)

func prepareMetadata(ctx context.Context, s setup, delay time.Duration) ([]contender, error) {
	url, err := startReplay(ctx, s, 1, delay)
	if err != nil {
		return nil, err
	}
	all, err := scripts(s, url, luaMetadata, pythonMetadata)
	if err != nil {
		return nil, err
	}
	parallel, err := s.write("parallel.lua", luaMetadataParallel)
	if err != nil {
		return nil, err
	}
	threads, err := s.write("threads.py", pythonMetadataParallel)
	if err != nil {
		return nil, err
	}
	ours, python := all[0], all[2]
	ours.name, ours.argv = "ours, 8 at a time", []string{s.bin, "exec", parallel}
	python.name, python.argv = "Python, 8 threads", []string{s.python, threads}
	return append(all, ours, python), nil
}
