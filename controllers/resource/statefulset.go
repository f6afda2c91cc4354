package resource

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	appsv1ac "k8s.io/client-go/applyconfigurations/apps/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
)

// dataVolume is the name of the volume claim, and so part of the claims' names.
const dataVolume = "data"

// StatefulSet runs the servers. Pods are replaced by the operator (OnDelete),
// which knows when one can go, and start together (Parallel): none needs
// another to start.
//
// Kubernetes lets no claim template change, so Desired.ClaimSize is that of the
// StatefulSet that runs; the operator enlarges the claims themselves.
func StatefulSet(d *Desired) *appsv1ac.StatefulSetApplyConfiguration {
	cr := d.Cluster
	return appsv1ac.StatefulSet(cr.Name, cr.Namespace).
		WithLabels(metadata.Labels(cr)).
		WithOwnerReferences(metadata.Owner(cr)).
		WithSpec(appsv1ac.StatefulSetSpec().
			WithServiceName(metadata.PeersName(cr)).
			WithReplicas(Replicas(cr)).
			WithSelector(metav1ac.LabelSelector().WithMatchLabels(metadata.Selector(cr))).
			WithPodManagementPolicy(appsv1.ParallelPodManagement).
			WithUpdateStrategy(appsv1ac.StatefulSetUpdateStrategy().WithType(appsv1.OnDeleteStatefulSetStrategyType)).
			WithPersistentVolumeClaimRetentionPolicy(retention(cr)).
			WithTemplate(podTemplate(d)).
			WithVolumeClaimTemplates(claimTemplate(d)))
}

// Replicas is the number of servers that the cluster asks for.
func Replicas(cr *v1alpha1.FlightCluster) int32 {
	if cr.Spec.Replicas == nil {
		return 1
	}
	return *cr.Spec.Replicas
}

// retention keeps volumes when servers rest; what happens to them with the
// cluster is its own choice.
func retention(cr *v1alpha1.FlightCluster) *appsv1ac.StatefulSetPersistentVolumeClaimRetentionPolicyApplyConfiguration {
	whenDeleted := appsv1.RetainPersistentVolumeClaimRetentionPolicyType
	if cr.Spec.DeletionPolicy == v1alpha1.DeletionDelete {
		whenDeleted = appsv1.DeletePersistentVolumeClaimRetentionPolicyType
	}
	return appsv1ac.StatefulSetPersistentVolumeClaimRetentionPolicy().
		WithWhenDeleted(whenDeleted).
		WithWhenScaled(appsv1.RetainPersistentVolumeClaimRetentionPolicyType)
}

// claimTemplate spells out what the API server would fill in: the list of
// templates is compared as a whole.
func claimTemplate(d *Desired) *corev1ac.PersistentVolumeClaimApplyConfiguration {
	spec := corev1ac.PersistentVolumeClaimSpec().
		WithAccessModes(corev1.ReadWriteOnce).
		WithVolumeMode(corev1.PersistentVolumeFilesystem).
		WithResources(corev1ac.VolumeResourceRequirements().
			WithRequests(corev1.ResourceList{corev1.ResourceStorage: d.ClaimSize}))
	if class := d.Cluster.Spec.Storage.StorageClassName; class != nil {
		spec = spec.WithStorageClassName(*class)
	}
	claim := corev1ac.PersistentVolumeClaim(dataVolume, "").
		WithLabels(metadata.Labels(d.Cluster)).
		WithSpec(spec).
		WithStatus(corev1ac.PersistentVolumeClaimStatus().WithPhase(corev1.ClaimPending))
	// Kubernetes stores a template without what names an object of its own.
	claim.APIVersion, claim.Kind, claim.Namespace = nil, nil, nil
	return claim
}
