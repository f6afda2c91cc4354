package main

import (
	"context"
	"log/slog"
	"net"
	"os"
	"testing"
	"time"

	cmv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	"github.com/go-logr/logr"
	"github.com/onsi/gomega"
	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	networkingv1 "k8s.io/api/networking/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers"
	"github.com/flight-operator/flight-operator/controllers/metadata"
	"github.com/flight-operator/flight-operator/controllers/serveradmin"
	"github.com/flight-operator/flight-operator/test/env"
)

// api is the API server of this package's tests.
var api *env.Environment

// logged is what the operators of this package's tests have said.
var logged recording

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.FromSlogHandler(slog.NewJSONHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})))
	os.Exit(env.Run(m, &api))
}

const wait, often = 60 * time.Second, 50 * time.Millisecond

// life is a FlightCluster with a FlightDataset, and all that plays along with an
// operator that runs.
type life struct {
	t       *testing.T
	cluster *v1alpha1.FlightCluster
	dataset *v1alpha1.FlightDataset
	kubelet *env.Kubelet
	server  *env.FlightServer
}

func newLife(t *testing.T, namespace string) *life {
	t.Helper()
	cluster := env.NewFlightCluster(namespace)
	key := client.ObjectKeyFromObject(cluster)
	class := &storagev1.StorageClass{
		ObjectMeta:  metav1.ObjectMeta{Name: namespace},
		Provisioner: "example.test/volumes", AllowVolumeExpansion: new(true),
	}
	if err := api.Client.Create(t.Context(), class); err != nil {
		t.Fatal(err)
	}
	cluster.Spec.Storage.StorageClassName = &class.Name
	password := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "ana", Namespace: namespace},
		Type:       corev1.SecretTypeBasicAuth,
		StringData: map[string]string{corev1.BasicAuthPasswordKey: "correct-horse-battery-staple-of-" + namespace},
	}
	if err := api.Client.Create(t.Context(), password); err != nil {
		t.Fatal(err)
	}
	cluster.Spec.Auth.Users = []v1alpha1.UserSpec{{Name: "ana", Role: "Reader", SecretRef: v1alpha1.SecretReference{Name: password.Name}}}
	return &life{
		t:       t,
		cluster: cluster,
		dataset: &v1alpha1.FlightDataset{
			ObjectMeta: metav1.ObjectMeta{Name: "trips", Namespace: namespace},
			Spec: v1alpha1.FlightDatasetSpec{
				ClusterRef: v1alpha1.ClusterReference{Name: cluster.Name}, DeletionPolicy: v1alpha1.DeletionDelete,
			},
		},
		kubelet: &env.Kubelet{Client: api.Client, Key: key},
		server:  env.StartFlightServer(t, api.Client, key, time.Now),
	}
}

// until lets everybody work until a check holds.
func (l *life) until(check func(gomega.Gomega)) {
	l.t.Helper()
	gomega.NewWithT(l.t).Eventually(func(g gomega.Gomega) {
		l.kubelet.Sync(l.t)
		if l.cluster.Status.Replicas > 0 {
			l.server.Load(l.t)
		}
		g.Expect(api.Client.Get(l.t.Context(), client.ObjectKeyFromObject(l.cluster), l.cluster)).To(gomega.Succeed())
		check(g)
	}, wait, often).Should(gomega.Succeed())
}

func (l *life) create() {
	l.t.Helper()
	for _, o := range []client.Object{l.dataset, l.cluster} {
		if err := api.Client.Create(l.t.Context(), o); err != nil {
			l.t.Fatal(err)
		}
	}
	l.until(func(g gomega.Gomega) {
		g.Expect(isReady(l.cluster, l.cluster.Status.Conditions)).To(gomega.BeTrue(), "%v", l.cluster.Status.Conditions)
		g.Expect(api.Client.Get(l.t.Context(), client.ObjectKeyFromObject(l.dataset), l.dataset)).To(gomega.Succeed())
		g.Expect(isReady(l.dataset, l.dataset.Status.Conditions)).To(gomega.BeTrue(), "%v", l.dataset.Status.Conditions)
	})
}

// change changes what can be changed: size, image, tokens, ServiceAccounts, the
// NetworkPolicy.
func (l *life) change() {
	l.t.Helper()
	l.edit(func(cr *v1alpha1.FlightCluster) {
		cr.Spec.Storage.Size = resource.MustParse("2Gi")
		cr.Spec.Image = "example.test/flightserver:2.0.0"
		cr.Spec.Auth.Tokens = []v1alpha1.TokenSpec{{Name: "bi", Role: "Reader"}}
		cr.Spec.Auth.ServiceAccounts = &v1alpha1.ServiceAccountsSpec{
			Bindings: []v1alpha1.ServiceAccountBinding{{Namespace: "bi", Name: "report", Role: "Reader"}},
		}
		cr.Spec.NetworkPolicy = &v1alpha1.NetworkPolicySpec{Mode: v1alpha1.NetworkPolicyNone}
	})
	l.until(func(g gomega.Gomega) {
		pod, claim := &corev1.Pod{}, &corev1.PersistentVolumeClaim{}
		g.Expect(l.get("prod-0", pod)).To(gomega.Succeed())
		g.Expect(pod.Spec.Containers[0].Image).To(gomega.Equal(l.cluster.Spec.Image))
		g.Expect(l.get("data-prod-0", claim)).To(gomega.Succeed())
		g.Expect(claim.Spec.Resources.Requests.Storage().String()).To(gomega.Equal("2Gi"))
		g.Expect(apierrors.IsNotFound(l.get("prod-token-etl", &corev1.Secret{}))).To(gomega.BeTrue())
		g.Expect(apierrors.IsNotFound(l.get("prod", &networkingv1.NetworkPolicy{}))).To(gomega.BeTrue())
		g.Expect(isReady(l.cluster, l.cluster.Status.Conditions)).To(gomega.BeTrue(), "%v", l.cluster.Status.Conditions)
	})
}

// borrow asks cert-manager for a certificate, and no longer.
func (l *life) borrow() {
	l.t.Helper()
	before := l.cluster.Spec.TLS
	l.edit(func(cr *v1alpha1.FlightCluster) {
		cr.Spec.TLS = &v1alpha1.TLSSpec{
			Provider:    v1alpha1.TLSCertManager,
			CertManager: &v1alpha1.CertManagerSpec{IssuerRef: v1alpha1.IssuerReference{Name: "corp"}},
		}
	})
	l.until(func(g gomega.Gomega) { g.Expect(l.get("prod-issued-tls", &cmv1.Certificate{})).To(gomega.Succeed()) })
	l.edit(func(cr *v1alpha1.FlightCluster) { cr.Spec.TLS = before })
	l.until(func(g gomega.Gomega) {
		g.Expect(apierrors.IsNotFound(l.get("prod-issued-tls", &cmv1.Certificate{}))).To(gomega.BeTrue())
	})
}

// rotate asks for another token.
func (l *life) rotate() {
	l.t.Helper()
	before := l.token()
	l.edit(func(cr *v1alpha1.FlightCluster) {
		cr.Annotations = map[string]string{metadata.AnnotationRotateToken: "bi"}
	})
	l.until(func(g gomega.Gomega) {
		g.Expect(l.cluster.Annotations).NotTo(gomega.HaveKey(metadata.AnnotationRotateToken))
		g.Expect(l.token()).NotTo(gomega.Equal(before))
	})
}

// deleteDataset deletes the resource, which takes the data with it.
func (l *life) deleteDataset() {
	l.t.Helper()
	if err := api.Client.Delete(l.t.Context(), l.dataset); err != nil {
		l.t.Fatal(err)
	}
	l.until(func(g gomega.Gomega) {
		g.Expect(l.server.Datasets()).To(gomega.BeEmpty())
		g.Expect(apierrors.IsNotFound(l.get("trips", l.dataset))).To(gomega.BeTrue())
	})
}

func (l *life) edit(mutate func(*v1alpha1.FlightCluster)) {
	l.t.Helper()
	stored := l.cluster.DeepCopy()
	mutate(l.cluster)
	if err := api.Client.Patch(l.t.Context(), l.cluster, client.MergeFrom(stored)); err != nil {
		l.t.Fatal(err)
	}
}

func (l *life) get(name string, out client.Object) error {
	return api.Client.Get(l.t.Context(), client.ObjectKey{Namespace: l.cluster.Namespace, Name: name}, out)
}

func (l *life) token() string {
	l.t.Helper()
	secret := &corev1.Secret{}
	if err := l.get("prod-token-bi", secret); err != nil {
		l.t.Fatal(err)
	}
	return string(secret.Data["token"])
}

// expectEvents waits until events of all reasons are told.
func (l *life) expectEvents(want ...string) {
	l.t.Helper()
	l.until(func(g gomega.Gomega) {
		list, got := &eventsv1.EventList{}, []string{}
		g.Expect(api.Client.List(l.t.Context(), list, client.InNamespace(l.cluster.Namespace))).To(gomega.Succeed())
		for i := range list.Items {
			got = append(got, list.Items[i].Reason)
		}
		for _, reason := range want {
			g.Expect(got).To(gomega.ContainElement(reason))
		}
	})
}

// start runs the operator.
func (l *life) start(config *rest.Config, o *options) (stop func()) {
	l.t.Helper()
	mo := managerOptions(o)
	mo.LeaderElectionNamespace = o.operatorPods.Namespace
	mo.Controller.SkipNameValidation = new(true) // an operator before this one had the same
	mgr, err := ctrl.NewManager(config, mo)
	if err != nil {
		l.t.Fatal(err)
	}
	if err := controllers.SetUp(mgr, controllers.Options{
		ServerImage:      "example.test/flightserver:1.2.3",
		OperatorPods:     o.operatorPods,
		ReviewersBinding: o.reviewers,
		Dialer:           serveradmin.Dialer{DialContext: l.server.Dial},
	}); err != nil {
		l.t.Fatal(err)
	}
	leaks := goleak.IgnoreCurrent()
	ctx, cancel := context.WithCancel(l.t.Context())
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			l.t.Errorf("the manager ended with %v", err)
		}
		goleak.VerifyNone(l.t, leaks)
	}
}

func isReady(object client.Object, conditions []metav1.Condition) bool {
	ready := meta.FindStatusCondition(conditions, v1alpha1.ConditionReady)
	return ready != nil && ready.Status == metav1.ConditionTrue && ready.ObservedGeneration == object.GetGeneration()
}

// freeAddress is one of this machine that nothing listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}
