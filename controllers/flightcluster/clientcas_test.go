package flightcluster_test

import (
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/flightserver/tlsreload/tlstest"
	"github.com/flight-operator/flight-operator/test/env"
)

// asking asks clients for certificates of authorities that a ConfigMap has.
func asking(cr *v1alpha1.FlightCluster) {
	cr.Spec.TLS = &v1alpha1.TLSSpec{
		Provider: v1alpha1.TLSOperator, ClientAuth: v1alpha1.ClientAuthRequire, ClientCAs: &v1alpha1.CASource{ConfigMap: "roots"},
	}
	cr.Spec.Auth.ClientCertificates = []v1alpha1.ClientCertificateSpec{{CommonName: "loader", Role: "Writer"}}
}

// putObject writes an object that is not the operator's, in place of one that is
// there.
func putObject(t *testing.T, c *env.Cluster, object client.Object) {
	t.Helper()
	object.SetNamespace(c.Key.Namespace)
	if err := client.IgnoreNotFound(api.Client.Delete(t.Context(), object)); err != nil {
		t.Fatal(err)
	}
	object.SetResourceVersion("")
	if err := api.Client.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
}

func putRoots(t *testing.T, c *env.Cluster, pem string) {
	t.Helper()
	putObject(t, c, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "roots"}, Data: map[string]string{settings.CAFile: pem}})
}

// expectClientCAs checks which authorities members find beside their certificate.
func expectClientCAs(t *testing.T, c *env.Cluster, want []byte) {
	t.Helper()
	if got := c.Secret("prod-server-tls").Data[settings.ClientCAFile]; !slices.Equal(got, want) {
		t.Errorf("members know clients by\n%s\nwant\n%s", got, want)
	}
}

func TestClientCertificates(t *testing.T) {
	first, second := tlstest.NewCA(t), tlstest.NewCA(t)
	c := api.NewCluster(t, asking)
	putRoots(t, c, string(first.PEM))
	c.Settle()
	expectClientCAs(t, c, first.PEM)
	if got := credentialsOf(t, c).ClientCertificates; !slices.Equal(got, []settings.ClientCertificate{{CommonName: "loader", Role: settings.RoleWriter}}) {
		t.Errorf("certificates with a role: %v", got)
	}
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")

	pod := &corev1.Pod{}
	c.Get("prod-0", pod)
	both := slices.Concat(first.PEM, second.PEM)
	putRoots(t, c, string(both))
	c.Reconcile()
	expectClientCAs(t, c, both)
	c.Expect(v1alpha1.ConditionCertificatesReady, metav1.ConditionFalse, v1alpha1.ReasonMembersLoading, "has not loaded client CAs")
	c.Settle()
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
	same := &corev1.Pod{}
	if c.Get("prod-0", same); same.UID != pod.UID {
		t.Error("the pod was replaced for authorities that it follows")
	}

	expectRest(t, c)

	c.Edit(func(cr *v1alpha1.FlightCluster) { cr.Spec.TLS, cr.Spec.Auth.ClientCertificates = nil, nil })
	c.Settle()
	expectClientCAs(t, c, nil)
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
}

func TestClientCAsAreTheClustersOwn(t *testing.T) {
	c := api.NewCluster(t, func(cr *v1alpha1.FlightCluster) {
		asking(cr)
		cr.Spec.TLS.ClientCAs = nil
	})
	c.Settle()
	expectClientCAs(t, c, c.Secret("prod-ca").Data[settings.TLSCertFile])
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
}

func TestClientCAsOfASecret(t *testing.T) {
	ca := tlstest.NewCA(t)
	c := api.NewCluster(t, func(cr *v1alpha1.FlightCluster) {
		asking(cr)
		cr.Spec.TLS.ClientCAs = &v1alpha1.CASource{Secret: "issuer"}
	})
	putObject(t, c, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "issuer"}, Data: map[string][]byte{settings.CAFile: ca.PEM}})
	c.Settle()
	expectClientCAs(t, c, ca.PEM)
}

// A mistake must let nobody in, and lock nobody out who was let in before.
func TestClientCAsAreOfNoUse(t *testing.T) {
	ca := tlstest.NewCA(t)
	for name, tc := range map[string]struct {
		pem string // nothing: there is no ConfigMap
		fix string
	}{
		"missing":      {fix: "ConfigMap roots of tls.clientCAs does not exist: create it"},
		"no PEM":       {pem: "hello", fix: "put those of your clients' authorities there, in PEM: holds no certificate"},
		"half of one":  {pem: string(ca.PEM) + string(ca.PEM[:100]), fix: "1 of 2 certificates can be read"},
		"all of Linux": {pem: string(slices.Repeat(ca.PEM, 512<<10/len(ca.PEM)+1)), fix: "leave out authorities"},
	} {
		t.Run(name, func(t *testing.T) {
			c := api.NewCluster(t, asking)
			spoil := func() {
				if tc.pem != "" {
					putRoots(t, c, tc.pem)
				}
			}
			spoil()
			c.Settle()
			expectClientCAs(t, c, c.Secret("prod-ca").Data[settings.TLSCertFile])
			c.Expect(v1alpha1.ConditionCertificatesReady, metav1.ConditionFalse, v1alpha1.ReasonClientCAsInvalid, tc.fix)
			c.Expect(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonClientCAsInvalid, "at first the cluster's own")

			putRoots(t, c, string(ca.PEM))
			c.Settle()
			expectClientCAs(t, c, ca.PEM)
			c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")

			c.Delete("roots", &corev1.ConfigMap{})
			spoil()
			c.Settle()
			expectClientCAs(t, c, ca.PEM)
			c.Expect(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonClientCAsInvalid, tc.fix)
		})
	}
}

// The operator may die between any two writes of a cluster that begins to ask.
func TestClientAuthKilledAfterEachWrite(t *testing.T) {
	t.Parallel()
	ca := tlstest.NewCA(t)
	c := api.NewCluster(t, nil)
	putRoots(t, c, string(ca.PEM))
	c.Settle()
	c.Edit(asking)
	c.Dying(func() {})
	c.Settle()
	expectClientCAs(t, c, ca.PEM)
	c.Expect(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady, "")
}
