package flightdataset_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// onlyETL lets one token in, which the cluster has.
var onlyETL = []v1alpha1.AccessRule{{
	Subjects: []v1alpha1.AccessSubject{{Kind: v1alpha1.SubjectToken, Name: "etl"}},
	Verbs:    []v1alpha1.AccessVerb{"Read", "Write"},
}}

// onlyETLThere is what the server makes of it.
var onlyETLThere = []settings.AccessRule{{
	Subjects: []settings.Subject{{Kind: settings.SubjectToken, Name: "etl"}},
	Verbs:    []settings.AccessVerb{settings.AccessRead, settings.AccessWrite},
}}

func (h *harness) setAccess(name string, rules []v1alpha1.AccessRule) {
	h.t.Helper()
	cr := h.dataset(name)
	cr.Spec.Access = rules
	if err := api.Client.Update(h.t.Context(), cr); err != nil {
		h.t.Fatal(err)
	}
	h.reconcileDataset(name)
}

func (h *harness) expectAccess(why string, want []settings.AccessRule) {
	h.t.Helper()
	if diff := cmp.Diff(want, h.Server.Access("trips")); diff != "" {
		h.t.Errorf("%s: rules are (-want +got):\n%s", why, diff)
	}
}

func TestAccess(t *testing.T) {
	h := newHarness(t)
	h.create("trips", nil)
	h.reconcileDataset("trips")
	h.expectAccess("absent", nil)
	h.expectDataset("trips", v1alpha1.ConditionAccessApplied, metav1.ConditionTrue, v1alpha1.ReasonRolesDecide, "")

	h.setAccess("trips", onlyETL)
	h.expectAccess("set", onlyETLThere)
	h.expectDataset("trips", v1alpha1.ConditionAccessApplied, metav1.ConditionTrue, v1alpha1.ReasonRulesDecide, "1 in all")

	h.setAccess("trips", []v1alpha1.AccessRule{})
	h.expectAccess("empty is not absent", []settings.AccessRule{})
	h.expectDataset("trips", v1alpha1.ConditionAccessApplied, metav1.ConditionTrue, v1alpha1.ReasonRulesDecide, "nobody is let in")

	h.setAccess("trips", nil)
	h.expectAccess("removed", nil)
	h.expectDataset("trips", v1alpha1.ConditionAccessApplied, metav1.ConditionTrue, v1alpha1.ReasonRolesDecide, "")
}

func TestAccessIsRestored(t *testing.T) {
	h := newHarness(t)
	h.create("trips", func(s *v1alpha1.FlightDatasetSpec) { s.Access = onlyETL })
	h.reconcileDataset("trips")
	h.Server.SetAccess("trips", nil)
	h.reconcileDataset("trips")
	h.expectAccess("changed by somebody", onlyETLThere)

	h.Server.Drop("trips")
	h.Server.Upload("trips", 1, 1)
	h.reconcileDataset("trips")
	h.expectAccess("made anew by a client", onlyETLThere)
}

func TestAccessNamesNobody(t *testing.T) {
	h := newHarness(t)
	h.create("trips", func(s *v1alpha1.FlightDatasetSpec) {
		s.Access = append(slices.Clone(onlyETL), v1alpha1.AccessRule{
			Subjects: []v1alpha1.AccessSubject{
				{Kind: v1alpha1.SubjectUser, Name: "etl"},
				{Kind: v1alpha1.SubjectClientCertificate, Name: "loader"},
				{Kind: v1alpha1.SubjectUser, Name: "etl"},
				{Kind: v1alpha1.SubjectServiceAccount, Namespace: "bi", Name: "report"},
			},
			Verbs: []v1alpha1.AccessVerb{"Read"},
		})
	})
	h.reconcileDataset("trips")
	h.expectDataset("trips", v1alpha1.ConditionAccessApplied, metav1.ConditionTrue, v1alpha1.ReasonSubjectUnknown,
		"does not have User etl, ClientCertificate loader, ServiceAccount bi/report: correct the name")

	h.Edit(func(cr *v1alpha1.FlightCluster) {
		cr.Spec.TLS = &v1alpha1.TLSSpec{Provider: v1alpha1.TLSOperator, ClientAuth: v1alpha1.ClientAuthOptional}
		cr.Spec.Auth.Users = []v1alpha1.UserSpec{{Name: "etl", Role: "Reader", SecretRef: v1alpha1.SecretReference{Name: "etl"}}}
		cr.Spec.Auth.ClientCertificates = []v1alpha1.ClientCertificateSpec{{CommonName: "loader", Role: "Reader"}}
		cr.Spec.Auth.ServiceAccounts = &v1alpha1.ServiceAccountsSpec{
			Bindings: []v1alpha1.ServiceAccountBinding{{Namespace: "bi", Name: "report", Role: "Reader"}},
		}
	})
	h.reconcileDataset("trips")
	h.expectDataset("trips", v1alpha1.ConditionAccessApplied, metav1.ConditionTrue, v1alpha1.ReasonRulesDecide, "2 in all")
}
