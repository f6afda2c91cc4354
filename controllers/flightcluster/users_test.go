package flightcluster_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/test/env"
)

// putUser writes the Secret of a user, or changes its password.
func putUser(t *testing.T, c *env.Cluster, name, password string) {
	t.Helper()
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: c.Key.Namespace},
		Type:       corev1.SecretTypeBasicAuth,
		Data:       map[string][]byte{corev1.BasicAuthUsernameKey: []byte(name), corev1.BasicAuthPasswordKey: []byte(password)},
	}
	_ = api.Client.Delete(t.Context(), secret.DeepCopy()) // there may be none
	if err := api.Client.Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
}

func userOf(t *testing.T, c *env.Cluster) settings.User {
	t.Helper()
	users := credentialsOf(t, c).Users
	if len(users) != 1 {
		t.Fatalf("servers know the users %v, want one", users)
	}
	return users[0]
}

func TestUser(t *testing.T) {
	c := api.NewCluster(t, func(cr *v1alpha1.FlightCluster) {
		cr.Spec.Auth.Users = []v1alpha1.UserSpec{{Name: "ana", Role: "Reader", SecretRef: v1alpha1.SecretReference{Name: "ana"}}}
	})
	c.Settle()
	c.Expect(v1alpha1.ConditionCredentialsReady, metav1.ConditionFalse, v1alpha1.ReasonUserSecretInvalid, "Secret ana of user ana does not exist: create it")
	c.Expect(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonUserSecretInvalid, "")
	c.Expect(v1alpha1.ConditionAvailable, metav1.ConditionTrue, v1alpha1.ReasonMembersServing, "")

	putUser(t, c, "ana", "old")
	c.Settle()
	first := userOf(t, c)
	if first.Name != "ana" || first.Role != settings.RoleReader || !settings.MatchesPassword(first.PasswordHash, "old") {
		t.Errorf("user %+v", first)
	}
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")

	putUser(t, c, "ana", "old") // another Secret, the same password
	c.Delete("prod-tokens", &corev1.Secret{})
	c.Settle()
	if userOf(t, c) != first {
		t.Error("the hash changed with a password that did not: sessions would end")
	}

	c.Delete("ana", &corev1.Secret{})
	c.Settle()
	c.Expect(v1alpha1.ConditionCredentialsReady, metav1.ConditionFalse, v1alpha1.ReasonUserSecretInvalid, "the last good password stays in force")
	if userOf(t, c) != first {
		t.Error("the last good password is gone")
	}

	putUser(t, c, "ana", "new")
	c.Settle()
	if !settings.MatchesPassword(userOf(t, c).PasswordHash, "new") {
		t.Error("the new password does not count")
	}
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
}

func TestUserSecretIsOfNoUse(t *testing.T) {
	for name, tc := range map[string]struct {
		kind corev1.SecretType
		data map[string]string
		fix  string
	}{
		"other type":  {corev1.SecretTypeOpaque, map[string]string{"password": "hunter2"}, "not of type kubernetes.io/basic-auth"},
		"no password": {corev1.SecretTypeBasicAuth, map[string]string{"username": "ana"}, "put one under the key password"},
		"other name":  {corev1.SecretTypeBasicAuth, map[string]string{"username": "hunter2", "password": "x"}, "the two must be the same"},
	} {
		t.Run(name, func(t *testing.T) {
			c := api.NewCluster(t, func(cr *v1alpha1.FlightCluster) {
				cr.Spec.Auth.Users = []v1alpha1.UserSpec{{Name: "ana", Role: "Reader", SecretRef: v1alpha1.SecretReference{Name: "ana"}}}
			})
			secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "ana", Namespace: c.Key.Namespace}, Type: tc.kind, StringData: tc.data}
			if err := api.Client.Create(t.Context(), secret); err != nil {
				t.Fatal(err)
			}
			c.Settle()
			c.Expect(v1alpha1.ConditionCredentialsReady, metav1.ConditionFalse, v1alpha1.ReasonUserSecretInvalid, tc.fix)
			if users := credentialsOf(t, c).Users; len(users) != 0 {
				t.Errorf("servers know %v", users)
			}
		})
	}
}
