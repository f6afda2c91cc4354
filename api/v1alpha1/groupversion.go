package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion identifies the API group and version of this package.
var GroupVersion = schema.GroupVersion{Group: "flight-operator.io", Version: "v1alpha1"}

// AddToScheme registers the kinds of this package.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion,
		&FlightCluster{}, &FlightClusterList{},
		&FlightDataset{}, &FlightDatasetList{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
