#!/usr/bin/env bash
# Runs every fuzz target of the module for a while: fuzz.sh [TIME]. New inputs that fail are kept in testdata/fuzz by go.
set -euo pipefail
time=${1:-10s}
grep -rlE '^func Fuzz' --include='*_test.go' . | sort | while read -r file; do
  for target in $(grep -oE '^func Fuzz[A-Za-z0-9_]+' "$file" | cut -d' ' -f2); do
    echo "fuzz $(dirname "$file") $target for $time"
    go test -run='^$' -fuzz="^$target\$" -fuzztime="$time" "$(dirname "$file")" </dev/null
  done
done
