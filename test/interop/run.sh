#!/usr/bin/env bash
# Drives bin/flightserver with pyarrow and gRPC, from a virtual environment that
# this script makes once. Needs Go and Python 3.11 or newer.
#   test/interop/run.sh [PYTEST ARGUMENT...]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

die() {
  echo "run.sh: $*" >&2
  exit 1
}

build_server() {
  # The Makefile's flags: with others, every dependency would be built again.
  export GOFLAGS=${GOFLAGS:--buildvcs=false -trimpath} CGO_ENABLED=0
  local version=${VERSION:-$(cat "$root/VERSION")}
  local module=github.com/flight-operator/flight-operator
  (cd "$root" && go build -ldflags "-s -w -X $module/flightserver/settings.Version=$version" -o bin/flightserver ./flightserver)
}

# Debian has venv in a package of its own: python3 alone cannot make an environment.
ensure_python() {
  command -v python3 >/dev/null || install_system_packages "python3 is missing"
  python3 -c 'import ensurepip, venv' 2>/dev/null || install_system_packages "python3 has no venv module"
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "$(python3 --version) is too old: the pinned packages need Python 3.11 or newer"
}

install_system_packages() {
  if [[ $(id -u) != 0 || ! -f /etc/debian_version ]]; then
    die "$1: install it (Debian: apt-get install python3-venv), then run this again"
  fi
  "$root/hack/system-packages.sh" install
}

# An environment belongs to one list of packages and one Python. The file
# "complete" is written last: half an environment is never taken for a whole one.
ensure_environment() {
  local id
  id=$({ python3 --version && cat "$here/requirements.txt"; } | sha256sum | cut -c1-16)
  environment=${XDG_CACHE_HOME:-$HOME/.cache}/flight-operator/interop-$id
  [[ -e $environment/complete ]] && return
  echo "making $environment (once)" >&2
  rm -rf "$environment"
  python3 -m venv "$environment"
  "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: --requirement "$here/requirements.txt"
  touch "$environment/complete"
}

build_server
ensure_python
ensure_environment
cd "$here"
exec "$environment/bin/python" -m pytest -p no:cacheprovider "$@"
