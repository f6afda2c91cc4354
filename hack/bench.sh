#!/usr/bin/env bash
# Compares bin/flightserver with other servers: docs/performance.md. The C++ one
# is pyarrow's, from the environment of the interop tests, where that can be had.
#   hack/bench.sh [ARGUMENT OF bin/bench...]
set -euo pipefail
cd "$(dirname "$0")/.."

# With its symbols, which profiles need.
go build -o bin/flightserver ./flightserver
go build -o bin/bench ./test/bench

python=$(test/interop/environment.sh) || {
  echo "bench.sh: no Python with pyarrow: its server and client are not measured" >&2
  python=
}
exec bin/bench --python "$python" "$@"
