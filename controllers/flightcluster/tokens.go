package flightcluster

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
	"github.com/flight-operator/flight-operator/controllers/resource"
	"github.com/flight-operator/flight-operator/controllers/rotation"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// planTokens decides what servers and consumers should hold. What the operator
// remembers is read past the cache: an older record would be gone on from twice.
// A record that cannot be stored ends the reconcile.
func (c *Controller) planTokens(ctx context.Context, s *scope) (reconcile.Result, error) {
	record := &corev1.Secret{}
	if _, err := c.getLiveChild(ctx, s.cr, metadata.RecordName(s.cr), record); err != nil {
		return s.cannotStore(err)
	}
	s.record = rotation.ParseRecord(record.Data[resource.RecordKey])
	if err := c.readCredentials(ctx, s); err != nil {
		return s.refused(err)
	}
	seen, res, err := c.readTokens(ctx, s)
	if err != nil || res.RequeueAfter > 0 {
		return res, err
	}
	if err := c.heed(ctx, s); err != nil {
		return s.refused(err)
	}
	s.record, s.tokenChanges = s.record.Next(tokenSpecs(s.cr), seen)
	return reconcile.Result{}, nil
}

// readCredentials reads what the servers are told. What they cannot read tells
// nothing, and is about to be replaced.
func (c *Controller) readCredentials(ctx context.Context, s *scope) error {
	s.credentials = &settings.Credentials{}
	secret := &corev1.Secret{}
	if _, err := c.getChild(ctx, s.cr, metadata.AuthName(s.cr), secret); err != nil {
		return err
	}
	if credentials, err := settings.ParseCredentials(secret.Data[settings.CredentialsFile]); err == nil {
		s.credentials = credentials
	}
	return nil
}

// readTokens reads what the consumers have. A token whose Secret is somebody
// else's goes on with the text that was handed over before.
func (c *Controller) readTokens(ctx context.Context, s *scope) (rotation.Seen, reconcile.Result, error) {
	seen := rotation.Seen{Digests: s.credentials.Tokens, Texts: map[string]string{}, Now: s.now}
	for _, spec := range tokenSpecs(s.cr) {
		secret := &corev1.Secret{}
		if _, err := c.getChild(ctx, s.cr, metadata.TokenSecretName(s.cr, spec), secret); err != nil {
			if res, err := s.refused(err); err != nil || res.RequeueAfter > 0 {
				return seen, res, err
			}
			continue
		}
		if secret.Labels[metadata.LabelToken] == spec.Name {
			seen.Texts[spec.Name] = string(secret.Data[resource.TokenKey])
		}
		s.writable = append(s.writable, spec)
	}
	return seen, reconcile.Result{}, nil
}

// desireTokens fills in what follows from the record.
func (s *scope) desireTokens() (err error) {
	s.desired.Tokens = nil
	for _, spec := range s.writable {
		s.desired.Tokens = append(s.desired.Tokens, resource.Token{TokenSpec: spec, Text: s.record.Text(spec.Name)})
	}
	s.desired.Record, err = s.record.Marshal()
	return err
}

// handOverTokens gives consumers the texts that every running member accepts.
func (c *Controller) handOverTokens(ctx context.Context, s *scope) (reconcile.Result, error) {
	if s.cr.Spec.Paused {
		return reconcile.Result{}, nil
	}
	revision := s.authRevision()
	s.record, s.tokenChanges = s.record.HandOver(s.acknowledged(revision, authRevisionOf), s.now)
	if err := s.desireTokens(); err != nil {
		return reconcile.Result{}, err
	}
	for _, object := range resource.Tokens(&s.desired) {
		if err := c.applyChild(ctx, s, object); err != nil {
			return s.refused(err)
		}
	}
	c.announceTokens(s)
	return reconcile.Result{}, nil
}

func authRevisionOf(m *settings.MemberStatus) string { return m.AuthRevision }

// announceTokens tells of changes once they are stored.
func (c *Controller) announceTokens(s *scope) {
	for _, change := range s.tokenChanges {
		switch change.What {
		case rotation.Replaced:
			c.Recorder.Eventf(s.cr, nil, corev1.EventTypeNormal, "TokenRotated", "Rotate",
				"token %s is replaced in its Secret; the former one is accepted until its overlap is over", change.Token)
		case rotation.Revoked:
			c.Recorder.Eventf(s.cr, nil, corev1.EventTypeNormal, "TokenRevoked", "Revoke",
				"token %s is replaced in its Secret; members refuse all former ones as soon as they have loaded the credentials", change.Token)
		case rotation.Ended:
			c.Recorder.Eventf(s.cr, nil, corev1.EventTypeNormal, "TokenOverlapEnded", "Rotate",
				"the former token %s is no longer accepted", change.Token)
		}
	}
	s.tokenChanges = nil
}

// deleteTokens removes the Secrets of tokens that the spec no longer has; their
// digests are gone already.
func (c *Controller) deleteTokens(ctx context.Context, s *scope) (reconcile.Result, error) {
	secrets, err := c.tokenSecrets(ctx, s.cr)
	if err != nil {
		return reconcile.Result{}, err
	}
	wanted := map[string]bool{}
	for _, spec := range tokenSpecs(s.cr) {
		wanted[metadata.TokenSecretName(s.cr, spec)] = true
	}
	for i := range secrets {
		secret := &secrets[i]
		if wanted[secret.Name] {
			continue
		}
		if s.cr.Spec.Paused {
			s.differing = append(s.differing, "Secret "+secret.Name)
			continue
		}
		if err := c.Client.Delete(ctx, secret, client.Preconditions{UID: &secret.UID}); err != nil && !apierrors.IsNotFound(err) {
			return reconcile.Result{}, err
		}
		c.Recorder.Eventf(s.cr, secret, corev1.EventTypeNormal, "TokenRevoked", "Delete",
			"token %s is no longer in the spec; its Secret %s is deleted", secret.Labels[metadata.LabelToken], secret.Name)
	}
	return reconcile.Result{}, nil
}

// tokenSecrets are the cluster's own Secrets of tokens, also of those that the
// spec no longer has.
func (c *Controller) tokenSecrets(ctx context.Context, cr *v1alpha1.FlightCluster) ([]corev1.Secret, error) {
	secrets := &corev1.SecretList{}
	err := c.Client.List(ctx, secrets, client.InNamespace(cr.Namespace),
		client.MatchingLabels{metadata.LabelCluster: cr.Name}, client.HasLabels{metadata.LabelToken})
	return slices.DeleteFunc(secrets.Items, func(s corev1.Secret) bool { return !metadata.IsOwned(&s, cr) }), err
}

func tokenSpecs(cr *v1alpha1.FlightCluster) []v1alpha1.TokenSpec {
	if cr.Spec.Auth == nil {
		return nil
	}
	return cr.Spec.Auth.Tokens
}
