#!/usr/bin/env bash
# Runs every Go test under the race detector. Needs Go and a C compiler; the
# API server that controller tests talk to is built from Go modules once.
#   hack/test.sh [PACKAGE...]
set -euo pipefail
cd "$(dirname "$0")/.."

KUBEBUILDER_ASSETS=${KUBEBUILDER_ASSETS:-$(hack/localcluster/binaries.sh envtest)}
export KUBEBUILDER_ASSETS
gotestsum=$(hack/tools/bin.sh gotestsum)

export CGO_ENABLED=1 # the race detector's runtime is C
exec "$gotestsum" --format pkgname-and-test-fails -- -race -timeout 30m "${@:-./...}"
