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
	stored, err := c.storedCertificates(ctx, s)
	if err != nil {
		return s.cannotStore(err)
	}
	return reconcile.Result{}, s.renewCertificates(stored)
}

// storedCertificates reads what has a key past the cache: a cache that is behind
// would bring back an authority that members and clients trust no longer.
func (c *Controller) storedCertificates(ctx context.Context, s *scope) (pki.Stored, error) {
	stored := pki.Stored{}
	authority, bundle := &corev1.Secret{}, &corev1.ConfigMap{}
	if _, err := c.getLiveChild(ctx, s.cr, metadata.AuthorityName(s.cr), authority); err != nil {
		return stored, err
	}
	s.keep(authority)
	stored.Authority = authority.Data
	for _, leaf := range []struct {
		name string
		out  *pki.Leaf
	}{
		{metadata.ServerTLSName(s.cr), &stored.Server},
		{metadata.OperatorTLSName(s.cr), &stored.Operator},
	} {
		secret := &corev1.Secret{}
		if _, err := c.getLiveChild(ctx, s.cr, leaf.name, secret); err != nil {
			return stored, err
		}
		s.keep(secret)
		*leaf.out = pki.Leaf{
			KeyPair: pki.KeyPair{Certificate: secret.Data[settings.TLSCertFile], Key: secret.Data[settings.TLSKeyFile]},
			Trust:   secret.Data[settings.CAFile],
		}
	}
	if _, err := c.getChild(ctx, s.cr, metadata.TrustName(s.cr), bundle); err != nil {
		return stored, err
	}
	roots, err := c.tokenRoots(ctx, s.cr)
	stored.Published = append(stored.Published, []byte(bundle.Data[settings.CAFile]))
	stored.Published = append(stored.Published, roots...)
	return stored, err
}

// tokenRoots are the roots that the Secrets of tokens hold.
func (c *Controller) tokenRoots(ctx context.Context, cr *v1alpha1.FlightCluster) ([][]byte, error) {
	secrets, err := c.tokenSecrets(ctx, cr)
	var roots [][]byte
	for i := range secrets {
		if bundle := secrets[i].Data[settings.CAFile]; len(bundle) > 0 {
			roots = append(roots, bundle)
		}
	}
	return roots, err
}

func (s *scope) renewCertificates(stored pki.Stored) error {
	s.policy = certificatePolicy(s.cr)
	if s.cr.Spec.Paused {
		s.pairs = pki.Read(stored, s.policy, s.now)
	}
	healed, changes, err := pki.Heal(stored, s.policy, s.now)
	if err != nil {
		return err
	}
	s.changes = changes
	s.desired.Authority = healed.Rollover.Data()
	s.desired.Trust = healed.Rollover.Trust()
	s.desired.Server = resource.KeyPair(healed.Server)
	s.desired.Operator = resource.KeyPair(healed.Operator)
	if !s.cr.Spec.Paused {
		s.pairs = healed
	}
	s.facts, s.issued = pki.Inspect(s.pairs, s.policy)
	return nil
}

// replaceAuthority goes one phase further when all that was planned is stored,
// and members and time allow. The authority's Secret then wakes the next
// reconcile, which brings everything else in line with it.
func (c *Controller) replaceAuthority(ctx context.Context, s *scope) (reconcile.Result, error) {
	if s.cr.Spec.Paused || s.unapplied || !s.issued {
		return reconcile.Result{}, nil
	}
	next := s.pairs.Rollover.Advance(s.policy, s.loaded(), s.now)
	desired := s.desired
	desired.Authority = next.Data()
	if err := c.applyChild(ctx, s, resource.AuthoritySecret(&desired)); err != nil {
		return s.refused(err)
	}
	if phase := next.Phase(); phase != s.facts.Phase {
		c.Recorder.Eventf(s.cr, nil, corev1.EventTypeNormal, "AuthorityChanging", "Rotate", "replacing the authority: %s, after %s", phase, s.facts.Phase)
	}
	return reconcile.Result{}, nil
}

// loaded tells what every member has acknowledged that counts.
func (s *scope) loaded() pki.Loaded {
	trust, leaf := settings.Revision(s.desired.Trust), settings.Revision(s.desired.Server.Certificate)
	return pki.Loaded{
		Trust: s.acknowledged(trust, trustRevisionOf)(s.facts.Published),
		Leaf:  s.acknowledged(leaf, leafRevisionOf)(s.facts.Published),
	}
}

func trustRevisionOf(m *settings.MemberStatus) string { return m.TrustRevision }

func leafRevisionOf(m *settings.MemberStatus) string { return m.LeafRevision }

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
		Phase:            s.facts.Phase,
		AuthorityExpires: s.facts.AuthorityExpires,
		Until:            s.facts.Until,
		LeafExpires:      s.facts.LeafExpires,
		LeafRevision:     settings.Revision(s.pairs.Server.Certificate),
		TrustRevision:    settings.Revision(s.pairs.Rollover.Trust()),
		ClientCARevision: s.clientCARevision(),
	}
}
