//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

// refuseSpec wants an admission error that has the field's path and the fix.
func refuseSpec(t *testing.T, err error, field, fix string) {
	t.Helper()
	if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), field) || !strings.Contains(err.Error(), fix) {
		t.Errorf("got %v, want it invalid with %q and %q", err, field, fix)
	}
}

func TestImpossibleClustersAreRefused(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	two := int32(2)
	for name, tc := range map[string]struct {
		mutate     func(*v1alpha1.FlightClusterSpec)
		field, fix string
	}{
		"two replicas": {
			func(s *v1alpha1.FlightClusterSpec) { s.Replicas = &two },
			"spec.replicas", "must be 0 or 1",
		},
		"no storage": {
			func(s *v1alpha1.FlightClusterSpec) { s.Storage.Size = resource.MustParse("0") },
			"spec.storage.size", "for example 10Gi",
		},
		"unknown role": {
			func(s *v1alpha1.FlightClusterSpec) { s.Auth.Tokens[0].Role = "Owner" },
			"spec.auth.tokens[0].role", `"Reader", "Writer", "Admin"`,
		},
		"tokens in plaintext": {
			func(s *v1alpha1.FlightClusterSpec) { s.TLS = &v1alpha1.TLSSpec{Provider: v1alpha1.TLSDisabled} },
			"spec", "allowPlaintext",
		},
		"one Secret for two tokens": {
			func(s *v1alpha1.FlightClusterSpec) {
				s.Auth.Tokens[0].SecretName, s.Auth.Tokens[1].SecretName = "shared", "shared"
			},
			"spec.auth.tokens", "a Secret of its own",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cr := newCluster(namespace)
			tc.mutate(&cr.Spec)
			refuseSpec(t, api.Create(t.Context(), cr, client.DryRunAll), tc.field, tc.fix)
		})
	}
}

func TestImpossibleDatasetsAreRefused(t *testing.T) {
	t.Parallel()
	cr := newCluster(newNamespace(t))
	for name, tc := range map[string]struct {
		mutate     func(*v1alpha1.FlightDatasetSpec)
		field, fix string
	}{
		"path leads up": {
			func(s *v1alpha1.FlightDatasetSpec) { s.Path = []string{"nyc", ".."} },
			"spec.path", "name the segment otherwise",
		},
		"path is too long": {
			func(s *v1alpha1.FlightDatasetSpec) {
				s.Path = []string{strings.Repeat("a", 1000), strings.Repeat("b", 1000)}
			},
			"spec.path", "shorten it",
		},
		"unknown type": {
			func(s *v1alpha1.FlightDatasetSpec) {
				s.Schema = &v1alpha1.DatasetSchema{Fields: []v1alpha1.SchemaField{{Name: "n", Type: "integer"}}}
			},
			"spec.schema.fields[0].type", "int64",
		},
		"unknown format": {
			func(s *v1alpha1.FlightDatasetSpec) { s.Format = "CSV" },
			"spec.format", `"Arrow", "Parquet"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ds := newDataset(cr, "weather")
			tc.mutate(&ds.Spec)
			refuseSpec(t, api.Create(t.Context(), ds, client.DryRunAll), tc.field, tc.fix)
		})
	}
}

func TestForbiddenChangesAreRefused(t *testing.T) {
	t.Parallel()
	cr := newCluster(newNamespace(t))
	ds := newDataset(cr, "weather")
	// At rest: what is asked here needs no server.
	none := int32(0)
	cr.Spec.Replicas = &none
	for _, object := range []client.Object{cr, ds} {
		if err := api.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	patch := func(object client.Object, spec string) error {
		return api.Patch(t.Context(), object, client.RawPatch("application/merge-patch+json", []byte(`{"spec": `+spec+`}`)), client.DryRunAll)
	}
	refuseSpec(t, patch(cr, `{"storage": {"size": "500Mi"}}`), "spec.storage.size", "size cannot shrink")
	refuseSpec(t, patch(cr, `{"storage": {"storageClassName": "other"}}`), "spec.storage", "storageClassName cannot")
	refuseSpec(t, patch(ds, `{"clusterRef": {"name": "other"}}`), "spec.clusterRef", "make a new FlightDataset")
	refuseSpec(t, patch(ds, `{"path": ["other"]}`), "spec", "path cannot be changed")
}

// TestNamespacesAreRestricted makes sure that the other tests prove something:
// all their pods run in such a namespace.
func TestNamespacesAreRestricted(t *testing.T) {
	t.Parallel()
	namespace := newNamespace(t)
	err := api.Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "root"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "root", Image: "none"}}},
	}, client.DryRunAll)
	if !apierrors.IsForbidden(err) || !strings.Contains(fmt.Sprint(err), "restricted") {
		t.Errorf("a pod with every privilege: got %v, want it forbidden", err)
	}
}
