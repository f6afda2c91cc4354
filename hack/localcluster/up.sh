#!/usr/bin/env bash
# up.sh [N]: a Kubernetes cluster of N nodes (default 1) on this machine, without
# Docker, registry or network. Prints the command that makes kubectl use it.
#
# A node is a set of namespaces with its own containerd, kubelet and kube-proxy;
# node1 runs etcd and the control plane too. README.md tells the rest.
set -euo pipefail
umask 077

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=cgroups.sh
source "$LOCALCLUSTER/cgroups.sh"

readonly MAX_NODES=9
readonly KERNEL_MODULES=(overlay bridge veth br_netfilter nf_tables nf_conntrack)

check() {
  [[ $nodes =~ ^[1-9]$ ]] || die "the number of nodes is 1 to $MAX_NODES, not \"$nodes\""
  require_root
  case $STATE in
    /run/* | /opt/* | /var/log/* | /proc/* | /sys/*) die "$STATE cannot hold a cluster: a node has its own $(cut -d/ -f1,2 <<<"$STATE"); set LOCALCLUSTER_DIR to another folder" ;;
  esac
  if cluster_is_up; then
    die "a cluster of $(node_names | wc -l) node(s) is up already:
  export KUBECONFIG=$KUBECONFIG_FILE
Run $LOCALCLUSTER/down.sh first to make another."
  fi
}

cni_plugins() {
  local dir
  for dir in /usr/lib/cni /opt/cni/bin /usr/libexec/cni; do
    [ -x "$dir/bridge" ] && echo "$dir" && return
  done
  die "no CNI plugins found; run hack/system-packages.sh"
}

# load_modules: some kernels have them built in, others have none to load.
load_modules() {
  local module
  for module in "${KERNEL_MODULES[@]}"; do
    modprobe -q "$module" 2>/dev/null || true
  done
}

save_sysctls() { sysctl --ignore "${KUBELET_SYSCTLS[@]}" 2>/dev/null | sed 's/ = /=/' >"$STATE/sysctls"; }

# make_mount_points: a node mounts its own folder on each of these; those that
# the machine does not have are made, and noted for down.sh.
make_mount_points() {
  local dir
  for dir in "${NODE_OWN_DIRS[@]}"; do
    (umask 022 && LC_ALL=C mkdir -pv "$dir") | sed -n "s/^mkdir: created directory '\(.*\)'$/\1/p" >>"$STATE/made-dirs"
  done
}

# The fabric: a bridge in a network namespace of its own, one cable to each node.
make_fabric() {
  ip netns add "$FABRIC"
  ip -n "$FABRIC" link set lo up
  ip -n "$FABRIC" link add br0 type bridge
  ip -n "$FABRIC" addr add "$FABRIC_SUBNET.1/24" dev br0
  ip -n "$FABRIC" link set br0 up
}

# connect INDEX: node1's network namespace is fo-node1, its end of the cable is
# node1 on the fabric's side and eth0 on its own.
connect() {
  local index=$1 node=node$1 netns=${NODE_NETNS_PREFIX}node$1 other
  ip netns add "$netns"
  ip -n "$netns" link add eth0 type veth peer name "$node" netns "$FABRIC"
  ip -n "$FABRIC" link set "$node" master br0 up
  ip -n "$netns" addr add "$(node_address "$index")/24" dev eth0
  ip -n "$netns" link set lo up
  ip -n "$netns" link set eth0 up
  ip -n "$netns" route add default via "$FABRIC_SUBNET.1"
  for ((other = 1; other <= nodes; other++)); do
    ((other == index)) || ip -n "$netns" route add "$POD_SUBNET.$other.0/24" via "$(node_address "$other")"
  done
}

# render INDEX: the templates in node/ filled in for one node.
render() {
  local node=node$1 dir=$STATE/nodes/node$1 template
  mkdir -p "$dir"
  for template in "$LOCALCLUSTER"/node/*; do
    sed -e "s#@NODE@#$node#" -e "s#@NODE_DIR@#$dir#" -e "s#@PKI@#$PKI#" \
      -e "s#@POD_RANGE@#$POD_SUBNET.$1.0/24#" -e "s#@CLUSTER_CIDR@#$POD_SUBNET.0.0/16#" \
      -e "s#@SERVICE_DNS@#$SERVICE_DNS#" -e "s#@CNI_BIN@#$cni#" "$template" >"$dir/${template##*/}"
  done
}

# daemon LOG COMMAND…: in a session of its own, with no file that the caller has open:
# a lock would last as long as the cluster.
daemon() {
  local log=$1 fd
  shift
  (
    for fd in /proc/"$BASHPID"/fd/*; do
      fd=${fd##*/}
      ((fd <= 2)) || exec {fd}>&-
    done
    exec setsid "$@"
  ) </dev/null >"$log" 2>&1 &
}

# start INDEX: the recorded process waits outside; when it is killed, the kernel
# ends process 1 of the node and with it all others.
start() {
  local node=node$1
  daemon "$STATE/nodes/$node/init.log" nsenter --net="/run/netns/${NODE_NETNS_PREFIX}$node" \
    unshare --mount --pid --uts --ipc --fork --kill-child \
    "$LOCALCLUSTER/node.sh" "$node" "$1" "$binaries"
  record_process "$STATE/nodes/$node/process" $!
}

start_host_access() {
  within 120 "the API server's socket" test -S "$API_SOCKET"
  daemon "$STATE/socat.log" \
    socat "TCP-LISTEN:${HOST_API##*:},bind=${HOST_API%%:*},fork,reuseaddr" "UNIX-CONNECT:$API_SOCKET"
  record_process "$STATE/socat.process" $!
}

kubectl() { "$binaries/kubectl" --kubeconfig "$KUBECONFIG_FILE" --cache-dir "$STATE/kubectl-cache" "$@"; }

wait_until_ready() {
  local index
  within 120 "an answer of the API server" kubectl get --raw /readyz
  step "API server ready"
  within 30 "the service account of kube-system" kubectl -n kube-system get serviceaccount default
  kubectl apply -f "$LOCALCLUSTER/manifests" >"$STATE/manifests.log"
  for ((index = 1; index <= nodes; index++)); do
    within 120 "the registration of node$index" kubectl get node "node$index"
  done
  kubectl wait --for=condition=Ready node --all --timeout=120s >&2
  step "nodes ready"
  kubectl -n kube-system rollout status deployment --timeout=120s >>"$STATE/manifests.log"
  step "DNS and volumes ready"
}

main() {
  local nodes=${1:-1} binaries cni index names=()
  check
  cni=$(cni_plugins)
  binaries=$("$LOCALCLUSTER/binaries.sh" all)
  step "binaries in $binaries"

  # From here on down.sh has something to do.
  mkdir "$STATE" || die "another up.sh is at work"
  trap 'log "up.sh failed; logs are in $STATE. Run $LOCALCLUSTER/down.sh when you have read them."' ERR
  ln -s "$binaries" "$STATE/binaries"
  load_modules
  save_sysctls
  for ((index = 1; index <= nodes; index++)); do
    names+=("node$index")
  done
  "$LOCALCLUSTER/pki.sh" "$PKI" "$(node_address 1)" "$SERVICE_API" "$HOST_API" "${names[@]}"
  cp "$PKI/admin.kubeconfig" "$KUBECONFIG_FILE"
  "$LOCALCLUSTER/images.sh" "$binaries" "$STATE/images"
  step "certificates and images made"

  make_mount_points
  make_fabric
  make_cgroups "${names[@]}"
  for ((index = 1; index <= nodes; index++)); do
    connect "$index"
    render "$index"
    start "$index"
  done
  step "nodes started"
  start_host_access
  wait_until_ready
  echo "export KUBECONFIG=$KUBECONFIG_FILE"
}

main "$@"
