#!/usr/bin/env bash
# Generates everything again and fails, showing the difference, when that
# changes a file or when a module is not tidy.
set -euo pipefail
cd "$(dirname "$0")/.."

# snapshot: a checksum of every file. What is not committed yet is no failure,
# as long as generating changes nothing in it.
snapshot() {
  git ls-files --cached --others --exclude-standard | sort -u | while IFS= read -r file; do
    [ ! -f "$file" ] || sha256sum "$file"
  done
}

failed=0
before=$(snapshot)
hack/generate.sh
mapfile -t changed < <(comm -3 <(sort <<<"$before") <(snapshot | sort) | awk '{ print $2 }' | sort -u)
if [ ${#changed[@]} -gt 0 ]; then
  git --no-pager diff -- "${changed[@]}"
  printf 'was not up to date, now is, commit it: %s\n' "${changed[@]}" >&2
  failed=1
fi

for file in $(git ls-files '*go.mod'); do
  module=$(dirname "$file")
  go -C "$module" mod tidy -diff || {
    echo "$file is not tidy: run (cd $module && go mod tidy)" >&2
    failed=1
  }
done
exit $failed
