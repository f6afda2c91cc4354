package resource

import (
	"cmp"
	"time"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

const (
	// kubernetesDir is where clients of the API server look for what they need.
	kubernetesDir = "/var/run/secrets/kubernetes.io/serviceaccount"
	// apiServerTokenLife is not the 3607s that Kubernetes itself asks for: API
	// servers make those last for a year.
	apiServerTokenLife = time.Hour
)

// ServiceAccount is the servers' own, so that they share no rights with other
// pods of the namespace. No token is mounted but where they review tokens.
func ServiceAccount(cr *v1alpha1.FlightCluster) *corev1ac.ServiceAccountApplyConfiguration {
	return corev1ac.ServiceAccount(cr.Name, cr.Namespace).
		WithLabels(metadata.Labels(cr)).
		WithOwnerReferences(metadata.Owner(cr)).
		WithAutomountServiceAccountToken(false)
}

// ServiceAccounts is what the servers are told of those that may call; nil: none
// may.
func ServiceAccounts(cr *v1alpha1.FlightCluster) *settings.ServiceAccounts {
	if !ReviewsTokens(cr) {
		return nil
	}
	spec := cr.Spec.Auth.ServiceAccounts
	// The default is what no other cluster has, so that one server cannot use at
	// another what it is sent.
	out := &settings.ServiceAccounts{Audience: cmp.Or(spec.Audience, metadata.ServiceHost(cr))}
	for _, b := range spec.Bindings {
		out.Bindings = append(out.Bindings, settings.ServiceAccountBinding{Namespace: b.Namespace, Name: b.Name, Role: settings.Role(b.Role)})
	}
	return out
}

// ReviewsTokens tells whether the servers take tokens of ServiceAccounts.
func ReviewsTokens(cr *v1alpha1.FlightCluster) bool {
	return cr.Spec.Auth != nil && cr.Spec.Auth.ServiceAccounts != nil
}

// apiServerVolume is what the servers need to reach the API server: a token that
// the kubelet replaces while the pod lives, and that ends with it.
func apiServerVolume() *corev1ac.VolumeApplyConfiguration {
	return corev1ac.Volume().WithName(kubernetesVolume).WithProjected(corev1ac.ProjectedVolumeSource().
		WithDefaultMode(0o440).
		WithSources(
			corev1ac.VolumeProjection().WithServiceAccountToken(corev1ac.ServiceAccountTokenProjection().
				WithPath(corev1.ServiceAccountTokenKey).
				WithExpirationSeconds(int64(apiServerTokenLife.Seconds()))),
			corev1ac.VolumeProjection().WithConfigMap(corev1ac.ConfigMapProjection().
				WithName("kube-root-ca.crt"). // which Kubernetes puts into every namespace
				WithItems(corev1ac.KeyToPath().WithKey(corev1.ServiceAccountRootCAKey).WithPath(corev1.ServiceAccountRootCAKey))),
		))
}
