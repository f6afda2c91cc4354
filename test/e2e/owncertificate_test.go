//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/test/issuer"
)

// A user's own certificate takes the place of the operator's, is renewed, is lost,
// and the operator's comes back.
func TestOwnCertificateUnderLoad(t *testing.T) {
	t.Parallel()
	cr := newRenewingCluster(newNamespace(t))
	create(t, cr)
	undisturbed := undisturbedPod(t, cr)
	p := startProber(t, cr, sample(t, "planes"))
	operators := p.issuer

	corp := issuer.New(t, "corp", time.Now())
	mine := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: cr.Namespace, Name: "mine"}, Type: corev1.SecretTypeTLS}
	sign := func(s *corev1.Secret) {
		cert, key := corp.Sign(t, "flights", []string{cr.Name + "." + cr.Namespace + ".svc"}, nil, time.Now().Add(-time.Minute), time.Now().AddDate(0, 1, 0))
		s.Data = map[string][]byte{settings.TLSCertFile: cert, settings.TLSKeyFile: key}
	}
	sign(mine)
	roots := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: cr.Namespace, Name: "roots"}, Data: map[string]string{settings.CAFile: string(corp.Root)},
	}
	for _, object := range []client.Object{mine, roots} {
		if err := api.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
	}
	change(t, cr, func(cr *v1alpha1.FlightCluster) {
		cr.Spec.TLS.Provider = v1alpha1.TLSSecret
		cr.Spec.TLS.Secret = &v1alpha1.OwnCertificateSpec{Name: mine.Name, CABundle: v1alpha1.CASource{ConfigMap: roots.Name}}
	})
	p.meets(t, "CN=corp")
	waitPhase(t, cr, v1alpha1.PKIStable)

	met := p.leaves()
	change(t, mine, sign)
	waitCertificates(t, "clients meet the renewed certificate", func() error { return atLeast(met+1, p.leaves) })

	if err := api.Delete(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the condition tells what to do", func() error {
		get(t, cr)
		c := meta.FindStatusCondition(cr.Status.Conditions, v1alpha1.ConditionCertificatesReady)
		if c == nil || c.Status != metav1.ConditionFalse || !strings.Contains(c.Message, "Secret mine of tls.secret does not exist") {
			return fmt.Errorf("it is %v", c)
		}
		return nil
	})
	mine.ResourceVersion, mine.UID = "", ""
	if err := api.Create(t.Context(), mine); err != nil {
		t.Fatal(err)
	}
	waitReady(t, cr)

	change(t, cr, func(cr *v1alpha1.FlightCluster) { cr.Spec.TLS.Provider, cr.Spec.TLS.Secret = v1alpha1.TLSOperator, nil })
	p.meets(t, operators)
	waitPhase(t, cr, v1alpha1.PKIStable)
	waitReady(t, cr)
	p.stop()
	undisturbed()
	t.Logf("%d calls, %d tried twice, %d certificates of %d authorities", p.calls, p.retries, p.leaves(), p.authorities())
}
