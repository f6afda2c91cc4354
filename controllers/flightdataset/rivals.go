package flightdataset

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/status"
)

// yieldToOlder lets one resource alone declare a dataset. The loser is woken
// when the older one goes.
func (c *Controller) yieldToOlder(ctx context.Context, s *scope) (reconcile.Result, error) {
	rivals := &v1alpha1.FlightDatasetList{}
	if err := c.Client.List(ctx, rivals, client.InNamespace(s.cr.Namespace), client.MatchingFields{byDataset: datasetKey(s.cr)}); err != nil {
		return reconcile.Result{}, err
	}
	oldest := slices.MinFunc(append(rivals.Items, *s.cr), byAge)
	if oldest.UID == s.cr.UID {
		return reconcile.Result{}, nil
	}
	message := fmt.Sprintf("FlightDataset %s, which is older, declares %q of cluster %s already: delete one of the two",
		oldest.Name, datasetName(s.cr), s.cr.Spec.ClusterRef.Name)
	if s.seen.Stall = (&status.Stall{Reason: v1alpha1.ReasonConflict, Message: message}); !s.wasStalled() {
		c.Recorder.Eventf(s.cr, &oldest, corev1.EventTypeWarning, v1alpha1.ReasonConflict, "Declare", "%s", message)
	}
	// Whatever was known is the other resource's now.
	s.cr.Status.DatasetID = ""
	s.done = true
	return reconcile.Result{}, nil
}

// byAge puts the older first; names decide between those of one second.
func byAge(a, b v1alpha1.FlightDataset) int {
	return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
}
