package manifests

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/flight-operator/flight-operator/test/env"
)

const namespace = "flight-operator-system" // of the release

// template renders the chart as release "flights".
func template(t *testing.T, values ...string) ([]*unstructured.Unstructured, error) {
	t.Helper()
	return env.RenderChart(t, namespace, values...)
}

func TestChart(t *testing.T) {
	always := []string{
		"Deployment/flight-operator-system/flights-flight-operator",
		"Role/flight-operator-system/flights-flight-operator-leader-election",
		"RoleBinding/flight-operator-system/flights-flight-operator-leader-election",
		"ServiceAccount/flight-operator-system/flights-flight-operator",
	}
	crds := []string{
		"CustomResourceDefinition/flightclusters.flight-operator.io",
		"CustomResourceDefinition/flightdatasets.flight-operator.io",
	}
	metrics := []string{
		"ClusterRole/flights-flight-operator-metrics-auth",
		"ClusterRole/flights-flight-operator-metrics-reader",
		"ClusterRoleBinding/flights-flight-operator-metrics-auth",
		"Service/flight-operator-system/flights-flight-operator-metrics",
	}
	users := []string{"ClusterRole/flights-flight-operator-edit", "ClusterRole/flights-flight-operator-view"}
	everywhere := []string{"ClusterRole/flights-flight-operator", "ClusterRoleBinding/flights-flight-operator"}
	// TokenReviews and the binding's one name are the cluster's, also with watchNamespaces.
	reviewers := []string{
		"ClusterRole/flights-flight-operator-tokenreviewers", "ClusterRole/flights-flight-operator-tokenreviewers-list",
		"ClusterRoleBinding/flights-flight-operator-tokenreviewers", "ClusterRoleBinding/flights-flight-operator-tokenreviewers-list",
	}

	cases := map[string]struct {
		reason string
		values []string
		want   [][]string
	}{
		"Defaults": {
			reason: "one command installs all there is, for every namespace",
			want:   [][]string{always, crds, metrics, users, everywhere, reviewers},
		},
		"WatchNamespaces": {
			reason: "an operator of some namespaces may do nothing in others",
			values: []string{`watchNamespaces=["team-a","team-b"]`},
			want: [][]string{always, crds, metrics, users, reviewers, {
				"Role/team-a/flights-flight-operator", "RoleBinding/team-a/flights-flight-operator",
				"Role/team-b/flights-flight-operator", "RoleBinding/team-b/flights-flight-operator",
			}},
		},
		"SecondRelease": {
			reason: "CRDs and aggregated roles are there once in a cluster",
			values: []string{`crds.enabled=false`, `rbac.aggregate=false`, `replicas=2`},
			want:   [][]string{always, metrics, everywhere, reviewers},
		},
		"NoMetrics": {
			reason: "without metrics nothing asks the API server who scrapes",
			values: []string{`metrics.enabled=false`},
			want:   [][]string{always, crds, users, everywhere, reviewers},
		},
		"OwnRBAC": {
			reason: "whoever manages access elsewhere gets no role from the chart",
			values: []string{`rbac.create=false`, `serviceAccount={"create":false,"name":"mine"}`, `metrics.enabled=false`},
			want:   [][]string{always[:1], crds},
		},
		"Everything": {
			reason: "what a pod can be given is a pod's own field",
			values: []string{
				`logLevel="debug"`,
				`image={"tag":"1.2.3","digest":"sha256:` + strings.Repeat("0a", 32) + `","pullPolicy":"Always"}`,
				`imagePullSecrets=[{"name":"registry"}]`,
				`serviceAccount.annotations={"a":"b"}`,
				`metrics={"port":9443,"certificateSecret":"flights-metrics","service":{"annotations":{"a":"b"}}}`,
				`resources={"limits":{"cpu":1,"memory":"1Gi"}}`,
				`podAnnotations={"a":"b"}`,
				`podLabels={"team":"flights"}`,
				`priorityClassName="system-cluster-critical"`,
				`nodeSelector={"kubernetes.io/os":"linux"}`,
				`tolerations=[{"key":"infra","operator":"Exists"}]`,
				`affinity={"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"zone"}]}}`,
				`topologySpreadConstraints=[{"maxSkew":1,"topologyKey":"zone","whenUnsatisfiable":"ScheduleAnyway"}]`,
			},
			want: [][]string{always, crds, metrics, users, everywhere, reviewers},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			all, err := template(t, tc.values...)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, object := range all {
				got = append(got, id(object))
			}
			want := slices.Sorted(slices.Values(slices.Concat(tc.want...)))
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			expectAccepted(t, all)
		})
	}
}

func TestChartRefusesValues(t *testing.T) {
	cases := map[string]struct {
		value string
		want  string // in the message
	}{
		"Unknown":       {value: `watchNamespace=["team-a"]`, want: "'watchNamespace' not allowed"},
		"NestedUnknown": {value: `crds.keeep=true`, want: "'keeep' not allowed"},
		"Type":          {value: `replicas="two"`, want: "/replicas"},
		"Digest":        {value: `image.digest="0a0b"`, want: "/image/digest"},
		"LogLevel":      {value: `logLevel="verbose"`, want: "/logLevel"},
		"Namespace":     {value: `watchNamespaces=["Team A"]`, want: "/watchNamespaces/0"},
		"NoAccount":     {value: `serviceAccount.create=false`, want: "serviceAccount.name: name the ServiceAccount"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := template(t, tc.value)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: want an error that contains %q, got: %v", tc.value, tc.want, err)
			}
		})
	}
}

func TestChartLint(t *testing.T) {
	if _, err := env.Tool(t, "helm", "lint", "--strict", env.Chart); err != nil {
		t.Error(err)
	}
}

func TestChartKeepsCRDs(t *testing.T) {
	for value, want := range map[string]string{`crds.keep=true`: "keep", `crds.keep=false`: ""} {
		all, err := template(t, value)
		if err != nil {
			t.Fatal(err)
		}
		for _, object := range all {
			got := object.GetAnnotations()["helm.sh/resource-policy"]
			if object.GetKind() == "CustomResourceDefinition" && got != want {
				t.Errorf("%s: resource policy of %s: want %q, got %q", value, id(object), want, got)
			}
		}
	}
}

func TestChartImagesHaveTheRelease(t *testing.T) {
	release := strings.TrimSpace(read(t, "VERSION"))
	all, err := template(t)
	if err != nil {
		t.Fatal(err)
	}
	manager := deployment(t, all).Spec.Template.Spec.Containers[0]
	if want := "ghcr.io/flight-operator/flight-operator:" + release; manager.Image != want {
		t.Errorf("image: want %s, got %s", want, manager.Image)
	}
	if want := "--server-image=ghcr.io/flight-operator/flightserver:" + release; !slices.Contains(manager.Args, want) {
		t.Errorf("arguments: want %s, got %s", want, manager.Args)
	}
}

// A value that the README does not tell of is not there for users.
func TestChartReadmeHasEveryValue(t *testing.T) {
	values := map[string]any{}
	if err := yaml.Unmarshal([]byte(read(t, env.Chart, "values.yaml")), &values); err != nil {
		t.Fatal(err)
	}
	readme := read(t, env.Chart, "README.md")
	for key, value := range values {
		// What Kubernetes defines is a value as a whole.
		parts, ours := value.(map[string]any)
		if ours = ours && !strings.Contains(readme, "| `"+key+"` |"); !ours {
			parts = map[string]any{"": nil}
		}
		for part := range parts {
			if name := strings.TrimSuffix(key+"."+part, "."); !strings.Contains(readme, "| `"+name) {
				t.Errorf("%s/README.md does not tell of %s", env.Chart, name)
			}
		}
	}
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(append([]string{root}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
