#!/usr/bin/env bash
# Makes everything that is generated: deepcopy functions, CRDs and RBAC from the
# markers in the Go code, the chart's copies of both, the references of the API
# and the command line, and the release's number wherever VERSION is not read.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly CHART=charts/flight-operator

controller_gen=$(hack/tools/bin.sh controller-gen)
"$controller_gen" object paths=./api/...
"$controller_gen" crd paths=./api/... output:crd:dir=config/crd/bases
"$controller_gen" rbac:roleName=flight-operator paths=./controllers/... output:rbac:dir=config/rbac

# Helm reads no file outside of its chart.
rm -rf "$CHART/files"
mkdir -p "$CHART/files/crds"
cp config/crd/bases/*.yaml "$CHART/files/crds/"
cp config/rbac/role.yaml "$CHART/files/role.yaml"

version=$(<VERSION)
sed -i -E "s/^(version|appVersion): .*/\1: $version/" "$CHART/Chart.yaml"
sed -i -E "s#(ghcr.io/flight-operator/[a-z-]+):.*#\1:$version#" config/manager/deployment.yaml

"$(hack/tools/bin.sh crd-ref-docs)" --log-level=ERROR --config=hack/crd-ref-docs/config.yaml --templates-dir=hack/crd-ref-docs \
  --source-path=api --renderer=markdown --output-path=docs/reference/api.md

go run ./hack/gendocs
