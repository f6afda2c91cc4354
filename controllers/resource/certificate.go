package resource

import (
	"cmp"
	"net"
	"time"

	cmapi "github.com/cert-manager/cert-manager/pkg/apis/certmanager"
	cmv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	cmv1ac "github.com/cert-manager/cert-manager/pkg/client/applyconfigurations/certmanager/v1"
	cmmetav1ac "github.com/cert-manager/cert-manager/pkg/client/applyconfigurations/meta/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
)

// CertificateRequest is what cert-manager is asked for.
type CertificateRequest struct {
	DNSNames              []string
	Addresses             []net.IP
	Duration, RenewBefore time.Duration
}

// keyBits is the size of an ECDSA key.
const keyBits = 256

// Certificate asks cert-manager for what clients meet, with a new key each time.
// Its Secret bears the cluster's label, so that the operator sees it change.
func Certificate(d *Desired) *cmv1ac.CertificateApplyConfiguration {
	cr, issuer := d.Cluster, d.Cluster.Spec.TLS.CertManager.IssuerRef
	spec := cmv1ac.CertificateSpec().
		WithSecretName(metadata.IssuedName(cr)).
		WithSecretTemplate(cmv1ac.CertificateSecretTemplate().WithLabels(metadata.Selector(cr))).
		WithIssuerRef(cmmetav1ac.IssuerReference().
			WithName(issuer.Name).
			WithKind(cmp.Or(issuer.Kind, cmv1.IssuerKind)).
			WithGroup(cmp.Or(issuer.Group, cmapi.GroupName))).
		WithCommonName(cr.Name).
		WithDNSNames(d.Issue.DNSNames...).
		WithDuration(metav1.Duration{Duration: d.Issue.Duration}).
		WithRenewBefore(metav1.Duration{Duration: d.Issue.RenewBefore}).
		WithUsages(cmv1.UsageDigitalSignature, cmv1.UsageServerAuth).
		WithPrivateKey(cmv1ac.CertificatePrivateKey().
			WithAlgorithm(cmv1.ECDSAKeyAlgorithm).
			WithSize(keyBits).
			WithRotationPolicy(cmv1.RotationPolicyAlways))
	for _, address := range d.Issue.Addresses {
		spec = spec.WithIPAddresses(address.String())
	}
	return cmv1ac.Certificate(metadata.IssuedName(cr), cr.Namespace).
		WithLabels(metadata.Labels(cr)).
		WithOwnerReferences(metadata.Owner(cr)).
		WithSpec(spec)
}

// IssuedSecret makes the cluster the owner of what cert-manager wrote and would
// leave behind, so that the key goes with the cluster.
func IssuedSecret(issued *corev1.Secret, cr *v1alpha1.FlightCluster) *corev1ac.SecretApplyConfiguration {
	return corev1ac.Secret(issued.Name, issued.Namespace).
		WithUID(issued.UID). // it is not made when it is gone
		WithOwnerReferences(metadata.Owner(cr))
}
