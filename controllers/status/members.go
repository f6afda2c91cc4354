package status

import (
	"cmp"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// Member is what one reconcile saw of one pod.
type Member struct {
	Name     string
	Running  bool // its container has started, so it may answer
	Ready    bool
	Stopping bool
	Outdated bool   // made from an earlier template
	Problem  string // what the pod says about itself
	// Answer is what the server said; nil: nothing.
	Answer *settings.MemberStatus
}

// MemberOf reads a pod. Revision is that of the StatefulSet's newest template;
// empty when Kubernetes has not told it yet.
func MemberOf(pod *corev1.Pod, revision string) Member {
	m := Member{
		Name:     pod.Name,
		Running:  pod.Status.Phase == corev1.PodRunning,
		Stopping: pod.DeletionTimestamp != nil,
		Outdated: revision != "" && pod.Labels[appsv1.StatefulSetRevisionLabel] != revision,
	}
	for _, c := range pod.Status.Conditions {
		switch {
		case c.Type == corev1.PodReady:
			m.Ready = c.Status == corev1.ConditionTrue
		case c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse:
			m.Problem = cmp.Or(c.Message, c.Reason)
		}
	}
	for i := range pod.Status.ContainerStatuses {
		if problem := containerProblem(&pod.Status.ContainerStatuses[i]); problem != "" {
			m.Problem = problem
		}
	}
	return m
}

// containerProblem repeats what the kubelet says, and the last words of a
// container that ended.
func containerProblem(c *corev1.ContainerStatus) string {
	if ended := c.LastTerminationState.Terminated; ended != nil && !c.Ready && ended.Message != "" {
		return ended.Message
	}
	if waiting := c.State.Waiting; waiting != nil && waiting.Reason != "ContainerCreating" && waiting.Reason != "PodInitializing" {
		return cmp.Or(waiting.Message, waiting.Reason)
	}
	return ""
}

// Members tells the status about members. Used bytes follow in steps, since at
// each step the API server stores the whole cluster anew.
func Members(before []v1alpha1.MemberStatus, seen []Member) []v1alpha1.MemberStatus {
	out := make([]v1alpha1.MemberStatus, 0, len(seen))
	for _, m := range seen {
		s := v1alpha1.MemberStatus{Name: m.Name, State: state(m)}
		if m.Answer != nil {
			s.AuthRevision = m.Answer.AuthRevision
			s.LeafRevision = m.Answer.LeafRevision
			s.TrustRevision = m.Answer.TrustRevision
			s.CapacityBytes = m.Answer.CapacityBytes
			s.UsedBytes = usedBytes(before, m)
		}
		out = append(out, s)
	}
	return out
}

func state(m Member) v1alpha1.MemberState {
	switch {
	case m.Stopping:
		return v1alpha1.MemberStopping
	case !m.Ready:
		return v1alpha1.MemberStarting
	case m.Answer == nil:
		return v1alpha1.MemberUnreachable
	}
	return v1alpha1.MemberActive
}

func usedBytes(before []v1alpha1.MemberStatus, m Member) int64 {
	for _, b := range before {
		step := b.CapacityBytes / 100
		moved := m.Answer.UsedBytes - b.UsedBytes
		if b.Name == m.Name && b.CapacityBytes == m.Answer.CapacityBytes && -step < moved && moved < step {
			return b.UsedBytes
		}
	}
	return m.Answer.UsedBytes
}
