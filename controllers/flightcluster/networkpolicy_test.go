package flightcluster_test

import (
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/test/env"
)

// peersOf are those whom the stored policy lets in to a port, rule by rule.
func peersOf(c *env.Cluster, port int) (rules [][]networkingv1.NetworkPolicyPeer) {
	policy := &networkingv1.NetworkPolicy{}
	c.Get("prod", policy)
	for _, rule := range policy.Spec.Ingress {
		for _, p := range rule.Ports {
			if p.Port.IntValue() == port {
				rules = append(rules, rule.From)
			}
		}
	}
	return rules
}

func networkPolicyIsGone(t *testing.T, c *env.Cluster) bool {
	t.Helper()
	err := api.Client.Get(t.Context(), c.Key, &networkingv1.NetworkPolicy{})
	if client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	return apierrors.IsNotFound(err)
}

func TestNetworkPolicyFollowsTheSpec(t *testing.T) {
	c := api.NewCluster(t, nil)
	c.Settle()
	if data := peersOf(c, settings.PortData); len(data) != 2 || len(data[0]) != 0 {
		t.Errorf("clients from %v, want them from anywhere", data)
	}
	admin := peersOf(c, settings.PortAdmin)
	if len(admin) != 2 || len(admin[0]) != 1 || admin[0][0].NamespaceSelector.MatchLabels["kubernetes.io/metadata.name"] != "flight-operator-system" {
		t.Errorf("the admin port is open to %v, want it open to the operator and members", admin)
	}

	loaders := networkingv1.NetworkPolicyPeer{PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "etl"}}}
	c.Edit(func(cr *v1alpha1.FlightCluster) {
		cr.Spec.NetworkPolicy = &v1alpha1.NetworkPolicySpec{ClientsFrom: []networkingv1.NetworkPolicyPeer{loaders}}
	})
	c.Settle()
	if data := peersOf(c, settings.PortData); len(data[0]) != 1 || data[0][0].PodSelector.MatchLabels["app"] != "etl" {
		t.Errorf("clients from %v, want those of the spec alone", data)
	}
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")

	c.Edit(func(cr *v1alpha1.FlightCluster) {
		cr.Spec.NetworkPolicy = &v1alpha1.NetworkPolicySpec{Mode: v1alpha1.NetworkPolicyNone}
	})
	c.Settle()
	if !networkPolicyIsGone(t, c) {
		t.Error("mode None left the policy there")
	}
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
}

// Nothing tells the pods of an operator that runs elsewhere: a policy that names
// none of them would lock it out.
func TestOperatorOutsideOfPodsIsNotLockedOut(t *testing.T) {
	c := api.NewCluster(t, nil)
	c.Controller.OperatorPods.Namespace = ""
	c.Settle()
	if admin := peersOf(c, settings.PortAdmin); len(admin[0]) != 0 {
		t.Errorf("the admin port is open to %v, want it open to whoever has the operator's certificate", admin)
	}
}

func TestNetworkPolicyOfSomebodyElseStays(t *testing.T) {
	mine := func(c *env.Cluster) *networkingv1.NetworkPolicy {
		return &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: c.Key.Namespace, Name: c.Key.Name}}
	}
	t.Run("Managed", func(t *testing.T) {
		c := api.NewCluster(t, nil)
		if err := api.Client.Create(t.Context(), mine(c)); err != nil {
			t.Fatal(err)
		}
		c.Settle()
		c.Expect(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonNameConflict, "NetworkPolicy prod")
	})
	t.Run("None", func(t *testing.T) {
		c := api.NewCluster(t, func(cr *v1alpha1.FlightCluster) {
			cr.Spec.NetworkPolicy = &v1alpha1.NetworkPolicySpec{Mode: v1alpha1.NetworkPolicyNone}
		})
		if err := api.Client.Create(t.Context(), mine(c)); err != nil {
			t.Fatal(err)
		}
		c.Settle()
		c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
		if networkPolicyIsGone(t, c) {
			t.Error("the operator removed a policy that it did not make")
		}
	})
}

func TestImpossibleAddressesStall(t *testing.T) {
	c := api.NewCluster(t, func(cr *v1alpha1.FlightCluster) {
		cr.Spec.NetworkPolicy = &v1alpha1.NetworkPolicySpec{ClientsFrom: []networkingv1.NetworkPolicyPeer{
			{IPBlock: &networkingv1.IPBlock{CIDR: "10.1.2.3"}},
		}}
	})
	c.Settle()
	c.Expect(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonInvalid, "10.1.2.3")
	c.Expect(v1alpha1.ConditionAvailable, metav1.ConditionTrue, v1alpha1.ReasonMembersServing, "")
}

func TestPausedClusterKeepsItsNetworkPolicy(t *testing.T) {
	c := api.NewCluster(t, nil)
	c.Settle()
	c.Edit(func(cr *v1alpha1.FlightCluster) {
		cr.Spec.Paused = true
		cr.Spec.NetworkPolicy = &v1alpha1.NetworkPolicySpec{Mode: v1alpha1.NetworkPolicyNone}
	})
	c.Reconcile()
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonPaused, "NetworkPolicy prod")
	if networkPolicyIsGone(t, c) {
		t.Error("the policy of a paused cluster is gone")
	}
}
