#!/usr/bin/env bash
# node-exec.sh NODE COMMAND…: runs a command on a node of the local cluster, such
# as `node-exec.sh node1 crictl ps` or `node-exec.sh node1 curl 10.96.0.1`.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

(($# > 1)) || die "say a node and a command; nodes: $(node_names | xargs)"
require_root
in_node "$@"
