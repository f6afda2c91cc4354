#!/usr/bin/env bash
# Drives bin/flightserver with pyarrow and gRPC, from a virtual environment that
# environment.sh makes once. Needs Go and Python 3.11 or newer.
#   test/interop/run.sh [PYTEST ARGUMENT...]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

build_server() {
  # The Makefile's flags: with others, every dependency would be built again.
  export GOFLAGS=${GOFLAGS:--buildvcs=false -trimpath} CGO_ENABLED=0
  local version=${VERSION:-$(cat "$root/VERSION")}
  local module=github.com/flight-operator/flight-operator
  (cd "$root" && go build -ldflags "-s -w -X $module/flightserver/settings.Version=$version" -o bin/flightserver ./flightserver)
}

build_server
python=$("$here/environment.sh")
cd "$here"
exec "$python" -m pytest -p no:cacheprovider "$@"
