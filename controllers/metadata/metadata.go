// Package metadata holds the names, labels and owner references of everything
// that the operator makes.
package metadata

import (
	"fmt"
	"maps"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

// FieldOwner is the one field manager of all that the operator applies.
const FieldOwner = "flight-operator"

// Labels of children. Caches select by LabelManagedBy, so that the operator
// holds no object, above all no Secret, that it did not make.
const (
	LabelManagedBy = "app.kubernetes.io/managed-by"
	LabelCluster   = "flight-operator.io/cluster"
	LabelToken     = "flight-operator.io/token"

	ManagedBy = "flight-operator"
)

// AnnotationSettings is on pods. It names the settings file that a server
// started with, since a server reads its settings only once.
const AnnotationSettings = "flight-operator.io/settings-revision"

// Annotations of a FlightCluster by which somebody asks for something now. Each
// holds names of tokens, separated by commas, and is removed when it was acted
// on.
const (
	AnnotationRotateToken = "flight-operator.io/rotate-token"
	AnnotationRevokeToken = "flight-operator.io/revoke-token"
)

// Labels are on every child.
func Labels(cr *v1alpha1.FlightCluster) map[string]string {
	labels := Selector(cr)
	maps.Copy(labels, map[string]string{
		"app.kubernetes.io/name":     "flightserver",
		"app.kubernetes.io/instance": cr.Name,
		"app.kubernetes.io/part-of":  "flight-operator",
		LabelManagedBy:               ManagedBy,
	})
	return labels
}

// TokenLabels are on the Secret of a token.
func TokenLabels(cr *v1alpha1.FlightCluster, token string) map[string]string {
	labels := Labels(cr)
	labels[LabelToken] = token
	return labels
}

// Selector finds the pods of a cluster. It never changes: a StatefulSet's
// selector cannot.
func Selector(cr *v1alpha1.FlightCluster) map[string]string {
	return map[string]string{LabelCluster: cr.Name}
}

// Owner makes a child go when the cluster goes.
func Owner(cr *v1alpha1.FlightCluster) *metav1ac.OwnerReferenceApplyConfiguration {
	return metav1ac.OwnerReference().
		WithAPIVersion(v1alpha1.GroupVersion.String()).
		WithKind("FlightCluster").
		WithName(cr.Name).
		WithUID(cr.UID).
		WithController(true).
		WithBlockOwnerDeletion(true)
}

// IsOwned tells whether the operator made object for this very cluster.
func IsOwned(object metav1.Object, cr *v1alpha1.FlightCluster) bool {
	return metav1.IsControlledBy(object, cr)
}

// IsLeftover tells whether object belongs to a deleted cluster of the same
// name; the garbage collector is about to remove it.
func IsLeftover(object metav1.Object, cr *v1alpha1.FlightCluster) bool {
	owner := metav1.GetControllerOf(object)
	return owner != nil && owner.Kind == "FlightCluster" && owner.Name == cr.Name && owner.UID != cr.UID
}

// ChildName is the name of the cluster's child for a role.
func ChildName(cr *v1alpha1.FlightCluster, role string) string {
	return cr.Name + "-" + role
}

// Names of children. The client Service, the StatefulSet, the ServiceAccount and
// the NetworkPolicy bear the cluster's own name.

// PeersName is the headless Service, which gives every pod a DNS name.
func PeersName(cr *v1alpha1.FlightCluster) string { return ChildName(cr, "peers") }

// SettingsName is the ConfigMap with the servers' settings.
func SettingsName(cr *v1alpha1.FlightCluster) string { return ChildName(cr, "settings") }

// AuthName is the Secret with the digests of tokens.
func AuthName(cr *v1alpha1.FlightCluster) string { return ChildName(cr, "auth") }

// RecordName is the Secret with what the operator remembers of tokens and users.
func RecordName(cr *v1alpha1.FlightCluster) string { return ChildName(cr, "tokens") }

// SigningKeysName is the Secret with the keys that servers sign with.
func SigningKeysName(cr *v1alpha1.FlightCluster) string { return ChildName(cr, "signing-keys") }

// AuthorityName is the Secret with the authority's certificate and key.
func AuthorityName(cr *v1alpha1.FlightCluster) string { return ChildName(cr, "ca") }

// ServerTLSName is the Secret with the servers' certificates and keys.
func ServerTLSName(cr *v1alpha1.FlightCluster) string { return ChildName(cr, "server-tls") }

// IssuedName is the Certificate that cert-manager issues, and the Secret that it
// writes. No pod mounts that: a good one is copied to ServerTLSName when clients
// trust its issuer.
func IssuedName(cr *v1alpha1.FlightCluster) string { return ChildName(cr, "issued-tls") }

// OperatorTLSName is the Secret with the operator's client certificate and key.
func OperatorTLSName(cr *v1alpha1.FlightCluster) string { return ChildName(cr, "operator-tls") }

// TrustName is the ConfigMap with the roots that clients trust.
func TrustName(cr *v1alpha1.FlightCluster) string { return ChildName(cr, "ca-bundle") }

// TokenSecretName is the Secret that a token is handed over in.
func TokenSecretName(cr *v1alpha1.FlightCluster, token v1alpha1.TokenSpec) string {
	if token.SecretName != "" {
		return token.SecretName
	}
	return ChildName(cr, "token-"+token.Name)
}

// PodName is the pod with an ordinal.
func PodName(cr *v1alpha1.FlightCluster, ordinal int) string {
	return fmt.Sprintf("%s-%d", cr.Name, ordinal)
}

// ServiceHost is where clients inside Kubernetes find the cluster.
func ServiceHost(cr *v1alpha1.FlightCluster) string {
	return fmt.Sprintf("%s.%s.svc", cr.Name, cr.Namespace)
}

// PodHost is where the operator finds one pod.
func PodHost(cr *v1alpha1.FlightCluster, pod string) string {
	return fmt.Sprintf("%s.%s.%s.svc", pod, PeersName(cr), cr.Namespace)
}
