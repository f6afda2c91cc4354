//go:build e2e

package e2e

import (
	"crypto/tls"
	"errors"
	"testing"

	"google.golang.org/grpc/codes"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/tlsreload/tlstest"
	"github.com/flight-operator/flight-operator/test/e2e/stock"
)

// A dataset with rules is open to whom they name and to nobody else, whatever
// the roles say.
func TestAccess(t *testing.T) {
	t.Parallel()
	cr := newCluster(newNamespace(t))
	ds := newDataset(cr, "planes")
	ds.Spec.Access = []v1alpha1.AccessRule{
		{Subjects: []v1alpha1.AccessSubject{{Kind: v1alpha1.SubjectToken, Name: "etl"}}, Verbs: []v1alpha1.AccessVerb{"Read", "Write"}},
	}
	create(t, cr, ds)
	planes := sample(t, "planes")
	etl, dashboard := connectAs(t, cr, "etl"), connectAs(t, cr, "dashboard")
	if err := etl.Put(t.Context(), planes, "nyc", "planes"); err != nil {
		t.Fatal(err)
	}
	_, err := dashboard.Get(t.Context(), "nyc", "planes")
	refuse(t, err, codes.PermissionDenied)

	t.Log("the reader's token is named, and may write, which its role does not let it")
	change(t, ds, func(ds *v1alpha1.FlightDataset) { ds.Spec.Access[0].Subjects[0].Name = "dashboard" })
	waitReady(t, ds)
	if err := dashboard.Put(t.Context(), planes, "nyc", "planes"); err != nil {
		t.Error(err)
	}
	refuse(t, etl.Put(t.Context(), planes, "nyc", "planes"), codes.PermissionDenied)

	t.Log("without rules the roles decide again")
	change(t, ds, func(ds *v1alpha1.FlightDataset) { ds.Spec.Access = nil })
	waitReady(t, ds)
	refuse(t, dashboard.Put(t.Context(), planes, "nyc", "planes"), codes.PermissionDenied)
	got, err := dashboard.Get(t.Context(), "nyc", "planes")
	if err != nil {
		t.Fatal(err)
	}
	requireEqual(t, planes, got)
}

// Clients are known by certificates alone: nobody connects without one of the
// authority that is named, and the authority is replaced while the pod runs.
func TestClientCertificates(t *testing.T) {
	t.Parallel()
	first, second := tlstest.NewCA(t), tlstest.NewCA(t)
	cr := newCluster(newNamespace(t))
	roots := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: cr.Namespace, Name: "roots", Labels: map[string]string{"flight-operator.io/cluster": cr.Name}},
		Data:       map[string]string{"ca.crt": string(first.PEM)},
	}
	if err := api.Create(t.Context(), roots); err != nil {
		t.Fatal(err)
	}
	cr.Spec.TLS = &v1alpha1.TLSSpec{
		Provider: v1alpha1.TLSOperator, ClientAuth: v1alpha1.ClientAuthRequire, ClientCAs: &v1alpha1.CASource{ConfigMap: roots.Name},
	}
	cr.Spec.Auth.ClientCertificates = []v1alpha1.ClientCertificateSpec{{CommonName: "loader", Role: "Writer"}, {CommonName: "viewer", Role: "Reader"}}
	create(t, cr)
	before := pod(cr)
	get(t, before)

	planes := sample(t, "planes")
	loader := showing(t, cr, first.Issue(t, "loader"))
	if err := loader.Put(t.Context(), planes, "planes"); err != nil {
		t.Fatal(err)
	}
	viewer := showing(t, cr, first.Issue(t, "viewer"))
	got, err := viewer.Get(t.Context(), "planes")
	if err != nil {
		t.Fatal(err)
	}
	requireEqual(t, planes, got)
	refuse(t, viewer.Put(t.Context(), planes, "planes"), codes.PermissionDenied)
	_, err = showing(t, cr, first.Issue(t, "nobody")).Get(t.Context(), "planes")
	refuse(t, err, codes.Unauthenticated)
	_, err = showing(t, cr, second.Issue(t, "loader")).Get(t.Context(), "planes")
	refuse(t, err, codes.Unavailable) // it gets no connection
	_, err = connectAs(t, cr, "etl").Get(t.Context(), "planes")
	refuse(t, err, codes.Unavailable)

	change(t, roots, func(roots *corev1.ConfigMap) { roots.Data["ca.crt"] = string(second.PEM) })
	eventually(t, "the operator waits for the members", func() error {
		if get(t, cr); ready(cr) == nil {
			return errors.New("it does not")
		}
		return nil
	})
	waitReady(t, cr)
	if _, err := showing(t, cr, second.Issue(t, "loader")).Get(t.Context(), "planes"); err != nil {
		t.Error(err)
	}
	_, err = showing(t, cr, first.Issue(t, "loader")).Get(t.Context(), "planes")
	refuse(t, err, codes.Unavailable)
	after := pod(cr)
	if get(t, after); after.UID != before.UID || after.Status.ContainerStatuses[0].RestartCount != 0 {
		t.Error("the pod was replaced or restarted")
	}
}

// showing connects with a certificate and nothing else.
func showing(t *testing.T, cr *v1alpha1.FlightCluster, pair tlstest.Pair) *stock.Client {
	t.Helper()
	certificate, err := tls.X509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	return connectBy(t, cr, func(config *tls.Config) { config.Certificates = []tls.Certificate{certificate} })
}
