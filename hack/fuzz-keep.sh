#!/usr/bin/env bash
# Copies inputs that widened a fuzz target's coverage from Go's build cache to
# the testdata folder beside the target: they are kept for good, and tried by
# every `go test`. Of each target the smallest, so that the repository stays
# small and the tests fast.
#   hack/fuzz-keep.sh [COUNT [BYTES]]    at most COUNT inputs of at most BYTES each
set -euo pipefail
cd "$(dirname "$0")/.."

count=${1:-40} bytes=${2:-2048}
cache=$(go env GOCACHE)/fuzz/$(go list -m)

grep -rHo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | while IFS=: read -r file func; do
  package=$(dirname "${file#./}") target=${func#func }
  [ -d "$cache/$package/$target" ] || continue
  kept=$package/testdata/fuzz/$target
  mkdir -p "$kept"
  room=$((count - $(find "$kept" -type f | wc -l)))
  find "$cache/$package/$target" -type f -size "-$((bytes + 1))c" -printf '%s %p\n' | sort -n |
    awk -v room="$room" 'NR <= room {print $2}' | xargs -r cp -n -t "$kept"
  printf '%s %s: %d inputs\n' "$package" "$target" "$(find "$kept" -type f | wc -l)"
  rmdir --ignore-fail-on-non-empty "$kept"
done
