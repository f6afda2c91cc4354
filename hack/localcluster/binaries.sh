#!/usr/bin/env bash
# binaries.sh [all|envtest]: builds Kubernetes from its Go modules and prints
# the folder of the binaries. `envtest` needs etcd, kube-apiserver and kubectl
# only, in the layout that KUBEBUILDER_ASSETS asks for; `all` adds the rest of a
# cluster. The folder is named after what goes into it, so a change of a version
# makes a new one and everybody else finds the old one ready.
set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
readonly HERE MODULE=$HERE/kubernetes
readonly CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/flight-operator/kubernetes
readonly PROGRESS_INTERVAL=15

# The same flags for everybody: others would compile every package again.
export CGO_ENABLED=0 GOFLAGS='-buildvcs=false -trimpath'
# Left out of the build: code that no cluster of this kind can run.
readonly TAGS=selinux,notest,grpcnotrace

readonly ENVTEST=(etcd kube-apiserver kubectl)
readonly CLUSTER=(kube-controller-manager kube-scheduler kubelet kube-proxy coredns pause)
# Built by a call of its own: it imports logrus by an old spelling that differs
# in case only, which no single build may hold twice.
readonly ALONE=local-path-provisioner

log() { printf '%s\n' "$*" >&2; }

package_of() {
  case $1 in
    etcd) echo go.etcd.io/etcd/server/v3 ;;
    coredns | pause) echo "./$1" ;;
    local-path-provisioner) echo github.com/rancher/local-path-provisioner ;;
    *) echo "k8s.io/kubernetes/cmd/$1" ;;
  esac
}

# built_name NAME: what `go build` calls it, after the end of its package path.
built_name() {
  case $1 in
    etcd) echo server ;;
    *) echo "$1" ;;
  esac
}

module_version() { go -C "$MODULE" list -m -f '{{.Version}}' "$1"; }

# fingerprint: everything that decides what the binaries are.
fingerprint() {
  {
    go env GOVERSION GOOS GOARCH
    cat "$HERE/binaries.sh" "$MODULE"/go.mod "$MODULE"/go.sum "$MODULE"/*/*.go
  } | sha256sum | cut -c1-16
}

# Without a version of their own the programs would call themselves v0.0.0 and
# refuse to work with each other.
link_flags() {
  local version package flags='-s -w'
  version=$(module_version k8s.io/kubernetes)
  local minor=${version#v1.}
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags+=" -X $package.gitVersion=$version -X $package.gitMajor=1 -X $package.gitMinor=${minor%%.*}"
    flags+=" -X $package.gitTreeState=archive -X $package.gitCommit=unknown -X $package.buildDate=1970-01-01T00:00:00Z"
  done
  flags+=" -X main.VERSION=$(module_version github.com/rancher/local-path-provisioner)"
  echo "$flags"
}

# progress: go's list of compiled packages in, a line now and then out.
progress() {
  local line count=0 next=$PROGRESS_INTERVAL
  while read -r line; do
    case $line in
      'go: downloading'*) ;;
      *[[:space:]]*) log "  $line" ;; # an error, not a package
      *) count=$((count + 1)) ;;
    esac
    if ((SECONDS >= next)); then
      log "  $count packages compiled, ${SECONDS}s"
      next=$((SECONDS + PROGRESS_INTERVAL))
    fi
  done
}

# build NAME…: the binaries that are missing, by one call of go. What was
# compiled before an interruption is in go's own cache; a binary gets its name
# only when it is whole.
build() {
  local name missing=() packages=()
  for name; do
    [ -x "$folder/$name" ] && continue
    missing+=("$name")
    packages+=("$(package_of "$name")")
  done
  [ ${#missing[@]} = 0 ] && return
  log "building ${missing[*]} (minutes when nothing is cached, seconds else)"
  local out
  out=$(mktemp -d "$folder/.build.XXXXXX")
  go -C "$MODULE" build -v -tags "$TAGS" -ldflags "$(link_flags)" -o "$out/" "${packages[@]}" 2>&1 | progress
  for name in "${missing[@]}"; do
    mv "$out/$(built_name "$name")" "$folder/$name"
  done
  rmdir "$out"
}

main() {
  local wanted=${1:-all} folder
  if [[ $wanted != all && $wanted != envtest ]]; then
    log "usage: binaries.sh [all|envtest]"
    exit 2
  fi
  folder=$CACHE/$(fingerprint)
  mkdir -p "$folder"
  exec 9>"$folder/.lock"
  flock --nonblock 9 || {
    log "waiting for another build of the same binaries"
    flock 9
  }
  rm -rf "$folder"/.build.*
  build "${ENVTEST[@]}"
  if [ "$wanted" = all ]; then
    build "${CLUSTER[@]}"
    build "$ALONE"
  fi
  echo "$folder"
}

main "$@"
