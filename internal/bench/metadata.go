package main

import "context"

// metadataBenchmark makes many small calls: 10,000 get_metadata, one after the other and eight at a time, beside Python.
var metadataBenchmark = benchmark{
	name:    "10,000 get_metadata, replayed",
	goal:    "less CPU and less time than Python; eight at a time faster still",
	runs:    3,
	prepare: prepareMetadata,
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
)

func prepareMetadata(ctx context.Context, s setup) ([]contender, error) {
	url, err := startReplay(ctx, s, 1)
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
	eight := all[0]
	eight.name, eight.argv = "ours, 8 at a time", []string{s.bin, "exec", parallel}
	return append(all, eight), nil
}
