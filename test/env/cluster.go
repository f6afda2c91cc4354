package env

import (
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	testingclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/flightcluster"
	"github.com/flight-operator/flight-operator/controllers/resource"
	"github.com/flight-operator/flight-operator/controllers/serveradmin"
)

// Cluster is one FlightCluster with all that plays along: its controller, called
// by hand, and stand-ins for the kubelet and the server.
type Cluster struct {
	Key     client.ObjectKey
	Clock   *testingclock.FakeClock
	Writes  *Writes // of the controller, which has the operator's rights alone
	Events  *events.FakeRecorder
	Kubelet *Kubelet
	Server  *FlightServer
	// Controller may be changed before the first Reconcile.
	Controller *flightcluster.Controller

	t    *testing.T
	api  client.Client
	died func() // of an operator that dies after each write, otherwise nil
}

// NewFlightCluster is the smallest useful cluster of a namespace.
func NewFlightCluster(namespace string) *v1alpha1.FlightCluster {
	return &v1alpha1.FlightCluster{
		ObjectMeta: metav1.ObjectMeta{Name: "prod", Namespace: namespace},
		Spec: v1alpha1.FlightClusterSpec{
			Storage: v1alpha1.StorageSpec{Size: apiresource.MustParse("1Gi")},
			Auth:    &v1alpha1.AuthSpec{Tokens: []v1alpha1.TokenSpec{{Name: "etl", Role: "Writer"}}},
		},
	}
}

// NewCluster creates a FlightCluster in a namespace of its own. Edit, when
// given, changes it before.
func (e *Environment) NewCluster(t *testing.T, edit func(*v1alpha1.FlightCluster)) *Cluster {
	t.Helper()
	cr := NewFlightCluster(e.Namespace(t))
	if edit != nil {
		edit(cr)
	}
	if err := e.Client.Create(t.Context(), cr); err != nil {
		t.Fatalf("creating the cluster: %v", err)
	}
	key := client.ObjectKeyFromObject(cr)
	clock := testingclock.NewFakeClock(time.Now())
	cached, live := e.Operator(t, key.Namespace)
	c := &Cluster{
		Key:     key,
		Clock:   clock,
		Writes:  CountWrites(cached),
		Events:  events.NewFakeRecorder(1000),
		Kubelet: &Kubelet{Client: e.Client, Key: key},
		Server:  StartFlightServer(t, e.Client, key, clock.Now),
		t:       t,
		api:     e.Client,
	}
	c.Controller = &flightcluster.Controller{
		Client:      c.Writes.Client,
		Live:        live,
		Recorder:    c.Events,
		Clock:       c.Clock,
		Dialer:      c.Dialer(),
		ServerImage: "example.test/flightserver:1.2.3",
		OperatorPods: resource.Pods{
			Namespace: "flight-operator-system", Labels: map[string]string{"app.kubernetes.io/name": "flight-operator"},
		},
		Reviewers: &flightcluster.Reviewers{
			Client: client.NewNamespacedClient(c.Writes.Client, key.Namespace), // other tests have clusters as well
			Live:   live, Binding: key.Namespace,
		},
	}
	if resource.ReviewsTokens(cr) {
		e.installTokenReviewers(t, c.Controller.Reviewers.Binding)
	}
	return c
}

// Reviewers lists the servers that may review tokens.
func (c *Cluster) Reviewers() (names []string) {
	c.t.Helper()
	binding := &rbacv1.ClusterRoleBinding{}
	err := c.api.Get(c.t.Context(), client.ObjectKey{Name: c.Controller.Reviewers.Binding}, binding)
	if client.IgnoreNotFound(err) != nil { // it is installed where it is needed
		c.t.Fatal(err)
	}
	for _, subject := range binding.Subjects {
		names = append(names, subject.Kind+" "+subject.Name)
	}
	return names
}

// Dialer reaches the cluster's server.
func (c *Cluster) Dialer() serveradmin.Dialer {
	return serveradmin.Dialer{DialContext: c.Server.Dial, Now: c.Clock.Now}
}

// TryReconcile calls the controller once.
func (c *Cluster) TryReconcile() (reconcile.Result, error) {
	return reconcile.AsReconciler(c.Writes.Client, c.Controller).Reconcile(c.t.Context(), reconcile.Request{NamespacedName: c.Key})
}

// Dying makes Reconcile that of an operator that dies after each of its writes
// and starts anew, until it finds none to make. It calls died after each death.
func (c *Cluster) Dying(died func()) { c.died = died }

// mostDeaths is more than any change takes writes.
const mostDeaths = 100

// Reconcile calls the controller once and expects it to succeed.
func (c *Cluster) Reconcile() reconcile.Result {
	c.t.Helper()
	for range mostDeaths {
		if c.died != nil {
			c.Writes.KillAfter(1)
		}
		res, err := c.TryReconcile()
		if err == nil {
			return res
		}
		if c.died == nil || !errors.Is(err, ErrKilled) {
			c.t.Fatalf("reconcile: %v", err)
		}
		c.died()
	}
	c.t.Fatalf("the operator still writes after it has died %d times", mostDeaths)
	return reconcile.Result{}
}

// Settle lets controller, kubelet and server work until nothing is left to do.
func (c *Cluster) Settle() {
	c.t.Helper()
	for round := range 5 {
		before := c.Writes.Total()
		c.Reconcile()
		// In the first round kubelet and server may be behind.
		if round > 0 && c.Writes.Total() == before {
			return
		}
		c.Kubelet.Sync(c.t)
		c.Server.Load(c.t)
	}
}

// Resource is the FlightCluster as it is stored.
func (c *Cluster) Resource() *v1alpha1.FlightCluster {
	c.t.Helper()
	cr := &v1alpha1.FlightCluster{}
	c.Get(c.Key.Name, cr)
	return cr
}

// Edit changes the FlightCluster as a user does.
func (c *Cluster) Edit(change func(*v1alpha1.FlightCluster)) {
	c.t.Helper()
	cr := c.Resource()
	change(cr)
	if err := c.api.Update(c.t.Context(), cr); err != nil {
		c.t.Fatalf("updating the cluster: %v", err)
	}
}

// Get reads an object of the cluster's namespace.
func (c *Cluster) Get(name string, out client.Object) {
	c.t.Helper()
	if err := c.api.Get(c.t.Context(), client.ObjectKey{Namespace: c.Key.Namespace, Name: name}, out); err != nil {
		c.t.Fatal(err)
	}
}

// Secret reads a Secret of the cluster's namespace.
func (c *Cluster) Secret(name string) *corev1.Secret {
	c.t.Helper()
	secret := &corev1.Secret{}
	c.Get(name, secret)
	return secret
}

// Delete removes an object of the cluster's namespace at once.
func (c *Cluster) Delete(name string, kind client.Object) {
	c.t.Helper()
	kind.SetName(name)
	kind.SetNamespace(c.Key.Namespace)
	if err := c.api.Delete(c.t.Context(), kind, client.GracePeriodSeconds(0)); err != nil {
		c.t.Fatal(err)
	}
}

// Expect checks one condition of the FlightCluster.
func (c *Cluster) Expect(kind string, status metav1.ConditionStatus, reason, message string) {
	c.t.Helper()
	cr := c.Resource()
	ExpectCondition(c.t, cr, cr.Status.Conditions, kind, status, reason, message)
}

// ExpectCondition checks one condition of an object; message is a part of the
// condition's.
func ExpectCondition(t *testing.T, object client.Object, conditions []metav1.Condition, kind string, status metav1.ConditionStatus, reason, message string) {
	t.Helper()
	c := meta.FindStatusCondition(conditions, kind)
	if c == nil {
		t.Fatalf("condition %s is missing among %v", kind, conditions)
	}
	if c.Status != status || c.Reason != reason || !strings.Contains(c.Message, message) {
		t.Errorf("condition %s: got %s %s %q, want %s %s %q", kind, c.Status, c.Reason, c.Message, status, reason, message)
	}
	if c.ObservedGeneration != object.GetGeneration() {
		t.Errorf("condition %s: observedGeneration %d, want %d", kind, c.ObservedGeneration, object.GetGeneration())
	}
}

// ExpectEvent checks that an event with a reason was told since the last call.
func (c *Cluster) ExpectEvent(reason string) {
	c.t.Helper()
	var told []string
	for {
		select {
		case event := <-c.Events.Events:
			if strings.Contains(event, " "+reason+" ") {
				return
			}
			told = append(told, event)
		default:
			c.t.Errorf("no event %s among %q", reason, told)
			return
		}
	}
}
