#!/usr/bin/env bash
# demo.sh: from nothing to a FlightCluster that serves a real data set over TLS.
# Uploads it, reads it back, deletes the server's pod, reads again, and compares
# what was read by checksums. Running it again is fine; demo-down.sh removes all.
#
#   DEMO_CLUSTER=current   the cluster of your kubeconfig
#   DEMO_CLUSTER=kind      a kind cluster; chosen where Docker answers
#   DEMO_CLUSTER=local     a cluster on this machine without Docker; chosen else
set -euo pipefail

# shellcheck source-path=SCRIPTDIR source=lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source-path=SCRIPTDIR source=demo-record.sh
source "$REPO/hack/demo-record.sh"

readonly DATA=$REPO/test/data/nycflights13
readonly TABLES=(airlines airports planes weather flights) # small ones first
readonly FLIGHT_CLUSTER=flights                            # as in config/samples
readonly POD=$FLIGHT_CLUSTER-0

# What the report tells, by table.
declare -A rows sums sums_back sums_after put_times get_times
trouble=no # yes: there is something in the cluster to look at

choose_cluster() {
  local wanted=${DEMO_CLUSTER:-}
  if [ -z "$wanted" ]; then
    wanted=local
    ! docker_answers || wanted=kind
  fi
  case $wanted in
    current | kind | local) echo "$wanted" ;;
    *) die "DEMO_CLUSTER is current, kind or local, not \"$wanted\"" ;;
  esac
}

# check_machine CLUSTER: stops here, before anything was changed, when something
# is missing that this script cannot install.
check_machine() {
  has go || die "needs Go; see https://go.dev/doc/install"
  case $1 in
    kind) docker_answers || die "DEMO_CLUSTER=kind needs Docker, and no engine answers" ;;
    local) check_local ;;
  esac
}

check_local() {
  local packages=$REPO/hack/system-packages.sh
  [ "$(uname -s)" = Linux ] || die "the local cluster needs Linux; start Docker, or set DEMO_CLUSTER=current"
  [ "$(id -u)" = 0 ] || die "the local cluster needs root; run it with sudo, start Docker, or set DEMO_CLUSTER=current"
  "$packages" check cluster 2>/dev/null && return
  if ! has apt-get; then
    "$packages" check cluster || die "install them, then run this again; nothing was changed"
  fi
  say "installing the system packages that are missing"
  "$packages" install cluster
}

# start_cluster CLUSTER: afterwards kubectl means that cluster.
start_cluster() {
  case $1 in
    local)
      say "starting Kubernetes on this machine (the first time it is compiled: some 15 minutes)"
      start_local_cluster
      ;;
    kind)
      say "starting Kubernetes in kind"
      start_kind_cluster
      ;;
  esac
  need_kubectl
  kubectl get --raw /readyz >/dev/null || die "the cluster of the current kubeconfig does not answer; see: kubectl cluster-info"
  refuse_other_installation
  record_demo "$1" "$(kubectl config current-context)"
  say "cluster: $(kubectl config current-context), Kubernetes $(kubectl version -o json | sed -n '/serverVersion/,$s/.*"gitVersion": "\(.*\)".*/\1/p')"
}

# refuse_other_installation: its CRDs and cluster roles would be taken over, and
# demo-down.sh would remove them.
refuse_other_installation() {
  local namespace
  namespace=$(installed_in) || return 0
  [ "$namespace" = "$DEMO_NAMESPACE" ] ||
    die "flight-operator is installed on this cluster already${namespace:+ (namespace $namespace)}; choose another cluster"
}

# build_images: prints the images' tag.
build_images() {
  local kind tag archives
  kind=$(cluster_behind_kubeconfig)
  # A registry has releases only.
  [ "$kind" = other ] && return
  mapfile -t archives < <(IMAGE_TAG=content "$REPO/hack/image.sh")
  tag=${archives[0]%% *}
  load_images "$kind" "${archives[@]##* }"
  echo "${tag##*:}"
}

in_demo() { kubectl --namespace "$DEMO_NAMESPACE" "$@"; }

install() {
  local tag
  say "building the operator, the server and kubectl-flight"
  make -C "$REPO" --no-print-directory build >/dev/null
  go -C "$REPO" build -o bin/contentsum ./hack/contentsum
  tag=$(build_images)
  say "installing the chart, images tagged ${tag:-as the chart says}"
  trouble=yes
  install_operator "$DEMO_NAMESPACE" "$tag" --create-namespace
  # Whatever runs here must satisfy the strictest Pod Security Standard.
  kubectl label --overwrite namespace "$DEMO_NAMESPACE" pod-security.kubernetes.io/enforce=restricted >/dev/null
}

apply_samples() {
  say "applying config/samples and waiting until all of it is ready"
  in_demo apply -f "$REPO/config/samples" >/dev/null
  in_demo wait --for=condition=Ready --timeout=3m flightcluster --all >&2
  in_demo wait --for=condition=Ready --timeout=1m flightdataset --all >&2
}

flight() { "$REPO/bin/kubectl-flight" --namespace "$DEMO_NAMESPACE" --cluster "$FLIGHT_CLUSTER" --quiet "$@"; }

# content FILE: sum and number of rows.
content() { "$REPO/bin/contentsum" "$1" | cut -d' ' -f1,2; }

# timed COMMAND…: runs it and leaves the seconds it took in $took.
timed() {
  local start=$EPOCHREALTIME
  "$@" >/dev/null
  took=$(awk "BEGIN {printf \"%.2f\", $EPOCHREALTIME - $start}")
}

upload() {
  local table took
  say "uploading nycflights13 with kubectl flight put"
  for table in "${TABLES[@]}"; do
    read -r "sums[$table]" "rows[$table]" < <(content "$DATA/$table.parquet")
    timed flight put "$DATA/$table.parquet" --path "nyc/$table"
    put_times[$table]=$took
  done
}

# read_back RESULT: reads every table into the scratch folder and leaves the
# sums of what came in the named array.
read_back() {
  # shellcheck disable=SC2034 # a name for the caller's array
  local -n result=$1
  local table took
  for table in "${TABLES[@]}"; do
    timed flight get "nyc/$table" -o "$scratch/$table.arrow"
    get_times[$table]=$took
    read -r "result[$table]" _ < <(content "$scratch/$table.arrow")
  done
}

delete_pod() {
  local before after
  before=$(in_demo get pod "$POD" -o 'jsonpath={.metadata.uid}')
  say "deleting pod $POD"
  in_demo delete pod "$POD" >/dev/null
  in_demo wait --for=create --timeout=1m "pod/$POD" >/dev/null
  in_demo wait --for=condition=Ready --timeout=2m "pod/$POD" >/dev/null
  after=$(in_demo get pod "$POD" -o 'jsonpath={.metadata.uid}')
  [ "$before" != "$after" ] || die "pod $POD is still the one that was deleted"
  in_demo wait --for=condition=Ready --timeout=1m "flightcluster/$FLIGHT_CLUSTER" >/dev/null
}

# compare: prints a line for each table that came back changed.
compare() {
  local table
  for table in "${TABLES[@]}"; do
    [ "${sums[$table]}" = "${sums_back[$table]}" ] || echo "nyc/$table came back changed"
    [ "${sums[$table]}" = "${sums_after[$table]}" ] || echo "nyc/$table came back changed after its pod was deleted"
  done
}

report() {
  local table
  echo
  printf '%-14s %8s %10s  %-12s %-12s %-12s %7s %7s\n' DATASET ROWS BYTES UPLOADED 'READ BACK' 'NEW POD' 'PUT s' 'GET s'
  for table in "${TABLES[@]}"; do
    printf '%-14s %8d %10d  %-12.12s %-12.12s %-12.12s %7s %7s\n' "nyc/$table" "${rows[$table]}" \
      "$(stat -c %s "$DATA/$table.parquet")" "${sums[$table]}" "${sums_back[$table]}" "${sums_after[$table]}" \
      "${put_times[$table]}" "${get_times[$table]}"
  done
  echo "(beginnings of the SHA-256 of the content; bytes of the Parquet file)"
  echo
  in_demo get flightclusters,flightdatasets
}

how_to_go_on() {
  cat <<EOF

All checksums are equal. $SECONDS seconds in all. It is running; go on with:

export KUBECONFIG=${KUBECONFIG:-$HOME/.kube/config} PATH=$(dirname "$(command -v kubectl)"):$REPO/bin:\$PATH
kubectl config set-context --current --namespace=$DEMO_NAMESPACE
kubectl flight ls
kubectl flight get nyc/flights

From Python, through a port-forward:

kubectl port-forward service/$FLIGHT_CLUSTER 8815 &
kubectl get secret $FLIGHT_CLUSTER-token-etl -o jsonpath='{.data.ca\\.crt}' | base64 -d >ca.crt
kubectl get secret $FLIGHT_CLUSTER-token-etl -o jsonpath='{.data.token}' | base64 -d >token
python3 -c '
from pyarrow import flight
client = flight.FlightClient("grpc+tls://localhost:8815", tls_root_certs=open("ca.crt").read(),
                             override_hostname="$FLIGHT_CLUSTER.$DEMO_NAMESPACE.svc")
token = flight.FlightCallOptions(headers=[(b"authorization", b"Bearer " + open("token", "rb").read())])
print(client.do_get(flight.Ticket(b"nyc/flights"), token).read_all().slice(0, 5))'

\`make demo-down\` removes everything again.
EOF
}

finish() {
  local code=$?
  [ -z "${scratch:-}" ] || rm -rf "$scratch"
  if [ "$code" != 0 ]; then
    [ "$trouble" = no ] || show_trouble "$DEMO_NAMESPACE"
    say "the demo failed; the last line before this tells at what. \`make demo-down\` removes what it made"
  fi
}

main() {
  local cluster differences
  cluster=$(choose_cluster)
  check_machine "$cluster"
  trap finish EXIT
  scratch=$(mktemp -d)
  start_cluster "$cluster"
  install
  apply_samples
  upload
  say "reading it back"
  read_back sums_back
  delete_pod
  say "reading again, from the new pod"
  read_back sums_after
  report
  differences=$(compare)
  [ -z "$differences" ] || die "$differences"
  how_to_go_on
}

main
