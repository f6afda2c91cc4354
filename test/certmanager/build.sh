#!/usr/bin/env bash
# Prints the path of a program that runs cert-manager, and builds it first when
# there is none (minutes when nothing is cached). It is kept in a folder named
# after what it is made of, as hack/tools/bin.sh does with tools.
set -euo pipefail
cd "$(dirname "$0")"

hash=$(cat go.mod go.sum ./*.go <(go env GOVERSION GOOS GOARCH) | sha256sum | cut -c1-16)
folder=${XDG_CACHE_HOME:-$HOME/.cache}/flight-operator/tools/$hash
mkdir -p "$folder"

exec {lock}>"$folder/.lock"
flock "$lock"
if [ ! -x "$folder/certmanager" ]; then
  echo "building cert-manager (minutes when nothing is cached, seconds else)" >&2
  CGO_ENABLED=0 GOFLAGS='-buildvcs=false -trimpath' go test -c -ldflags='-s -w' -o "$folder/certmanager.partial" .
  mv "$folder/certmanager.partial" "$folder/certmanager"
fi
echo "$folder/certmanager"
