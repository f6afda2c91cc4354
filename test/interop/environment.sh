#!/usr/bin/env bash
# Prints the path of a Python that has what requirements.txt pins, from a
# virtual environment that this script makes once. Needs Python 3.11 or newer.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

die() {
  echo "environment.sh: $*" >&2
  exit 1
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
  "$root/hack/system-packages.sh" install >&2
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
  python3 -m venv "$environment" >&2
  "$environment/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: --requirement "$here/requirements.txt" >&2
  touch "$environment/complete"
}

ensure_python
ensure_environment
echo "$environment/bin/python"
