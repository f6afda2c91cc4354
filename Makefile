# Everything that a contributor runs; `make help` lists it.

SHELL := /bin/bash -o pipefail
.DEFAULT_GOAL := help

# One set of build flags for build, test and lint: another set would build
# every dependency again. Binaries are static; only the race detector needs cgo.
export GOFLAGS := -buildvcs=false -trimpath
export CGO_ENABLED := 0
export VERSION ?= $(shell cat VERSION)

MODULE  := github.com/flight-operator/flight-operator
LDFLAGS := -s -w -X $(MODULE)/flightserver/settings.Version=$(VERSION)
FUZZTIME ?= 60s

##@ Build

.PHONY: build
build: ## Build bin/flight-operator, bin/flightserver and bin/kubectl-flight
	go build -ldflags '$(LDFLAGS)' -o bin/flight-operator .
	go build -ldflags '$(LDFLAGS)' -o bin/flightserver ./flightserver
	go build -ldflags '$(LDFLAGS)' -o bin/kubectl-flight ./cmd/kubectl-flight

.PHONY: image
image: ## Write both images as archives, without Docker: bin/*.tar
	hack/image.sh

.PHONY: run
run: build ## Run the Flight server on this machine, its data in ./data
	bin/flightserver serve --data-dir ./data

##@ Try

.PHONY: demo
demo: ## From nothing to a FlightCluster that serves a real data set (DEMO_CLUSTER=current|kind|local)
	hack/demo.sh

.PHONY: demo-down
demo-down: ## Remove what `make demo` made
	hack/demo-down.sh

.PHONY: localcluster-up
localcluster-up: ## Start a Kubernetes cluster on this machine (NODES=1)
	hack/localcluster/up.sh $(or $(NODES),1)

.PHONY: localcluster-down
localcluster-down: ## Remove that cluster
	hack/localcluster/down.sh

.PHONY: kind-up
kind-up: ## The same on kind, where Docker runs, with both images loaded
	hack/kind-up.sh

##@ Check

.PHONY: test
test: ## Unit, store-fault, crash and envtest tests under the race detector
	hack/test.sh

.PHONY: test-e2e
test-e2e: ## End-to-end tests on KUBECONFIG's cluster, or on a local one made for them
	hack/e2e.sh

.PHONY: test-soak
test-soak: ## Replace certificates and tokens for MINUTES (30) under load (PROVIDER=Operator|CertManager)
	hack/soak.sh $(or $(MINUTES),30) $(or $(PROVIDER),Operator)

.PHONY: test-interop
test-interop: ## Drive the server with pyarrow, from a virtual environment made here
	test/interop/run.sh

.PHONY: bench
bench: ## Compare the server with others and hold it against its bars (QUICK=1, ROUNDS=5, DOCS=docs, BENCH_ARGS=)
	hack/bench.sh $(if $(QUICK),--quick) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(DOCS),--docs $(DOCS)) $(BENCH_ARGS)

.PHONY: test-crash
test-crash: ## Kill the server KILLS times (1000) while clients work, and compare what the next one serves
	go test ./test/crash -v -timeout 24h -kills $(or $(KILLS),1000)

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (60s), one on each processor at once
	hack/fuzz.sh $(FUZZTIME)

.PHONY: fuzz-keep
fuzz-keep: ## Keep the smallest inputs that widened a target's coverage as test cases
	hack/fuzz-keep.sh

.PHONY: lint
lint: ## Static checks, import rules and shell scripts
	hack/lint.sh

.PHONY: verify
verify: ## Generate everything, tidy, and fail when that changes a file
	hack/verify.sh

##@ Generate

.PHONY: generate
generate: ## Deepcopy, CRDs, RBAC, the chart's copies of them, reference docs
	hack/generate.sh

.PHONY: help
help: ## Show this
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
