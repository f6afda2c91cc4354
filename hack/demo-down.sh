#!/usr/bin/env bash
# demo-down.sh: removes what demo.sh made, from the cluster that it made it on.
# A cluster that demo.sh started goes as a whole.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=demo-record.sh
source "$REPO/hack/demo-record.sh"

# remove_from_cluster: resources first, while the operator is there to carry out
# their deletion; what deletionPolicy keeps goes with the namespace.
remove_from_cluster() {
  kubectl --namespace "$DEMO_NAMESPACE" delete flightdatasets,flightclusters --all --timeout=2m --ignore-not-found
  uninstall_operator "$DEMO_NAMESPACE"
}

main() {
  local cluster context kubeconfig
  if [ ! -e "$DEMO_RECORD" ]; then
    say "there is no demo to remove"
    return
  fi
  {
    read -r cluster
    read -r context
    read -r kubeconfig || true
  } <"$DEMO_RECORD"
  case $cluster in
    local) "$REPO/hack/localcluster/down.sh" ;;
    kind) "$(kind_program)" delete cluster --name "$KIND_CLUSTER" ;;
    current)
      [ -z "$kubeconfig" ] || export KUBECONFIG=$kubeconfig
      need_kubectl
      [ "$(kubectl config current-context)" = "$context" ] ||
        die "the demo is on the cluster of context $context; switch to it: kubectl config use-context $context"
      remove_from_cluster
      ;;
  esac
  rm "$DEMO_RECORD"
  say "the demo is removed"
}

main
