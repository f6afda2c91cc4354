//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

const (
	// patience is how long anything may take. A kubelet carries a changed Secret
	// into a pod within about a minute and a half.
	patience = 3 * time.Minute
	// pollInterval is how often it is looked for.
	pollInterval = 200 * time.Millisecond
)

// newNamespace makes a namespace that refuses pods below the restricted Pod
// Security Standard, and removes it after the test.
func newNamespace(t *testing.T) string {
	t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "flight-e2e-",
		Labels: map[string]string{
			"pod-security.kubernetes.io/enforce": "restricted",
			"flight-operator.io/e2e":             "test", // hack/e2e.sh waits until all are gone
		},
	}}
	if err := api.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			saveLogs(t, namespace.Name)
		}
		// Not the test's context, which has ended by now.
		if err := api.Delete(context.Background(), namespace); err != nil {
			t.Errorf("removing the namespace: %v", err)
		}
	})
	return namespace.Name
}

// saveLogs writes what is known of a failed test's pods to files.
func saveLogs(t *testing.T, namespace string) {
	t.Helper()
	if logFolder == "" {
		return
	}
	folder := filepath.Join(logFolder, strings.ReplaceAll(t.Name(), "/", "_"))
	if err := os.MkdirAll(folder, 0o750); err != nil {
		t.Log(err)
		return
	}
	for file, args := range map[string][]string{
		"resources.yaml": {"get", "flightclusters,flightdatasets,statefulsets,pods,persistentvolumeclaims", "-o", "yaml"},
		"events.txt":     {"get", "events", "--sort-by=.lastTimestamp"},
		"pods.log":       {"logs", "-l", "flight-operator.io/cluster", "--all-containers", "--prefix", "--tail=-1"},
	} {
		out, err := command(context.Background(), "kubectl", append(args, "--namespace", namespace)...)
		if err != nil {
			out += err.Error()
		}
		if err := os.WriteFile(filepath.Join(folder, file), []byte(out), 0o600); err != nil {
			t.Log(err)
		}
	}
	t.Logf("pods, events and resources are in %s", folder)
}

// newCluster describes a FlightCluster with a writer's and a reader's token.
func newCluster(namespace string) *v1alpha1.FlightCluster {
	return &v1alpha1.FlightCluster{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "flights"},
		Spec: v1alpha1.FlightClusterSpec{
			Storage: v1alpha1.StorageSpec{Size: resource.MustParse("1Gi")},
			Auth: &v1alpha1.AuthSpec{Tokens: []v1alpha1.TokenSpec{
				{Name: "etl", Role: "Writer"},
				{Name: "dashboard", Role: "Reader"},
			}},
		},
	}
}

// newDataset describes a FlightDataset of the cluster with the path nyc/NAME.
func newDataset(cr *v1alpha1.FlightCluster, name string) *v1alpha1.FlightDataset {
	return &v1alpha1.FlightDataset{
		ObjectMeta: metav1.ObjectMeta{Namespace: cr.Namespace, Name: name},
		Spec: v1alpha1.FlightDatasetSpec{
			ClusterRef: v1alpha1.ClusterReference{Name: cr.Name},
			Path:       []string{"nyc", name},
		},
	}
}

// create creates objects and waits until each is ready.
func create(t *testing.T, objects ...client.Object) {
	t.Helper()
	for _, object := range objects {
		if err := api.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	for _, object := range objects {
		waitReady(t, object)
	}
}

// change patches the object as it is stored.
func change[T client.Object](t *testing.T, object T, mutate func(T)) {
	t.Helper()
	get(t, object)
	stored, ok := object.DeepCopyObject().(T)
	if !ok {
		t.Fatalf("the copy of %T is a %T", object, object.DeepCopyObject())
	}
	mutate(object)
	if err := api.Patch(t.Context(), object, client.MergeFrom(stored)); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, object client.Object) {
	t.Helper()
	if err := api.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
		t.Fatal(err)
	}
}

// remove deletes an object and waits until it is gone.
func remove(t *testing.T, object client.Object) {
	t.Helper()
	if err := api.Delete(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	waitGone(t, object)
}

// eventually repeats check until it returns nil; the last error fails the test.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	eventuallyWithin(t, patience, what, check)
}

func eventuallyWithin(t *testing.T, limit time.Duration, what string, check func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: after %s still: %v", what, limit, err)
		}
		time.Sleep(pollInterval)
	}
}

func waitReady(t *testing.T, object client.Object) {
	t.Helper()
	eventually(t, fmt.Sprintf("%T %s becomes ready", object, object.GetName()), func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
			return err
		}
		return ready(object)
	})
}

// ready tells what keeps an object, as its spec is now, from being ready.
func ready(object client.Object) error {
	var conditions []metav1.Condition
	switch o := object.(type) {
	case *v1alpha1.FlightCluster:
		conditions = o.Status.Conditions
	case *v1alpha1.FlightDataset:
		conditions = o.Status.Conditions
	}
	condition := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	switch {
	case condition == nil:
		return errors.New("no condition Ready")
	case condition.ObservedGeneration != object.GetGeneration():
		return fmt.Errorf("Ready tells of generation %d of %d", condition.ObservedGeneration, object.GetGeneration())
	case condition.Status != metav1.ConditionTrue:
		return fmt.Errorf("%s: %s", condition.Reason, condition.Message)
	}
	return nil
}

func waitGone(t *testing.T, object client.Object) {
	t.Helper()
	eventually(t, fmt.Sprintf("%T %s goes", object, object.GetName()), func() error {
		err := api.Get(t.Context(), client.ObjectKeyFromObject(object), object)
		if err == nil {
			return errors.New("it is there")
		}
		return client.IgnoreNotFound(err)
	})
}

// pod is the cluster's one server.
func pod(cr *v1alpha1.FlightCluster) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: cr.Namespace, Name: cr.Name + "-0"}}
}

// claim is the claim of its volume.
func claim(cr *v1alpha1.FlightCluster) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: cr.Namespace, Name: "data-" + cr.Name + "-0"}}
}

// waitNewPod waits for a ready pod that is not the one with the UID.
func waitNewPod(t *testing.T, cr *v1alpha1.FlightCluster, old types.UID) *corev1.Pod {
	t.Helper()
	p := pod(cr)
	eventually(t, "a new pod becomes ready", func() error {
		if err := api.Get(t.Context(), client.ObjectKeyFromObject(p), p); err != nil {
			return err
		}
		if p.UID == old {
			return errors.New("it is the old one")
		}
		for _, condition := range p.Status.Conditions {
			if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
				return nil
			}
		}
		return errors.New("it is not ready")
	})
	return p
}
