// Package v1alpha1 holds the custom resources of flight-operator: FlightCluster,
// a set of Arrow Flight servers over persistent volumes, and FlightDataset, a
// dataset that such a cluster keeps.
//
// A default that a later release may change is not in the schema but in the
// controllers, so that an object stored today takes part in the change.
//
// +kubebuilder:object:generate=true
// +groupName=flight-operator.io
package v1alpha1
