package env

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
	// The API server hears of a binding a moment later.
	err := wait.PollUntilContextTimeout(t.Context(), 5*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
		err := e.operator.List(ctx, &v1alpha1.FlightClusterList{}, client.InNamespace(namespace))
		if apierrors.IsForbidden(err) {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		t.Fatalf("waiting for the operator's rights: %v", err)
	}
	return interceptor.NewClient(e.operator, interceptor.Funcs{
		Get: func(ctx context.Context, _ client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			return e.Client.Get(ctx, key, o, opts...)
		},
		List: func(ctx context.Context, _ client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			return e.Client.List(ctx, list, opts...)
		},
	}), e.operator
}
