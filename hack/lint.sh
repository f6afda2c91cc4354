#!/usr/bin/env bash
# Static checks: Go (import rules included) and shell.
set -euo pipefail
cd "$(dirname "$0")/.."

"$(hack/tools/bin.sh golangci-lint)" run ./...
git ls-files -z '*.sh' .ci/run | xargs -0 shellcheck --external-sources
