#!/usr/bin/env bash
# Generates everything again and fails, showing the difference, when that
# changes a file or when a module is not tidy.
set -euo pipefail
cd "$(dirname "$0")/.."

# snapshot: the work tree as it is. Changes that are not committed yet are no
# failure, as long as generating adds nothing to them.
snapshot() {
  git diff HEAD
  git ls-files --others --exclude-standard -z | xargs -0 --no-run-if-empty sha256sum
}

before=$(snapshot)
hack/generate.sh
if ! changes=$(diff <(echo "$before") <(snapshot)); then
  git --no-pager diff
  git status --short
  echo "$changes" | grep '^[<>]' | head -40
  echo "generated files were not up to date; they are now: commit them" >&2
  exit 1
fi

git ls-files '*go.mod' | while read -r file; do
  module=$(dirname "$file")
  go -C "$module" mod tidy -diff || {
    echo "$file is not tidy: run (cd $module && go mod tidy)" >&2
    exit 1
  }
done
