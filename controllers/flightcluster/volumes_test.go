package flightcluster_test

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

func TestVolumesGrow(t *testing.T) {
	storageClass(t, "elastic", true)
	c := api.NewCluster(t, func(cr *v1alpha1.FlightCluster) { cr.Spec.Storage.StorageClassName = new("elastic") })
	c.Settle()
	pod := podOf(c)

	c.Edit(func(cr *v1alpha1.FlightCluster) { cr.Spec.Storage.Size = resource.MustParse("3Gi") })
	c.Reconcile()
	c.Expect(v1alpha1.ConditionStorageReady, metav1.ConditionFalse, v1alpha1.ReasonResizing, "data-prod-0 grows from 1Gi to 3Gi")
	c.Settle()
	c.Expect(v1alpha1.ConditionStorageReady, metav1.ConditionTrue, v1alpha1.ReasonVolumesBound, "3Gi")
	if podOf(c).UID != pod.UID {
		t.Error("the pod was replaced")
	}
	var set appsv1.StatefulSet
	c.Get("prod", &set)
	if size := set.Spec.VolumeClaimTemplates[0].Spec.Resources.Requests[corev1.ResourceStorage]; size.String() != "1Gi" {
		t.Errorf("the claim template is %s; Kubernetes lets none change", size.String())
	}
}

func TestVolumesCannotGrow(t *testing.T) {
	storageClass(t, "rigid", false)
	c := api.NewCluster(t, func(cr *v1alpha1.FlightCluster) { cr.Spec.Storage.StorageClassName = new("rigid") })
	c.Settle()
	c.Edit(func(cr *v1alpha1.FlightCluster) { cr.Spec.Storage.Size = resource.MustParse("3Gi") })
	c.Settle()
	c.Expect(v1alpha1.ConditionStorageReady, metav1.ConditionFalse, v1alpha1.ReasonResizeRefused, "data-prod-0 cannot grow to 3Gi")
	c.Expect(v1alpha1.ConditionAvailable, metav1.ConditionTrue, v1alpha1.ReasonMembersServing, "")
}

func storageClass(t *testing.T, name string, grows bool) {
	t.Helper()
	class := &storagev1.StorageClass{
		ObjectMeta:           metav1.ObjectMeta{Name: name},
		Provisioner:          "example.test/volumes",
		AllowVolumeExpansion: &grows,
	}
	if err := api.Client.Create(t.Context(), class); err != nil {
		t.Fatal(err)
	}
}
