package status

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

// Storage is what one reconcile saw of the volumes.
type Storage struct {
	Size   resource.Quantity // asked for
	Claims []corev1.PersistentVolumeClaim
	// Refusal is what Kubernetes said to a larger claim; empty: nothing.
	Refusal string
}

// StorageReady tells whether every volume is there, as large as asked for.
func StorageReady(o *Observation) metav1.Condition {
	const kind = v1alpha1.ConditionStorageReady
	if o.Storage.Refusal != "" {
		return isFalse(kind, v1alpha1.ReasonResizeRefused, o.Storage.Refusal)
	}
	for i := range o.Storage.Claims {
		claim := &o.Storage.Claims[i]
		capacity := claim.Status.Capacity[corev1.ResourceStorage]
		switch {
		case claim.Status.Phase != corev1.ClaimBound:
			return isFalse(kind, v1alpha1.ReasonVolumesPending, fmt.Sprintf("claim %s is not bound to a volume yet", claim.Name))
		case capacity.Cmp(o.Storage.Size) < 0:
			return isFalse(kind, v1alpha1.ReasonResizing,
				fmt.Sprintf("claim %s grows from %s to %s", claim.Name, capacity.String(), o.Storage.Size.String()))
		}
	}
	if len(o.Storage.Claims) < int(o.Replicas) {
		return isFalse(kind, v1alpha1.ReasonVolumesPending,
			fmt.Sprintf("%d of %d claims are there", len(o.Storage.Claims), o.Replicas))
	}
	if len(o.Storage.Claims) == 0 {
		return isTrue(kind, v1alpha1.ReasonNoVolumes, "no member has needed a volume yet")
	}
	return isTrue(kind, v1alpha1.ReasonVolumesBound, fmt.Sprintf("%d volumes of at least %s are bound", len(o.Storage.Claims), o.Storage.Size.String()))
}
