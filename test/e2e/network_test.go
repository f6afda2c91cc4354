//go:build e2e

package e2e

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// Not every network plugin enforces a NetworkPolicy, so the test finds the pods
// that it lets in as a plugin would: by labels of pods and namespaces.
func TestAdminPortIsForOperatorAndMembers(t *testing.T) {
	t.Parallel()
	cr := newCluster(newNamespace(t))
	create(t, cr)
	policy := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: cr.Namespace, Name: cr.Name}}
	get(t, policy)

	var got []string
	for _, rule := range policy.Spec.Ingress {
		if !slices.ContainsFunc(rule.Ports, func(p networkingv1.NetworkPolicyPort) bool { return p.Port.IntValue() == settings.PortAdmin }) {
			continue
		}
		if len(rule.From) == 0 {
			t.Error("a rule opens the admin port to everybody")
		}
		for i := range rule.From {
			got = append(got, podsOf(t, policy.Namespace, &rule.From[i])...)
		}
	}
	want := []string{cr.Namespace + "/" + pod(cr).Name}
	for _, p := range operatorPods(t) {
		want = append(want, p.Namespace+"/"+p.Name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pods that are let in to the admin port (-want +got):\n%s", diff)
	}
}

// podsOf finds the pods that a peer selects.
func podsOf(t *testing.T, own string, peer *networkingv1.NetworkPolicyPeer) (names []string) {
	t.Helper()
	namespaces := []string{own}
	if peer.NamespaceSelector != nil {
		list := &corev1.NamespaceList{}
		if err := api.List(t.Context(), list, selecting(t, peer.NamespaceSelector)); err != nil {
			t.Fatal(err)
		}
		namespaces = nil
		for i := range list.Items {
			namespaces = append(namespaces, list.Items[i].Name)
		}
	}
	for _, namespace := range namespaces {
		pods := &corev1.PodList{}
		if err := api.List(t.Context(), pods, client.InNamespace(namespace), selecting(t, peer.PodSelector)); err != nil {
			t.Fatal(err)
		}
		for i := range pods.Items {
			names = append(names, namespace+"/"+pods.Items[i].Name)
		}
	}
	return names
}

func selecting(t *testing.T, s *metav1.LabelSelector) client.MatchingLabelsSelector {
	t.Helper()
	selector, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		t.Fatal(err)
	}
	return client.MatchingLabelsSelector{Selector: selector}
}
