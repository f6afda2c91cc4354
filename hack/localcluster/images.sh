#!/usr/bin/env bash
# images.sh BINARIES FOLDER: the images that a cluster cannot start without, made
# from local files since there is no registry to pull from.
set -euo pipefail

readonly BINARIES=$1 FOLDER=$2
REPO=$(cd "$(dirname "$0")/../.." && pwd)
readonly REPO

# A static busybox: the helper pods of the volume provisioner run its shell.
BUSYBOX=$(command -v busybox)
readonly BUSYBOX

# busybox_links: every applet of busybox as a link to it.
busybox_links() { "$BUSYBOX" --list | grep -vx busybox | sed 's#.*#->busybox=/bin/&#'; }

main() {
  local links
  mapfile -t links < <(busybox_links)
  mkdir -p "$FOLDER"
  (cd "$REPO" && CGO_ENABLED=0 go build -o "$FOLDER/mkimage" ./hack/mkimage)
  local image=$FOLDER/mkimage
  # The names are those that the manifests beside this file and the settings of
  # containerd ask for.
  "$image" -o "$FOLDER/pause.tar" -t registry.k8s.io/pause:3.10 -entrypoint /pause -user 65535:65535 "$BINARIES/pause=/pause"
  "$image" -o "$FOLDER/coredns.tar" -t registry.k8s.io/coredns/coredns:local -entrypoint /coredns "$BINARIES/coredns=/coredns"
  "$image" -o "$FOLDER/local-path-provisioner.tar" -t docker.io/rancher/local-path-provisioner:local \
    -entrypoint /usr/bin/local-path-provisioner "$BINARIES/local-path-provisioner=/usr/bin/local-path-provisioner"
  "$image" -o "$FOLDER/busybox.tar" -t docker.io/library/busybox:local -entrypoint /bin/sh -dir /tmp:1777 \
    "$BUSYBOX=/bin/busybox" "${links[@]}"
  rm "$image"
}

main
