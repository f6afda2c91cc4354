//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"strings"
	"sync"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/test/issuer"
)

// What holds keys is damaged, object by object, while two clients read and write
// without a pause. It is whole again, and neither they nor the pod notice.
func TestKeysHealUnderLoad(t *testing.T) {
	t.Parallel()
	cr := newRenewingCluster(newNamespace(t))
	create(t, cr)
	undisturbed := undisturbedPod(t, cr)
	p := startProber(t, cr, sample(t, "planes"))

	now := time.Now()
	foreign, past := issuer.New(t, "foreign", now), issuer.New(t, "past", now.AddDate(-2, 0, 0))
	from := func(by *issuer.Issuer, at time.Time) func(*corev1.Secret) {
		return func(s *corev1.Secret) {
			cert, key := by.Sign(t, "flights", []string{cr.Name + "." + cr.Namespace + ".svc"}, nil, at, at.AddDate(1, 0, 0))
			s.Data[settings.TLSCertFile], s.Data[settings.TLSKeyFile] = cert, key
		}
	}
	garbled := func(s *corev1.Secret) { s.Data[settings.TLSKeyFile] = []byte("damaged") }
	for _, damage := range []struct {
		name, suffix string
		do           func(*corev1.Secret) // nil: it is deleted
	}{
		{"the server's key is damaged", "-server-tls", garbled},
		{"the server's certificate is of another authority", "-server-tls", from(foreign, now)},
		{"the server's certificate has ended", "-server-tls", from(past, now.AddDate(-2, 0, 0))},
		{"the server's certificate is gone", "-server-tls", nil},
		{"the operator's certificate is of another authority", "-operator-tls", from(foreign, now)},
		{"the operator's certificate is gone", "-operator-tls", nil},
		{"the authority's key is damaged", "-ca", garbled},
		{"the authority has ended", "-ca", func(s *corev1.Secret) {
			s.Data[settings.TLSCertFile], s.Data[settings.TLSKeyFile] = past.Root, past.Key
		}},
		{"the authority is gone", "-ca", nil},
	} {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: cr.Namespace, Name: cr.Name + damage.suffix}}
		spoil(t, secret, damage.do)
		eventually(t, damage.name, func() error { return whole(t, secret) })
		waitPhase(t, cr, v1alpha1.PKIStable)
		waitReady(t, cr)
		t.Log(damage.name + ", and is whole again")
	}
	p.stop()
	undisturbed()
	t.Logf("%d calls, %d tried twice, %d certificates of %d authorities", p.calls, p.retries, p.leaves(), p.authorities())
}

func spoil(t *testing.T, secret *corev1.Secret, do func(*corev1.Secret)) {
	t.Helper()
	if do != nil {
		change(t, secret, do)
	} else if err := api.Delete(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
}

// whole tells what a pair of the cluster's own lacks.
func whole(t *testing.T, secret *corev1.Secret) error {
	t.Helper()
	if err := api.Get(t.Context(), client.ObjectKeyFromObject(secret), secret); err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(secret.Data[settings.TLSCertFile], secret.Data[settings.TLSKeyFile])
	if err != nil {
		return err
	}
	bundle := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: secret.Namespace, Name: "flights-ca-bundle"}}
	if err := api.Get(t.Context(), client.ObjectKeyFromObject(bundle), bundle); err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(bundle.Data[settings.CAFile]))
	_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err
}

// The operator is killed again and again while the authority is replaced: who comes
// after it goes on where it was.
func TestRolloverOutlivesOperators(t *testing.T) {
	cr := newRenewingCluster(newNamespace(t))
	create(t, cr)
	undisturbed := undisturbedPod(t, cr)
	p := startProber(t, cr, sample(t, "planes"))
	first := cr.Status.PKI.ActiveCA

	ctx, cancel := context.WithCancel(t.Context())
	var killer sync.WaitGroup
	kills := 0
	killer.Go(func() { kills = killOperators(ctx, t) })
	t.Cleanup(func() {
		cancel()
		killer.Wait()
	})
	becomeDue(t, cr)
	waitPhase(t, cr, v1alpha1.PKIRetiring)
	waitPhase(t, cr, v1alpha1.PKIStable)
	cancel()
	killer.Wait()
	waitReady(t, cr)
	if cr.Status.PKI.ActiveCA == first || kills < 3 {
		t.Errorf("%d operators were killed, and authority %s has become %s", kills, first, cr.Status.PKI.ActiveCA)
	}
	p.stop()
	undisturbed()
	t.Logf("%d operators killed; %d calls, %d tried twice", kills, p.calls, p.retries)
}

// killOperators kills each a moment after it has begun to lead.
func killOperators(ctx context.Context, t *testing.T) (kills int) {
	t.Helper()
	const life = 2 * time.Second
	for killed := ""; ctx.Err() == nil; time.Sleep(pollInterval) {
		leader := operatorLeader(ctx)
		if leader == "" || leader == killed {
			continue
		}
		time.Sleep(life)
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: operatorNamespace, Name: leader}}
		if err := api.Delete(ctx, pod, client.GracePeriodSeconds(0)); err == nil {
			kills++
		}
		killed = leader
	}
	return kills
}

// operatorLeader is the pod that leads; none when it cannot be told.
func operatorLeader(ctx context.Context) string {
	leases := &coordinationv1.LeaseList{}
	if err := api.List(ctx, leases, client.InNamespace(operatorNamespace)); err != nil || len(leases.Items) != 1 {
		return ""
	}
	pod, _, _ := strings.Cut(ptr.Deref(leases.Items[0].Spec.HolderIdentity, ""), "_")
	return pod
}
