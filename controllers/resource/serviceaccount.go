package resource

import (
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
)

// ServiceAccount is the servers' own, so that they share no rights with other
// pods of the namespace. They call no Kubernetes API: no token is mounted.
func ServiceAccount(cr *v1alpha1.FlightCluster) *corev1ac.ServiceAccountApplyConfiguration {
	return corev1ac.ServiceAccount(cr.Name, cr.Namespace).
		WithLabels(metadata.Labels(cr)).
		WithOwnerReferences(metadata.Owner(cr)).
		WithAutomountServiceAccountToken(false)
}
