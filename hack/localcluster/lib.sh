# shellcheck shell=bash disable=SC2034 # what looks unused is for those who source this
# What the scripts of the local cluster share. Sourced, never run.

readonly CLUSTER_NAME=flight-operator-localcluster
LOCALCLUSTER=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly LOCALCLUSTER

# STATE holds everything of the one cluster that a machine can have: it is made
# by up.sh, found by every other script, and removed by down.sh.
readonly STATE=${LOCALCLUSTER_DIR:-${TMPDIR:-/tmp}/$CLUSTER_NAME}
readonly PKI=$STATE/pki
readonly KUBECONFIG_FILE=$STATE/kubeconfig

# Addresses. Nothing of this leaves the machine: the bridge lives in a network
# namespace of its own and has no uplink.
readonly FABRIC=fo-fabric      # network namespace of the bridge between the nodes
readonly NODE_NETNS_PREFIX=fo- # fo-node1, fo-node2, …
readonly FABRIC_SUBNET=10.30.0 # .1 is the bridge, .11 is node1
readonly POD_SUBNET=10.244     # 10.244.1.0/24 is node1's
readonly SERVICE_RANGE=10.96.0.0/16
readonly SERVICE_API=10.96.0.1 # the first of SERVICE_RANGE, as the API server takes it
readonly SERVICE_DNS=10.96.0.10
readonly HOST_API=127.0.0.1:16443   # where the host reaches the API server
readonly API_SOCKET=$STATE/api.sock # leads from the host into node1's network namespace

# Sysctls that a kubelet sets for the whole machine, there being no namespace
# for them: up.sh notes them, down.sh puts them back.
readonly KUBELET_SYSCTLS=(
  vm.overcommit_memory vm.panic_on_oom
  kernel.panic kernel.panic_on_oops
  kernel.keys.root_maxkeys kernel.keys.root_maxbytes
)

# Folders of the machine that a node has a version of its own of.
readonly NODE_OWN_DIRS=(/var/lib/kubelet /var/lib/containerd /var/lib/cni /var/log /etc/cni /opt)

log() { printf '%s\n' "$*" >&2; }

die() {
  log "${0##*/}: $*"
  exit 1
}

# step MESSAGE: a line of progress with the time since the script began.
step() { printf '%5ds  %s\n' "$SECONDS" "$*" >&2; }

require_root() {
  [ "$(id -u)" = 0 ] || die "needs root: it makes network namespaces, mounts and cgroups"
}

node_address() { printf '%s.%d\n' "$FABRIC_SUBNET" $((10 + $1)); }

# node_names: the nodes of the cluster that is up, one a line.
node_names() {
  local dir
  for dir in "$STATE"/nodes/*/; do
    [ -d "$dir" ] && basename "$dir"
  done
}

# A recorded process is its id and its start time, so that an id that the
# kernel gave to another process meanwhile is never taken for ours.
start_time() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

record_process() { printf '%s %s\n' "$2" "$(start_time "$2")" >"$1"; }

# recorded_process FILE: prints the id while that very process runs.
recorded_process() {
  local pid started
  read -r pid started 2>/dev/null <"$1" || return 1
  [ -n "$started" ] && [ "$(start_time "$pid")" = "$started" ] && printf '%s\n' "$pid"
}

# within SECONDS WHAT COMMAND…: repeats the command until it succeeds.
within() {
  local limit=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < limit)) || die "$what did not happen in time; logs are in $STATE"
    sleep 0.2
  done
}

# in_node NODE COMMAND…: runs a command in all namespaces of a node.
in_node() {
  local node=$1 outer init
  shift
  outer=$(recorded_process "$STATE/nodes/$node/process") || die "no node $node is up; there are: $(node_names | xargs)"
  # The recorded process stays outside; its only child is the node's process 1.
  init=$(pgrep -P "$outer") || die "node $node has ended; see $STATE/nodes/$node/init.log"
  nsenter --target "$init" --mount --net --pid --uts --ipc --cgroup -- "$@"
}

cluster_is_up() { [ -e "$STATE" ]; }
