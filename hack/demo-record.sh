# shellcheck shell=bash
# What demo-down.sh must know of the demo. Sourced by both.

# shellcheck disable=SC2034 # for those who source this
readonly DEMO_NAMESPACE=flight-demo
readonly DEMO_RECORD=${XDG_CACHE_HOME:-$HOME/.cache}/flight-operator/demo

# record_demo CLUSTER CONTEXT: so that the demo is never removed from another
# cluster than the one it is on.
record_demo() {
  mkdir -p "$(dirname "$DEMO_RECORD")"
  printf '%s\n%s\n%s\n' "$1" "$2" "${KUBECONFIG:-}" >"$DEMO_RECORD"
}
