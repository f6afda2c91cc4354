package flightdataset

import (
	"context"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

// Indexes of the cache.
const (
	byCluster = "cluster"
	byDataset = "dataset" // cluster and dataset name: at most one resource may declare it
)

func indexDatasets(ctx context.Context, indexer client.FieldIndexer) error {
	for index, key := range map[string]func(*v1alpha1.FlightDataset) string{
		byCluster: func(cr *v1alpha1.FlightDataset) string { return cr.Spec.ClusterRef.Name },
		byDataset: datasetKey,
	} {
		extract := func(o client.Object) []string {
			if cr, ok := o.(*v1alpha1.FlightDataset); ok {
				return []string{key(cr)}
			}
			return nil
		}
		if err := indexer.IndexField(ctx, &v1alpha1.FlightDataset{}, index, extract); err != nil {
			return err
		}
	}
	return nil
}

func datasetKey(cr *v1alpha1.FlightDataset) string {
	return cr.Spec.ClusterRef.Name + "/" + datasetName(cr)
}

// datasetsOf wakes the datasets of a cluster.
func (c *Controller) datasetsOf(ctx context.Context, cluster client.Object) []reconcile.Request {
	return c.requests(ctx, cluster.GetNamespace(), byCluster, cluster.GetName())
}

// rivalsOf wakes all that declare the same dataset: when one goes, the next
// oldest has it.
func (c *Controller) rivalsOf(ctx context.Context, o client.Object) []reconcile.Request {
	cr, ok := o.(*v1alpha1.FlightDataset)
	if !ok {
		return nil
	}
	return c.requests(ctx, cr.Namespace, byDataset, datasetKey(cr))
}

func (c *Controller) requests(ctx context.Context, namespace, index, value string) []reconcile.Request {
	list := &v1alpha1.FlightDatasetList{}
	if err := c.Client.List(ctx, list, client.InNamespace(namespace), client.MatchingFields{index: value}); err != nil {
		return nil // the cache fails only while it stops
	}
	requests := make([]reconcile.Request, len(list.Items))
	for i := range list.Items {
		requests[i].NamespacedName = client.ObjectKeyFromObject(&list.Items[i])
	}
	return requests
}

// cameOrWent leaves out changes, which cannot touch cluster or path.
var cameOrWent = predicate.Funcs{UpdateFunc: func(event.UpdateEvent) bool { return false }}

// availabilityChanged leaves out what a dataset does not depend on.
var availabilityChanged = predicate.Funcs{
	UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(*v1alpha1.FlightCluster)
		after, ok2 := e.ObjectNew.(*v1alpha1.FlightCluster)
		return ok && ok2 && (available(before) != available(after) ||
			before.DeletionTimestamp.IsZero() != after.DeletionTimestamp.IsZero())
	},
}

func available(cluster *v1alpha1.FlightCluster) bool {
	return meta.IsStatusConditionTrue(cluster.Status.Conditions, v1alpha1.ConditionAvailable)
}
