package status_test

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/status"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// healthy is a cluster of one member where all is well.
func healthy() *status.Observation {
	return &status.Observation{
		Replicas: 1,
		Members: []status.Member{{
			Name: "prod-0", Running: true, Ready: true,
			Answer: &settings.MemberStatus{Version: "1.0.0", LeafRevision: "leaf", AdminLeafRevision: "admin", TrustRevision: "roots", AuthRevision: "auth"},
		}},
		Certificates: &status.Certificates{
			Phase:       v1alpha1.PKIStable,
			Deadline:    now.AddDate(0, 9, 0),
			LeafExpires: now.AddDate(0, 0, 7),
			Revisions:   status.FileRevisions{Leaf: "leaf", AdminLeaf: "admin", Trust: "roots"},
		},
		AuthRevision: "auth",
		Storage:      status.Storage{Size: resource.MustParse("1Gi"), Claims: []corev1.PersistentVolumeClaim{claim("1Gi")}},
		Now:          now,
	}
}

func claim(capacity string) corev1.PersistentVolumeClaim {
	return corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: "data-prod-0"},
		Status: corev1.PersistentVolumeClaimStatus{
			Phase:    corev1.ClaimBound,
			Capacity: corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(capacity)},
		},
	}
}

func TestConditions(t *testing.T) {
	tests := map[string]struct {
		reason  string
		edit    func(*status.Observation)
		kind    string // of the condition that tells
		status  metav1.ConditionStatus
		because string
		message string
		ready   metav1.ConditionStatus
		works   metav1.ConditionStatus // Reconciling
	}{
		"well": {
			reason: "nothing is left to do",
			kind:   v1alpha1.ConditionReady, status: "True", because: v1alpha1.ReasonReady, message: "1 of 1",
			ready: "True", works: "False",
		},
		"resting": {
			reason: "what was asked for is reached, though nobody is served",
			edit:   func(o *status.Observation) { o.Replicas, o.Members = 0, nil },
			kind:   v1alpha1.ConditionAvailable, status: "False", because: v1alpha1.ReasonScaledToZero, message: "raise it",
			ready: "True", works: "False",
		},
		"on its way to rest": {
			reason: "the pod has time to end its streams",
			edit:   func(o *status.Observation) { o.Replicas = 0; o.Members[0].Stopping = true },
			kind:   v1alpha1.ConditionMembersUpToDate, status: "False", because: v1alpha1.ReasonUpdating, message: "prod-0 stops",
			ready: "False", works: "True",
		},
		"crash loop": {
			reason: "the pod's own words are what a person needs",
			edit: func(o *status.Observation) {
				o.Members = []status.Member{{Name: "prod-0", Problem: "the directory belongs to another cluster"}}
			},
			kind: v1alpha1.ConditionAvailable, status: "False", because: v1alpha1.ReasonNoMemberServing, message: "pod prod-0: the directory belongs to another cluster",
			ready: "False", works: "True",
		},
		"outdated": {
			reason: "it serves, but not what was asked for",
			edit:   func(o *status.Observation) { o.Members[0].Outdated = true },
			kind:   v1alpha1.ConditionMembersUpToDate, status: "False", because: v1alpha1.ReasonUpdating, message: "earlier image",
			ready: "False", works: "True",
		},
		"no pod": {
			reason: "the StatefulSet's controller has not made it yet",
			edit:   func(o *status.Observation) { o.Members = nil },
			kind:   v1alpha1.ConditionMembersUpToDate, status: "False", because: v1alpha1.ReasonUpdating, message: "0 of 1 pods",
			ready: "False", works: "True",
		},
		"new certificate on its way": {
			reason: "clients still meet the old one",
			edit:   func(o *status.Observation) { o.Certificates.Revisions.Leaf = "new" },
			kind:   v1alpha1.ConditionCertificatesReady, status: "False", because: v1alpha1.ReasonMembersLoading, message: "certificate new",
			ready: "False", works: "True",
		},
		"new authorities of clients on their way": {
			reason: "clients of a new one are refused, those of a removed one are not",
			edit:   func(o *status.Observation) { o.Certificates.Revisions.ClientCA = "new" },
			kind:   v1alpha1.ConditionCertificatesReady, status: "False", because: v1alpha1.ReasonMembersLoading, message: "client CAs new",
			ready: "False", works: "True",
		},
		"authorities of clients of no use": {
			reason: "only who owns them can mend them",
			edit: func(o *status.Observation) {
				o.ClientCAFault = "ConfigMap roots does not exist"
				o.Stall = &status.Stall{Reason: v1alpha1.ReasonClientCAsInvalid, Message: o.ClientCAFault}
			},
			kind: v1alpha1.ConditionCertificatesReady, status: "False", because: v1alpha1.ReasonClientCAsInvalid, message: "ConfigMap roots",
			ready: "False", works: "False",
		},
		"certificate ended": {
			reason: "no client connects any more",
			edit:   func(o *status.Observation) { o.Now = now.AddDate(0, 0, 8) },
			kind:   v1alpha1.ConditionCertificatesReady, status: "False", because: v1alpha1.ReasonCertificatesExpired, message: "2026-03-08",
			ready: "False", works: "True",
		},
		"no certificates": {
			reason: "paused before the first were issued",
			edit:   func(o *status.Observation) { o.Certificates = nil },
			kind:   v1alpha1.ConditionCertificatesReady, status: "False", because: v1alpha1.ReasonCertificatesMissing,
			ready: "False", works: "True",
		},
		"new roots on their way": {
			reason: "nothing of a new authority is of use before members trust it",
			edit: func(o *status.Observation) {
				o.Certificates.Phase, o.Certificates.Revisions.Trust = v1alpha1.PKITrusting, "both"
			},
			kind: v1alpha1.ConditionCertificatesReady, status: "False", because: v1alpha1.ReasonMembersLoading, message: "has not loaded roots both yet; the new authority waits for it, until 2026-12-01 12:00 UTC at the latest",
			ready: "False", works: "True",
		},
		"offer of no use": {
			reason: "what is shown serves, and somebody has to know",
			edit: func(o *status.Observation) {
				o.OfferFault = &status.Fault{Reason: v1alpha1.ReasonCertificateInvalid, Message: "ca.crt is missing"}
			},
			kind: v1alpha1.ConditionCertificatesReady, status: "False", because: v1alpha1.ReasonCertificateInvalid, message: "ca.crt is missing",
			ready: "False", works: "True",
		},
		"offer of no use, and the end": {
			reason: "the one leads to the other",
			edit: func(o *status.Observation) {
				o.OfferFault = &status.Fault{Reason: v1alpha1.ReasonCertificateInvalid, Message: "ca.crt is missing"}
				o.Certificates.LeafExpires = now
			},
			kind: v1alpha1.ConditionCertificatesReady, status: "False", because: v1alpha1.ReasonCertificatesExpired, message: "ended on 2026-03-01; ca.crt is missing",
			ready: "False", works: "True",
		},
		"nothing offered, and no pod": {
			reason: "there is no pod because there is no certificate",
			edit: func(o *status.Observation) {
				o.Certificates, o.Members = nil, nil
				o.OfferFault = &status.Fault{Reason: v1alpha1.ReasonNotIssued, Message: "waiting for cert-manager"}
			},
			kind: v1alpha1.ConditionReady, status: "False", because: v1alpha1.ReasonNotIssued, message: "waiting for cert-manager",
			ready: "False", works: "True",
		},
		"admin port behind": {
			reason: "the operator would lose the member",
			edit:   func(o *status.Observation) { o.Certificates.Revisions.AdminLeaf = "new" },
			kind:   v1alpha1.ConditionCertificatesReady, status: "False", because: v1alpha1.ReasonMembersLoading, message: "certificate of the admin port new",
			ready: "False", works: "True",
		},
		"new roots, and a pod that crashes": {
			reason: "it reads them when it starts: nobody waits for it",
			edit: func(o *status.Observation) {
				o.Certificates.Phase, o.Certificates.Revisions.Trust = v1alpha1.PKITrusting, "both"
				o.Members = []status.Member{{Name: "prod-0", Running: true, Problem: "no space left"}}
			},
			kind: v1alpha1.ConditionCertificatesReady, status: "False", because: v1alpha1.ReasonMembersLoading, message: "pod prod-0: no space left",
			ready: "False", works: "True",
		},
		"new roots, a pod that crashes and one that is silent": {
			reason: "the one that is waited for is told",
			edit: func(o *status.Observation) {
				o.Certificates.Phase, o.Certificates.Revisions.Trust = v1alpha1.PKITrusting, "both"
				o.Members = []status.Member{
					{Name: "prod-0", Running: true, Problem: "no space left"},
					{Name: "prod-1", Running: true, Ready: true, Problem: "does not answer the operator: refused"},
				}
			},
			kind: v1alpha1.ConditionCertificatesReady, status: "False", because: v1alpha1.ReasonMembersLoading, message: "pod prod-1: does not answer the operator: refused; the new authority waits for it",
			ready: "False", works: "True",
		},
		"new authority published": {
			reason: "whoever copied ca.crt has to act by a known time",
			edit: func(o *status.Observation) {
				o.Certificates.Phase, o.Certificates.Until = v1alpha1.PKITrusting, now.AddDate(0, 0, 14)
			},
			kind: v1alpha1.ConditionCertificatesReady, status: "True", because: v1alpha1.ReasonAuthorityChanging, message: "signs from 2026-03-15 12:00 UTC on: clients that keep a copy of ca.crt need the new one by then",
			ready: "True", works: "False",
		},
		"old authority retires": {
			reason: "it is still trusted, and nothing is left to do",
			edit: func(o *status.Observation) {
				o.Certificates.Phase, o.Certificates.Until = v1alpha1.PKIRetiring, now.AddDate(0, 0, 14)
			},
			kind: v1alpha1.ConditionCertificatesReady, status: "True", because: v1alpha1.ReasonAuthorityChanging, message: "no longer trusted from 2026-03-15",
			ready: "True", works: "False",
		},
		"new credentials on their way": {
			reason: "a new token is not known yet, a removed one still is",
			edit:   func(o *status.Observation) { o.AuthRevision = "new" },
			kind:   v1alpha1.ConditionCredentialsReady, status: "False", because: v1alpha1.ReasonMembersLoading, message: "credentials new",
			ready: "False", works: "True",
		},
		"silent member": {
			reason: "what it has loaded is not known",
			edit: func(o *status.Observation) {
				o.Members[0].Answer, o.Members[0].Problem = nil, "does not answer the operator: refused"
			},
			kind: v1alpha1.ConditionCredentialsReady, status: "False", because: v1alpha1.ReasonMembersLoading, message: "does not answer the operator: refused",
			ready: "False", works: "True",
		},
		"volume grows": {
			reason: "the claim is larger than its volume",
			edit:   func(o *status.Observation) { o.Storage.Size = resource.MustParse("2Gi") },
			kind:   v1alpha1.ConditionStorageReady, status: "False", because: v1alpha1.ReasonResizing, message: "from 1Gi to 2Gi",
			ready: "False", works: "True",
		},
		"volume larger than asked": {
			reason: "some provisioners round up",
			edit:   func(o *status.Observation) { o.Storage.Claims[0] = claim("3Gi") },
			kind:   v1alpha1.ConditionStorageReady, status: "True", because: v1alpha1.ReasonVolumesBound,
			ready: "True", works: "False",
		},
		"claim pending": {
			reason: "no volume, no data",
			edit:   func(o *status.Observation) { o.Storage.Claims[0].Status.Phase = corev1.ClaimPending },
			kind:   v1alpha1.ConditionStorageReady, status: "False", because: v1alpha1.ReasonVolumesPending, message: "data-prod-0 is not bound",
			ready: "False", works: "True",
		},
		"resize refused": {
			reason: "the API server's own words tell why",
			edit:   func(o *status.Observation) { o.Storage.Refusal = "the class cannot" },
			kind:   v1alpha1.ConditionStorageReady, status: "False", because: v1alpha1.ReasonResizeRefused, message: "the class cannot",
			ready: "False", works: "True",
		},
		"stalled": {
			reason: "kstatus calls it failed, not in progress",
			edit: func(o *status.Observation) {
				o.Stall = &status.Stall{Reason: v1alpha1.ReasonNameConflict, Message: "Secret x"}
			},
			kind: v1alpha1.ConditionStalled, status: "True", because: v1alpha1.ReasonNameConflict, message: "Secret x",
			ready: "False", works: "False",
		},
		"paused with changes": {
			reason: "what is asked for is not there, and nobody works on it",
			edit:   func(o *status.Observation) { o.Paused = []string{"StatefulSet prod"} },
			kind:   v1alpha1.ConditionReady, status: "False", because: v1alpha1.ReasonPaused, message: "StatefulSet prod; unset spec.paused",
			ready: "False", works: "False",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			o := healthy()
			if tc.edit != nil {
				tc.edit(o)
			}
			got := status.Conditions(o)
			c := meta.FindStatusCondition(got, tc.kind)
			if c == nil || c.Status != tc.status || c.Reason != tc.because || !strings.Contains(c.Message, tc.message) {
				t.Errorf("%s: got %+v", tc.reason, c)
			}
			for kind, want := range map[string]metav1.ConditionStatus{v1alpha1.ConditionReady: tc.ready, v1alpha1.ConditionReconciling: tc.works} {
				if c := meta.FindStatusCondition(got, kind); c.Status != want {
					t.Errorf("%s: %s is %s %q, want %s", tc.reason, kind, c.Status, c.Message, want)
				}
			}
		})
	}
}
