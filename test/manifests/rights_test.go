package manifests

import (
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/flight-operator/flight-operator/test/env"
)

// A wildcard would give rights to what Kubernetes, or this operator, has not
// thought of yet.
func TestNoRoleHasAWildcard(t *testing.T) {
	everywhere, err := template(t)
	if err != nil {
		t.Fatal(err)
	}
	namespaces, err := template(t, `watchNamespaces=["team-a","team-b"]`)
	if err != nil {
		t.Fatal(err)
	}
	kustomized, err := env.Tool(t, "kustomize", "build", "config/default")
	if err != nil {
		t.Fatal(err)
	}
	for name, all := range map[string][]*unstructured.Unstructured{
		"EveryNamespace": everywhere, "WatchNamespaces": namespaces, "Kustomize": env.Decode(t, strings.NewReader(kustomized)),
	} {
		t.Run(name, func(t *testing.T) {
			rules := 0
			for _, o := range all {
				if kind := o.GetKind(); kind != "Role" && kind != "ClusterRole" {
					continue
				}
				role := &rbacv1.ClusterRole{} // a Role has no other rules
				if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, role); err != nil {
					t.Fatal(err)
				}
				for _, rule := range role.Rules {
					rules++
					named := slices.Concat(rule.Verbs, rule.APIGroups, rule.Resources, rule.NonResourceURLs)
					if slices.ContainsFunc(named, func(s string) bool { return strings.Contains(s, "*") }) {
						t.Errorf("%s has a wildcard: %v", id(o), rule)
					}
				}
			}
			if rules == 0 {
				t.Error("there are no rules")
			}
		})
	}
}
