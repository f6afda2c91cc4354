#!/usr/bin/env bash
# Static checks: Go (import rules included) and shell.
set -euo pipefail
cd "$(dirname "$0")/.."

"$(hack/tools/bin.sh golangci-lint)" run ./...
shellcheck --external-sources $(git ls-files '*.sh' .ci/run)
