package flightcluster_test

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/flightcluster"
	"github.com/flight-operator/flight-operator/controllers/serveradmin"
	"github.com/flight-operator/flight-operator/test/env"
)

// harness is one cluster with all that plays along.
type harness struct {
	*testing.T

	key     client.ObjectKey
	clock   *testingclock.FakeClock
	writes  *env.Writes
	events  *events.FakeRecorder
	kubelet *env.Kubelet
	server  *env.FlightServer
	run     reconcile.Reconciler
}

func newHarness(t *testing.T, edit func(*v1alpha1.FlightCluster)) *harness {
	t.Helper()
	cr := &v1alpha1.FlightCluster{
		ObjectMeta: metav1.ObjectMeta{Name: "prod", Namespace: api.Namespace(t)},
		Spec: v1alpha1.FlightClusterSpec{
			Storage: v1alpha1.StorageSpec{Size: resource.MustParse("1Gi")},
			Auth:    &v1alpha1.AuthSpec{Tokens: []v1alpha1.TokenSpec{{Name: "etl", Role: "Writer"}}},
		},
	}
	if edit != nil {
		edit(cr)
	}
	if err := api.Client.Create(t.Context(), cr); err != nil {
		t.Fatalf("creating the cluster: %v", err)
	}
	key := client.ObjectKeyFromObject(cr)
	h := &harness{
		T:       t,
		key:     key,
		clock:   testingclock.NewFakeClock(time.Now()),
		writes:  env.CountWrites(api.Client),
		events:  events.NewFakeRecorder(1000),
		kubelet: &env.Kubelet{Client: api.Client, Key: key},
		server:  env.StartFlightServer(t, api.Client, key),
	}
	h.run = reconcile.AsReconciler(h.writes.Client, &flightcluster.Controller{
		Client:      h.writes.Client,
		Live:        h.writes.Client,
		Recorder:    h.events,
		Clock:       h.clock,
		Dialer:      serveradmin.Dialer{DialContext: h.server.Dial},
		ServerImage: "example.test/flightserver:1.2.3",
	})
	return h
}

func (h *harness) tryReconcile() (reconcile.Result, error) {
	return h.run.Reconcile(h.Context(), reconcile.Request{NamespacedName: h.key})
}

func (h *harness) reconcile() reconcile.Result {
	h.Helper()
	res, err := h.tryReconcile()
	if err != nil {
		h.Fatalf("reconcile: %v", err)
	}
	return res
}

// settle lets operator, kubelet and server work until nothing changes.
func (h *harness) settle() {
	h.Helper()
	for range 4 {
		h.reconcile()
		h.kubelet.Sync(h.T)
		h.server.Load(h.T)
	}
	h.reconcile()
}

func (h *harness) cluster() *v1alpha1.FlightCluster {
	h.Helper()
	cr := &v1alpha1.FlightCluster{}
	h.get(h.key.Name, cr)
	return cr
}

// edit changes the cluster as a user does.
func (h *harness) edit(change func(*v1alpha1.FlightCluster)) {
	h.Helper()
	cr := h.cluster()
	change(cr)
	if err := api.Client.Update(h.Context(), cr); err != nil {
		h.Fatalf("updating the cluster: %v", err)
	}
}

func (h *harness) get(name string, out client.Object) {
	h.Helper()
	if err := api.Client.Get(h.Context(), client.ObjectKey{Namespace: h.key.Namespace, Name: name}, out); err != nil {
		h.Fatal(err)
	}
}

func (h *harness) secret(name string) *corev1.Secret {
	h.Helper()
	secret := &corev1.Secret{}
	h.get(name, secret)
	return secret
}

// expect checks one condition; the reason decides, the message must contain.
func (h *harness) expect(kind string, status metav1.ConditionStatus, reason, message string) {
	h.Helper()
	cr := h.cluster()
	c := meta.FindStatusCondition(cr.Status.Conditions, kind)
	if c == nil {
		h.Fatalf("condition %s is missing among %v", kind, cr.Status.Conditions)
	}
	if c.Status != status || c.Reason != reason || !strings.Contains(c.Message, message) {
		h.Errorf("condition %s: got %s %s %q, want %s %s %q", kind, c.Status, c.Reason, c.Message, status, reason, message)
	}
	if c.ObservedGeneration != cr.Generation {
		h.Errorf("condition %s: observedGeneration %d, want %d", kind, c.ObservedGeneration, cr.Generation)
	}
}
