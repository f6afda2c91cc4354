package flightdataset

import (
	"context"
	"errors"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/serveradmin"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// finalizer holds a resource until its data is dropped.
const finalizer = "flight-operator.io/drop-data"

// holdForDeletion puts the finalizer where the data goes with the resource, and
// nowhere else: a resource without it is deleted even when no operator runs.
func (c *Controller) holdForDeletion(ctx context.Context, s *scope) (reconcile.Result, error) {
	if controllerutil.ContainsFinalizer(s.cr, finalizer) == (s.cr.Spec.DeletionPolicy == v1alpha1.DeletionDelete) {
		return reconcile.Result{}, nil
	}
	return reconcile.Result{}, c.patchFinalizer(ctx, s, s.cr.Spec.DeletionPolicy == v1alpha1.DeletionDelete)
}

// releaseWithoutData lets go of a resource whose data stays, or that never had
// any: the policy may change until the last moment.
func (c *Controller) releaseWithoutData(ctx context.Context, s *scope) (reconcile.Result, error) {
	if !controllerutil.ContainsFinalizer(s.cr, finalizer) {
		s.done, s.released = true, true
		return reconcile.Result{}, nil
	}
	if s.cr.Spec.DeletionPolicy != v1alpha1.DeletionDelete || s.cr.Status.DatasetID == "" {
		return reconcile.Result{}, c.release(ctx, s)
	}
	s.seen.Dropping = true
	return reconcile.Result{}, nil
}

// releaseWithoutCluster lets go when there is no cluster to ask: what becomes of
// its volumes is told by its own deletionPolicy.
func (c *Controller) releaseWithoutCluster(ctx context.Context, s *scope) (reconcile.Result, error) {
	if s.cluster != nil && s.cluster.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil
	}
	return reconcile.Result{}, c.release(ctx, s)
}

// drop removes the data and then lets go. The id keeps it from removing a
// dataset that somebody made anew under the name.
func (c *Controller) drop(ctx context.Context, s *scope) (reconcile.Result, error) {
	ref := settings.DatasetRef{Dataset: datasetName(s.cr), ID: s.cr.Status.DatasetID}
	err := s.server.DropDataset(ctx, ref)
	switch {
	case errors.Is(err, serveradmin.ErrUnreachable):
		s.unreachable(v1alpha1.ReasonClusterUnreachable, err.Error())
		return reconcile.Result{RequeueAfter: pollInterval}, nil
	case err != nil && !errors.Is(err, serveradmin.ErrNotFound):
		return reconcile.Result{}, err
	}
	if err == nil {
		c.Recorder.Eventf(s.cr, s.cluster, corev1.EventTypeNormal, "DatasetDropped", "Drop", "dataset %q and its data are gone", ref.Dataset)
	}
	return reconcile.Result{}, c.release(ctx, s)
}

func (c *Controller) release(ctx context.Context, s *scope) error {
	s.done, s.released = true, true
	return client.IgnoreNotFound(c.patchFinalizer(ctx, s, false))
}

// patchFinalizer refuses to overwrite finalizers that it has not seen.
func (c *Controller) patchFinalizer(ctx context.Context, s *scope, want bool) error {
	changed := s.cr.DeepCopy()
	if want {
		controllerutil.AddFinalizer(changed, finalizer)
	} else {
		controllerutil.RemoveFinalizer(changed, finalizer)
	}
	patch := client.MergeFromWithOptions(s.cr, client.MergeFromWithOptimisticLock{})
	if err := c.Client.Patch(ctx, changed, patch); err != nil {
		return err
	}
	s.cr, s.stored = changed, changed.DeepCopy()
	return nil
}
