package flightcluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/resource"
)

// Reviewers lets servers review tokens of ServiceAccounts. The right to do so is
// the same for all of them and belongs to no namespace, so that it is one
// ClusterRoleBinding, which is installed with the operator: its subjects are the
// servers of those clusters that ask for it. Since all are listed each time, no
// cluster that goes leaves one behind, also where it went while no operator ran.
type Reviewers struct {
	Client client.Client
	// Live reads past the cache: the operator may read this one binding, and watch
	// none.
	Live client.Reader
	// Binding is its name.
	Binding string

	// syncing is held while the list of clusters becomes the list of subjects, so
	// that an older list does not replace a younger one.
	syncing sync.Mutex
}

// Reconcile does the same for any request: what calls for it may be a cluster
// that there is no longer.
func (r *Reviewers) Reconcile(ctx context.Context, _ reconcile.Request) (reconcile.Result, error) {
	return reconcile.Result{}, r.sync(ctx)
}

// SetupWithManager starts the controller with the manager.
func (r *Reviewers) SetupWithManager(mgr ctrl.Manager) error {
	one := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request {
		return []reconcile.Request{{}}
	})
	return ctrl.NewControllerManagedBy(mgr).
		Named("reviewers").
		Watches(&v1alpha1.FlightCluster{}, one, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Complete(r)
}

// sync makes the subjects of the binding those that they should be. Without the
// binding it fails only where somebody needs it.
func (r *Reviewers) sync(ctx context.Context) error {
	r.syncing.Lock()
	defer r.syncing.Unlock()
	clusters := &v1alpha1.FlightClusterList{}
	if err := r.Client.List(ctx, clusters); err != nil {
		return err
	}
	binding := &rbacv1.ClusterRoleBinding{}
	err := r.Live.Get(ctx, client.ObjectKey{Name: r.Binding}, binding)
	want := reviewers(clusters.Items, binding.Subjects)
	if (apierrors.IsNotFound(err) || apierrors.IsForbidden(err)) && len(want) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	if equality.Semantic.DeepEqual(binding.Subjects, want) {
		return nil
	}
	before := binding.DeepCopy()
	binding.Subjects = want
	return r.Client.Patch(ctx, binding, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}

// reviewers are the ServiceAccounts of the servers that review tokens. Those of a
// cluster that is paused stay as they are.
func reviewers(clusters []v1alpha1.FlightCluster, before []rbacv1.Subject) []rbacv1.Subject {
	var out []rbacv1.Subject
	for i := range clusters {
		cr := &clusters[i]
		subject := rbacv1.Subject{Kind: rbacv1.ServiceAccountKind, Namespace: cr.Namespace, Name: cr.Name}
		wanted := resource.ReviewsTokens(cr)
		if cr.Spec.Paused {
			wanted = slices.Contains(before, subject)
		}
		if wanted && cr.DeletionTimestamp.IsZero() {
			out = append(out, subject)
		}
	}
	slices.SortFunc(out, func(a, b rbacv1.Subject) int {
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	return out
}

// allowReviews lets the servers of a cluster review tokens before they are told
// to.
func (c *Controller) allowReviews(ctx context.Context, s *scope) (reconcile.Result, error) {
	if !resource.ReviewsTokens(s.cr) {
		return reconcile.Result{}, nil
	}
	err := c.Reviewers.sync(ctx)
	if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
		s.stallOn(v1alpha1.ReasonReviewsForbidden, fmt.Sprintf(
			"auth.serviceAccounts needs ClusterRoleBinding %s and the operator's right to change its subjects: "+
				"install both as the operator's chart does, or remove auth.serviceAccounts; the API server says: %v",
			c.Reviewers.Binding, err))
		return reconcile.Result{}, nil
	}
	return reconcile.Result{}, err
}
