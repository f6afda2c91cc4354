package manifests

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/test/env"
)

// deployment finds the operator's among manifests.
func deployment(t *testing.T, all []*unstructured.Unstructured) *appsv1.Deployment {
	t.Helper()
	i := slices.IndexFunc(all, func(o *unstructured.Unstructured) bool { return o.GetKind() == "Deployment" })
	if i < 0 {
		t.Fatal("there is no Deployment")
	}
	d := &appsv1.Deployment{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(all[i].Object, d); err != nil {
		t.Fatal(err)
	}
	return d
}

// The servers' NetworkPolicies let in the pods that these flags tell of: if they
// were others, no cluster would become ready.
func TestOperatorKnowsItsOwnPods(t *testing.T) {
	for name, values := range map[string][]string{
		"Defaults":     nil,
		"NameOverride": {`nameOverride="flights-operator"`, `podLabels={"team":"flights"}`},
	} {
		t.Run(name, func(t *testing.T) {
			all, err := template(t, values...)
			if err != nil {
				t.Fatal(err)
			}
			d := deployment(t, all)
			args := d.Spec.Template.Spec.Containers[0].Args
			if want := "--operator-namespace=" + d.Namespace; !slices.Contains(args, want) {
				t.Errorf("arguments %q lack %s", args, want)
			}
			i := slices.IndexFunc(args, func(a string) bool { return strings.HasPrefix(a, "--operator-labels=") })
			if i < 0 {
				t.Fatalf("arguments %q lack --operator-labels", args)
			}
			selector, err := labels.Parse(strings.TrimPrefix(args[i], "--operator-labels="))
			if err != nil || selector.Empty() || !selector.Matches(labels.Set(d.Spec.Template.Labels)) {
				t.Errorf("%s does not select pods with the labels %v (%v)", args[i], d.Spec.Template.Labels, err)
			}
		})
	}
}

// The operator runs where the restricted Pod Security Standard is enforced.
func TestOperatorIsRestricted(t *testing.T) {
	rendered, err := template(t, `metrics.certificateSecret="flights-metrics"`)
	if err != nil {
		t.Fatal(err)
	}
	kustomized, err := env.Tool(t, "kustomize", "build", "config/default")
	if err != nil {
		t.Fatal(err)
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: "restricted", Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}
	if err := environment.Client.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	for name, all := range map[string][]*unstructured.Unstructured{"Chart": rendered, "Kustomize": env.Decode(t, strings.NewReader(kustomized))} {
		t.Run(name, func(t *testing.T) {
			template := deployment(t, all).Spec.Template
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "operator", Namespace: namespace.Name}, Spec: template.Spec}
			pod.Spec.ServiceAccountName = "" // there is none here
			if err := environment.Client.Create(t.Context(), pod, client.DryRunAll); err != nil {
				t.Error(err)
			}
		})
	}
}
