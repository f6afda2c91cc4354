package flightcluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/flight-operator/flight-operator/controllers/metadata"
)

// growVolumes enlarges claims that are smaller than the spec asks, whatever the
// pods do: a full volume is a reason why they are not well.
func (c *Controller) growVolumes(ctx context.Context, s *scope) (reconcile.Result, error) {
	claims := &corev1.PersistentVolumeClaimList{}
	if err := c.Client.List(ctx, claims, client.InNamespace(s.cr.Namespace), client.MatchingLabels(metadata.Selector(s.cr))); err != nil {
		return reconcile.Result{}, err
	}
	s.storage.Claims, s.storage.Size = claims.Items, s.cr.Spec.Storage.Size
	for i := range claims.Items {
		if err := c.growVolume(ctx, s, &claims.Items[i]); err != nil {
			return reconcile.Result{}, err
		}
	}
	return reconcile.Result{}, nil
}

func (c *Controller) growVolume(ctx context.Context, s *scope, claim *corev1.PersistentVolumeClaim) error {
	asked := claim.Spec.Resources.Requests[corev1.ResourceStorage]
	if asked.Cmp(s.storage.Size) >= 0 || claim.DeletionTimestamp != nil {
		return nil
	}
	if s.cr.Spec.Paused {
		s.differing = append(s.differing, "PersistentVolumeClaim "+claim.Name)
		return nil
	}
	// The UID keeps the apply from making a claim that went meanwhile.
	larger := corev1ac.PersistentVolumeClaim(claim.Name, claim.Namespace).
		WithUID(claim.UID).
		WithSpec(corev1ac.PersistentVolumeClaimSpec().WithResources(corev1ac.VolumeResourceRequirements().
			WithRequests(corev1.ResourceList{corev1.ResourceStorage: s.storage.Size})))
	err := c.Client.Apply(ctx, larger, client.FieldOwner(metadata.FieldOwner), client.ForceOwnership)
	if apierrors.IsForbidden(err) || apierrors.IsInvalid(err) {
		s.storage.Refusal = fmt.Sprintf("claim %s cannot grow to %s: %v", claim.Name, s.storage.Size.String(), err)
		return nil
	}
	if err == nil {
		c.Recorder.Eventf(s.cr, claim, corev1.EventTypeNormal, "VolumeGrows", "Resize",
			"claim %s grows from %s to %s", claim.Name, asked.String(), s.storage.Size.String())
	}
	return err
}
