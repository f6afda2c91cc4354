//go:build e2e

package e2e

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

// These tests change the operator that all others share, so none is parallel.

// state is what nobody may have written to meanwhile.
type state struct {
	Versions map[string]string // resourceVersion of the dataset and of each child
	Cluster  v1alpha1.FlightCluster
}

func stateOf(t *testing.T, cr *v1alpha1.FlightCluster, ds *v1alpha1.FlightDataset) state {
	t.Helper()
	get(t, cr)
	get(t, ds)
	s := state{Versions: map[string]string{}, Cluster: *cr.DeepCopy()}
	for _, object := range append(children(t, cr), ds) {
		s.Versions[fmt.Sprintf("%T %s", object, object.GetName())] = object.GetResourceVersion()
	}
	// The cluster's status tells how full the volume is, and that may be a
	// folder on a disk that others write to.
	for i := range s.Cluster.Status.Members {
		s.Cluster.Status.Members[i].UsedBytes = 0
	}
	s.Cluster.ResourceVersion, s.Cluster.ManagedFields = "", nil
	return s
}

// requireOperatorAtWork proves that the operator reconciles: a cluster that is
// made now, after it has seen those that were there, becomes ready.
func requireOperatorAtWork(t *testing.T) {
	t.Helper()
	probe := newCluster(newNamespace(t))
	create(t, probe)
}

func operatorPods(t *testing.T) []corev1.Pod {
	t.Helper()
	pods := &corev1.PodList{}
	if err := api.List(t.Context(), pods, client.InNamespace(operatorNamespace), client.MatchingLabels{"app.kubernetes.io/instance": release}); err != nil {
		t.Fatal(err)
	}
	return pods.Items
}

func TestOperatorRestartChangesNothing(t *testing.T) {
	cr := newCluster(newNamespace(t))
	ds := newDataset(cr, "planes")
	create(t, cr, ds)
	flight(t, cr, "put", sampleFile("planes"), "--path", "nyc/planes")
	waitRows(t, ds, sample(t, "planes").NumRows())
	before := stateOf(t, cr, ds)

	for _, p := range operatorPods(t) {
		remove(t, &p)
	}
	requireOperatorAtWork(t)
	if diff := cmp.Diff(before, stateOf(t, cr, ds)); diff != "" {
		t.Errorf("state (-before +after):\n%s", diff)
	}
}

func waitRows(t *testing.T, ds *v1alpha1.FlightDataset, rows int64) {
	t.Helper()
	eventually(t, "the status shows the upload", func() error {
		get(t, ds)
		if ds.Status.Rows != rows {
			return fmt.Errorf("it shows %d rows", ds.Status.Rows)
		}
		return ready(ds)
	})
}

// helmInstall installs or upgrades the chart as hack/e2e.sh did.
func helmInstall(t *testing.T, flags ...string) {
	t.Helper()
	args := []string{
		"upgrade", "--install", release, "charts/flight-operator", "--namespace", operatorNamespace,
		"--set", "image.tag=" + imageTag, "--set", "serverImage.tag=" + imageTag, "--wait", "--timeout", "3m",
	}
	run(t, helm, append(args, flags...)...)
}

func TestHelm(t *testing.T) {
	cr := newCluster(newNamespace(t))
	ds := newDataset(cr, "planes")
	create(t, cr, ds)
	flight(t, cr, "put", sampleFile("planes"), "--path", "nyc/planes")
	waitRows(t, ds, sample(t, "planes").NumRows())
	before := stateOf(t, cr, ds)

	t.Run("upgrade", func(t *testing.T) {
		helmInstall(t, "--set", "podAnnotations.example\\.com/upgraded=yes")
		deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: release}}
		get(t, deployment)
		if deployment.Spec.Template.Annotations["example.com/upgraded"] != "yes" {
			t.Errorf("annotations of the operator's pods are %v", deployment.Spec.Template.Annotations)
		}
		requireOperatorAtWork(t)
	})
	t.Run("uninstall", func(t *testing.T) {
		run(t, helm, "uninstall", release, "--namespace", operatorNamespace, "--wait")
		eventually(t, "the operator's pods go", func() error {
			if left := operatorPods(t); len(left) != 0 {
				return fmt.Errorf("%d are left", len(left))
			}
			return nil
		})
		// The CRDs stay, and with them everything that was made of them.
		requireEqual(t, sample(t, "planes"), download(t, cr, "nyc", "planes"))
	})
	t.Run("install again", func(t *testing.T) {
		helmInstall(t)
		requireOperatorAtWork(t)
	})
	if diff := cmp.Diff(before, stateOf(t, cr, ds)); diff != "" {
		t.Errorf("state (-before +after):\n%s", diff)
	}
}
