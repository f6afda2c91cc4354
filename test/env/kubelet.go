package env

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Kubelet plays the StatefulSet controller, the volume provisioner and the
// kubelet for one StatefulSet, a round at each call.
type Kubelet struct {
	Client client.Client
	Key    client.ObjectKey
	// Unready keeps the pods from becoming ready.
	Unready bool
	// Crashing are the pods whose container ends again and again, by name.
	Crashing map[string]bool
	// Pods is how many there are; zero: as many as the StatefulSet asks for.
	Pods int
}

// Sync brings pods and claims to what the StatefulSet asks for.
func (k *Kubelet) Sync(t *testing.T) {
	t.Helper()
	if err := retry.RetryOnConflict(retry.DefaultRetry, func() error { return k.sync(t.Context()) }); err != nil {
		t.Fatalf("playing the kubelet: %v", err)
	}
}

func (k *Kubelet) sync(ctx context.Context) error {
	set := &appsv1.StatefulSet{}
	if err := k.Client.Get(ctx, k.Key, set); err != nil {
		return client.IgnoreNotFound(err)
	}
	revision := fmt.Sprintf("%s-%s", set.Name, templateHash(&set.Spec.Template))
	wanted := cmp.Or(k.Pods, int(ptr.Deref(set.Spec.Replicas, 1)))
	for i := range wanted {
		if err := k.run(ctx, set, i, revision); err != nil {
			return err
		}
	}
	if err := k.removeFrom(ctx, set, wanted); err != nil {
		return err
	}
	set.Status = appsv1.StatefulSetStatus{
		ObservedGeneration: set.Generation,
		Replicas:           int32(wanted),
		UpdateRevision:     revision,
	}
	return k.Client.Status().Update(ctx, set)
}

// run makes the pod of an ordinal and its claims; a pod that is there keeps the
// template that it was made from.
func (k *Kubelet) run(ctx context.Context, set *appsv1.StatefulSet, ordinal int, revision string) error {
	name := fmt.Sprintf("%s-%d", set.Name, ordinal)
	for i := range set.Spec.VolumeClaimTemplates {
		if err := k.bind(ctx, set, &set.Spec.VolumeClaimTemplates[i], name); err != nil {
			return err
		}
	}
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: set.Namespace,
			Labels:          set.Spec.Template.Labels,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(set, appsv1.SchemeGroupVersion.WithKind("StatefulSet"))},
		},
		Spec: *set.Spec.Template.Spec.DeepCopy(),
	}
	pod.Labels[appsv1.StatefulSetRevisionLabel] = revision
	pod.Spec.NodeName = "node" // a pod on a node goes when its kubelet says so
	for _, claim := range set.Spec.VolumeClaimTemplates {
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: claim.Name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim.Name + "-" + name},
		}})
	}
	if err := k.Client.Create(ctx, pod); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	if err := k.Client.Get(ctx, client.ObjectKeyFromObject(pod), pod); err != nil {
		return err
	}
	if pod.DeletionTimestamp != nil {
		return k.Client.Delete(ctx, pod, client.GracePeriodSeconds(0)) // the next round makes it anew
	}
	pod.Status = k.status(name)
	return k.Client.Status().Update(ctx, pod)
}

// status is what a kubelet tells of a pod. One that crashes is Running: its
// container is about to be started again.
func (k *Kubelet) status(pod string) corev1.PodStatus {
	status := corev1.PodStatus{
		Phase:      corev1.PodRunning,
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
	}
	if k.Unready || k.Crashing[pod] {
		status.Conditions[0].Status = corev1.ConditionFalse
	}
	if k.Crashing[pod] {
		status.ContainerStatuses = []corev1.ContainerStatus{{
			Name:  "flightserver",
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
		}}
	}
	return status
}

// bind gives the pod its claim, and the claim a volume as large as it asks for.
func (k *Kubelet) bind(ctx context.Context, set *appsv1.StatefulSet, template *corev1.PersistentVolumeClaim, pod string) error {
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: template.Name + "-" + pod, Namespace: set.Namespace, Labels: template.Labels},
		Spec:       *template.Spec.DeepCopy(),
	}
	if err := k.Client.Create(ctx, claim); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	if err := k.Client.Get(ctx, client.ObjectKeyFromObject(claim), claim); err != nil {
		return err
	}
	claim.Status.Phase = corev1.ClaimBound
	claim.Status.Capacity = claim.Spec.Resources.Requests
	return k.Client.Status().Update(ctx, claim)
}

func (k *Kubelet) removeFrom(ctx context.Context, set *appsv1.StatefulSet, first int) error {
	pods := &corev1.PodList{}
	if err := k.Client.List(ctx, pods, client.InNamespace(set.Namespace), client.MatchingLabels(set.Spec.Selector.MatchLabels)); err != nil {
		return err
	}
	for i := range pods.Items {
		ordinal := -1
		if _, err := fmt.Sscanf(pods.Items[i].Name, set.Name+"-%d", &ordinal); err != nil || ordinal < first {
			continue
		}
		if err := k.Client.Delete(ctx, &pods.Items[i], client.GracePeriodSeconds(0)); err != nil {
			return err
		}
	}
	return nil
}

func templateHash(template *corev1.PodTemplateSpec) string {
	text, err := json.Marshal(template)
	if err != nil {
		panic(err) // the API server sent it as JSON
	}
	h := fnv.New32a()
	h.Write(text)
	return fmt.Sprintf("%08x", h.Sum32())
}
