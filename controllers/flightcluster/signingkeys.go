package flightcluster

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/flight-operator/flight-operator/controllers/metadata"
	"github.com/flight-operator/flight-operator/controllers/resource"
	"github.com/flight-operator/flight-operator/controllers/rotation"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// planSigningKeys takes the keys that servers sign with from their Secret, past
// the cache: an older one would take a key away that signs by now. Keys
// that cannot be stored end the reconcile.
func (c *Controller) planSigningKeys(ctx context.Context, s *scope) (reconcile.Result, error) {
	secret := &corev1.Secret{}
	if _, err := c.getLiveChild(ctx, s.cr, metadata.SigningKeysName(s.cr), secret); err != nil {
		return s.cannotStore(err)
	}
	s.keep(secret)
	s.signers = rotation.ParseSigners(secret.Data, s.now)
	var err error
	s.desired.SigningKeys, err = s.signers.Data()
	return reconcile.Result{}, err
}

// rotateSigningKeys goes one step further when members and time allow.
func (c *Controller) rotateSigningKeys(ctx context.Context, s *scope) (reconcile.Result, error) {
	if s.cr.Spec.Paused {
		return reconcile.Result{}, nil
	}
	revision := settings.Revision(s.desired.SigningKeys[settings.SigningKeysFile])
	s.signers = s.signers.Advance(s.acknowledged(revision, signingRevisionOf), s.now)
	var err error
	if s.desired.SigningKeys, err = s.signers.Data(); err != nil {
		return reconcile.Result{}, err
	}
	return s.refused(c.applyChild(ctx, s, resource.SigningKeysSecret(&s.desired)))
}

func signingRevisionOf(m *settings.MemberStatus) string { return m.SigningRevision }
