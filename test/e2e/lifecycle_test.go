//go:build e2e

package e2e

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

//nolint:tparallel // one change after the other: both are of one pod
func TestChangesRollThePodAndKeepTheData(t *testing.T) {
	t.Parallel()
	cr := newCluster(newNamespace(t))
	create(t, cr)
	flight(t, cr, "put", sampleFile("weather"), "--path", "nyc/weather")

	t.Run("resources", func(t *testing.T) {
		p := rolled(t, cr, func(cr *v1alpha1.FlightCluster) {
			cr.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("96Mi")}
		})
		if got := p.Spec.Containers[0].Resources.Requests.Memory().String(); got != "96Mi" {
			t.Errorf("the pod requests %s of memory, want 96Mi", got)
		}
	})
	t.Run("image", func(t *testing.T) {
		if nextImage == "" {
			t.Skip("hack/e2e.sh cannot bring a second image to this cluster")
		}
		p := rolled(t, cr, func(cr *v1alpha1.FlightCluster) { cr.Spec.Image = nextImage })
		if got := p.Spec.Containers[0].Image; got != nextImage {
			t.Errorf("the pod runs %s, want %s", got, nextImage)
		}
	})
}

// rolled changes the cluster, waits for the new pod and compares the data.
func rolled(t *testing.T, cr *v1alpha1.FlightCluster, mutate func(*v1alpha1.FlightCluster)) *corev1.Pod {
	t.Helper()
	old := pod(cr)
	get(t, old)
	change(t, cr, mutate)
	p := waitNewPod(t, cr, old.UID)
	waitReady(t, cr)
	requireEqual(t, sample(t, "weather"), download(t, cr, "nyc", "weather"))
	return p
}

func TestRest(t *testing.T) {
	t.Parallel()
	cr := newCluster(newNamespace(t))
	ds := newDataset(cr, "weather")
	create(t, cr, ds)
	flight(t, cr, "put", sampleFile("weather"), "--path", "nyc/weather")

	kubectl(t, cr.Namespace, "scale", "flightcluster", cr.Name, "--replicas=0")
	waitGone(t, pod(cr))
	waitReady(t, cr)
	get(t, claim(cr))
	eventually(t, "the dataset tells that its cluster rests", func() error {
		get(t, ds)
		if ready(ds) == nil {
			return fmt.Errorf("it says it is ready")
		}
		return nil
	})

	kubectl(t, cr.Namespace, "scale", "flightcluster", cr.Name, "--replicas=1")
	waitNewPod(t, cr, "")
	waitReady(t, cr)
	waitReady(t, ds)
	requireEqual(t, sample(t, "weather"), download(t, cr, "nyc", "weather"))
}
