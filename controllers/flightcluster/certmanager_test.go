package flightcluster_test

import (
	"strings"
	"testing"
	"time"

	cmv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	cmmetav1 "github.com/cert-manager/cert-manager/pkg/apis/meta/v1"
	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/test/env"
	"github.com/flight-operator/flight-operator/test/issuer"
)

// fromCertManager asks for leaves of 90 days, which are renewed after 60, from an
// issuer that is called corp.
func fromCertManager(cr *v1alpha1.FlightCluster) {
	shortLives(cr)
	cr.Spec.TLS.Provider = v1alpha1.TLSCertManager
	cr.Spec.TLS.Leaf.RenewBefore = &metav1.Duration{Duration: 30 * 24 * time.Hour}
	cr.Spec.TLS.CertManager = &v1alpha1.CertManagerSpec{IssuerRef: v1alpha1.IssuerReference{Name: "corp"}}
}

// issued is a cluster at rest that shows what an issuer signed.
func issued(t *testing.T) (*env.Cluster, *issuer.Issuer) {
	t.Helper()
	api.InstallCertManager(t)
	c := api.NewCluster(t, fromCertManager)
	c.Reconcile()
	corp := issuer.New(t, "corp", c.Clock.Now())
	c.Issue(corp)
	c.Settle()
	return c, corp
}

func TestCertManagerIssues(t *testing.T) {
	api.InstallCertManager(t)
	c := api.NewCluster(t, fromCertManager)
	c.Reconcile()
	c.Expect(v1alpha1.ConditionCertificatesReady, metav1.ConditionFalse, v1alpha1.ReasonNotIssued, "waiting for cert-manager to issue Certificate prod-issued-tls")
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonNotIssued, "")
	c.Expect(v1alpha1.ConditionStalled, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "")
	if err := api.Client.Get(t.Context(), c.Key, &appsv1.StatefulSet{}); !apierrors.IsNotFound(err) {
		t.Errorf("pods are made that have nothing to mount: %v", err)
	}

	certificate := &cmv1.Certificate{}
	c.Get("prod-issued-tls", certificate)
	if ref := certificate.Spec.IssuerRef; ref.Name != "corp" || ref.Kind != "Issuer" || ref.Group != "cert-manager.io" {
		t.Errorf("issuer %+v", ref)
	}
	certificate.Status.Conditions = []cmv1.CertificateCondition{{
		Type: cmv1.CertificateConditionReady, Status: cmmetav1.ConditionFalse, Reason: "DoesNotExist", Message: "Issuer corp not found",
	}}
	if err := api.Client.Status().Update(t.Context(), certificate); err != nil {
		t.Fatal(err)
	}
	c.Reconcile()
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonNotIssued, "Issuer corp not found")

	corp := issuer.New(t, "corp", c.Clock.Now())
	c.Issue(corp)
	c.Settle()
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
	c.Expect(v1alpha1.ConditionCertificatesReady, metav1.ConditionTrue, v1alpha1.ReasonCertificatesLoaded, "")
	expectShown(t, c, c.Secret("prod-issued-tls"))
	expectRoots(t, c, corp.Root)
	expectPhase(t, c, v1alpha1.PKIStable)
	if secret := c.Secret("prod-issued-tls"); !metav1.IsControlledBy(secret, c.Resource()) {
		t.Error("the key outlives the cluster")
	}
	c.ExpectEvent("CertificateTakenOver")
	expectRest(t, c)
}

// Renewals by an issuer that clients trust are taken over at once.
func TestCertManagerRenews(t *testing.T) {
	c, corp := issued(t)
	pod := podOf(c)
	c.Clock.Step(60 * 24 * time.Hour)
	c.Issue(corp)
	c.Reconcile()
	expectShown(t, c, c.Secret("prod-issued-tls"))
	c.Expect(v1alpha1.ConditionCertificatesReady, metav1.ConditionFalse, v1alpha1.ReasonMembersLoading, "has not loaded")
	c.Settle()
	expectPhase(t, c, v1alpha1.PKIStable)
	if podOf(c).UID != pod.UID {
		t.Error("the pod was replaced")
	}
	expectRest(t, c)
}

// An issuer whose root changes is shown when clients had time to read it, and the
// old root goes when nobody uses it any more.
func TestIssuerGetsAnotherRoot(t *testing.T) {
	c, first := issued(t)
	old := c.Secret("prod-issued-tls")
	c.Clock.Step(60 * 24 * time.Hour)
	second := issuer.New(t, "corp", c.Clock.Now())
	c.Issue(second)
	c.Settle()
	expectPhase(t, c, v1alpha1.PKITrusting)
	expectShown(t, c, old)
	expectRoots(t, c, first.Root, second.Root)
	c.Expect(v1alpha1.ConditionCertificatesReady, metav1.ConditionTrue, v1alpha1.ReasonAuthorityChanging, "clients that keep a copy of ca.crt need the new one by then")
	expectRest(t, c)

	c.Clock.Step(5*24*time.Hour - time.Minute)
	c.Settle()
	expectPhase(t, c, v1alpha1.PKITrusting)
	c.Clock.Step(2 * time.Minute)
	c.Reconcile()
	c.Reconcile()
	expectPhase(t, c, v1alpha1.PKIIssuing)
	expectShown(t, c, c.Secret("prod-issued-tls"))
	expectRoots(t, c, first.Root, second.Root)

	c.Settle()
	expectPhase(t, c, v1alpha1.PKIRetiring)
	c.Clock.Step(5 * 24 * time.Hour)
	c.Settle()
	expectPhase(t, c, v1alpha1.PKIStable)
	expectRoots(t, c, second.Root)
	expectRest(t, c)
}

// A root that clients have had no time to read is shown all the same when the old
// certificate is about to end: that is good to nobody then.
func TestIssuerGetsAnotherRootTooLate(t *testing.T) {
	c, _ := issued(t)
	c.Clock.Step(88 * 24 * time.Hour)
	second := issuer.New(t, "corp", c.Clock.Now())
	c.Issue(second)
	c.Settle()
	expectPhase(t, c, v1alpha1.PKITrusting)
	c.Clock.Step(2*24*time.Hour - 9*time.Minute)
	c.Settle()
	expectShown(t, c, c.Secret("prod-issued-tls"))
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
}

// The provider is changed while clients work, there and back.
func TestProviderIsChanged(t *testing.T) {
	api.InstallCertManager(t)
	c := api.NewCluster(t, shortLives)
	c.Settle()
	pod, own := podOf(c), []byte(bundleOf(c))
	c.Edit(fromCertManager)
	c.Reconcile()
	corp := issuer.New(t, "corp", c.Clock.Now())
	c.Issue(corp)
	c.Settle()
	expectPhase(t, c, v1alpha1.PKITrusting)
	expectRoots(t, c, own, corp.Root)
	walk(c)
	expectPhase(t, c, v1alpha1.PKIStable)
	expectShown(t, c, c.Secret("prod-issued-tls"))
	expectRoots(t, c, corp.Root)
	expectRest(t, c)

	last := c.Secret("prod-issued-tls")
	c.Edit(fromOperator)
	c.Settle()
	expectPhase(t, c, v1alpha1.PKITrusting)
	expectShown(t, c, last)
	for _, object := range []client.Object{&cmv1.Certificate{}, &corev1.Secret{}} {
		key := client.ObjectKey{Namespace: c.Key.Namespace, Name: "prod-issued-tls"}
		if err := api.Client.Get(t.Context(), key, object); !apierrors.IsNotFound(err) {
			t.Errorf("%T is left: %v", object, err)
		}
	}
	walk(c)
	expectPhase(t, c, v1alpha1.PKIStable)
	expectRoots(t, c, own)
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
	if podOf(c).UID != pod.UID {
		t.Error("the pod was replaced")
	}
	expectRest(t, c)
}

// The authority's Secret says how far a handover is. Without it nothing is shown
// or forgotten too early.
func TestHandoverSurvivesItsSecret(t *testing.T) {
	c, first := issued(t)
	old := c.Secret("prod-issued-tls")
	second := issuer.New(t, "corp", c.Clock.Now())
	c.Issue(second)
	c.Settle()
	c.Clock.Step(3 * 24 * time.Hour)
	c.Delete("prod-ca", &corev1.Secret{})
	c.Settle()
	expectPhase(t, c, v1alpha1.PKITrusting)
	expectShown(t, c, old)
	expectRoots(t, c, first.Root, second.Root)
	walk(c)
	expectPhase(t, c, v1alpha1.PKIStable)
	expectRoots(t, c, second.Root)
}

// walk gives two overlaps time to pass.
func walk(c *env.Cluster) {
	for range 2 {
		c.Clock.Step(5*24*time.Hour + time.Minute)
		c.Settle()
		c.Settle()
	}
}

func TestCertManagerGivesNothingOfUse(t *testing.T) {
	for name, tc := range map[string]struct {
		damage func(*corev1.Secret)
		want   string
	}{
		"no root":     {func(s *corev1.Secret) { delete(s.Data, "ca.crt") }, "ca.crt is missing"},
		"half a root": {func(s *corev1.Secret) { s.Data["ca.crt"] = s.Data["ca.crt"][:100] }, "ca.crt cannot be read"},
		"other root":  {func(s *corev1.Secret) { s.Data["ca.crt"] = issuer.New(t, "other", time.Now()).Root }, "no root in ca.crt vouches for tls.crt"},
		"no key":      {func(s *corev1.Secret) { s.Data["tls.key"] = nil }, "tls.key is missing"},
		"broken leaf": {func(s *corev1.Secret) { s.Data["tls.crt"] = []byte("half") }, "tls.crt with tls.key: certificate unreadable"},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := issued(t)
			shown := c.Secret("prod-server-tls")
			secret := c.Secret("prod-issued-tls")
			tc.damage(secret)
			if err := api.Client.Update(t.Context(), secret); err != nil {
				t.Fatal(err)
			}
			c.Settle()
			expectShown(t, c, shown)
			c.Expect(v1alpha1.ConditionCertificatesReady, metav1.ConditionFalse, v1alpha1.ReasonCertificateInvalid, "Secret prod-issued-tls, which cert-manager wrote, is of no use: "+tc.want)
			c.Expect(v1alpha1.ConditionCertificatesReady, metav1.ConditionFalse, v1alpha1.ReasonCertificateInvalid, "until then the last good certificate stays in force")
			c.Expect(v1alpha1.ConditionAvailable, metav1.ConditionTrue, v1alpha1.ReasonMembersServing, "")
			expectRest(t, c)
		})
	}
}

// A Secret of somebody else is not given to cert-manager to overwrite.
func TestIssuedSecretIsSomebodyElses(t *testing.T) {
	api.InstallCertManager(t)
	c := api.NewCluster(t, fromCertManager)
	mine := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "prod-issued-tls", Namespace: c.Key.Namespace}}
	if err := api.Client.Create(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	c.Reconcile()
	c.Expect(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonNameConflict, "Secret prod-issued-tls is not made by this FlightCluster")
	if err := api.Client.Get(t.Context(), client.ObjectKeyFromObject(mine), &cmv1.Certificate{}); !apierrors.IsNotFound(err) {
		t.Errorf("cert-manager was asked for it: %v", err)
	}
}

// Without cert-manager a cluster says so, and goes on once it is there.
func TestCertManagerIsMissing(t *testing.T) {
	api.InstallCertManager(t)
	api.UninstallCertManager(t)
	c := api.NewCluster(t, fromCertManager)
	c.Reconcile()
	c.Expect(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonCertManagerMissing, "cert-manager is not installed: install it, or set spec.tls.provider")
	c.Expect(v1alpha1.ConditionCertificatesReady, metav1.ConditionFalse, v1alpha1.ReasonCertManagerMissing, "")

	api.InstallCertManager(t)
	gomega.NewWithT(t).Eventually(func() error { // until the API server serves what it knows
		c.Reconcile()
		return api.Client.Get(t.Context(), client.ObjectKey{Namespace: c.Key.Namespace, Name: "prod-issued-tls"}, &cmv1.Certificate{})
	}, 30*time.Second, 100*time.Millisecond).Should(gomega.Succeed())
	c.Issue(issuer.New(t, "corp", c.Clock.Now()))
	c.Settle()
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
}

// The operator may die between any two writes of a change of providers and of the
// issuer's root. The end is the same.
func TestHandoverKilledAfterEachWrite(t *testing.T) {
	t.Parallel()
	api.InstallCertManager(t)
	change := func(t *testing.T, dying bool) (*env.Cluster, *issuer.Issuer) {
		t.Helper()
		c := api.NewCluster(t, shortLives)
		c.Settle()
		c.Edit(fromCertManager)
		if dying {
			c.Dying(func() { c.Server.Load(t) })
		}
		c.Reconcile()
		corp := issuer.New(t, "corp", c.Clock.Now())
		c.Issue(corp)
		roll(c)
		return c, corp
	}
	whole, _ := change(t, false)
	want := inventory(t, whole)

	c, corp := change(t, true)
	expectPhase(t, c, v1alpha1.PKIStable)
	expectRoots(t, c, corp.Root)
	expectShown(t, c, c.Secret("prod-issued-tls"))
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
	expectInventory(t, c, want)
}

func expectShown(t *testing.T, c *env.Cluster, want *corev1.Secret) {
	t.Helper()
	got := c.Secret("prod-server-tls")
	for _, key := range []string{"tls.crt", "tls.key"} {
		if string(got.Data[key]) != string(want.Data[key]) {
			t.Errorf("%s that clients meet is not that of Secret %s", key, want.Name)
		}
	}
}

// expectRoots checks what clients find, wherever they look.
func expectRoots(t *testing.T, c *env.Cluster, roots ...[]byte) {
	t.Helper()
	bundle := bundleOf(c)
	for _, root := range roots {
		if !strings.Contains(bundle, string(root)) {
			t.Errorf("clients do not find\n%s", root)
		}
	}
	if n := strings.Count(bundle, "BEGIN"); n != len(roots) {
		t.Errorf("clients find %d roots, want %d", n, len(roots))
	}
	if got := string(c.Secret("prod-token-etl").Data["ca.crt"]); got != bundle {
		t.Error("the token's Secret holds other roots than the bundle")
	}
}
