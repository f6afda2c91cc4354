package flightcluster_test

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
	"github.com/flight-operator/flight-operator/controllers/rotation"
	"github.com/flight-operator/flight-operator/flightserver/auth"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/test/env"
)

const rotationInterval, rotationOverlap = 10 * time.Hour, time.Hour

func rotating(cr *v1alpha1.FlightCluster) {
	cr.Spec.Auth.Tokens[0].Rotation = &v1alpha1.TokenRotation{
		Interval: &metav1.Duration{Duration: rotationInterval},
		Overlap:  &metav1.Duration{Duration: rotationOverlap},
	}
}

func tokenOf(c *env.Cluster) string { return string(c.Secret("prod-token-etl").Data["token"]) }

// accepts tells whether servers are told to accept a token.
func accepts(t *testing.T, c *env.Cluster, text string) bool {
	t.Helper()
	return slices.ContainsFunc(credentialsOf(t, c).Tokens, func(d settings.Token) bool { return d.SHA256 == auth.Digest(text) })
}

func TestTokenRotates(t *testing.T) {
	c := api.NewCluster(t, rotating)
	c.Settle()
	first := tokenOf(c)

	c.Clock.Step(rotationInterval)
	for range 3 {
		c.Reconcile()
	}
	if tokenOf(c) != first || len(credentialsOf(t, c).Tokens) != 2 {
		t.Fatal("the token was handed over before the member accepts it")
	}
	c.Expect(v1alpha1.ConditionCredentialsReady, metav1.ConditionFalse, v1alpha1.ReasonMembersLoading, "prod-0 has not loaded credentials")

	c.Server.Load(t)
	c.Reconcile()
	second := tokenOf(c)
	if second == first {
		t.Fatal("the member accepts the new token, and it is not handed over")
	}
	c.ExpectEvent("TokenRotated")
	c.Reconcile()

	c.Clock.Step(rotationOverlap)
	c.Settle()
	if !accepts(t, c, first) {
		t.Error("the former token ended with its overlap, though clocks may differ")
	}
	c.Clock.Step(rotation.Skew)
	c.Settle()
	if accepts(t, c, first) || !accepts(t, c, second) {
		t.Error("the former token is still accepted, or the new one is not")
	}
	c.ExpectEvent("TokenOverlapEnded")
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
	if got, want := c.Resource().Status.Members[0].AuthRevision, settings.Revision(c.Secret("prod-auth").Data[settings.CredentialsFile]); got != want {
		t.Errorf("status tells revision %s, the member has %s", got, want)
	}
}

func annotate(c *env.Cluster, annotation, names string) {
	c.Edit(func(cr *v1alpha1.FlightCluster) {
		metav1.SetMetaDataAnnotation(&cr.ObjectMeta, annotation, names)
	})
}

func expectNoAnnotation(t *testing.T, c *env.Cluster) {
	t.Helper()
	if got := c.Resource().Annotations; got[metadata.AnnotationRotateToken] != "" || got[metadata.AnnotationRevokeToken] != "" {
		t.Errorf("the annotation is still there: %v", got)
	}
}

func TestRotateNow(t *testing.T) {
	c := api.NewCluster(t, nil)
	c.Settle()
	first := tokenOf(c)
	annotate(c, metadata.AnnotationRotateToken, "etl, nobody")
	c.Settle()
	expectNoAnnotation(t, c)
	c.ExpectEvent("TokenUnknown")
	c.ExpectEvent("TokenRotated")
	second := tokenOf(c)
	if second == first || !accepts(t, c, first) || !accepts(t, c, second) {
		t.Error("want another token, and both accepted")
	}
	c.Settle()
	if tokenOf(c) != second {
		t.Error("rotated twice for one annotation")
	}
}

func TestRevokeNow(t *testing.T) {
	c := api.NewCluster(t, nil)
	c.Settle()
	first := tokenOf(c)
	annotate(c, metadata.AnnotationRevokeToken, "etl")
	c.Reconcile()
	expectNoAnnotation(t, c)
	c.ExpectEvent("TokenRevoked")
	if second := tokenOf(c); second == first || accepts(t, c, first) || !accepts(t, c, second) {
		t.Error("want another token at once, and that one alone accepted")
	}
	c.Expect(v1alpha1.ConditionCredentialsReady, metav1.ConditionFalse, v1alpha1.ReasonMembersLoading, "prod-0 has not loaded credentials")
	c.Settle()
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
}

func TestPausedRequestWaits(t *testing.T) {
	c := api.NewCluster(t, nil)
	c.Settle()
	first := tokenOf(c)
	c.Edit(func(cr *v1alpha1.FlightCluster) { cr.Spec.Paused = true })
	annotate(c, metadata.AnnotationRevokeToken, "etl")
	c.Settle()
	if tokenOf(c) != first {
		t.Error("a paused cluster was changed")
	}
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonPaused, "annotation "+metadata.AnnotationRevokeToken+"; unset spec.paused")

	c.Edit(func(cr *v1alpha1.FlightCluster) { cr.Spec.Paused = false })
	c.Settle()
	if expectNoAnnotation(t, c); tokenOf(c) == first {
		t.Error("what waited is not done")
	}
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
}

// The operator may die between any two writes of a rotation or a revocation.
func TestRotationKilledAfterEachWrite(t *testing.T) {
	t.Parallel()
	for annotation, digests := range map[string]int{metadata.AnnotationRotateToken: 2, metadata.AnnotationRevokeToken: 1} {
		t.Run(annotation, func(t *testing.T) {
			t.Parallel()
			c := api.NewCluster(t, nil)
			c.Settle()
			first := tokenOf(c)
			annotate(c, annotation, "etl")
			c.Dying(func() {
				if annotation == metadata.AnnotationRotateToken && !accepts(t, c, tokenOf(c)) {
					t.Error("whoever reads the Secret now is refused")
				}
			})
			c.Settle()
			expectNoAnnotation(t, c)
			if second := tokenOf(c); second == first || !accepts(t, c, second) {
				t.Error("want another token that is accepted")
			}
			if got := len(credentialsOf(t, c).Tokens); got != digests {
				t.Errorf("%d tokens are accepted, want %d", got, digests)
			}
			c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
		})
	}
}

func TestSigningKeysRotate(t *testing.T) {
	c := api.NewCluster(t, nil)
	c.Settle()
	keys := func() []string {
		file, err := settings.ParseSigningKeys(c.Secret("prod-signing-keys").Data[settings.SigningKeysFile])
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, k := range file.Keys {
			ids = append(ids, k.ID)
		}
		return ids
	}
	before := keys()

	c.Clock.Step(720 * time.Hour)
	c.Server.Load(t) // of certificates, which end sooner
	c.Reconcile()
	c.Reconcile()
	if got := keys(); len(got) != 2 || got[0] != before[0] {
		t.Fatalf("keys %v after %v: the new one must not sign before members know it", got, before)
	}
	c.Settle()
	got := keys()
	if len(got) != 2 || got[1] != before[0] {
		t.Fatalf("keys %v after %v: the new one does not sign", got, before)
	}
	c.Clock.Step(settings.BearerLife + rotation.Skew)
	c.Settle()
	if last := keys(); len(last) != 1 || last[0] != got[0] {
		t.Errorf("keys %v after %v: the old one is still there", last, got)
	}

	c.Delete("prod-signing-keys", &corev1.Secret{})
	c.Settle()
	if lost := keys(); len(lost) != 1 || lost[0] == got[0] {
		t.Errorf("keys %v after %v was deleted: want another", lost, got)
	}
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
}
