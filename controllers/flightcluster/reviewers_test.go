package flightcluster_test

import (
	"slices"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/test/env"
)

// letIn lets a ServiceAccount read.
func letIn(cr *v1alpha1.FlightCluster) {
	cr.Spec.Auth.ServiceAccounts = &v1alpha1.ServiceAccountsSpec{
		Bindings: []v1alpha1.ServiceAccountBinding{{Namespace: "bi", Name: "report", Role: "Reader"}},
	}
}

func expectReviewers(t *testing.T, c *env.Cluster, want ...string) {
	t.Helper()
	if got := c.Reviewers(); !slices.Equal(got, want) {
		t.Errorf("%q may review tokens, want %q", got, want)
	}
}

func TestServersReviewTokensWhileTheyAreAskedTo(t *testing.T) {
	c := api.NewCluster(t, letIn)
	c.Settle()
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
	expectReviewers(t, c, "ServiceAccount prod")
	credentials, err := settings.ParseCredentials(c.Secret("prod-auth").Data[settings.CredentialsFile])
	if err != nil {
		t.Fatal(err)
	}
	if got := credentials.ServiceAccounts; got == nil || got.Audience != "prod."+c.Key.Namespace+".svc" || len(got.Bindings) != 1 {
		t.Errorf("servers are told %+v", got)
	}

	sync := func() {
		t.Helper()
		if _, err := c.Controller.Reviewers.Reconcile(t.Context(), reconcile.Request{}); err != nil {
			t.Fatal(err)
		}
	}
	c.Edit(func(cr *v1alpha1.FlightCluster) {
		cr.Spec.Paused = true
		cr.Spec.Auth.ServiceAccounts = nil
	})
	sync()
	expectReviewers(t, c, "ServiceAccount prod") // they are as they were
	c.Edit(func(cr *v1alpha1.FlightCluster) { cr.Spec.Paused = false })
	sync()
	expectReviewers(t, c)
	c.Edit(letIn)
	c.Reconcile()
	expectReviewers(t, c, "ServiceAccount prod")
	c.Delete("prod", &v1alpha1.FlightCluster{})
	sync()
	expectReviewers(t, c)
}

// A cluster for which the right is not there says so, and does all else.
func TestReviewsForbidden(t *testing.T) {
	c := api.NewCluster(t, letIn)
	c.Controller.Reviewers.Binding = "not-installed"
	c.Settle()
	c.Expect(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonReviewsForbidden, "ClusterRoleBinding not-installed")
	c.Expect(v1alpha1.ConditionAvailable, metav1.ConditionTrue, v1alpha1.ReasonMembersServing, "")

	c.Edit(func(cr *v1alpha1.FlightCluster) { cr.Spec.Auth.ServiceAccounts = nil })
	if _, err := c.Controller.Reviewers.Reconcile(t.Context(), reconcile.Request{}); err != nil {
		t.Errorf("where no cluster needs it: %v", err)
	}
}

// The operator may change the subjects of this binding, as it does above, and
// nothing else about who has which right.
func TestRightsOfReviewers(t *testing.T) {
	c := api.NewCluster(t, letIn)
	other := api.NewCluster(t, nil)
	own := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: c.Controller.Reviewers.Binding}}
	made := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: other.Key.Namespace},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: own.Name},
	}
	operator := c.Writes.Client
	patch := func(name, body string) error {
		binding := &rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: name}}
		return operator.Patch(t.Context(), binding, client.RawPatch(types.MergePatchType, []byte(body)))
	}
	for name, err := range map[string]error{
		"a binding":       operator.Create(t.Context(), made),
		"another binding": patch(own.Name+"-list", `{"subjects": []}`),
		"deletion":        operator.Delete(t.Context(), own),
	} {
		if !apierrors.IsForbidden(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := patch(own.Name, `{"roleRef": {"name": "cluster-admin"}}`); !apierrors.IsForbidden(err) && !apierrors.IsInvalid(err) {
		t.Errorf("another role: %v", err)
	}
}
