#!/usr/bin/env bash
# down.sh: ends the local cluster and removes everything that it made. Does
# nothing, successfully, when no cluster is up.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=cgroups.sh
source "$LOCALCLUSTER/cgroups.sh"

# end FILE: kills the process recorded there and waits until it is gone. With a
# node's outer process the kernel kills every process of the node.
end() {
  local pid
  pid=$(recorded_process "$1") || return 0
  kill -KILL "$pid"
  while recorded_process "$1" >/dev/null; do
    sleep 0.1
  done
}

end_processes() {
  local file
  for file in "$STATE/socat.process" "$STATE"/nodes/*/process; do
    [ ! -e "$file" ] || end "$file"
  done
}

remove_networks() {
  local netns
  for netns in $(ip netns list | awk '{print $1}' | grep -xE "$FABRIC|${NODE_NETNS_PREFIX}node[0-9]+" || true); do
    ip netns del "$netns"
  done
}

restore_sysctls() {
  [ ! -s "$STATE/sysctls" ] || xargs sysctl -qw <"$STATE/sysctls"
}

# remove_mount_points: last made first, and only while they are empty.
remove_mount_points() {
  local dir
  [ -e "$STATE/made-dirs" ] || return 0
  tac "$STATE/made-dirs" | while read -r dir; do
    rmdir "$dir" || log "left behind, not empty: $dir"
  done
}

main() {
  if ! cluster_is_up; then
    log "no local cluster is up"
    return
  fi
  require_root
  end_processes
  remove_networks
  remove_cgroups
  restore_sysctls
  remove_mount_points
  rm -rf "$STATE"
  step "local cluster removed"
}

main
