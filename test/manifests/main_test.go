package manifests

import (
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/test/env"
)

const root = "../.."

var environment *env.Environment

func TestMain(m *testing.M) { os.Exit(env.Run(m, &environment)) }

// expectAccepted fails the test for each object that the API server refuses; a
// field that it does not know is refused. Nothing is stored but the namespaces
// that the objects are in.
func expectAccepted(t *testing.T, all []*unstructured.Unstructured) {
	t.Helper()
	if len(all) == 0 {
		t.Fatal("there are no objects to accept")
	}
	for _, object := range all {
		ensureNamespace(t, object.GetNamespace())
		err := environment.Client.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object),
			client.FieldOwner("test"), client.ForceOwnership, client.DryRunAll)
		if err != nil {
			t.Errorf("%s: %v", id(object), err)
		}
	}
}

func ensureNamespace(t *testing.T, name string) {
	t.Helper()
	if name == "" {
		return
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if err := environment.Client.Create(t.Context(), ns); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
}

// id names an object as Kind/namespace/name, or Kind/name.
func id(object *unstructured.Unstructured) string {
	return strings.ReplaceAll(strings.Join([]string{object.GetKind(), object.GetNamespace(), object.GetName()}, "/"), "//", "/")
}
