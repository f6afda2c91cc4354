package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/flightserver/tlsreload/tlstest"
	"github.com/flight-operator/flight-operator/test/env"
)

// unasked are rights that no request names, and why they are needed.
var unasked = map[string]string{
	"update flight-operator.io/flightclusters/finalizers": "admission asks for it where a child blocks the deletion of its owner",
	"bind rbac.authorization.k8s.io/clusterroles":         "admission asks for it where a binding gets other subjects",
}

// An operator that has the rights which the chart gives it, and no others, takes
// a cluster and a dataset through their lives, and needs each of them.
func TestRights(t *testing.T) {
	for _, tc := range []struct {
		name  string
		watch bool // one namespace alone
	}{
		{name: "EveryNamespace"},
		{name: "WatchNamespaces", watch: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			api.InstallCertManager(t)
			l := newLife(t, api.Namespace(t))
			o := &options{
				metricsAddress: freeAddress(t), metricsCertDir: t.TempDir(), probeAddress: "0",
				leaderElect: true, reviewers: "flights-flight-operator-tokenreviewers",
			}
			authority := tlstest.NewCA(t)
			writePair(t, o.metricsCertDir, authority.Issue(t, "metrics"))
			o.operatorPods.Namespace = api.Namespace(t)
			var values []string
			if tc.watch {
				o.watchNamespaces = []string{l.cluster.Namespace}
				values = append(values, fmt.Sprintf("watchNamespaces=[%q]", l.cluster.Namespace))
			}
			granted := install(t, o.operatorPods.Namespace, values...)
			seen := &requests{names: sets.New[string]()}
			stop := l.start(seen.of(account(o.operatorPods.Namespace, "flights-flight-operator")), o)

			l.create()
			l.change()
			l.borrow()
			l.rotate()
			l.rotate() // an event that is told again is changed
			l.deleteDataset()
			l.expectEvents("CertificateIssued", "TokenRotated", "DatasetDeclared", "DatasetDropped", "MemberReplaced", "VolumeGrows")
			l.expectNoSecretTold()
			expectMetrics(t, o.metricsAddress, authority)
			gomega.NewWithT(t).Eventually(func() string {
				return cmp.Diff(sets.List(granted), sets.List(seen.needed()))
			}, wait, often).Should(gomega.BeEmpty(), "rights that the chart grants (-) and the operator used (+)")
			stop()
			if refused := seen.refused(); len(refused) > 0 {
				t.Errorf("the API server refused %q", refused)
			}
		})
	}
}

// install stores the chart's roles and bindings, and gives the rights that the
// operator has by them, such as "get /secrets".
func install(t *testing.T, namespace string, values ...string) sets.Set[string] {
	t.Helper()
	all, err := env.RenderChart(t, namespace, values...)
	if err != nil {
		t.Fatal(err)
	}
	roles, bound := map[string][]rbacv1.PolicyRule{}, []string{}
	for _, o := range all {
		switch o.GetKind() {
		case "Role", "ClusterRole":
			role := &rbacv1.ClusterRole{} // a Role has no other rules
			convert(t, o, role)
			roles[o.GetKind()+"/"+o.GetName()] = role.Rules
		case "RoleBinding", "ClusterRoleBinding":
			binding := &rbacv1.ClusterRoleBinding{}
			convert(t, o, binding)
			bound = append(bound, binding.RoleRef.Kind+"/"+binding.RoleRef.Name)
		default:
			continue
		}
		if err := api.Client.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(o), client.FieldOwner("test"), client.ForceOwnership); err != nil {
			t.Fatal(err)
		}
	}
	granted := sets.New[string]()
	for _, name := range bound {
		for _, rule := range roles[name] {
			granted.Insert(rights(rule)...)
		}
	}
	return granted
}

func rights(rule rbacv1.PolicyRule) (out []string) {
	for _, group := range rule.APIGroups {
		for _, resource := range rule.Resources {
			for _, verb := range rule.Verbs {
				out = append(out, fmt.Sprintf("%s %s/%s", verb, group, resource))
			}
		}
	}
	return out
}

func convert(t *testing.T, from *unstructured.Unstructured, to any) {
	t.Helper()
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(from.Object, to); err != nil {
		t.Fatal(err)
	}
}

// account is how a ServiceAccount connects.
func account(namespace, name string) *rest.Config {
	config := rest.CopyConfig(api.Config)
	config.Impersonate = rest.ImpersonationConfig{
		UserName: fmt.Sprintf("system:serviceaccount:%s:%s", namespace, name),
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
	}
	return config
}

// requests are those that went through a connection.
type requests struct {
	mu       sync.Mutex
	names    sets.Set[string] // such as "get /secrets"
	refusals []string
}

// of watches a connection.
func (r *requests) of(config *rest.Config) *rest.Config {
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			answer, err := next.RoundTrip(req)
			if err == nil {
				err = r.note(req, answer)
			}
			return answer, err
		})
	})
	return config
}

func (r *requests) note(req *http.Request, answer *http.Response) error {
	resolver := &request.RequestInfoFactory{
		APIPrefixes: sets.NewString("api", "apis"), GrouplessAPIPrefixes: sets.NewString("api"),
	}
	info, err := resolver.NewRequestInfo(req)
	if err != nil || !info.IsResourceRequest {
		return err
	}
	resource := info.APIGroup + "/" + info.Resource
	if info.Subresource != "" {
		resource += "/" + info.Subresource
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names.Insert(info.Verb + " " + resource)
	if answer.StatusCode == http.StatusCreated {
		r.names.Insert("create " + resource) // also what is applied needs this right
	}
	if answer.StatusCode == http.StatusForbidden {
		r.refusals = append(r.refusals, info.Verb+" "+req.URL.Path)
	}
	return nil
}

// needed are the rights that the requests took, and those that others would.
func (r *requests) needed() sets.Set[string] {
	r.mu.Lock()
	defer r.mu.Unlock()
	needed := r.names.Union(sets.KeySet(unasked))
	for name := range r.names {
		if watched, ok := strings.CutPrefix(name, "watch "); ok {
			needed.Insert("list " + watched) // where the API server streams no lists
		}
	}
	return needed
}

func (r *requests) refused() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.refusals)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
