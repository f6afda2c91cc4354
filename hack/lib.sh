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
