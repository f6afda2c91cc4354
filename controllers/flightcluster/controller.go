// Package flightcluster reconciles FlightClusters.
package flightcluster

import (
	"context"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/metadata"
	"github.com/flight-operator/flight-operator/controllers/resource"
	"github.com/flight-operator/flight-operator/controllers/serveradmin"
)

// +kubebuilder:rbac:groups=flight-operator.io,resources=flightclusters,verbs=get;list;watch;patch
// +kubebuilder:rbac:groups=flight-operator.io,resources=flightclusters/status,verbs=patch
// +kubebuilder:rbac:groups=flight-operator.io,resources=flightclusters/finalizers,verbs=update
// +kubebuilder:rbac:groups="",resources=configmaps;services;serviceaccounts,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups="",resources=secrets,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=pods,verbs=list;watch;delete
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=list;watch;patch
// +kubebuilder:rbac:groups=apps,resources=statefulsets,verbs=get;list;watch;create;patch
// +kubebuilder:rbac:groups=networking.k8s.io,resources=networkpolicies,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups=cert-manager.io,resources=certificates,verbs=get;create;patch;delete
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// Controller makes each FlightCluster so.
type Controller struct {
	Client client.Client
	// Live reads past the cache, which holds only what the operator made.
	Live     client.Reader
	Recorder events.EventRecorder
	Clock    clock.PassiveClock
	Dialer   serveradmin.Dialer
	// ServerImage runs where a cluster names none.
	ServerImage string
	// OperatorPods are let in to the servers' admin ports.
	OperatorPods resource.Pods
	// Reviewers gives servers the right to review tokens.
	Reviewers *Reviewers
}

// step does one thing of a reconcile. The first that fails, or asks to come
// back later, ends it.
type step func(context.Context, *scope) (reconcile.Result, error)

// Reconcile makes the children of one cluster as its spec says.
func (c *Controller) Reconcile(ctx context.Context, cr *v1alpha1.FlightCluster) (res reconcile.Result, err error) {
	if !cr.DeletionTimestamp.IsZero() {
		return reconcile.Result{}, nil // owner references collect the children
	}
	s := &scope{cr: cr, stored: cr.DeepCopy(), now: c.Clock.Now()}
	defer func() {
		// A failed status write is retried, and the step's error with it.
		if perr := c.patchStatus(ctx, s, err); perr != nil {
			err = perr
		}
	}()
	for _, run := range []step{
		c.deleteCertificates,
		c.chooseImage,
		c.planCertificates,
		c.planClientCAs,
		c.planTokens,
		c.planUsers,
		c.planSigningKeys,
		c.planFiles,
		c.allowReviews,
		c.applyObjects,
		c.adoptIssued,
		c.deleteTokens,
		c.deleteNetworkPolicy,
		c.growVolumes,
		c.observeMembers,
		c.askMembers,
		c.replaceAuthority,
		c.handOverTokens,
		c.rotateSigningKeys,
		c.replaceMember,
	} {
		if res, err = run(ctx, s); err != nil || res.RequeueAfter > 0 {
			return res, err
		}
	}
	return c.comeBack(s), nil
}

// workers reconcile at the same time: a server that does not answer in time holds
// up one of them.
const workers = 8

// SetupWithManager starts the controller with the manager.
func (c *Controller) SetupWithManager(mgr ctrl.Manager) error {
	byLabel := handler.EnqueueRequestsFromMapFunc(clusterOf)
	return ctrl.NewControllerManagedBy(mgr).
		For(&v1alpha1.FlightCluster{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}))).
		Owns(&appsv1.StatefulSet{}).
		Owns(&corev1.Service{}).
		Owns(&corev1.ServiceAccount{}).
		Owns(&networkingv1.NetworkPolicy{}).
		Watches(&corev1.ConfigMap{}, byLabel). // also those that are not the operator's
		Watches(&corev1.Secret{}, byLabel).    // the same
		Watches(&corev1.Pod{}, byLabel).
		Watches(&corev1.PersistentVolumeClaim{}, byLabel).
		WithOptions(controller.Options{MaxConcurrentReconciles: workers}).
		Complete(reconcile.AsReconciler(mgr.GetClient(), c))
}

// clusterOf finds the cluster of what a StatefulSet made, which bears its
// labels but is not the cluster's own.
func clusterOf(_ context.Context, object client.Object) []reconcile.Request {
	name := object.GetLabels()[metadata.LabelCluster]
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: object.GetNamespace(), Name: name}}}
}

// How soon a cluster is looked at again when nothing wakes the controller:
// members tell nobody that they have loaded a file, or how full they are.
const (
	settledInterval = time.Minute
	waitingInterval = 5 * time.Second
	stalledInterval = time.Minute
)

func (c *Controller) comeBack(s *scope) reconcile.Result {
	if s.stall != nil {
		return reconcile.Result{RequeueAfter: stalledInterval}
	}
	after := settledInterval
	if !s.ready() {
		after = waitingInterval
	}
	for _, due := range []time.Time{s.facts.NextRenewal, s.facts.Until} {
		if wait := due.Sub(s.now); wait > 0 {
			after = min(after, wait)
		}
	}
	return reconcile.Result{RequeueAfter: after}
}
