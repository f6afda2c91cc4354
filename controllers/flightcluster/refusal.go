package flightcluster

import (
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/controllers/status"
)

// leftoverInterval is how soon a name is tried again that the garbage collector
// is about to free.
const leftoverInterval = 2 * time.Second

// certManagerMissing is said where the API server knows no Certificate.
const certManagerMissing = "cert-manager is not installed: install it, or set spec.tls.provider to another"

// refused sorts the errors of children. What only the user can mend is a stall
// and lets the reconcile go on with the other children. It is looked at again
// later and not only after a change of the cluster: its cure may be the removal
// of an object that the operator does not watch.
func (s *scope) refused(err error) (reconcile.Result, error) {
	switch {
	case errors.Is(err, errLeftover):
		s.waiting = err.Error()
		return reconcile.Result{RequeueAfter: leftoverInterval}, nil
	case errors.Is(err, errConflict):
		s.unapplied = true
		s.stallOn(v1alpha1.ReasonNameConflict, err.Error()+": delete or rename it, or choose another name")
		return reconcile.Result{}, nil
	case meta.IsNoMatchError(err):
		s.unapplied = true
		s.stallOn(v1alpha1.ReasonCertManagerMissing, certManagerMissing)
		s.offerFault = &status.Fault{Reason: v1alpha1.ReasonCertManagerMissing, Message: certManagerMissing}
		return reconcile.Result{}, nil
	case apierrors.IsInvalid(err), apierrors.IsNotAcceptable(err): // the latter by webhooks
		s.unapplied = true
		s.stallOn(v1alpha1.ReasonInvalid, "Kubernetes refuses what the spec leads to: "+err.Error())
		return reconcile.Result{}, nil
	}
	return reconcile.Result{}, err
}

// cannotStore is refused for what is made anew at each attempt: it ends the
// reconcile.
func (s *scope) cannotStore(err error) (reconcile.Result, error) {
	res, err := s.refused(err)
	if s.stall != nil {
		res.RequeueAfter = stalledInterval
	}
	return res, err
}
