#!/usr/bin/env bash
# demo-down.sh: removes what demo.sh made, from the cluster that it made it on.
# A cluster that demo.sh started goes as a whole.
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=demo-record.sh
source "$REPO/hack/demo-record.sh"

# delete_resources: while the operator is there to carry out the deletion; then
# what deletionPolicy keeps goes with the namespace.
delete_resources() {
  local helm
  helm=$("$REPO/hack/tools/bin.sh" helm)
  kubectl --namespace "$DEMO_NAMESPACE" delete flightdatasets,flightclusters --all --timeout=2m --ignore-not-found
  "$helm" uninstall "$RELEASE" --namespace "$DEMO_NAMESPACE" --ignore-not-found --wait --kube-context "$1"
  # The chart keeps CRDs for those who have resources of them; the demo was the
  # only installation, so only resources made by hand could be left.
  if [ -z "$(kubectl get flightclusters,flightdatasets --all-namespaces --no-headers 2>/dev/null)" ]; then
    kubectl delete crd flightclusters.flight-operator.io flightdatasets.flight-operator.io --ignore-not-found
  else
    say "the CRDs stay: other namespaces have resources of them"
  fi
  kubectl delete namespace "$DEMO_NAMESPACE" --ignore-not-found
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
      delete_resources "$context"
      ;;
  esac
  rm "$DEMO_RECORD"
  say "the demo is removed"
}

main
