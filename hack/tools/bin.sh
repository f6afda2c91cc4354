#!/usr/bin/env bash
# Prints the path of a tool's binary and builds it first when there is none:
#   "$(hack/tools/bin.sh helm)" version
#
# `go tool` would do, but it links again whenever Go's build cache was trimmed.
# These binaries live in a folder that CI keeps between runs, named after the
# content of the tool's go.mod and go.sum, so a changed version is a new folder.
set -euo pipefail

name=${1:?usage: hack/tools/bin.sh NAME}
module=$(cd "$(dirname "$0")" && pwd)
# A tool whose dependencies disagree with the others' has a module of its own.
[ -f "$module/$name/go.mod" ] && module+=/$name
cd "$module"

hash=$(cat go.mod go.sum <(go env GOVERSION GOOS GOARCH) | sha256sum | cut -c1-16)
folder=${XDG_CACHE_HOME:-$HOME/.cache}/flight-operator/tools/$hash
mkdir -p "$folder"

exec {lock}>"$folder/.$name.lock"
flock "$lock" # a second caller waits for the first one's build
if [ ! -x "$folder/$name" ]; then
  package=$(go list tool | grep -E "(^|/)$name(/v[0-9]+)?\$") || {
    echo "$0: no tool is named $name; $module/go.mod has: $(go list tool | xargs)" >&2
    exit 1
  }
  echo "building $name (minutes when nothing is cached, seconds else)" >&2
  CGO_ENABLED=0 GOFLAGS='-buildvcs=false -trimpath' go build -ldflags='-s -w' -o "$folder/$name.partial" "$package"
  mv "$folder/$name.partial" "$folder/$name"
fi
echo "$folder/$name"
