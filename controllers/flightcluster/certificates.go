package flightcluster

import (
	"bytes"
	"context"
	"maps"

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
	s.policy = certificatePolicy(s.cr)
	offer, err := c.readOffer(ctx, s)
	if err != nil {
		return reconcile.Result{}, err
	}
	return reconcile.Result{}, s.renewCertificates(stored, offer)
}

// storedCertificates reads what has a key past the cache: a cache that is behind
// would bring back an authority that members and clients trust no longer.
func (c *Controller) storedCertificates(ctx context.Context, s *scope) (stored pki.Stored, err error) {
	authority, server, operator, bundle := &corev1.Secret{}, &corev1.Secret{}, &corev1.Secret{}, &corev1.ConfigMap{}
	for _, child := range []struct {
		name string
		out  *corev1.Secret
	}{
		{metadata.AuthorityName(s.cr), authority},
		{metadata.ServerTLSName(s.cr), server},
		{metadata.OperatorTLSName(s.cr), operator},
	} {
		if _, err := c.getLiveChild(ctx, s.cr, child.name, child.out); err != nil {
			return stored, err
		}
		s.keep(child.out)
	}
	if _, err := c.getChild(ctx, s.cr, metadata.TrustName(s.cr), bundle); err != nil {
		return stored, err
	}
	stored.Authority = authority.Data
	stored.Server = pki.Leaf{
		KeyPair: pki.KeyPair{Certificate: server.Data[settings.AdminCertFile], Key: server.Data[settings.AdminKeyFile]},
		Trust:   server.Data[settings.CAFile],
	}
	stored.Shown = keyPair(server)
	stored.Operator = pki.Leaf{KeyPair: keyPair(operator), Trust: operator.Data[settings.CAFile]}
	roots, err := c.tokenRoots(ctx, s.cr)
	stored.Published = append(stored.Published, []byte(bundle.Data[settings.CAFile]))
	stored.Published = append(stored.Published, roots...)
	return stored, err
}

func keyPair(secret *corev1.Secret) pki.KeyPair {
	return pki.KeyPair{Certificate: secret.Data[settings.TLSCertFile], Key: secret.Data[settings.TLSKeyFile]}
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

func (s *scope) renewCertificates(stored pki.Stored, offer *pki.Offer) error {
	pairs, changes, err := pki.Heal(stored, s.policy, s.now)
	if err != nil {
		return err
	}
	handover, fault := pki.Show(stored, pairs, offer, s.policy, s.now)
	if fault != nil {
		s.blameOffer(fault, handover)
	}
	s.pairs, s.handover, s.changes = pairs, handover, changes
	s.takenOver = offer != nil && !bytes.Equal(handover.Shown.Certificate, stored.Shown.Certificate)
	if err := s.desireCertificates(); err != nil {
		return err
	}
	if s.cr.Spec.Paused {
		s.pairs = pki.Read(stored, s.policy, s.now)
		s.handover = pki.ReadHandover(stored, s.pairs, offer, s.policy, s.now)
	}
	s.facts, s.issued = pki.Inspect(s.pairs, s.handover, s.policy)
	return nil
}

// desireCertificates fills in what follows from pairs and handover.
func (s *scope) desireCertificates() (err error) {
	s.desired.AdminTrust = s.pairs.Rollover.Trust()
	s.desired.Server = resource.KeyPair(s.pairs.Server)
	s.desired.Operator = resource.KeyPair(s.pairs.Operator)
	s.desired.Trust = s.handover.Trust()
	s.desired.Shown = resource.KeyPair(s.handover.Shown)
	s.desired.Authority, err = authorityData(s.pairs.Rollover, s.handover)
	return err
}

// authorityData is the content of the authority's Secret: how far everything is
// stands there, and is changed by one write.
func authorityData(r pki.Rollover, h pki.Handover) (map[string][]byte, error) {
	data, err := h.Data()
	if err != nil {
		return nil, err
	}
	all := r.Data()
	maps.Copy(all, data)
	return all, nil
}

// replaceAuthority goes one phase further when all that was planned is stored,
// and members and time allow. The authority's Secret then wakes the next
// reconcile, which brings everything else in line with it.
func (c *Controller) replaceAuthority(ctx context.Context, s *scope) (reconcile.Result, error) {
	if s.cr.Spec.Paused || s.unapplied || !s.issued {
		return reconcile.Result{}, nil
	}
	pairs, loaded := s.pairs, s.loaded()
	pairs.Rollover = pairs.Rollover.Advance(s.policy, loaded, s.now)
	handover := s.handover.Advance(s.policy, loaded, s.now)
	desired := s.desired
	var err error
	if desired.Authority, err = authorityData(pairs.Rollover, handover); err != nil {
		return reconcile.Result{}, err
	}
	if err := c.applyChild(ctx, s, resource.AuthoritySecret(&desired)); err != nil {
		return s.refused(err)
	}
	if facts, _ := pki.Inspect(pairs, handover, s.policy); facts.Phase != s.facts.Phase {
		c.Recorder.Eventf(s.cr, nil, corev1.EventTypeNormal, "AuthorityChanging", "Rotate", "replacing the authority: %s, after %s", facts.Phase, s.facts.Phase)
	}
	return reconcile.Result{}, nil
}

// loaded tells what every member has acknowledged that counts.
func (s *scope) loaded() pki.Loaded {
	want := s.fileRevisions()
	loaded := func(revision string, of func(*settings.MemberStatus) string) bool {
		return s.acknowledged(revision, of)(s.facts.Published)
	}
	return pki.Loaded{
		Trust: loaded(want.Trust, trustRevisionOf),
		Leaf:  loaded(want.Leaf, leafRevisionOf) && loaded(want.AdminLeaf, adminLeafRevisionOf),
	}
}

func trustRevisionOf(m *settings.MemberStatus) string { return m.TrustRevision }

func leafRevisionOf(m *settings.MemberStatus) string { return m.LeafRevision }

func adminLeafRevisionOf(m *settings.MemberStatus) string { return m.AdminLeafRevision }

// fileRevisions are those of the files that members should have loaded.
func (s *scope) fileRevisions() status.FileRevisions {
	r := status.FileRevisions{
		Trust:     settings.Revision(s.pairs.Rollover.Trust()),
		AdminLeaf: settings.Revision(s.pairs.Server.Certificate),
		ClientCA:  s.clientCARevision(),
	}
	if !resource.TLSDisabled(s.cr) {
		r.Leaf = settings.Revision(s.handover.Shown.Certificate)
	}
	return r
}

// announceCertificates tells of changes once they are stored.
func (c *Controller) announceCertificates(s *scope) {
	for _, change := range s.changes {
		c.Recorder.Eventf(s.cr, nil, corev1.EventTypeNormal, "CertificateIssued", "Issue", "issued a new %s: the stored one was %s", change.Pair, change.Why)
	}
	if s.takenOver {
		c.Recorder.Eventf(s.cr, nil, corev1.EventTypeNormal, "CertificateTakenOver", "Issue",
			"members get the certificate that provider %s gave", s.cr.Spec.TLS.Provider)
	}
}

// certificates are what conditions tell about; nil when some are missing.
func (s *scope) certificates() *status.Certificates {
	if !s.issued || len(s.handover.Shown.Certificate) == 0 {
		return nil
	}
	return &status.Certificates{
		Phase:       s.facts.Phase,
		Deadline:    s.facts.Deadline,
		Until:       s.facts.Until,
		LeafExpires: s.facts.LeafExpires,
		Revisions:   s.fileRevisions(),
	}
}
