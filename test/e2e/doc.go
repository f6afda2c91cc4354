// Package e2e tests the operator and its servers on a real Kubernetes cluster:
// that of KUBECONFIG, where hack/e2e.sh has installed the chart. Each test works
// in a namespace of its own that enforces the restricted Pod Security Standard.
//
//	make test-e2e
//	make test-soak MINUTES=30 PROVIDER=CertManager   # TestSoak alone, on the local cluster
package e2e
