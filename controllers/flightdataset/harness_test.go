package flightdataset_test

import (
	"context"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/flightdataset"
	"github.com/flight-operator/flight-operator/test/env"
)

// harness is a cluster that serves, and the controller of datasets.
type harness struct {
	*env.Cluster

	t      *testing.T
	writes *env.Writes
	events *events.FakeRecorder
	run    reconcile.Reconciler
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	cluster := api.NewCluster(t, nil)
	cluster.Settle()
	h := &harness{
		Cluster: cluster,
		t:       t,
		writes:  env.CountWrites(indexed(cluster.Writes.Client)),
		events:  events.NewFakeRecorder(100),
	}
	h.run = reconcile.AsReconciler(h.writes.Client, &flightdataset.Controller{
		Client:   h.writes.Client,
		Recorder: h.events,
		Clock:    cluster.Clock,
		Dialer:   cluster.Dialer(),
	})
	return h
}

// indexed answers the one List that needs the cache's index.
func indexed(c client.WithWatch) client.WithWatch {
	return interceptor.NewClient(c, interceptor.Funcs{
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			o := (&client.ListOptions{}).ApplyOptions(opts)
			datasets, ok := list.(*v1alpha1.FlightDatasetList)
			if !ok || o.FieldSelector == nil {
				return c.List(ctx, list, opts...)
			}
			want, _ := o.FieldSelector.RequiresExactMatch(flightdataset.IndexByDataset)
			if err := c.List(ctx, datasets, client.InNamespace(o.Namespace)); err != nil {
				return err
			}
			datasets.Items = slices.DeleteFunc(datasets.Items, func(d v1alpha1.FlightDataset) bool {
				return flightdataset.DatasetKey(&d) != want
			})
			return nil
		},
	})
}

// create makes a FlightDataset of the cluster.
func (h *harness) create(name string, edit func(*v1alpha1.FlightDatasetSpec)) {
	h.t.Helper()
	cr := &v1alpha1.FlightDataset{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: h.Key.Namespace},
		Spec:       v1alpha1.FlightDatasetSpec{ClusterRef: v1alpha1.ClusterReference{Name: h.Key.Name}},
	}
	if edit != nil {
		edit(&cr.Spec)
	}
	if err := api.Client.Create(h.t.Context(), cr); err != nil {
		h.t.Fatalf("creating dataset %s: %v", name, err)
	}
}

func (h *harness) reconcileDataset(name string) reconcile.Result {
	h.t.Helper()
	res, err := h.tryDataset(name)
	if err != nil {
		h.t.Fatalf("reconciling dataset %s: %v", name, err)
	}
	return res
}

func (h *harness) tryDataset(name string) (reconcile.Result, error) {
	return h.run.Reconcile(h.t.Context(), reconcile.Request{NamespacedName: h.key(name)})
}

func (h *harness) key(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: h.Key.Namespace, Name: name}
}

func (h *harness) dataset(name string) *v1alpha1.FlightDataset {
	h.t.Helper()
	cr := &v1alpha1.FlightDataset{}
	h.Get(name, cr)
	return cr
}

func (h *harness) expectDataset(name, kind string, status metav1.ConditionStatus, reason, message string) {
	h.t.Helper()
	cr := h.dataset(name)
	env.ExpectCondition(h.t, cr, cr.Status.Conditions, kind, status, reason, message)
}

// delete removes a FlightDataset as a user does.
func (h *harness) delete(name string) {
	h.t.Helper()
	if err := api.Client.Delete(h.t.Context(), h.dataset(name)); err != nil {
		h.t.Fatal(err)
	}
}

// gone tells whether the API server has forgotten a FlightDataset.
func (h *harness) gone(name string) bool {
	h.t.Helper()
	err := api.Client.Get(h.t.Context(), h.key(name), &v1alpha1.FlightDataset{})
	if client.IgnoreNotFound(err) != nil {
		h.t.Fatal(err)
	}
	return err != nil
}
