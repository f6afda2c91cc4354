package flightcluster

import (
	"context"

	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/flight-operator/flight-operator/controllers/metadata"
	"github.com/flight-operator/flight-operator/controllers/resource"
)

// deleteNetworkPolicy removes the operator's own where the spec wants none. One
// that the cache does not show yet wakes the next reconcile.
func (c *Controller) deleteNetworkPolicy(ctx context.Context, s *scope) (reconcile.Result, error) {
	if resource.HasNetworkPolicy(s.cr) {
		return reconcile.Result{}, nil
	}
	policy := &networkingv1.NetworkPolicy{}
	if err := c.Client.Get(ctx, client.ObjectKeyFromObject(s.cr), policy); err != nil || !metadata.IsOwned(policy, s.cr) {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if s.cr.Spec.Paused {
		s.differing = append(s.differing, "NetworkPolicy "+policy.Name)
		return reconcile.Result{}, nil
	}
	err := c.Client.Delete(ctx, policy, client.Preconditions{UID: &policy.UID})
	return reconcile.Result{}, client.IgnoreNotFound(err)
}
