// Package manifests tests what users install: the chart, the kustomize folders
// and the samples. Everything is offered to a real API server, which checks each
// field, as a dry run.
package manifests
