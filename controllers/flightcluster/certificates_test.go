package flightcluster_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
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
		reason    string
		secret    string
		damage    func(*corev1.Secret)
		authority bool // replaced
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
			reason:    "nothing can be signed without it, and what it signed is no longer of use",
			secret:    "prod-ca",
			authority: true,
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
			c.Expect(v1alpha1.ConditionCertificatesReady, metav1.ConditionTrue, v1alpha1.ReasonCertificatesLoaded, "")
			after := c.Secret("prod-ca").Data["tls.crt"]
			if replaced := string(before) != string(after); replaced != tc.authority {
				t.Errorf("authority replaced: %t, want %t: %s", replaced, tc.authority, tc.reason)
			}
			if got := c.Secret("prod-token-etl").Data["ca.crt"]; string(got) != string(after) {
				t.Error("the token's Secret does not hold the authority")
			}
		})
	}
}

func TestAuthorityNearItsEndIsTold(t *testing.T) {
	c := api.NewCluster(t, nil)
	c.Settle()
	c.Clock.Step((10*365 - 60) * 24 * time.Hour)
	c.Settle()
	c.Expect(v1alpha1.ConditionCertificatesReady, metav1.ConditionTrue, v1alpha1.ReasonAuthorityExpiring, "delete Secret prod-ca")
	c.ExpectEvent(v1alpha1.ReasonAuthorityExpiring)
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
}
