#!/usr/bin/env bash
# kind-up.sh: a kind cluster with both images loaded, for machines with Docker.
# Takes the cluster that is there, and loads the images anew.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

main() {
  local kind archives
  docker_answers || die "no Docker engine answers; start it, or use \`make localcluster-up\`"
  kind=$(kind_program)
  if "$kind" get clusters 2>/dev/null | grep -qx "$KIND_CLUSTER"; then
    say "the kind cluster $KIND_CLUSTER is up"
    "$kind" export kubeconfig --name "$KIND_CLUSTER"
  else
    say "creating the kind cluster $KIND_CLUSTER"
    "$kind" create cluster --name "$KIND_CLUSTER" --wait 3m
  fi
  mapfile -t archives < <("$REPO/hack/image.sh" | cut -d' ' -f2)
  load_images kind "${archives[@]}"
  say "ready: kubectl config use-context kind-$KIND_CLUSTER; remove it with: $kind delete cluster --name $KIND_CLUSTER"
}

main
