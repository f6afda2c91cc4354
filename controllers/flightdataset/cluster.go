package flightdataset

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
	"github.com/flight-operator/flight-operator/controllers/pki"
	"github.com/flight-operator/flight-operator/controllers/serveradmin"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// findCluster reads the cluster, if there is one.
func (c *Controller) findCluster(ctx context.Context, s *scope) (reconcile.Result, error) {
	cluster := &v1alpha1.FlightCluster{}
	err := c.Client.Get(ctx, client.ObjectKey{Namespace: s.cr.Namespace, Name: s.cr.Spec.ClusterRef.Name}, cluster)
	if err == nil {
		s.cluster = cluster
	}
	return reconcile.Result{}, client.IgnoreNotFound(err)
}

// awaitCluster ends the reconcile until the cluster serves; the watch on
// clusters wakes the dataset.
func (c *Controller) awaitCluster(_ context.Context, s *scope) (reconcile.Result, error) {
	name := s.cr.Spec.ClusterRef.Name
	switch {
	case s.cluster == nil:
		s.unreachable(v1alpha1.ReasonClusterNotFound, fmt.Sprintf("FlightCluster %s does not exist in this namespace: create it", name))
	case !available(s.cluster):
		s.unreachable(v1alpha1.ReasonClusterUnavailable, fmt.Sprintf("FlightCluster %s has no member that serves", name))
	}
	return reconcile.Result{}, nil
}

// connect prepares the connection to the cluster's member.
func (c *Controller) connect(ctx context.Context, s *scope) (reconcile.Result, error) {
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: s.cr.Namespace, Name: metadata.OperatorTLSName(s.cluster)}
	if err := c.Client.Get(ctx, key, secret); err != nil {
		return reconcile.Result{}, fmt.Errorf("reading the operator's certificate: %w", err)
	}
	pair := pki.KeyPair{Certificate: secret.Data[settings.TLSCertFile], Key: secret.Data[settings.TLSKeyFile]}
	certificate, err := pair.TLS()
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("reading Secret %s: %w", secret.Name, err)
	}
	s.server, err = c.Dialer.Dial(serveradmin.Target{
		Host:        metadata.PodHost(s.cluster, metadata.PodName(s.cluster, 0)),
		Roots:       secret.Data[settings.CAFile],
		Certificate: certificate,
	})
	return reconcile.Result{}, err
}

// unreachable ends the reconcile; a watch brings it back.
func (s *scope) unreachable(reason, message string) {
	s.seen.Unreachable = reason
	s.seen.UnreachableMessage = message
	s.done = true
}
