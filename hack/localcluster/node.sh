#!/usr/bin/env bash
# node.sh NAME INDEX BINARIES: process 1 of a node. up.sh starts it in network,
# mount, pid, uts and ipc namespaces of the node's own.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=cgroups.sh
source "$LOCALCLUSTER/cgroups.sh"
# shellcheck source-path=SCRIPTDIR source=control-plane.sh
source "$LOCALCLUSTER/control-plane.sh"

readonly NODE=$1 INDEX=$2 BINARIES=$3
readonly NODE_DIR=$STATE/nodes/$NODE
ADDRESS=$(node_address "$INDEX")
readonly ADDRESS
readonly CONTAINERD=/run/containerd/containerd.sock

# keep NAME COMMAND…: starts a command, and again when it ends, as the kubelet
# does with the static pods of other clusters.
keep() {
  local name=$1
  shift
  while :; do
    "$@" >>"$NODE_DIR/$name.log" 2>&1 || true
    sleep 0.5
  done &
}

# mount_own: what would be written below /run, /etc and /var belongs to the node.
mount_own() {
  local dir
  mount --make-rprivate /
  mount -t proc proc /proc
  mount -t sysfs sysfs /sys
  mount_cgroups
  mount -t bpf bpf /sys/fs/bpf 2>/dev/null || true # not every kernel has it, and nothing here needs it
  mount -t tmpfs -o mode=755 tmpfs /run
  for dir in "${NODE_OWN_DIRS[@]}"; do
    mkdir -p "$NODE_DIR/root$dir"
    mount --bind "$NODE_DIR/root$dir" "$dir"
  done
  mount --make-rshared / # the kubelet passes mounts on to containers
}

configure() {
  hostname "$NODE"
  sysctl -qw net.ipv4.ip_forward=1
  # Not there while the kernel lacks br_netfilter; then pods of one node reach
  # each other by pod address only.
  sysctl -qw net.bridge.bridge-nf-call-iptables=1 2>/dev/null || true
  mkdir -p /etc/cni/net.d /var/log/pods /var/log/containers /opt/local-path-provisioner
  cp "$NODE_DIR/cni.conflist" /etc/cni/net.d/10-localcluster.conflist
  : >"$NODE_DIR/resolv.conf" # names outside of the cluster lead nowhere
}

ctr() { command ctr --address "$CONTAINERD" --namespace k8s.io "$@"; }

start_containerd() {
  keep containerd containerd --config "$NODE_DIR/containerd.toml"
  within 30 "containerd's answer" ctr version
  local archive
  for archive in "$STATE"/images/*.tar; do
    ctr images import "$archive" >>"$NODE_DIR/images.log" 2>&1
  done
}

main() {
  umask 022 # up.sh's own hides its files; containers must see theirs
  mount_own
  configure
  if [ "$INDEX" = 1 ]; then
    start_control_plane &
  fi
  start_containerd
  keep kubelet "$BINARIES/kubelet" --config="$NODE_DIR/kubelet.yaml" --kubeconfig="$PKI/$NODE.kubeconfig" \
    --hostname-override="$NODE" --node-ip="$ADDRESS"
  keep kube-proxy "$BINARIES/kube-proxy" --config="$NODE_DIR/kube-proxy.yaml"
  # As process 1 bash also collects the orphans of the whole node.
  while :; do
    wait -n || true
    sleep 1
  done
}

# The cgroup namespace begins where the process is when it is made, so the
# process joins first, then starts over inside.
if [ "${IN_CGROUP_NAMESPACE:-}" != yes ]; then
  join_cgroups "$NODE"
  IN_CGROUP_NAMESPACE=yes exec unshare --cgroup "$0" "$@"
fi
main
