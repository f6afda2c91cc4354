package flightcluster_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/test/env"
)

func TestCertificatesRenewWithoutRestart(t *testing.T) {
	c := api.NewCluster(t, nil)
	c.Settle()
	before, authority := c.Secret("prod-server-tls"), c.Secret("prod-ca")

	c.Clock.Step(113 * time.Hour) // of 168, two thirds
	c.Reconcile()
	after := c.Secret("prod-server-tls")
	if string(before.Data["tls.crt"]) == string(after.Data["tls.crt"]) {
		t.Fatal("the certificate was not renewed")
	}
	if string(authority.Data["tls.crt"]) != string(c.Secret("prod-ca").Data["tls.crt"]) {
		t.Error("the authority was replaced as well")
	}
	c.Expect(v1alpha1.ConditionCertificatesReady, metav1.ConditionFalse, v1alpha1.ReasonMembersLoading, "prod-0 has not loaded certificate")
	if res := c.Reconcile(); res.RequeueAfter > 10*time.Second {
		t.Errorf("comes back after %s, want soon", res.RequeueAfter)
	}

	pod := podOf(c)
	c.Server.Load(t)
	c.Reconcile()
	c.Expect(v1alpha1.ConditionCertificatesReady, metav1.ConditionTrue, v1alpha1.ReasonCertificatesLoaded, "")
	if podOf(c).UID != pod.UID {
		t.Error("the pod was replaced")
	}
}

func TestCertificatesHeal(t *testing.T) {
	tests := map[string]struct {
		reason  string
		secret  string
		damage  func(*corev1.Secret)
		because string // of the condition, when not CertificatesLoaded
	}{
		"deleted leaf": {
			reason: "the servers' certificate is made anew under the same authority",
			secret: "prod-server-tls",
		},
		"deleted operator certificate": {
			reason: "the operator makes itself another",
			secret: "prod-operator-tls",
		},
		"deleted authority": {
			reason:  "a new one is published; what the old one signed serves until everybody trusts both",
			secret:  "prod-ca",
			because: v1alpha1.ReasonAuthorityChanging,
		},
		"broken key": {
			reason: "a key that cannot be read is replaced with its certificate",
			secret: "prod-server-tls",
			damage: func(s *corev1.Secret) { s.Data["tls.key"] = []byte("no key") },
		},
		"key of another certificate": {
			reason: "dates and names say nothing about the key",
			secret: "prod-server-tls",
			damage: func(s *corev1.Secret) { s.Data["tls.key"] = nil },
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			c := api.NewCluster(t, nil)
			c.Settle()
			before := c.Secret("prod-ca").Data["tls.crt"]
			if tc.damage == nil {
				c.Delete(tc.secret, &corev1.Secret{})
			} else {
				secret := c.Secret(tc.secret)
				tc.damage(secret)
				if err := api.Client.Update(t.Context(), secret); err != nil {
					t.Fatal(err)
				}
			}
			c.Settle()
			c.Expect(v1alpha1.ConditionCertificatesReady, metav1.ConditionTrue, cmp.Or(tc.because, v1alpha1.ReasonCertificatesLoaded), "")
			if !strings.Contains(bundleOf(c), string(before)) {
				t.Errorf("clients that know the authority are let down: %s", tc.reason)
			}
			if got := c.Secret("prod-token-etl").Data["ca.crt"]; string(got) != bundleOf(c) {
				t.Error("the token's Secret does not hold the roots")
			}
			expectRest(t, c)
		})
	}
}

// Who deletes a Secret to be rid of its key is rid of it, also when a reconcile
// has just read it.
func TestDeletedKeyIsNotMadeAnew(t *testing.T) {
	for name, key := range map[string]string{
		"prod-ca":           "tls.key",
		"prod-server-tls":   "tls.key",
		"prod-operator-tls": "tls.key",
		"prod-signing-keys": settings.SigningKeysFile,
	} {
		t.Run(name, func(t *testing.T) {
			c := api.NewCluster(t, nil)
			c.Settle()
			before := c.Secret(name).Data[key]
			live := c.Controller.Live
			c.Controller.Live = &deleter{Reader: live, name: name, once: func() { c.Delete(name, &corev1.Secret{}) }}
			if _, err := c.TryReconcile(); err != nil && !apierrors.IsConflict(err) {
				t.Error(err)
			}
			c.Controller.Live = live
			c.Settle()
			if bytes.Contains(c.Secret(name).Data[key], before) {
				t.Error("the key is there again")
			}
		})
	}
}

// deleter has a Secret be deleted right after the first read of it.
type deleter struct {
	client.Reader

	name string
	once func()
}

func (d *deleter) Get(ctx context.Context, key client.ObjectKey, out client.Object, opts ...client.GetOption) error {
	err := d.Reader.Get(ctx, key, out, opts...)
	if _, ok := out.(*corev1.Secret); ok && key.Name == d.name && d.once != nil {
		d.once()
		d.once = nil
	}
	return err
}

// A rollover from beginning to end: what clients read, what members load and
// what the operator trusts, phase by phase, with one server all the while.
func TestAuthorityIsReplaced(t *testing.T) {
	c := api.NewCluster(t, shortLives)
	c.Settle()
	pod, first := podOf(c), c.Secret("prod-ca").Data["tls.crt"]
	expectPhase(t, c, v1alpha1.PKIStable)

	c.Clock.Step(50 * 24 * time.Hour)
	c.Settle()
	expectPhase(t, c, v1alpha1.PKITrusting)
	both := bundleOf(c)
	if !strings.Contains(both, string(first)) || strings.Count(both, "BEGIN") != 2 || string(c.Secret("prod-token-etl").Data["ca.crt"]) != both {
		t.Errorf("clients find %q", both)
	}
	c.Expect(v1alpha1.ConditionCertificatesReady, metav1.ConditionTrue, v1alpha1.ReasonAuthorityChanging, "clients that keep a copy of ca.crt need the new one by then")
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
	c.ExpectEvent("CertificateIssued")

	c.Clock.Step(5*24*time.Hour + time.Minute)
	c.Reconcile() // the new one signs from now on
	c.Reconcile()
	expectPhase(t, c, v1alpha1.PKIIssuing)
	c.Expect(v1alpha1.ConditionCertificatesReady, metav1.ConditionFalse, v1alpha1.ReasonMembersLoading, "has not loaded certificate")
	if bundleOf(c) != both {
		t.Error("what clients find has changed with the signer")
	}
	if m := c.Resource().Status.Members; len(m) != 1 || m[0].State != v1alpha1.MemberActive {
		t.Errorf("the operator has lost its member: %+v", m)
	}

	c.Settle()
	expectPhase(t, c, v1alpha1.PKIRetiring)
	c.ExpectEvent("AuthorityChanging")
	c.Clock.Step(5 * 24 * time.Hour)
	c.Settle()
	expectPhase(t, c, v1alpha1.PKIStable)
	if last := bundleOf(c); strings.Contains(last, string(first)) || strings.Count(last, "BEGIN") != 1 {
		t.Errorf("clients find %q", last)
	}
	c.Expect(v1alpha1.ConditionCertificatesReady, metav1.ConditionTrue, v1alpha1.ReasonCertificatesLoaded, "")
	if podOf(c).UID != pod.UID {
		t.Error("the pod was replaced")
	}
	expectRest(t, c)
}

// A member that does not answer holds up the phase, and the condition names it.
func TestAuthorityWaitsForMembers(t *testing.T) {
	c := api.NewCluster(t, shortLives)
	c.Settle()
	c.Clock.Step(50 * 24 * time.Hour)
	c.Settle()
	c.Server.Fail(errors.New("hangs"))
	c.Clock.Step(6 * 24 * time.Hour)
	c.Settle()
	expectPhase(t, c, v1alpha1.PKITrusting)
	c.Expect(v1alpha1.ConditionCertificatesReady, metav1.ConditionFalse, v1alpha1.ReasonMembersLoading, "the new authority waits for it, until")
	c.Server.Fail(nil)
	c.Settle()
	expectPhase(t, c, v1alpha1.PKIRetiring)
}

// What only the user can mend does not hold up an authority either, unless it
// keeps a child from being as planned.
func TestAuthorityDoesNotWaitForUsers(t *testing.T) {
	c := api.NewCluster(t, func(cr *v1alpha1.FlightCluster) {
		shortLives(cr)
		cr.Spec.Auth.Users = []v1alpha1.UserSpec{{Name: "ana", Role: "Reader", SecretRef: v1alpha1.SecretReference{Name: "missing"}}}
	})
	c.Settle()
	c.Clock.Step(50 * 24 * time.Hour)
	c.Settle()
	expectPhase(t, c, v1alpha1.PKITrusting)
	c.Clock.Step(6 * 24 * time.Hour)
	c.Settle()
	expectPhase(t, c, v1alpha1.PKIRetiring)
	c.Expect(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonUserSecretInvalid, "missing")
}

// A member that crashes at each start reads the newest files at the next one: it
// holds up a phase only until its kubelet must have brought them.
func TestAuthorityDoesNotWaitForTheDead(t *testing.T) {
	c := api.NewCluster(t, shortLives)
	c.Settle()
	c.Kubelet.Unready = true
	c.Server.Fail(errors.New("down"))
	c.Clock.Step(50 * 24 * time.Hour)
	c.Settle()
	expectPhase(t, c, v1alpha1.PKITrusting)
	c.Clock.Step(5 * 24 * time.Hour)
	c.Settle()
	expectPhase(t, c, v1alpha1.PKIIssuing)
	c.Clock.Step(9 * time.Minute)
	c.Settle()
	expectPhase(t, c, v1alpha1.PKIIssuing)
	c.Clock.Step(time.Minute)
	c.Settle()
	expectPhase(t, c, v1alpha1.PKIRetiring)
	c.Clock.Step(5 * 24 * time.Hour)
	c.Settle()
	expectPhase(t, c, v1alpha1.PKIStable)
	c.Expect(v1alpha1.ConditionCertificatesReady, metav1.ConditionFalse, v1alpha1.ReasonMembersLoading, "pod prod-0 starts")
}

// The operator may die between any two writes of a rollover. The member answers
// throughout, whether it loads at once or later, and the end is the same.
func TestRolloverKilledAfterEachWrite(t *testing.T) {
	t.Parallel()
	whole := rolling(t)
	roll(whole)
	want := inventory(t, whole)
	for name, atOnce := range map[string]bool{"MemberLoadsAtOnce": true, "MemberLoadsLater": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := rolling(t)
			c.Dying(func() {
				if m := c.Resource().Status.Members; m[0].State != v1alpha1.MemberActive {
					t.Errorf("the operator has lost its member: %+v", m)
				}
				if atOnce {
					c.Server.Load(t)
				}
			})
			roll(c)
			expectPhase(t, c, v1alpha1.PKIStable)
			c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
			expectInventory(t, c, want)
			if roots := strings.Count(bundleOf(c), "BEGIN"); roots != 1 {
				t.Errorf("%d roots are left", roots)
			}
		})
	}
}

// rolling is a cluster whose authority is due.
func rolling(t *testing.T) *env.Cluster {
	t.Helper()
	c := api.NewCluster(t, shortLives)
	c.Settle()
	c.Clock.Step(50 * 24 * time.Hour)
	return c
}

func roll(c *env.Cluster) {
	for range 3 {
		c.Settle()
		c.Clock.Step(6 * 24 * time.Hour)
	}
	c.Settle()
}

func shortLives(cr *v1alpha1.FlightCluster) {
	days := func(n int) *metav1.Duration { return &metav1.Duration{Duration: time.Duration(n) * 24 * time.Hour} }
	cr.Spec.TLS = &v1alpha1.TLSSpec{
		Provider: v1alpha1.TLSOperator,
		Leaf:     &v1alpha1.LeafSpec{Duration: days(90), RenewBefore: days(1)},
		CA:       &v1alpha1.CASpec{Duration: days(90), RenewBefore: days(40), Overlap: days(5)},
		DNSNames: []string{"flight.example.com"},
	}
}

func TestNamesOfTheSpecAreInTheCertificate(t *testing.T) {
	c := api.NewCluster(t, shortLives)
	c.Settle()
	pair, err := tls.X509KeyPair(c.Secret("prod-server-tls").Data["tls.crt"], c.Secret("prod-server-tls").Data["tls.key"])
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"flight.example.com", "prod." + c.Key.Namespace + ".svc"} {
		if err := pair.Leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
}

func expectPhase(t *testing.T, c *env.Cluster, want v1alpha1.PKIPhase) {
	t.Helper()
	pki := c.Resource().Status.PKI
	if pki == nil || pki.Phase != want {
		t.Fatalf("status.pki: %+v, want phase %s", pki, want)
	}
	if pending := pki.PendingCA != ""; pending != (want == v1alpha1.PKITrusting) {
		t.Errorf("in phase %s the pending authority is %q", want, pki.PendingCA)
	}
}

func expectRest(t *testing.T, c *env.Cluster) {
	t.Helper()
	c.Writes.KillAfter(-1)
	for range 10 {
		c.Reconcile()
	}
	if n := c.Writes.Count(); n != 0 {
		t.Errorf("ten reconciles of a cluster at rest made %d writes, want none", n)
	}
}

func bundleOf(c *env.Cluster) string {
	bundle := &corev1.ConfigMap{}
	c.Get("prod-ca-bundle", bundle)
	return bundle.Data["ca.crt"]
}
