package status_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/status"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

func TestMemberOf(t *testing.T) {
	tests := map[string]struct {
		reason string
		edit   func(*corev1.Pod)
		want   status.Member
	}{
		"serving": {
			reason: "ready and of the newest template",
			want:   status.Member{Name: "prod-0", Running: true, Ready: true},
		},
		"of an earlier template": {
			reason: "the revision is the StatefulSet controller's own mark",
			edit:   func(p *corev1.Pod) { p.Labels["controller-revision-hash"] = "old" },
			want:   status.Member{Name: "prod-0", Running: true, Ready: true, Outdated: true},
		},
		"stopping": {
			reason: "it still serves what is in flight",
			edit:   func(p *corev1.Pod) { p.DeletionTimestamp = &metav1.Time{Time: now} },
			want:   status.Member{Name: "prod-0", Running: true, Ready: true, Stopping: true},
		},
		"nowhere to run": {
			reason: "the scheduler says why",
			edit: func(p *corev1.Pod) {
				p.Status = corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{
					{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/3 nodes are available"},
				}}
			},
			want: status.Member{Name: "prod-0", Problem: "0/3 nodes are available"},
		},
		"image not found": {
			reason: "the kubelet says why",
			edit:   waiting("ImagePullBackOff", "no such image"),
			want:   status.Member{Name: "prod-0", Running: true, Problem: "no such image"},
		},
		"container on its way": {
			reason: "every pod begins like this",
			edit:   waiting("ContainerCreating", ""),
			want:   status.Member{Name: "prod-0", Running: true},
		},
		"crashed": {
			reason: "last words say more than the back-off",
			edit: func(p *corev1.Pod) {
				waiting("CrashLoopBackOff", "back-off 10s")(p)
				p.Status.ContainerStatuses[0].LastTerminationState.Terminated = &corev1.ContainerStateTerminated{Message: "no space left"}
			},
			want: status.Member{Name: "prod-0", Running: true, Problem: "no space left"},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			pod := &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{Name: "prod-0", Labels: map[string]string{"controller-revision-hash": "new"}},
				Status: corev1.PodStatus{
					Phase:      corev1.PodRunning,
					Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
				},
			}
			if tc.edit != nil {
				tc.edit(pod)
			}
			if diff := cmp.Diff(tc.want, status.MemberOf(pod, "new")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
	if status.MemberOf(&corev1.Pod{}, "").Outdated {
		t.Error("outdated, though the newest revision is not known yet")
	}
}

func waiting(reason, message string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.Conditions = nil
		p.Status.ContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{
			Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message},
		}}}
	}
}

// A busy volume must not make the API server store the cluster at each look.
func TestUsedBytesFollowInSteps(t *testing.T) {
	seen := func(used int64) []status.Member {
		return []status.Member{{Name: "prod-0", Ready: true, Answer: &settings.MemberStatus{UsedBytes: used, CapacityBytes: 1000}}}
	}
	stored := status.Members(nil, seen(500))
	for used, want := range map[int64]int64{500: 500, 509: 500, 491: 500, 510: 510, 490: 490, 0: 0} {
		if got := status.Members(stored, seen(used))[0].UsedBytes; got != want {
			t.Errorf("%d bytes used after 500: the status tells %d, want %d", used, got, want)
		}
	}
}

func TestMemberState(t *testing.T) {
	answer := &settings.MemberStatus{}
	for want, m := range map[v1alpha1.MemberState]status.Member{
		v1alpha1.MemberActive:      {Ready: true, Answer: answer},
		v1alpha1.MemberStarting:    {Answer: answer},
		v1alpha1.MemberUnreachable: {Ready: true},
		v1alpha1.MemberStopping:    {Ready: true, Stopping: true, Answer: answer},
	} {
		if got := status.Members(nil, []status.Member{m})[0].State; got != want {
			t.Errorf("%+v: got %s, want %s", m, got, want)
		}
	}
}
