#!/usr/bin/env bash
# image.sh: both container images without a container engine, a static program
# on an empty base each. Writes bin/flight-operator.tar and bin/flightserver.tar
# (docker-archive) and prints a line for each: the image's name and the archive.
#
#   IMAGE_TAG    default: VERSION. "content": VERSION and a hash of the programs,
#                so that a cluster notices every change
#   IMAGE_ARCH   default: this machine's, as Go calls it
set -euo pipefail
cd "$(dirname "$0")/.."

readonly REGISTRY=ghcr.io/flight-operator
readonly USER_ID=65532:65532 # "nonroot" of common base images; the pods' fsGroup
readonly SETTINGS=github.com/flight-operator/flight-operator/flightserver/settings

VERSION=${VERSION:-$(cat VERSION)}
ARCH=${IMAGE_ARCH:-$(go env GOARCH)}
readonly VERSION ARCH OUT=bin/image-$ARCH

export CGO_ENABLED=0 GOFLAGS=${GOFLAGS:--buildvcs=false -trimpath}

# compile PROGRAM PACKAGE
compile() {
  GOOS=linux GOARCH=$ARCH go build -ldflags "-s -w -X $SETTINGS.Version=$VERSION" -o "$OUT/$1" "$2"
}

tag() {
  case ${IMAGE_TAG:-$VERSION} in
    content) echo "$VERSION-$(cat "$OUT/flight-operator" "$OUT/flightserver" | sha256sum | cut -c1-12)" ;;
    *) echo "${IMAGE_TAG:-$VERSION}" ;;
  esac
}

# pack PROGRAM TAG
pack() {
  local name=$REGISTRY/$1:$2 archive=bin/$1.tar
  bin/mkimage -o "$archive" -t "$name" -arch "$ARCH" -user "$USER_ID" -entrypoint "/$1" "$OUT/$1=/$1"
  echo "$name $archive"
}

main() {
  local tag
  compile flight-operator .
  compile flightserver ./flightserver
  go build -o bin/mkimage ./hack/mkimage
  tag=$(tag)
  pack flight-operator "$tag"
  pack flightserver "$tag"
}

main
