package controllers_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"go.uber.org/goleak"
	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers"
	"github.com/flight-operator/flight-operator/controllers/serveradmin"
	"github.com/flight-operator/flight-operator/test/env"
)

// api is the API server of this package's tests.
var api *env.Environment

func TestMain(m *testing.M) { os.Exit(env.Run(m, &api)) }

const wait, often = 30 * time.Second, 50 * time.Millisecond

// The controllers, run as the operator runs them and with its rights alone, take
// a cluster and a dataset from creation to deletion.
func TestAll(t *testing.T) {
	g := gomega.NewWithT(t)
	namespace := api.Namespace(t)
	cluster := env.NewFlightCluster(namespace)
	key := client.ObjectKeyFromObject(cluster)
	server := env.StartFlightServer(t, api.Client, key, time.Now)
	leaks := goleak.IgnoreCurrent()
	stop := start(t, controllers.Options{
		ServerImage: "example.test/flightserver:1.2.3",
		Dialer:      serveradmin.Dialer{DialContext: server.Dial},
	})

	dataset := &v1alpha1.FlightDataset{
		ObjectMeta: metav1.ObjectMeta{Name: "trips", Namespace: namespace},
		Spec:       v1alpha1.FlightDatasetSpec{ClusterRef: v1alpha1.ClusterReference{Name: cluster.Name}, DeletionPolicy: v1alpha1.DeletionDelete},
	}
	g.Expect(api.Client.Create(t.Context(), dataset)).To(gomega.Succeed())
	g.Expect(api.Client.Create(t.Context(), cluster)).To(gomega.Succeed())

	kubelet := &env.Kubelet{Client: api.Client, Key: key}
	g.Eventually(func(g gomega.Gomega) {
		kubelet.Sync(t)
		g.Expect(api.Client.Get(t.Context(), key, cluster)).To(gomega.Succeed())
		g.Expect(cluster.Status.Replicas).To(gomega.BeEquivalentTo(1))
	}, wait, often).Should(gomega.Succeed())
	server.Load(t)
	g.Eventually(func(g gomega.Gomega) {
		g.Expect(api.Client.Get(t.Context(), key, cluster)).To(gomega.Succeed())
		g.Expect(isReady(cluster.Status.Conditions)).To(gomega.BeTrue(), "%v", cluster.Status.Conditions)
		g.Expect(api.Client.Get(t.Context(), client.ObjectKeyFromObject(dataset), dataset)).To(gomega.Succeed())
		g.Expect(isReady(dataset.Status.Conditions)).To(gomega.BeTrue(), "%v", dataset.Status.Conditions)
	}, wait, often).Should(gomega.Succeed())

	g.Expect(api.Client.Delete(t.Context(), dataset)).To(gomega.Succeed())
	g.Eventually(server.Datasets, wait, often).Should(gomega.BeEmpty())
	g.Eventually(func() error {
		return client.IgnoreNotFound(api.Client.Get(t.Context(), client.ObjectKeyFromObject(dataset), dataset))
	}, wait, often).Should(gomega.Succeed())

	for _, reason := range []string{"CertificateIssued", "DatasetDeclared", "DatasetDropped"} {
		g.Eventually(func() []string { return reasons(t, namespace) }, wait, often).Should(gomega.ContainElement(reason))
	}
	stop()
	goleak.VerifyNone(t, leaks)
}

// start runs the controllers with what config/rbac/role.yaml permits.
func start(t *testing.T, o controllers.Options) (stop func()) {
	t.Helper()
	config := rest.CopyConfig(api.Config)
	config.Impersonate.UserName = grant(t)
	mgr, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:  env.Scheme(),
		Cache:   controllers.Cache(nil),
		Metrics: server.Options{BindAddress: "0"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := controllers.SetUp(mgr, o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the manager ended with %v", err)
		}
	}
}

// grant makes a user with the operator's ClusterRole.
func grant(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "config", "rbac", "role.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	role := &rbacv1.ClusterRole{}
	if err := yaml.UnmarshalStrict(text, role); err != nil {
		t.Fatal(err)
	}
	const user = "operator-under-test"
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: user}},
	}
	for _, o := range []client.Object{role, binding} {
		if err := api.Client.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	return user
}

// reasons of the events that were told in a namespace.
func reasons(t *testing.T, namespace string) []string {
	t.Helper()
	list := &eventsv1.EventList{}
	if err := api.Client.List(t.Context(), list, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	var out []string
	for i := range list.Items {
		out = append(out, list.Items[i].Reason)
	}
	return out
}

func isReady(conditions []metav1.Condition) bool {
	return meta.IsStatusConditionTrue(conditions, v1alpha1.ConditionReady)
}
