package flightcluster_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/test/env"
	"github.com/flight-operator/flight-operator/test/issuer"
)

// fromSecret shows the certificate in the Secret mine, with the roots in the
// ConfigMap roots.
func fromSecret(cr *v1alpha1.FlightCluster) {
	shortLives(cr)
	cr.Spec.TLS.Provider, cr.Spec.TLS.CertManager = v1alpha1.TLSSecret, nil
	cr.Spec.TLS.Secret = &v1alpha1.OwnCertificateSpec{Name: "mine", CABundle: v1alpha1.CASource{ConfigMap: "roots"}}
}

// fromOperator shows the certificate of the cluster's own authority again.
func fromOperator(cr *v1alpha1.FlightCluster) {
	cr.Spec.TLS.Provider, cr.Spec.TLS.CertManager, cr.Spec.TLS.Secret = v1alpha1.TLSOperator, nil, nil
}

// own gives the names that a user's certificate has to be good for.
func own(c *env.Cluster) []string {
	return []string{"prod." + c.Key.Namespace + ".svc", "flight.example.com"}
}

// putOwn writes a user's certificate that is good for a year.
func putOwn(t *testing.T, c *env.Cluster, by *issuer.Issuer, names ...string) *corev1.Secret {
	t.Helper()
	now := c.Clock.Now()
	cert, key := by.Sign(t, "mine", names, nil, now, now.AddDate(1, 0, 0))
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "mine"}, Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{settings.TLSCertFile: cert, settings.TLSKeyFile: key},
	}
	putObject(t, c, secret)
	return secret
}

// owned is a cluster at rest that shows a user's certificate.
func owned(t *testing.T) (*env.Cluster, *issuer.Issuer) {
	t.Helper()
	c := api.NewCluster(t, fromSecret)
	corp := issuer.New(t, "corp", c.Clock.Now())
	putOwn(t, c, corp, own(c)...)
	putRoots(t, c, string(corp.Root))
	c.Settle()
	return c, corp
}

func TestOwnCertificate(t *testing.T) {
	c, corp := owned(t)
	pod := podOf(c)
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
	expectShown(t, c, c.Secret("mine"))
	expectRoots(t, c, corp.Root)
	expectPhase(t, c, v1alpha1.PKIStable)
	expectRest(t, c)

	renewed := putOwn(t, c, corp, own(c)...)
	c.Reconcile()
	expectShown(t, c, renewed)
	c.Settle()
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
	if podOf(c).UID != pod.UID {
		t.Error("the pod was replaced")
	}
}

// Whoever puts the new root first has its certificate shown at once when clients
// had time to read that.
func TestOwnRootsChangeInSteps(t *testing.T) {
	c, first := owned(t)
	old := c.Secret("mine")
	second := issuer.New(t, "next", c.Clock.Now())
	putRoots(t, c, string(slices.Concat(first.Root, second.Root)))
	c.Settle()
	expectPhase(t, c, v1alpha1.PKITrusting)
	expectRoots(t, c, first.Root, second.Root)
	c.Clock.Step(5*24*time.Hour + time.Minute)
	c.Settle()
	expectPhase(t, c, v1alpha1.PKIStable)
	expectShown(t, c, old)

	renewed := putOwn(t, c, second, own(c)...)
	c.Settle()
	expectShown(t, c, renewed)
	putRoots(t, c, string(second.Root))
	c.Settle()
	expectPhase(t, c, v1alpha1.PKIRetiring)
	expectRoots(t, c, first.Root, second.Root)
	c.Clock.Step(5*24*time.Hour + time.Minute)
	c.Settle()
	expectPhase(t, c, v1alpha1.PKIStable)
	expectRoots(t, c, second.Root)
	expectRest(t, c)
}

// Whoever replaces all at once is kept from breaking clients.
func TestOwnRootsChangeAtOnce(t *testing.T) {
	c, first := owned(t)
	old := c.Secret("mine")
	second := issuer.New(t, "next", c.Clock.Now())
	renewed := putOwn(t, c, second, own(c)...)
	putRoots(t, c, string(second.Root))
	c.Settle()
	expectPhase(t, c, v1alpha1.PKITrusting)
	expectShown(t, c, old)
	expectRoots(t, c, first.Root, second.Root)
	walk(c)
	expectPhase(t, c, v1alpha1.PKIStable)
	expectShown(t, c, renewed)
	expectRoots(t, c, second.Root)
}

func TestOwnCertificateIsOfNoUse(t *testing.T) {
	for name, tc := range map[string]struct {
		spoil func(*testing.T, *env.Cluster, *issuer.Issuer)
		fix   string
	}{
		"deleted": {
			func(_ *testing.T, c *env.Cluster, _ *issuer.Issuer) { c.Delete("mine", &corev1.Secret{}) },
			"Secret mine of tls.secret does not exist: create it with type kubernetes.io/tls",
		},
		"another type": {
			func(t *testing.T, c *env.Cluster, _ *issuer.Issuer) {
				putObject(t, c, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "mine"}})
			},
			"Secret mine of tls.secret is not of type kubernetes.io/tls",
		},
		"another key": {
			func(t *testing.T, c *env.Cluster, by *issuer.Issuer) {
				before := c.Secret("mine").Data[settings.TLSKeyFile]
				secret := putOwn(t, c, by, own(c)...)
				secret.Data[settings.TLSKeyFile] = before
				putObject(t, c, secret)
			},
			"Secret mine of tls.secret, with the roots of ConfigMap roots, is of no use: tls.crt with tls.key: key is not that of the certificate",
		},
		"another name": {
			func(t *testing.T, c *env.Cluster, by *issuer.Issuer) { putOwn(t, c, by, "flight.example.com") },
			"tls.crt is not good for the name prod.",
		},
		"no roots": {
			func(_ *testing.T, c *env.Cluster, _ *issuer.Issuer) { c.Delete("roots", &corev1.ConfigMap{}) },
			"ConfigMap roots of tls.secret.caBundle does not exist: create it",
		},
		"other roots": {
			func(t *testing.T, c *env.Cluster, _ *issuer.Issuer) {
				putRoots(t, c, string(issuer.New(t, "other", c.Clock.Now()).Root))
			},
			"no root in ca.crt vouches for tls.crt",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, corp := owned(t)
			shown := c.Secret("prod-server-tls")
			tc.spoil(t, c, corp)
			c.Settle()
			expectShown(t, c, shown)
			if !strings.Contains(bundleOf(c), string(corp.Root)) {
				t.Error("clients lose the root of what they meet")
			}
			c.Expect(v1alpha1.ConditionCertificatesReady, metav1.ConditionFalse, v1alpha1.ReasonCertificateInvalid, tc.fix)
			c.Expect(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonCertificateInvalid, "until then the last good certificate stays in force")
			c.Expect(v1alpha1.ConditionAvailable, metav1.ConditionTrue, v1alpha1.ReasonMembersServing, "")
			expectRest(t, c)

			putOwn(t, c, corp, own(c)...)
			putRoots(t, c, string(corp.Root))
			c.Settle()
			c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
		})
	}
}

// A certificate that nobody renews ends, and the condition says which one.
func TestOwnCertificateEnds(t *testing.T) {
	c, _ := owned(t)
	c.Clock.Step(366 * 24 * time.Hour)
	c.Settle()
	c.Expect(v1alpha1.ConditionCertificatesReady, metav1.ConditionFalse, v1alpha1.ReasonCertificatesExpired, "Secret mine of tls.secret")
}

func TestOwnCertificateIsAwaited(t *testing.T) {
	c := api.NewCluster(t, fromSecret)
	c.Reconcile()
	c.Expect(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonCertificateInvalid, "Secret mine of tls.secret does not exist: create it with type kubernetes.io/tls; until then no server starts")
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonCertificateInvalid, "")
	corp := issuer.New(t, "corp", c.Clock.Now())
	putOwn(t, c, corp, own(c)...)
	putRoots(t, c, string(corp.Root))
	c.Settle()
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
}

// From one provider to the next, with one pod all the while.
func TestEveryProviderInTurn(t *testing.T) {
	c, first := issued(t)
	pod := podOf(c)
	corp := issuer.New(t, "another", c.Clock.Now())
	mine := putOwn(t, c, corp, own(c)...)
	putRoots(t, c, string(corp.Root))
	c.Edit(fromSecret)
	c.Settle()
	expectPhase(t, c, v1alpha1.PKITrusting)
	expectRoots(t, c, first.Root, corp.Root)
	walk(c)
	expectPhase(t, c, v1alpha1.PKIStable)
	expectShown(t, c, mine)
	expectRoots(t, c, corp.Root)

	c.Edit(fromOperator)
	c.Settle()
	expectPhase(t, c, v1alpha1.PKITrusting)
	expectShown(t, c, mine)
	walk(c)
	expectPhase(t, c, v1alpha1.PKIStable)
	expectRoots(t, c, c.Secret("prod-ca").Data[settings.TLSCertFile])
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
	if podOf(c).UID != pod.UID {
		t.Error("the pod was replaced")
	}
	expectRest(t, c)
}

// The operator may die between any two writes while a user's certificate takes
// the place of its own, and its own comes back.
func TestOwnCertificateKilledAfterEachWrite(t *testing.T) {
	t.Parallel()
	change := func(t *testing.T, dying bool) *env.Cluster {
		t.Helper()
		c := api.NewCluster(t, shortLives)
		c.Settle()
		corp := issuer.New(t, "corp", c.Clock.Now())
		putOwn(t, c, corp, own(c)...)
		putRoots(t, c, string(corp.Root))
		if dying {
			c.Dying(func() { c.Server.Load(t) })
		}
		for _, edit := range []func(*v1alpha1.FlightCluster){fromSecret, fromOperator} {
			c.Edit(edit)
			roll(c)
		}
		return c
	}
	want := inventory(t, change(t, false))

	c := change(t, true)
	expectPhase(t, c, v1alpha1.PKIStable)
	expectRoots(t, c, c.Secret("prod-ca").Data[settings.TLSCertFile])
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
	expectInventory(t, c, want)
}
