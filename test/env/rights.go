package env

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

// operatorUser is whom the operator's role is bound to, in the namespace of each
// test.
const operatorUser = "operator-under-test"

// storeRole stores the operator's role, and connects as the one who will have it.
func (e *Environment) storeRole() error {
	text, err := os.ReadFile(filepath.Join(root(), "config", "rbac", "role.yaml"))
	if err != nil {
		return err
	}
	e.role = &rbacv1.ClusterRole{}
	if err := yaml.UnmarshalStrict(text, e.role); err != nil {
		return err
	}
	if err := e.Client.Create(context.Background(), e.role); err != nil {
		return err
	}
	config := rest.CopyConfig(e.Config)
	config.Impersonate.UserName = operatorUser
	e.operator, err = client.NewWithWatch(config, client.Options{Scheme: Scheme()})
	return err
}

// Operator connects as an operator that may do in a namespace what its role
// permits, and nothing elsewhere. What cached reads is not asked for: the
// operator's cache was filled before.
func (e *Environment) Operator(t *testing.T, namespace string) (cached, live client.WithWatch) {
	t.Helper()
	binding := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: operatorUser, Namespace: namespace},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: e.role.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: operatorUser}},
	}
	if err := e.Client.Create(t.Context(), binding); err != nil {
		t.Fatal(err)
	}
	waitAllowed(t, func(ctx context.Context) error {
		return e.operator.List(ctx, &v1alpha1.FlightClusterList{}, client.InNamespace(namespace))
	})
	return interceptor.NewClient(e.operator, interceptor.Funcs{
		Get: func(ctx context.Context, _ client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			return e.Client.Get(ctx, key, o, opts...)
		},
		List: func(ctx context.Context, _ client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			return e.Client.List(ctx, list, opts...)
		},
	}), e.operator
}

// installTokenReviewers installs under a name what lets the operator choose the
// servers that review tokens.
func (e *Environment) installTokenReviewers(t *testing.T, name string) {
	t.Helper()
	const installed = "flight-operator-tokenreviewers"
	text, err := os.ReadFile(filepath.Join(root(), "config", "rbac", "token_reviewers.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for part := range strings.SplitSeq(strings.ReplaceAll(string(text), installed, name), "\n---\n") {
		object := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(part), object); err != nil {
			t.Fatal(err)
		}
		if _, bound := object.Object["subjects"]; bound {
			object.Object["subjects"] = []any{map[string]any{"kind": rbacv1.UserKind, "apiGroup": rbacv1.GroupName, "name": operatorUser}}
		}
		if err := e.Client.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	waitAllowed(t, func(ctx context.Context) error {
		return e.operator.Get(ctx, client.ObjectKey{Name: name}, &rbacv1.ClusterRoleBinding{})
	})
}

// waitAllowed waits for the API server to hear of a binding, a moment after it
// was stored.
func waitAllowed(t *testing.T, try func(context.Context) error) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 5*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
		err := try(ctx)
		if apierrors.IsForbidden(err) {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		t.Fatalf("waiting for the operator's rights: %v", err)
	}
}
