# shellcheck shell=bash
# What demo.sh and e2e.sh share: finding a cluster, bringing the images and the
# operator there. Sourced, never run.

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly REPO
readonly KIND_CLUSTER=flight-operator
# shellcheck disable=SC2034 # for those who source this
readonly RELEASE=flight-operator

# say: a line of progress with the time since the script began.
say() { printf '[%4ds] %s\n' "$SECONDS" "$*" >&2; }

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

has() { command -v "$1" >/dev/null; }

docker_answers() { has docker && timeout 10 docker info >/dev/null 2>&1; }

# kind_program: kind from PATH, or else built from its module.
kind_program() { command -v kind || "$REPO/hack/tools/bin.sh" kind; }

# need_kubectl: a machine without kubectl gets the one of the local cluster.
need_kubectl() {
  has kubectl || PATH=$PATH:$("$REPO/hack/localcluster/binaries.sh" envtest)
}

# cluster_behind_kubeconfig: local, kind or other; decides how images get there.
cluster_behind_kubeconfig() {
  case $(kubectl config current-context 2>/dev/null) in
    localcluster) echo local ;;
    "kind-$KIND_CLUSTER") echo kind ;;
    *) echo other ;;
  esac
}

# local_kubeconfig: prints the local cluster's kubeconfig if one is up.
local_kubeconfig() (
  # shellcheck source-path=SCRIPTDIR source=localcluster/lib.sh
  source "$REPO/hack/localcluster/lib.sh"
  [ -e "$KUBECONFIG_FILE" ] && echo "$KUBECONFIG_FILE"
)

# start_local_cluster: brings it up, or takes the one that is up.
start_local_cluster() {
  if ! KUBECONFIG=$(local_kubeconfig); then
    "$REPO/hack/localcluster/up.sh" 1 >/dev/null
    KUBECONFIG=$(local_kubeconfig)
  fi
  # Its own kubectl, since another may be too old for it.
  PATH=$("$REPO/hack/localcluster/binaries.sh" envtest):$PATH
  export KUBECONFIG
}

# start_kind_cluster: creates it, or takes the one that is there.
start_kind_cluster() {
  local kind
  docker_answers || die "no Docker engine answers; start it, or use a local cluster"
  kind=$(kind_program)
  if "$kind" get clusters 2>/dev/null | grep -qx "$KIND_CLUSTER"; then
    "$kind" export kubeconfig --name "$KIND_CLUSTER"
  else
    "$kind" create cluster --name "$KIND_CLUSTER" --wait 3m
  fi
}

# load_images local|kind|other ARCHIVE…
load_images() {
  local cluster=$1 archive
  shift
  case $cluster in
    local) "$REPO/hack/localcluster/load.sh" "$@" >/dev/null ;;
    kind)
      for archive; do
        "$(kind_program)" load image-archive "$archive" --name "$KIND_CLUSTER"
      done
      ;;
    other) say "this cluster pulls the images from their registry" ;;
  esac
}

# install_operator NAMESPACE TAG [HELM FLAG…]: an empty TAG is the chart's own.
install_operator() {
  local namespace=$1 tag=$2 helm
  shift 2
  helm=$("$REPO/hack/tools/bin.sh" helm)
  "$helm" upgrade --install "$RELEASE" "$REPO/charts/flight-operator" --namespace "$namespace" \
    --set image.tag="$tag" --set serverImage.tag="$tag" --wait --timeout 3m "$@" >/dev/null
}

readonly CRDS=(flightclusters.flight-operator.io flightdatasets.flight-operator.io)

# installed_in: the namespace of the release that brought the CRDs; empty when
# something else did; fails when there are none.
installed_in() {
  kubectl get crd "${CRDS[0]}" -o 'jsonpath={.metadata.annotations.meta\.helm\.sh/release-namespace}' 2>/dev/null
}

# uninstall_operator NAMESPACE: the release, its namespace and, when nothing is
# left that is made of them, the CRDs that it brought and the chart keeps.
uninstall_operator() {
  local namespace=$1
  "$("$REPO/hack/tools/bin.sh" helm)" uninstall "$RELEASE" --namespace "$namespace" --ignore-not-found --wait >/dev/null
  if [ "$(installed_in)" = "$namespace" ] && [ -z "$(kubectl get flightclusters,flightdatasets -A -o name)" ]; then
    kubectl delete crd "${CRDS[@]}"
  fi
  kubectl delete namespace "$namespace" --ignore-not-found
}

# show_trouble NAMESPACE: what to look at when something did not come up.
show_trouble() {
  local namespace=$1
  {
    echo "--- pods, clusters and datasets in $namespace"
    kubectl --namespace "$namespace" get pods,persistentvolumeclaims,flightclusters,flightdatasets 2>/dev/null || true
    echo "--- latest events"
    kubectl --namespace "$namespace" get events --sort-by=.lastTimestamp 2>/dev/null | tail -n 15
    echo "--- the operator's last words"
    kubectl --namespace "$namespace" logs "deployment/$RELEASE" --tail=15 2>/dev/null || true
  } >&2
}
