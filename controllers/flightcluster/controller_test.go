package flightcluster_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/test/env"
)

func TestClusterBecomesReady(t *testing.T) {
	c := api.NewCluster(t, nil)

	c.Reconcile()
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonVolumesPending, "0 of 1 claims")
	c.Expect(v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonProgressing, "")
	c.Expect(v1alpha1.ConditionStalled, metav1.ConditionFalse, v1alpha1.ReasonProgressing, "")

	c.Settle()
	c.Expect(v1alpha1.ConditionStorageReady, metav1.ConditionTrue, v1alpha1.ReasonVolumesBound, "")
	c.Expect(v1alpha1.ConditionCertificatesReady, metav1.ConditionTrue, v1alpha1.ReasonCertificatesLoaded, "")
	c.Expect(v1alpha1.ConditionCredentialsReady, metav1.ConditionTrue, v1alpha1.ReasonCredentialsLoaded, "")
	c.Expect(v1alpha1.ConditionMembersUpToDate, metav1.ConditionTrue, v1alpha1.ReasonMembersCurrent, "")
	c.Expect(v1alpha1.ConditionAvailable, metav1.ConditionTrue, v1alpha1.ReasonMembersServing, "")
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "1 of 1 members serve")
	c.Expect(v1alpha1.ConditionReconciling, metav1.ConditionFalse, v1alpha1.ReasonReady, "")
	c.ExpectEvent("CertificateIssued")

	status := c.Resource().Status
	if status.Version != "1.2.3" || status.ReadyReplicas != 1 || status.Replicas != 1 ||
		status.Selector != "flight-operator.io/cluster=prod" || status.ObservedGeneration != c.Resource().Generation {
		t.Errorf("status: %+v", status)
	}
	if m := status.Members; len(m) != 1 || m[0].State != v1alpha1.MemberActive || m[0].UsedBytes != 10<<20 {
		t.Errorf("members: %+v", m)
	}
}

func TestTokenSecretIsAllThatAClientNeeds(t *testing.T) {
	c := api.NewCluster(t, nil)
	c.Settle()

	secret := c.Secret("prod-token-etl")
	if got, want := string(secret.Data["uri"]), "grpc+tls://prod."+c.Key.Namespace+".svc:8815"; got != want {
		t.Errorf("uri %q, want %q", got, want)
	}
	var bundle corev1.ConfigMap
	c.Get("prod-ca-bundle", &bundle)
	if bundle.Data["ca.crt"] == "" || bundle.Data["ca.crt"] != string(secret.Data["ca.crt"]) {
		t.Error("the bundle and the token's Secret hold different roots")
	}
	credentials, err := settings.ParseCredentials(c.Secret("prod-auth").Data[settings.CredentialsFile])
	if err != nil {
		t.Fatal(err)
	}
	if len(credentials.Tokens) != 1 || credentials.Tokens[0].Name != "etl" || credentials.Tokens[0].Role != settings.RoleWriter {
		t.Errorf("credentials: %+v", credentials)
	}
}

func TestNoWritesAtRest(t *testing.T) {
	c := api.NewCluster(t, func(cr *v1alpha1.FlightCluster) {
		cr.Spec.Resources = v1alpha1.ResourcesSpec{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("0.5"), corev1.ResourceMemory: resource.MustParse("1024Mi")},
			Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("2.5Gi")},
		}
		cr.Spec.Storage.StorageClassName = new("fast")
		cr.Spec.Auth.Tokens[0].Rotation = &v1alpha1.TokenRotation{}
		cr.Spec.Auth.Users = []v1alpha1.UserSpec{{Name: "ana", Role: "Reader", SecretRef: v1alpha1.SecretReference{Name: "ana"}}}
		letIn(cr)
	})
	putUser(t, c, "ana", "hunter2")
	c.Settle()

	expectRest(t, c)
}

// The operator may die between any two writes. Whoever goes on must come to the
// same end as if nothing had happened.
func TestKilledAfterEachWrite(t *testing.T) {
	t.Parallel()
	whole := api.NewCluster(t, letIn)
	whole.Settle()
	want := inventory(t, whole)

	c := api.NewCluster(t, letIn)
	c.Dying(func() {})
	c.Settle()
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
	expectInventory(t, c, want)
}

func expectInventory(t *testing.T, c *env.Cluster, want []string) {
	t.Helper()
	if got := inventory(t, c); !slices.Equal(got, want) {
		t.Errorf("children: got %q, want %q", got, want)
	}
}

// inventory lists the children of a cluster.
func inventory(t *testing.T, c *env.Cluster) []string {
	t.Helper()
	var names []string
	for kind, list := range map[string]client.ObjectList{
		"StatefulSet": &appsv1.StatefulSetList{}, "Service": &corev1.ServiceList{}, "Secret": &corev1.SecretList{},
		"ConfigMap": &corev1.ConfigMapList{}, "ServiceAccount": &corev1.ServiceAccountList{}, "Pod": &corev1.PodList{},
		"NetworkPolicy": &networkingv1.NetworkPolicyList{},
	} {
		if err := api.Client.List(t.Context(), list, client.InNamespace(c.Key.Namespace)); err != nil {
			t.Fatal(err)
		}
		_ = meta.EachListItem(list, func(o runtime.Object) error {
			names = append(names, kind+" "+o.(client.Object).GetName())
			return nil
		})
	}
	for _, server := range c.Reviewers() {
		names = append(names, "reviewer "+server)
	}
	slices.Sort(names)
	return names
}

func TestPausedClusterIsLeftAlone(t *testing.T) {
	c := api.NewCluster(t, nil)
	c.Settle()
	c.Edit(func(cr *v1alpha1.FlightCluster) {
		cr.Spec.Paused = true
		cr.Spec.Image = "example.test/flightserver:2.0.0"
		cr.Spec.Auth.Tokens = append(cr.Spec.Auth.Tokens, v1alpha1.TokenSpec{Name: "bi", Role: "Reader"})
	})
	c.Reconcile()
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonPaused, "Secret prod-tokens, Secret prod-auth, StatefulSet prod")
	c.Expect(v1alpha1.ConditionAvailable, metav1.ConditionTrue, v1alpha1.ReasonMembersServing, "")

	c.Writes.KillAfter(-1)
	c.Server.Use(900 << 20)
	c.Reconcile()
	if n := c.Writes.Count(); n != 1 {
		t.Errorf("%d writes, want the status alone", n)
	}
	if used := c.Resource().Status.Members[0].UsedBytes; used != 900<<20 {
		t.Errorf("status tells %d bytes: not refreshed", used)
	}

	c.Edit(func(cr *v1alpha1.FlightCluster) { cr.Spec.Paused = false })
	c.Settle()
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
}

func TestImageMissing(t *testing.T) {
	c := api.NewCluster(t, nil)
	c.Controller.ServerImage = ""
	if _, err := c.TryReconcile(); !errors.Is(err, reconcile.TerminalError(nil)) {
		t.Errorf("got %v, want an error that is not retried", err)
	}
	c.Expect(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonImageMissing, "set spec.image")
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonImageMissing, "")
	if got := c.Resource().Status.ObservedGeneration; got != c.Resource().Generation {
		t.Errorf("observedGeneration %d: kstatus would wait for ever", got)
	}
}

// A failed write is told and retried; what was known before stays.
func TestTransientFailure(t *testing.T) {
	c := api.NewCluster(t, nil)
	c.Settle()
	c.Edit(func(cr *v1alpha1.FlightCluster) { cr.Spec.Image = "example.test/flightserver:2.0.0" })
	c.Controller.Client = failApply(c.Writes.Client)
	if _, err := c.TryReconcile(); err == nil || errors.Is(err, reconcile.TerminalError(nil)) {
		t.Errorf("got %v, want an error that is retried", err)
	}
	c.Expect(v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonRetrying, "the API server is away")
	cr := c.Resource()
	if !meta.IsStatusConditionTrue(cr.Status.Conditions, v1alpha1.ConditionAvailable) {
		t.Error("Available was lost with the failure")
	}
	if cr.Status.ObservedGeneration == cr.Generation {
		t.Error("the status claims to know the new generation")
	}
}

func failApply(c client.WithWatch) client.Client {
	return interceptor.NewClient(c, interceptor.Funcs{
		Apply: func(context.Context, client.WithWatch, runtime.ApplyConfiguration, ...client.ApplyOption) error {
			return errors.New("the API server is away")
		},
	})
}
