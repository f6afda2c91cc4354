#!/usr/bin/env bash
# soak.sh [MINUTES] [Operator|CertManager]: replaces certificates, authorities and
# tokens of three FlightClusters on the local cluster, while pyarrow and arrow-go
# read and write. Prints what they met; a request that failed fails it.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

readonly MINUTES=${1:-30} PROVIDER=${2:-Operator}

# node_command: begins a command that runs in the network of a node, where the names
# of Services lead somewhere and the API server reaches what listens.
node_command() (
  # shellcheck source-path=SCRIPTDIR source=localcluster/lib.sh
  source "$REPO/hack/localcluster/lib.sh"
  echo "ip netns exec ${NODE_NETNS_PREFIX}node1"
)

main() {
  [ -z "${KUBECONFIG:-}" ] || [ "$(cluster_behind_kubeconfig)" = local ] ||
    die "clients run in the network of a node of the local cluster: unset KUBECONFIG"
  cd "$REPO"
  E2E_PYTHON=$(test/interop/environment.sh)
  E2E_IN_NODE=$(node_command)
  E2E_PROBE=$REPO/bin/probe
  export E2E_PYTHON E2E_IN_NODE E2E_PROBE E2E_FORMAT=standard-verbose
  if [ "$PROVIDER" = CertManager ]; then
    E2E_CERT_MANAGER=$(test/certmanager/build.sh)
    E2E_CERT_MANAGER_CRDS=$(go -C test/certmanager list -m -f '{{.Dir}}' github.com/cert-manager/cert-manager)/deploy/crds
    export E2E_CERT_MANAGER E2E_CERT_MANAGER_CRDS
  fi
  go build -o "$E2E_PROBE" ./test/e2e/probe
  hack/e2e.sh -run '^TestSoak$' -timeout "$((2 * MINUTES + 30))m" -soak="${MINUTES}m" -provider="$PROVIDER"
}

main
