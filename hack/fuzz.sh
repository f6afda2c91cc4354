#!/usr/bin/env bash
# Runs every fuzz target for a time, one more than there are processors at once,
# since builds wait for one another: thirty targets of 60 s take ten minutes on
# two. What breaks a target is written to
# the testdata folder beside it, where every `go test` tries it from then on;
# what widened its coverage stays in Go's build cache, and the next run starts
# from there (hack/fuzz-keep.sh).
#   hack/fuzz.sh [TIME [TARGET]]    TARGET is a regular expression
set -euo pipefail
cd "$(dirname "$0")/.."

export FUZZTIME=${1:-60s}
targets=${2:-.}
FUZZLOGS=$(mktemp -d)
export FUZZLOGS
trap 'rm -rf "$FUZZLOGS"' EXIT

# Of all that a target prints while it runs, its last line is enough. Go may
# report the end of the time itself as a failure; then
# there is no input to blame.
fuzz() {
  local package=$1 target=$2 log=$FUZZLOGS/$2.${1//\//-}
  if go test "$package" -run '^$' -fuzz "^$target\$" -fuzztime "$FUZZTIME" -fuzzminimizetime 100x -parallel 1 >"$log" 2>&1 ||
    { grep -q '^    context deadline exceeded$' "$log" && ! grep -q 'Failing input' "$log"; }; then
    printf 'ok    %s %s: %s\n' "$package" "$target" "$(grep -o 'execs: .*' "$log" | tail -1)"
  else
    printf 'FAIL  %s %s\n%s\n' "$package" "$target" "$(tail -50 "$log")"
    return 1
  fi
}
export -f fuzz

grep -rHo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . |
  sed -E 's|^(.*)/[^/]*:func (.*)$|\1 \2|' | grep -E "$targets" | sort |
  xargs -P "$(($(nproc) + 1))" -L 1 bash -c 'fuzz "$@"' fuzz
