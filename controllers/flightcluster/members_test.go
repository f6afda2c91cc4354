package flightcluster_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/test/env"
)

func TestChangeReplacesThePod(t *testing.T) {
	for name, change := range map[string]func(*v1alpha1.FlightCluster){
		"image": func(cr *v1alpha1.FlightCluster) { cr.Spec.Image = "example.test/flightserver:2.0.0" },
		"settings": func(cr *v1alpha1.FlightCluster) {
			cr.Spec.TLS = &v1alpha1.TLSSpec{Provider: v1alpha1.TLSDisabled}
			cr.Spec.Auth.AllowPlaintext = true
		},
		"resources": func(cr *v1alpha1.FlightCluster) {
			cr.Spec.Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := api.NewCluster(t, nil)
			c.Settle()
			before := podOf(c)

			c.Edit(change)
			c.Reconcile()
			c.Kubelet.Sync(t) // tells the new revision
			c.Reconcile()
			c.Expect(v1alpha1.ConditionMembersUpToDate, metav1.ConditionFalse, v1alpha1.ReasonUpdating, "prod-0 stops")
			c.Settle()
			if podOf(c).UID == before.UID {
				t.Error("the pod was not replaced")
			}
			c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
			c.ExpectEvent("MemberReplaced")
		})
	}
}

func TestRest(t *testing.T) {
	c := api.NewCluster(t, nil)
	c.Settle()
	c.Edit(func(cr *v1alpha1.FlightCluster) { cr.Spec.Replicas = new(int32(0)) })
	c.Settle()
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonScaledToZero, "volumes are kept")
	c.Expect(v1alpha1.ConditionAvailable, metav1.ConditionFalse, v1alpha1.ReasonScaledToZero, "raise it")
	c.Expect(v1alpha1.ConditionCertificatesReady, metav1.ConditionTrue, v1alpha1.ReasonCertificatesIssued, "")
	c.Expect(v1alpha1.ConditionCredentialsReady, metav1.ConditionTrue, v1alpha1.ReasonCredentialsWritten, "")
	c.Expect(v1alpha1.ConditionStorageReady, metav1.ConditionTrue, v1alpha1.ReasonVolumesBound, "")
	c.Get("data-prod-0", &corev1.PersistentVolumeClaim{})

	c.Edit(func(cr *v1alpha1.FlightCluster) { cr.Spec.Replicas = new(int32(1)) })
	c.Settle()
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
}

func TestMemberDoesNotAnswer(t *testing.T) {
	c := api.NewCluster(t, nil)
	c.Settle()
	c.Server.Fail(errors.New("disk on fire"))
	res := c.Reconcile()
	c.Expect(v1alpha1.ConditionCertificatesReady, metav1.ConditionFalse, v1alpha1.ReasonMembersLoading, "does not answer the operator")
	c.Expect(v1alpha1.ConditionAvailable, metav1.ConditionTrue, v1alpha1.ReasonMembersServing, "")
	if m := c.Resource().Status.Members; m[0].State != v1alpha1.MemberUnreachable {
		t.Errorf("state %s", m[0].State)
	}
	if res.RequeueAfter <= 0 {
		t.Error("nobody will look again")
	}
}

// Members are asked side by side, but not all of a large cluster's at once: here
// no connection is made before as many as may be are under way.
func TestMembersAreAskedAtOnce(t *testing.T) {
	const bound, pods = 8, 12
	c := api.NewCluster(t, nil)
	c.Kubelet.Pods = pods
	c.Settle()
	dials := make(chan struct{}, pods) // holds one for each that is under way
	var tooMany atomic.Bool
	enough := make(chan struct{})
	release := sync.OnceFunc(func() { close(enough) })
	c.Controller.Dialer.DialContext = func(ctx context.Context, address string) (net.Conn, error) {
		dials <- struct{}{}
		defer func() { <-dials }()
		switch n := len(dials); {
		case n > bound:
			tooMany.Store(true)
		case n == bound:
			release()
		}
		select {
		case <-enough:
			return c.Server.Dial(ctx, address)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	c.Reconcile()
	members := c.Resource().Status.Members
	if len(members) != pods || tooMany.Load() {
		t.Errorf("%d members, too many asked at once: %t", len(members), tooMany.Load())
	}
	for _, m := range members {
		if m.State != v1alpha1.MemberActive {
			t.Errorf("%s is %s: it was not asked while others were", m.Name, m.State)
		}
	}
}

func TestMemberIsNotReady(t *testing.T) {
	c := api.NewCluster(t, nil)
	c.Kubelet.Unready = true
	c.Settle()
	c.Expect(v1alpha1.ConditionAvailable, metav1.ConditionFalse, v1alpha1.ReasonNoMemberServing, "pod prod-0 starts")
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonNoMemberServing, "")
	if m := c.Resource().Status.Members; m[0].State != v1alpha1.MemberStarting {
		t.Errorf("state %s", m[0].State)
	}
}

func TestDeletionPolicy(t *testing.T) {
	for policy, want := range map[v1alpha1.DeletionPolicy]appsv1.PersistentVolumeClaimRetentionPolicyType{
		"":                      appsv1.RetainPersistentVolumeClaimRetentionPolicyType,
		v1alpha1.DeletionRetain: appsv1.RetainPersistentVolumeClaimRetentionPolicyType,
		v1alpha1.DeletionDelete: appsv1.DeletePersistentVolumeClaimRetentionPolicyType,
	} {
		t.Run(string(policy), func(t *testing.T) {
			c := api.NewCluster(t, func(cr *v1alpha1.FlightCluster) { cr.Spec.DeletionPolicy = policy })
			c.Reconcile()
			var set appsv1.StatefulSet
			c.Get("prod", &set)
			if got := set.Spec.PersistentVolumeClaimRetentionPolicy.WhenDeleted; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func podOf(c *env.Cluster) *corev1.Pod {
	pod := &corev1.Pod{}
	c.Get("prod-0", pod)
	return pod
}
