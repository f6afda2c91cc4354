//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	arrowflight "github.com/apache/arrow-go/v18/arrow/flight"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
	"github.com/flight-operator/flight-operator/test/e2e/stock"
)

const (
	// certificatePatience is longer than patience: a rollover waits for the kubelet
	// twice and for the overlap twice.
	certificatePatience = 10 * time.Minute
	// overlap is how often clients of this test read the roots.
	overlap = 30 * time.Second
)

// Certificates are renewed every minute and the authority is replaced, while two
// clients read and write without a pause. Neither they nor the pod notice.
func TestCertificatesAreReplacedUnderLoad(t *testing.T) {
	t.Parallel()
	cr := newRenewingCluster(newNamespace(t))
	create(t, cr)
	undisturbed := undisturbedPod(t, cr)

	p := startProber(t, cr, sample(t, "planes"))
	waitCertificates(t, "two renewals are seen by clients", func() error { return atLeast(3, p.leaves) })
	first := cr.Status.PKI.ActiveCA
	becomeDue(t, cr)
	waitPhase(t, cr, v1alpha1.PKIRetiring)
	waitPhase(t, cr, v1alpha1.PKIStable)
	if cr.Status.PKI.ActiveCA == first {
		t.Error("the authority is the old one")
	}
	waitCertificates(t, "clients see what the new authority signed", func() error { return atLeast(2, p.authorities) })
	p.stop()
	undisturbed()
	t.Logf("%d calls, %d tried twice, %d certificates of %d authorities", p.calls, p.retries, p.leaves(), p.authorities())
}

// newRenewingCluster describes a FlightCluster whose certificate is renewed every
// minute.
func newRenewingCluster(namespace string) *v1alpha1.FlightCluster {
	cr := newCluster(namespace)
	cr.Spec.TLS = &v1alpha1.TLSSpec{
		Provider:         v1alpha1.TLSOperator,
		Leaf:             &v1alpha1.LeafSpec{Duration: lasting(5 * time.Minute), RenewBefore: lasting(4 * time.Minute)},
		CA:               &v1alpha1.CASpec{Duration: lasting(time.Hour), RenewBefore: lasting(30 * time.Minute), Overlap: lasting(overlap)},
		MaxConnectionAge: lasting(20 * time.Second),
	}
	return cr
}

// undisturbedPod gives a check that the cluster's pod is still the one of now, and
// was never restarted.
func undisturbedPod(t *testing.T, cr *v1alpha1.FlightCluster) (check func()) {
	t.Helper()
	before := pod(cr)
	get(t, before)
	return func() {
		t.Helper()
		after := pod(cr)
		get(t, after)
		if after.UID != before.UID || after.Status.ContainerStatuses[0].RestartCount != 0 {
			t.Error("the pod was replaced or restarted")
		}
	}
}

// prober calls without a pause, over connections that it keeps.
type prober struct {
	stop     func() // waits for the calls under way
	forwards sync.WaitGroup

	mu             sync.Mutex
	roots          *x509.CertPool
	serials        map[string]bool
	issuers        map[string]bool
	issuer         string // of the certificate that was met last
	calls, retries int
}

func startProber(t *testing.T, cr *v1alpha1.FlightCluster, table arrow.Table) *prober {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	p := &prober{serials: map[string]bool{}, issuers: map[string]bool{}}
	p.readRoots(t, cr)
	var wait sync.WaitGroup
	p.stop = sync.OnceFunc(func() {
		cancel()
		wait.Wait()
	})
	t.Cleanup(func() {
		p.stop()
		p.forwards.Wait() // they end with the test's context
	})
	writer, reader := p.connect(t, cr, "etl"), p.connect(t, cr, "dashboard")
	if err := writer.Put(ctx, table, "probe"); err != nil {
		t.Fatal(err)
	}
	wait.Go(func() {
		p.repeat(ctx, t, "put", func() error { return writer.Put(ctx, table, "probe") })
	})
	wait.Go(func() {
		p.repeat(ctx, t, "get", func() error {
			got, err := reader.Get(ctx, "probe")
			if err != nil {
				return err
			}
			return equal(table, got)
		})
	})
	wait.Go(func() {
		for tick := time.NewTicker(overlap / 3); ; {
			select {
			case <-ctx.Done():
				tick.Stop()
				return
			case <-tick.C:
				p.readRoots(t, cr)
			}
		}
	})
	return p
}

// repeat tries a call once more when its connection had come of age.
func (p *prober) repeat(ctx context.Context, t *testing.T, what string, call func() error) {
	for ctx.Err() == nil {
		err := call()
		retried := status.Code(err) == codes.Unavailable
		if retried {
			err = call()
		}
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			t.Errorf("%s failed (tried again: %t): %v", what, retried, err)
		}
		p.count(retried)
		time.Sleep(50 * time.Millisecond)
	}
}

func (p *prober) count(retried bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	if retried {
		p.retries++
	}
}

// connect is as connectAs, but trusts the roots that were read last, and notes
// whom it meets.
func (p *prober) connect(t *testing.T, cr *v1alpha1.FlightCluster, token string) *stock.Client {
	t.Helper()
	config := &tls.Config{
		MinVersion:         tls.VersionTLS13,
		ServerName:         cr.Name + "." + cr.Namespace + ".svc",
		InsecureSkipVerify: true, // VerifyConnection does it, against roots that change
		VerifyConnection:   p.verify,
	}
	// kubectl forwards no longer once a connection has ended: each has its own.
	dial := func(ctx context.Context, _ string) (net.Conn, error) {
		address, err := p.forward(t, cr)
		if err != nil {
			return nil, err
		}
		return (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}
	flight, err := arrowflight.NewClientWithMiddleware("passthrough:///"+cr.Name, nil, nil, grpc.WithContextDialer(dial),
		grpc.WithTransportCredentials(credentials.NewTLS(config)),
		grpc.WithPerRPCCredentials(bearer(string(tokenSecret(t, cr, token).Data["token"]))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flight.Close() })
	return &stock.Client{Client: flight}
}

// forward tries again when kubectl gives up, which is before it meets the server:
// the way there is no part of what is proven.
func (p *prober) forward(t *testing.T, cr *v1alpha1.FlightCluster) (address string, err error) {
	for range 5 {
		var wait func()
		address, wait, err = tryForward(t.Context(), cr.Namespace, cr.Name, settings.PortData)
		if err == nil {
			p.forwards.Go(wait)
			return address, nil
		}
		if t.Context().Err() != nil {
			break
		}
		t.Log(err)
	}
	return "", err
}

func (p *prober) verify(state tls.ConnectionState) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	leaf := state.PeerCertificates[0]
	p.serials[leaf.SerialNumber.String()] = true
	p.issuer = leaf.Issuer.String()
	p.issuers[p.issuer] = true
	_, err := leaf.Verify(x509.VerifyOptions{DNSName: state.ServerName, Roots: p.roots})
	return err
}

func (p *prober) readRoots(t *testing.T, cr *v1alpha1.FlightCluster) {
	t.Helper()
	secret := &corev1.Secret{}
	if err := api.Get(t.Context(), client.ObjectKey{Namespace: cr.Namespace, Name: cr.Name + "-token-etl"}, secret); err != nil {
		t.Error(err)
		return
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(secret.Data["ca.crt"])
	p.mu.Lock()
	defer p.mu.Unlock()
	p.roots = roots
}

func (p *prober) leaves() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.serials)
}

func (p *prober) authorities() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.issuers)
}

// meets waits until clients meet a certificate of the issuer.
func (p *prober) meets(t *testing.T, issuer string) {
	t.Helper()
	waitCertificates(t, "clients meet a certificate of "+issuer, func() error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.issuer != issuer {
			return errors.New("it is of " + p.issuer)
		}
		return nil
	})
}

func atLeast(n int, count func() int) error {
	if got := count(); got < n {
		return fmt.Errorf("%d so far, want %d", got, n)
	}
	return nil
}

func waitPhase(t *testing.T, cr *v1alpha1.FlightCluster, phase v1alpha1.PKIPhase) {
	t.Helper()
	waitCertificates(t, "phase "+string(phase), func() error {
		get(t, cr)
		if cr.Status.PKI == nil || cr.Status.PKI.Phase != phase {
			return errors.New("it is another")
		}
		return nil
	})
}

func waitCertificates(t *testing.T, what string, check func() error) {
	t.Helper()
	eventuallyWithin(t, certificatePatience, what, check)
}

func lasting(d time.Duration) *metav1.Duration { return &metav1.Duration{Duration: d} }
