#!/usr/bin/env bash
# system-packages.sh [check|install]: the system's own programs that a local
# cluster needs. `check` lists the packages that are missing and changes nothing;
# `install` installs them, on Debian and its kin as root.
set -euo pipefail

# PROGRAM PACKAGE, as Debian calls it. A program that another distribution puts
# elsewhere is found by PATH; the two without a name in PATH are looked up below.
readonly PROGRAMS='
containerd  containerd
ctr         containerd
runc        runc
iptables    iptables
nft         nftables
conntrack   conntrack
socat       socat
ip          iproute2
modprobe    kmod
pgrep       procps
openssl     openssl
flock       util-linux
'

has_cni_plugins() { [ -x /usr/lib/cni/bridge ] || [ -x /opt/cni/bin/bridge ] || [ -x /usr/libexec/cni/bridge ]; }

# The busybox must be static: it becomes the only file of an image.
has_static_busybox() { command -v busybox >/dev/null && ! ldd "$(command -v busybox)" >/dev/null 2>&1; }

missing() {
  local program package
  while read -r program package; do
    [ -z "$program" ] || command -v "$program" >/dev/null || echo "$package"
  done <<<"$PROGRAMS"
  has_cni_plugins || echo containernetworking-plugins
  has_static_busybox || echo busybox-static
}

main() {
  # Some of these programs are an administrator's, and so is their folder.
  export PATH=$PATH:/usr/sbin:/sbin
  local packages
  mapfile -t packages < <(missing | sort -u)
  [ ${#packages[@]} != 0 ] || return 0
  case ${1:-check} in
    check)
      echo "missing system packages: ${packages[*]}" >&2
      echo "  on Debian or Ubuntu: sudo apt-get install --no-install-recommends ${packages[*]}" >&2
      exit 1
      ;;
    install)
      apt-get update -qq
      DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${packages[@]}" >&2
      ;;
    *)
      echo "usage: system-packages.sh [check|install]" >&2
      exit 2
      ;;
  esac
}

main "$@"
