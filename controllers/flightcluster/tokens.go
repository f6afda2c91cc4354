package flightcluster

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
	"github.com/flight-operator/flight-operator/controllers/resource"
)

// planTokens takes each token from the Secret that it was handed over in, and
// makes those that are missing or broken. A token whose Secret cannot be
// written is left out: nobody could use it.
func (c *Controller) planTokens(ctx context.Context, s *scope) (reconcile.Result, error) {
	if s.cr.Spec.Auth == nil {
		return reconcile.Result{}, nil
	}
	for _, spec := range s.cr.Spec.Auth.Tokens {
		secret := &corev1.Secret{}
		_, err := c.getChild(ctx, s.cr, metadata.TokenSecretName(s.cr, spec), secret)
		if err != nil {
			if res, err := s.refused(err); err != nil || res.RequeueAfter > 0 {
				return res, err
			}
			continue
		}
		text := string(secret.Data[resource.TokenKey])
		if _, ok := keyID(text); !ok || secret.Labels[metadata.LabelToken] != spec.Name {
			if s.cr.Spec.Paused {
				s.differing = append(s.differing, "Secret "+metadata.TokenSecretName(s.cr, spec))
				continue
			}
			if text, err = newToken(); err != nil {
				return reconcile.Result{}, err
			}
		}
		s.desired.Tokens = append(s.desired.Tokens, resource.Token{TokenSpec: spec, Text: text})
	}
	return reconcile.Result{}, nil
}

// deleteTokens removes the Secrets of tokens that the spec no longer has; their
// digests are gone already.
func (c *Controller) deleteTokens(ctx context.Context, s *scope) (reconcile.Result, error) {
	secrets := &corev1.SecretList{}
	if err := c.Client.List(ctx, secrets, client.InNamespace(s.cr.Namespace),
		client.MatchingLabels{metadata.LabelCluster: s.cr.Name}, client.HasLabels{metadata.LabelToken}); err != nil {
		return reconcile.Result{}, err
	}
	wanted := wantedSecrets(s.cr)
	for i := range secrets.Items {
		secret := &secrets.Items[i]
		if wanted[secret.Name] || !metadata.IsOwned(secret, s.cr) {
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

func wantedSecrets(cr *v1alpha1.FlightCluster) map[string]bool {
	wanted := map[string]bool{}
	if cr.Spec.Auth != nil {
		for _, spec := range cr.Spec.Auth.Tokens {
			wanted[metadata.TokenSecretName(cr, spec)] = true
		}
	}
	return wanted
}
