#!/usr/bin/env bash
# e2e.sh [GO TEST FLAG…]: the end-to-end tests, on the cluster of KUBECONFIG or
# on a local one that is made for them and removed again. Flags go to go test:
#   hack/e2e.sh -run TestHelm
#
#   E2E_KEEP=yes    leave cluster and operator as they are after the tests
#   E2E_FORMAT=…    what gotestsum shows of them
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"

readonly NAMESPACE=flight-operator-e2e
readonly SERVER_IMAGE=ghcr.io/flight-operator/flightserver
readonly LOGS=$REPO/bin/e2e-logs
made_cluster=no

start_cluster() {
  [ -z "${KUBECONFIG:-}" ] || return 0
  "$REPO/hack/system-packages.sh" check cluster ||
    die "the local cluster needs these packages; set KUBECONFIG to test on another"
  if ! local_kubeconfig >/dev/null; then
    made_cluster=yes
    say "starting a local cluster"
  fi
  start_local_cluster
}

# images TAG: builds both and brings them to the cluster.
images() {
  local archives
  mapfile -t archives < <(IMAGE_TAG=$1 "$REPO/hack/image.sh")
  load_images "$cluster" "${archives[@]##* }"
  echo "${archives[0]%% *}"
}

install() {
  kubectl create namespace "$NAMESPACE" --dry-run=client -o yaml | kubectl apply -f - >/dev/null
  kubectl label --overwrite namespace "$NAMESPACE" pod-security.kubernetes.io/enforce=restricted >/dev/null
  install_operator "$NAMESPACE" "$1"
}

save_operator_log() {
  mkdir -p "$LOGS"
  kubectl --namespace "$NAMESPACE" logs "deployment/$RELEASE" --tail=-1 >"$LOGS/operator.log" 2>&1 || true
}

clean_up() {
  local code=$?
  if [ "$code" != 0 ]; then
    save_operator_log
    say "logs of what failed are in $LOGS"
  fi
  [ -z "${E2E_KEEP:-}" ] || return 0
  if [ "$made_cluster" = yes ]; then
    "$REPO/hack/localcluster/down.sh"
  else
    kubectl delete namespace --selector flight-operator.io/e2e --timeout=3m >/dev/null
    uninstall_operator "$NAMESPACE" >/dev/null
  fi
}

main() {
  local cluster helm gotestsum tag=''
  cd "$REPO"
  rm -rf "$LOGS"
  helm=$(hack/tools/bin.sh helm)
  gotestsum=$(hack/tools/bin.sh gotestsum)
  trap clean_up EXIT
  start_cluster
  need_kubectl
  cluster=$(cluster_behind_kubeconfig)

  say "building images and kubectl-flight"
  make --no-print-directory build >/dev/null
  if [ "$cluster" != other ]; then
    # The same server under a second name is what a cluster is updated to.
    images e2e-next >/dev/null
    export E2E_NEXT_IMAGE=$SERVER_IMAGE:e2e-next
    tag=$(images content)
    tag=${tag##*:}
  fi
  say "installing the chart"
  install "$tag" || {
    show_trouble "$NAMESPACE"
    die "the chart could not be installed"
  }

  export E2E_OPERATOR_NAMESPACE=$NAMESPACE E2E_RELEASE=$RELEASE E2E_IMAGE_TAG=$tag
  export E2E_HELM=$helm E2E_FLIGHT=$REPO/bin/kubectl-flight E2E_LOGS=$LOGS
  say "testing"
  CGO_ENABLED=0 "$gotestsum" --format "${E2E_FORMAT:-testname}" -- -tags e2e -count=1 -timeout 30m -parallel 4 ./test/e2e/... "$@"
}

main "$@"
