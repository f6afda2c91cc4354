#!/usr/bin/env bash
# system-packages.sh [check|install] [cluster|all]: the system's own programs
# that a local cluster needs, or all that `.ci/run` does. `check` lists the
# packages that are missing and changes nothing; `install` installs them, on
# Debian and its kin as root.
set -euo pipefail

# PROGRAM PACKAGE, as Debian calls it.
readonly CLUSTER='
conntrack   conntrack
containerd  containerd
ctr         containerd
flock       util-linux
ip          iproute2
iptables    iptables
modprobe    kmod
nft         nftables
openssl     openssl
pgrep       procps
runc        runc
socat       socat
'
readonly DEVELOPMENT='
gcc         gcc
git         git
make        make
python3     python3
shellcheck  shellcheck
'

has_cni_plugins() { [ -x /usr/lib/cni/bridge ] || [ -x /opt/cni/bin/bridge ] || [ -x /usr/libexec/cni/bridge ]; }

# The busybox must be static: it becomes the only file of an image.
has_static_busybox() { command -v busybox >/dev/null && ! ldd "$(command -v busybox)" >/dev/null 2>&1; }

has_c_headers() { echo '#include <stdlib.h>' | gcc -E - >/dev/null 2>&1; }

has_venv() { python3 -c 'import ensurepip, venv' 2>/dev/null; }

missing_programs() {
  local program package
  while read -r program package; do
    [ -z "$program" ] || command -v "$program" >/dev/null || echo "$package"
  done
}

missing() {
  missing_programs <<<"$CLUSTER"
  has_cni_plugins || echo containernetworking-plugins
  has_static_busybox || echo busybox-static
  [ "$1" = all ] || return 0
  missing_programs <<<"$DEVELOPMENT"
  has_c_headers || echo libc6-dev
  has_venv || echo python3-venv
}

main() {
  # Some of these programs are an administrator's, and so is their folder.
  export PATH=$PATH:/usr/sbin:/sbin
  local packages
  mapfile -t packages < <(missing "${2:-all}" | sort -u)
  [ ${#packages[@]} != 0 ] || return 0
  case ${1:-check} in
    check)
      echo "missing system packages: ${packages[*]}" >&2
      echo "  on Debian or Ubuntu: sudo apt-get install --no-install-recommends ${packages[*]}" >&2
      exit 1
      ;;
    install)
      apt-get update -qq
      DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${packages[@]}" >/dev/null
      ;;
    *)
      echo "usage: system-packages.sh [check|install] [cluster|all]" >&2
      exit 2
      ;;
  esac
}

main "$@"
