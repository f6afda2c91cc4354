//go:build e2e

package e2e

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

// requireNoChildren waits until nothing of the cluster is left but its claims.
func requireNoChildren(t *testing.T, cr *v1alpha1.FlightCluster) {
	t.Helper()
	for _, child := range children(t, cr) {
		if _, isClaim := child.(*corev1.PersistentVolumeClaim); !isClaim {
			waitGone(t, child)
		}
	}
}

// children lists everything that belongs to the cluster.
func children(t *testing.T, cr *v1alpha1.FlightCluster) []client.Object {
	t.Helper()
	selector := client.MatchingLabels{"flight-operator.io/cluster": cr.Name}
	var (
		accounts corev1.ServiceAccountList
		secrets  corev1.SecretList
		maps     corev1.ConfigMapList
		services corev1.ServiceList
		sets     appsv1.StatefulSetList
		pods     corev1.PodList
		claims   corev1.PersistentVolumeClaimList
	)
	for _, list := range []client.ObjectList{&accounts, &secrets, &maps, &services, &sets, &pods, &claims} {
		if err := api.List(t.Context(), list, client.InNamespace(cr.Namespace), selector); err != nil {
			t.Fatal(err)
		}
	}
	var all []client.Object
	all = appendObjects(all, accounts.Items)
	all = appendObjects(all, secrets.Items)
	all = appendObjects(all, maps.Items)
	all = appendObjects(all, services.Items)
	all = appendObjects(all, sets.Items)
	all = appendObjects(all, pods.Items)
	return appendObjects(all, claims.Items)
}

// appendObjects appends the address of each item, which is the object.
func appendObjects[T any, P interface {
	*T
	client.Object
}](all []client.Object, items []T) []client.Object {
	for i := range items {
		all = append(all, P(&items[i]))
	}
	return all
}

func TestDeletedClusterKeepsItsData(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	cr := newCluster(namespace)
	create(t, cr)
	flight(t, cr, "put", sampleFile("weather"), "--path", "nyc/weather")

	remove(t, cr)
	requireNoChildren(t, cr)
	get(t, claim(cr))

	again := newCluster(namespace)
	create(t, again)
	requireEqual(t, sample(t, "weather"), download(t, again, "nyc", "weather"))
}

func TestDeletedClusterTakesItsDataAlong(t *testing.T) {
	t.Parallel()
	cr := newCluster(newNamespace(t))
	cr.Spec.DeletionPolicy = v1alpha1.DeletionDelete
	create(t, cr)
	volumeClaim := claim(cr)
	get(t, volumeClaim)

	remove(t, cr)
	requireNoChildren(t, cr)
	waitGone(t, volumeClaim)
}

func TestDeletedDatasets(t *testing.T) {
	t.Parallel()
	cr := newCluster(newNamespace(t))
	kept, dropped := newDataset(cr, "planes"), newDataset(cr, "airlines")
	dropped.Spec.DeletionPolicy = v1alpha1.DeletionDelete
	create(t, cr, kept, dropped)
	flight(t, cr, "put", sampleFile("planes"), "--path", "nyc/planes")
	flight(t, cr, "put", sampleFile("airlines"), "--path", "nyc/airlines")

	remove(t, kept)
	remove(t, dropped)
	if out := flight(t, cr, "ls", "-o", "name"); out != "nyc/planes\n" {
		t.Errorf("kubectl flight ls says %q, want nyc/planes alone", out)
	}
	requireEqual(t, sample(t, "planes"), download(t, cr, "nyc", "planes"))

	// A dataset that is declared again is the one that was kept.
	again := newDataset(cr, "planes")
	create(t, again)
	if again.Status.Rows != sample(t, "planes").NumRows() {
		t.Errorf("the dataset declared anew has %d rows", again.Status.Rows)
	}
}

func TestDatasetGoesWithoutItsCluster(t *testing.T) {
	t.Parallel()
	cr := newCluster(newNamespace(t))
	ds := newDataset(cr, "planes")
	ds.Spec.DeletionPolicy = v1alpha1.DeletionDelete
	create(t, cr, ds)
	if !strings.Contains(strings.Join(ds.Finalizers, " "), "flight-operator.io/") {
		t.Errorf("finalizers are %v; want one: the data goes before the resource", ds.Finalizers)
	}
	remove(t, cr)
	remove(t, ds)
}
