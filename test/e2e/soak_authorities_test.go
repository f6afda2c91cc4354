//go:build e2e

package e2e

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
)

func soakAuthority(t *testing.T) authority {
	t.Helper()
	switch *soakProvider {
	case string(v1alpha1.TLSOperator):
		return operatorAuthority{}
	default:
		t.Fatalf("provider %s: there are Operator and CertManager", *soakProvider)
		return nil
	}
}

// operatorAuthority is the operator's own.
type operatorAuthority struct{}

func (operatorAuthority) prepare(_ *testing.T, cr *v1alpha1.FlightCluster) {
	cr.Spec.TLS = &v1alpha1.TLSSpec{
		Provider: v1alpha1.TLSOperator,
		Leaf:     &v1alpha1.LeafSpec{Duration: lasting(5 * time.Minute), RenewBefore: lasting(4*time.Minute + 10*time.Second)},
		CA:       &v1alpha1.CASpec{Duration: lasting(12 * time.Hour), RenewBefore: lasting(time.Hour), Overlap: lasting(overlap)},
	}
}

func (operatorAuthority) replacements() []func(*testing.T, *v1alpha1.FlightCluster) {
	return []func(*testing.T, *v1alpha1.FlightCluster){becomeDue, deleteAuthority}
}

// becomeDue has the authority be replaced as one that comes to its end.
func becomeDue(t *testing.T, cr *v1alpha1.FlightCluster) {
	t.Helper()
	change(t, cr, func(cr *v1alpha1.FlightCluster) {
		cr.Spec.TLS.CA.RenewBefore = lasting(cr.Spec.TLS.CA.Duration.Duration - time.Second)
	})
	waitPhase(t, cr, v1alpha1.PKITrusting)
	change(t, cr, func(cr *v1alpha1.FlightCluster) { cr.Spec.TLS.CA.RenewBefore = lasting(time.Hour) })
}

func deleteAuthority(t *testing.T, cr *v1alpha1.FlightCluster) {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: cr.Namespace, Name: metadata.AuthorityName(cr)}}
	if err := api.Delete(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
}
