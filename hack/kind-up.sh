#!/usr/bin/env bash
# kind-up.sh: a kind cluster with both images loaded, for machines with Docker.
# Takes the cluster that is there, and loads the images anew.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

main() {
  local archives
  start_kind_cluster
  mapfile -t archives < <("$REPO/hack/image.sh" | cut -d' ' -f2)
  load_images kind "${archives[@]}"
  say "ready: kubectl config use-context kind-$KIND_CLUSTER; remove it with: $(kind_program) delete cluster --name $KIND_CLUSTER"
}

main
