package flightcluster_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/test/env"
)

func TestTokenAdded(t *testing.T) {
	c := api.NewCluster(t, nil)
	c.Settle()
	pod, etl := podOf(c), c.Secret("prod-token-etl").Data["token"]

	c.Edit(func(cr *v1alpha1.FlightCluster) {
		cr.Spec.Auth.Tokens = append(cr.Spec.Auth.Tokens, v1alpha1.TokenSpec{Name: "bi", Role: "Reader", SecretName: "bi-access"})
	})
	c.Reconcile()
	c.Expect(v1alpha1.ConditionCredentialsReady, metav1.ConditionFalse, v1alpha1.ReasonMembersLoading, "prod-0 has not loaded credentials")
	c.Settle()
	c.Expect(v1alpha1.ConditionCredentialsReady, metav1.ConditionTrue, v1alpha1.ReasonCredentialsLoaded, "")
	if len(c.Secret("bi-access").Data["token"]) == 0 {
		t.Error("the new token is not handed over")
	}
	if string(c.Secret("prod-token-etl").Data["token"]) != string(etl) {
		t.Error("the other token changed")
	}
	if podOf(c).UID != pod.UID {
		t.Error("the pod was replaced")
	}
}

func TestTokenRemoved(t *testing.T) {
	c := api.NewCluster(t, nil)
	c.Settle()
	c.Edit(func(cr *v1alpha1.FlightCluster) { cr.Spec.Auth.Tokens = nil })
	c.Settle()

	credentials := credentialsOf(t, c)
	if len(credentials.Tokens) != 0 {
		t.Errorf("the servers still know %+v", credentials.Tokens)
	}
	err := api.Client.Get(t.Context(), client.ObjectKey{Namespace: c.Key.Namespace, Name: "prod-token-etl"}, &corev1.Secret{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("the Secret of a removed token: %v, want not found", err)
	}
	c.ExpectEvent("TokenRevoked")
}

func TestTokenHeals(t *testing.T) {
	c := api.NewCluster(t, nil)
	c.Settle()
	text := tokenOf(c)
	c.Delete("prod-token-etl", &corev1.Secret{})
	c.Settle()
	if tokenOf(c) != text {
		t.Error("the token is another: whoever has it in memory would be refused")
	}

	c.Delete("prod-tokens", &corev1.Secret{})
	c.Settle()
	if tokenOf(c) != text {
		t.Error("the token is another, though consumer and servers agreed on it")
	}

	secret := c.Secret("prod-token-etl")
	secret.Data["token"] = []byte("oops")
	if err := api.Client.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	c.Settle()
	if tokenOf(c) != text {
		t.Error("the edited token was not mended")
	}
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
}

// A Secret that somebody else made is neither read nor overwritten, and the
// cluster works without that token.
func TestTokenSecretIsTaken(t *testing.T) {
	c := api.NewCluster(t, func(cr *v1alpha1.FlightCluster) { cr.Spec.Auth.Tokens[0].SecretName = "mine" })
	mine := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "mine", Namespace: c.Key.Namespace},
		Data:       map[string][]byte{"token": []byte("something of mine")},
	}
	if err := api.Client.Create(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	c.Settle()
	c.Expect(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonNameConflict, "Secret mine is not made by this FlightCluster: delete or rename it")
	c.Expect(v1alpha1.ConditionAvailable, metav1.ConditionTrue, v1alpha1.ReasonMembersServing, "")
	c.ExpectEvent(v1alpha1.ReasonNameConflict)
	if got := string(c.Secret("mine").Data["token"]); got != "something of mine" {
		t.Errorf("the Secret was overwritten with %q", got)
	}

	c.Delete("mine", &corev1.Secret{})
	c.Settle()
	c.Expect(v1alpha1.ConditionStalled, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "")
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
}

func TestAnonymous(t *testing.T) {
	for anonymous, want := range map[v1alpha1.AnonymousRole]settings.Role{
		"":       "",
		"None":   "",
		"Reader": settings.RoleReader,
		"Admin":  settings.RoleAdmin,
	} {
		t.Run(string(anonymous), func(t *testing.T) {
			c := api.NewCluster(t, func(cr *v1alpha1.FlightCluster) { cr.Spec.Auth.Anonymous = anonymous })
			c.Reconcile()
			if got := credentialsOf(t, c).Anonymous; got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func credentialsOf(t *testing.T, c *env.Cluster) *settings.Credentials {
	t.Helper()
	credentials, err := settings.ParseCredentials(c.Secret("prod-auth").Data[settings.CredentialsFile])
	if err != nil {
		t.Fatal(err)
	}
	return credentials
}
