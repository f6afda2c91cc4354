#!/usr/bin/env bash
# Runs every fuzz target in turn; what it finds is kept as a test case.
#   hack/fuzz.sh [TIME]
set -euo pipefail
cd "$(dirname "$0")/.."

time=${1:-60s}
grep -rHo --include='*_test.go' 'func Fuzz[A-Za-z0-9_]*' . | while IFS=: read -r file func; do
  go test "./$(dirname "$file")" -run '^$' -fuzz "^${func#func }\$" -fuzztime "$time" -fuzzminimizetime 100x
done
