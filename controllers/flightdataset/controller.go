// Package flightdataset reconciles FlightDatasets.
package flightdataset

import (
	"context"
	"time"

	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/serveradmin"
)

// +kubebuilder:rbac:groups=flight-operator.io,resources=flightdatasets,verbs=list;watch;patch
// +kubebuilder:rbac:groups=flight-operator.io,resources=flightdatasets/status,verbs=patch

// Controller declares each FlightDataset on its cluster.
type Controller struct {
	Client   client.Client
	Recorder events.EventRecorder
	Clock    clock.PassiveClock
	Dialer   serveradmin.Dialer
}

// step does one thing of a reconcile. The first that fails, or asks to come
// back later, ends it.
type step func(context.Context, *scope) (reconcile.Result, error)

// How soon a dataset is looked at again: servers tell nobody that a client has
// uploaded.
const (
	pollInterval = 10 * time.Second
	// refusedInterval is longer: what a server refuses changes only when somebody
	// drops the dataset that is in the way.
	refusedInterval = time.Minute
)

// Reconcile makes the server keep one dataset as its spec says.
func (c *Controller) Reconcile(ctx context.Context, cr *v1alpha1.FlightDataset) (res reconcile.Result, err error) {
	s := &scope{cr: cr, stored: cr.DeepCopy(), now: c.Clock.Now()}
	defer func() {
		// A failed status write is retried, and the step's error with it.
		if perr := c.patchStatus(ctx, s, err); perr != nil {
			err = perr
		}
	}()
	defer s.close()
	steps := []step{c.holdForDeletion, c.yieldToOlder, c.findCluster, c.awaitCluster, c.connect, c.declare}
	if !cr.DeletionTimestamp.IsZero() {
		steps = []step{c.releaseWithoutData, c.findCluster, c.releaseWithoutCluster, c.awaitCluster, c.connect, c.drop}
	}
	for _, run := range steps {
		if res, err = run(ctx, s); err != nil || res.RequeueAfter > 0 || s.done {
			return res, err
		}
	}
	return reconcile.Result{RequeueAfter: pollInterval}, nil
}

// workers reconcile at the same time: a server that does not answer in time holds
// up one of them.
const workers = 8

// SetupWithManager starts the controller with the manager.
func (c *Controller) SetupWithManager(mgr ctrl.Manager) error {
	if err := indexDatasets(context.Background(), mgr.GetFieldIndexer()); err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.FlightDataset{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&v1alpha1.FlightDataset{}, handler.EnqueueRequestsFromMapFunc(c.rivalsOf), builder.WithPredicates(cameOrWent)).
		Watches(&v1alpha1.FlightCluster{}, handler.EnqueueRequestsFromMapFunc(c.datasetsOf), builder.WithPredicates(availabilityChanged)).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), c))
}
