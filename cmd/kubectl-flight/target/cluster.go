package target

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// target finds the server of a FlightCluster. token is the one that the user
// states; without it one of the cluster's own is taken.
func (k *Kubernetes) target(ctx context.Context, o *Options, token string, need Role) (*Target, error) {
	cr, err := k.FlightCluster(ctx, o.Cluster)
	if err != nil {
		return nil, err
	}
	t, err := k.describe(ctx, cr, token, o.TokenName, need)
	if err != nil {
		return nil, err
	}
	if !t.reachable(ctx) {
		t.dial = k.forwardTo(cr)
		// A first pod is looked for now: without one there is nothing to try.
		if _, err := k.readyPod(ctx, cr); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// describe learns from Kubernetes what a client has to know.
func (k *Kubernetes) describe(ctx context.Context, cr *v1alpha1.FlightCluster, token, tokenName string, need Role) (*Target, error) {
	known := handover{token: token}
	if token == "" {
		var err error
		if known, err = k.clusterToken(ctx, cr, tokenName, need); err != nil {
			return nil, err
		}
	}
	t, err := newTarget(serviceURI(cr))
	if err != nil {
		return nil, err
	}
	t.token = known.token
	if t.tls == nil {
		return t, nil
	}
	if len(known.ca) == 0 {
		if known.ca, err = k.authority(ctx, cr); err != nil {
			return nil, err
		}
	}
	if err := t.trust(known.ca); err != nil {
		return nil, fmt.Errorf("the authority of FlightCluster %q: %w", cr.Name, err)
	}
	return t, nil
}

// serviceURI is the address of the cluster's Service, whose name stands in the
// servers' certificates.
func serviceURI(cr *v1alpha1.FlightCluster) string {
	scheme := "grpc+tls"
	if isPlaintext(cr) {
		scheme = "grpc"
	}
	host := fmt.Sprintf("%s.%s.svc", cr.Name, cr.Namespace)
	return scheme + "://" + net.JoinHostPort(host, strconv.Itoa(settings.PortData))
}

func isPlaintext(cr *v1alpha1.FlightCluster) bool {
	return cr.Spec.TLS != nil && cr.Spec.TLS.Provider == v1alpha1.TLSDisabled
}

// authority reads the certificates that the cluster publishes for its clients.
func (k *Kubernetes) authority(ctx context.Context, cr *v1alpha1.FlightCluster) ([]byte, error) {
	bundle := &corev1.ConfigMap{}
	key := client.ObjectKey{Namespace: cr.Namespace, Name: cr.Name + "-ca-bundle"}
	if err := k.Get(ctx, key, bundle); err != nil {
		return nil, fmt.Errorf("the authority of FlightCluster %q: %w; kubectl flight status %[1]s tells how far it is", cr.Name, err)
	}
	return []byte(bundle.Data[settings.CAFile]), nil
}

// podSelector finds the cluster's pods.
func podSelector(cr *v1alpha1.FlightCluster) (client.ListOption, error) {
	if cr.Status.Selector == "" {
		return nil, fmt.Errorf("FlightCluster %q has no pods yet; kubectl flight status %[1]s tells how far it is", cr.Name)
	}
	selector, err := labels.Parse(cr.Status.Selector)
	if err != nil {
		return nil, fmt.Errorf("status.selector of FlightCluster %q: %w", cr.Name, err)
	}
	return client.MatchingLabelsSelector{Selector: selector}, nil
}

// serviceWithin bounds the wait for the Service's address, which hardly ever
// answers outside of the cluster.
const serviceWithin = time.Second

// reachable tells whether the address leads to the server that is meant. What
// answers must prove it by its certificate: outside of the cluster the name may
// be somebody else's. In plaintext nothing proves it, so a port-forward is made.
func (t *Target) reachable(ctx context.Context) bool {
	if t.tls == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, serviceWithin)
	defer cancel()
	config := t.tls.Clone()
	config.NextProtos = []string{"h2"}
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", t.address)
	if err != nil {
		return false
	}
	_ = conn.Close() // it was a question only
	return true
}
