//go:build e2e

package e2e

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
)

func soakAuthority(t *testing.T) authority {
	t.Helper()
	switch *soakProvider {
	case string(v1alpha1.TLSOperator):
		return operatorAuthority{}
	case string(v1alpha1.TLSCertManager):
		startCertManager(t)
		return certManagerAuthority{}
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
	before := cr.Spec.TLS.CA.RenewBefore
	change(t, cr, func(cr *v1alpha1.FlightCluster) {
		cr.Spec.TLS.CA.RenewBefore = lasting(cr.Spec.TLS.CA.Duration.Duration - time.Second)
	})
	waitPhase(t, cr, v1alpha1.PKITrusting)
	change(t, cr, func(cr *v1alpha1.FlightCluster) { cr.Spec.TLS.CA.RenewBefore = before })
}

func deleteAuthority(t *testing.T, cr *v1alpha1.FlightCluster) {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: cr.Namespace, Name: metadata.AuthorityName(cr)}}
	if err := api.Delete(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
}

// certManagerAuthority is an Issuer of cert-manager, and another one after that.
type certManagerAuthority struct{}

func (certManagerAuthority) prepare(t *testing.T, cr *v1alpha1.FlightCluster) {
	t.Helper()
	kubectl(t, cr.Namespace, "apply", "-f", "test/e2e/testdata/issuers.yaml")
	kubectl(t, cr.Namespace, "wait", "--for=condition=Ready", "--timeout=3m", "issuers", "first", "second")
	cr.Spec.TLS = &v1alpha1.TLSSpec{
		Provider:    v1alpha1.TLSCertManager,
		CertManager: &v1alpha1.CertManagerSpec{IssuerRef: v1alpha1.IssuerReference{Name: "first"}},
		// cert-manager issues for an hour at least.
		Leaf: &v1alpha1.LeafSpec{Duration: lasting(time.Hour), RenewBefore: lasting(59*time.Minute + 10*time.Second)},
		CA:   &v1alpha1.CASpec{Overlap: lasting(overlap)},
	}
}

func (certManagerAuthority) replacements() []func(*testing.T, *v1alpha1.FlightCluster) {
	return []func(*testing.T, *v1alpha1.FlightCluster){renewRoot, renewRoot, switchIssuer}
}

// renewRoot has the issuer's root be issued again, with another key, as
// `cmctl renew` does.
func renewRoot(t *testing.T, cr *v1alpha1.FlightCluster) {
	t.Helper()
	eventually(t, "the root is renewed", func() error { return tryRenew(t, cr) })
}

// tryRenew may meet a write of cert-manager's.
func tryRenew(t *testing.T, cr *v1alpha1.FlightCluster) error {
	t.Helper()
	root := &unstructured.Unstructured{}
	root.SetGroupVersionKind(schema.GroupVersionKind{Group: "cert-manager.io", Version: "v1", Kind: "Certificate"})
	root.SetNamespace(cr.Namespace)
	root.SetName("first-root")
	get(t, root)
	conditions, _, err := unstructured.NestedSlice(root.Object, "status", "conditions")
	if err != nil {
		return err
	}
	conditions = append(conditions, map[string]any{"type": "Issuing", "status": "True", "reason": "ManuallyTriggered"})
	if err := unstructured.SetNestedSlice(root.Object, conditions, "status", "conditions"); err != nil {
		return err
	}
	return api.Status().Update(t.Context(), root)
}

func switchIssuer(t *testing.T, cr *v1alpha1.FlightCluster) {
	t.Helper()
	change(t, cr, func(cr *v1alpha1.FlightCluster) { cr.Spec.TLS.CertManager.IssuerRef.Name = "second" })
}
