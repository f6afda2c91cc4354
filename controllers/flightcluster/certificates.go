package flightcluster

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
	"github.com/flight-operator/flight-operator/controllers/pki"
	"github.com/flight-operator/flight-operator/controllers/resource"
	"github.com/flight-operator/flight-operator/controllers/status"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// planCertificates reads the pairs that are stored and replaces what is missing,
// broken or due. A pair whose name is taken ends the reconcile: one that cannot
// be stored would be another at each attempt.
func (c *Controller) planCertificates(ctx context.Context, s *scope) (reconcile.Result, error) {
	for _, stored := range []struct {
		name string
		pair *pki.KeyPair
	}{
		{metadata.AuthorityName(s.cr), &s.pairs.Authority},
		{metadata.ServerTLSName(s.cr), &s.pairs.Server},
		{metadata.OperatorTLSName(s.cr), &s.pairs.Operator},
	} {
		secret := &corev1.Secret{}
		_, err := c.getChild(ctx, s.cr, stored.name, secret)
		if err != nil {
			res, err := s.refused(err)
			if s.stall != nil {
				res.RequeueAfter = stalledInterval
			}
			return res, err
		}
		*stored.pair = pki.KeyPair{Certificate: secret.Data[settings.TLSCertFile], Key: secret.Data[settings.TLSKeyFile]}
	}
	return reconcile.Result{}, s.renewCertificates()
}

func (s *scope) renewCertificates() error {
	renewed, changes, err := pki.Renew(s.pairs, certificateNames(s.cr), s.now)
	if err != nil {
		return err
	}
	s.changes = changes
	s.desired.Authority = resource.KeyPair(renewed.Authority)
	s.desired.Server = resource.KeyPair(renewed.Server)
	s.desired.Operator = resource.KeyPair(renewed.Operator)
	if !s.cr.Spec.Paused {
		s.pairs = renewed
	}
	s.facts, s.issued = pki.Inspect(s.pairs, s.now)
	return nil
}

// certificateNames are all under which a member is reached: by clients, by the
// operator, and under the short forms that work inside the namespace.
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

// announceCertificates tells of changes once they are stored.
func (c *Controller) announceCertificates(s *scope) {
	for _, change := range s.changes {
		c.Recorder.Eventf(s.cr, nil, corev1.EventTypeNormal, "CertificateIssued", "Issue", "issued a new %s: the stored one was %s", change.Pair, change.Why)
	}
}

// certificates are what conditions tell about; nil when some are missing.
func (s *scope) certificates() *status.Certificates {
	if !s.issued {
		return nil
	}
	return &status.Certificates{
		AuthoritySecret:   metadata.AuthorityName(s.cr),
		AuthorityExpires:  s.facts.AuthorityExpires,
		AuthorityExpiring: s.facts.AuthorityExpiring,
		LeafExpires:       s.facts.LeafExpires,
		LeafRevision:      settings.Revision(s.pairs.Server.Certificate),
	}
}
