#!/usr/bin/env bash
# load.sh IMAGE.tar…: puts images (docker-archive or OCI) into every node of the
# local cluster, there being no registry to pull from.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

main() {
  local archive node
  (($# > 0)) || die "say which archives to load"
  cluster_is_up || die "no local cluster is up; run $LOCALCLUSTER/up.sh"
  require_root
  for archive; do
    [ -r "$archive" ] || die "cannot read $archive"
    for node in $(node_names); do
      in_node "$node" ctr --namespace k8s.io images import "$(realpath "$archive")"
    done
  done
}

main "$@"
