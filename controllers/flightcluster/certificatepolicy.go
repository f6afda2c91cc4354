package flightcluster

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
	"github.com/flight-operator/flight-operator/controllers/pki"
)

// Defaults of certificates.
const (
	// leafDuration is short: a key that leaks is worth little for long.
	leafDuration = 168 * time.Hour
	caDuration   = 8760 * time.Hour
	// caRenewBefore and caOverlap are upper bounds where the spec shortens what
	// they are measured against.
	caRenewBefore = 2160 * time.Hour
	caOverlap     = 336 * time.Hour
)

// certificatePolicy fills in what the spec leaves out.
func certificatePolicy(cr *v1alpha1.FlightCluster) pki.Policy {
	p := pki.Policy{Names: certificateNames(cr)}
	leaf, ca := v1alpha1.LeafSpec{}, v1alpha1.CASpec{}
	if tls := cr.Spec.TLS; tls != nil {
		p.Names.DNS = append(p.Names.DNS, tls.DNSNames...)
		if tls.Leaf != nil {
			leaf = *tls.Leaf
		}
		if tls.CA != nil {
			ca = *tls.CA
		}
	}
	p.Leaf.Duration = or(leaf.Duration, leafDuration)
	p.Leaf.RenewBefore = or(leaf.RenewBefore, p.Leaf.Duration/3)
	p.Authority.Duration = or(ca.Duration, caDuration)
	p.Authority.RenewBefore = or(ca.RenewBefore, min(caRenewBefore, p.Authority.Duration/4))
	p.Overlap = or(ca.Overlap, min(caOverlap, p.Authority.RenewBefore/2))
	p.Plaintext = provider(cr) == v1alpha1.TLSDisabled
	if from := provider(cr); ca.Overlap == nil && (from == v1alpha1.TLSCertManager || from == v1alpha1.TLSSecret) {
		p.Overlap = min(p.Overlap, p.Leaf.RenewBefore/2) // what is shown ends before another root is known for longer
	}
	return p
}

// certificateNames are all under which Kubernetes knows a member: those that
// clients use, those that the operator uses, and the short forms that work
// inside the namespace.
func certificateNames(cr *v1alpha1.FlightCluster) pki.Names {
	host := metadata.ServiceHost(cr)
	peers := metadata.PeersName(cr) + "." + cr.Namespace + ".svc"
	return pki.Names{
		Cluster: cr.Name,
		DNS: []string{
			cr.Name,
			cr.Name + "." + cr.Namespace,
			host,
			host + ".cluster.local",
			peers,
			"*." + peers,
			"*." + peers + ".cluster.local",
		},
	}
}

func or(d *metav1.Duration, otherwise time.Duration) time.Duration {
	if d == nil {
		return otherwise
	}
	return d.Duration
}
