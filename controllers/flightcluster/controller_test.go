package flightcluster_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

func TestClusterBecomesReady(t *testing.T) {
	h := newHarness(t, nil)

	h.reconcile()
	h.expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonVolumesPending, "0 of 1 claims")
	h.expect(v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonProgressing, "")

	h.settle()
	for _, kind := range []string{
		v1alpha1.ConditionReady, v1alpha1.ConditionAvailable, v1alpha1.ConditionMembersUpToDate,
		v1alpha1.ConditionCertificatesReady, v1alpha1.ConditionCredentialsReady, v1alpha1.ConditionStorageReady,
	} {
		cr := h.cluster()
		for _, c := range cr.Status.Conditions {
			if c.Type == kind && c.Status != metav1.ConditionTrue {
				t.Errorf("%s: %s %s", kind, c.Reason, c.Message)
			}
		}
	}
	h.expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "1 of 1 members serve")
	h.expect(v1alpha1.ConditionReconciling, metav1.ConditionFalse, v1alpha1.ReasonReady, "")
	h.expect(v1alpha1.ConditionStalled, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "")

	status := h.cluster().Status
	if status.Version != "1.2.3" || status.ReadyReplicas != 1 || status.Selector != "flight-operator.io/cluster=prod" {
		t.Errorf("status: %+v", status)
	}
	token := h.secret("prod-token-etl")
	if string(token.Data["uri"]) != "grpc+tls://prod."+h.key.Namespace+".svc:8815" || len(token.Data["ca.crt"]) == 0 {
		t.Errorf("token Secret: %v", token.Data)
	}
	var bundle corev1.ConfigMap
	h.get("prod-ca-bundle", &bundle)
	if bundle.Data["ca.crt"] != string(token.Data["ca.crt"]) {
		t.Error("the bundle and the token's Secret hold different roots")
	}
}

func TestNoWritesAtRest(t *testing.T) {
	h := newHarness(t, nil)
	h.settle()

	h.writes.KillAfter(-1)
	for range 10 {
		h.reconcile()
	}
	if n := h.writes.Count(); n != 0 {
		t.Errorf("ten reconciles of a cluster at rest made %d writes, want none", n)
	}
}
