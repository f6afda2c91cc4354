// Package status turns what a reconcile saw into conditions: a file a
// condition, a pure function each.
package status

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

// Observation is what one reconcile saw of a FlightCluster.
type Observation struct {
	// Replicas is the number of members asked for.
	Replicas int32
	// Paused lists the children that differ from the spec while it is paused, and
	// the annotations that nobody acts on.
	Paused []string
	// Members are there, running or not.
	Members []Member
	// Certificates are nil when none are issued.
	Certificates *Certificates
	// OfferFault tells why the certificate that the provider has is of no use; nil:
	// it is.
	OfferFault *Fault
	// AuthRevision names the credentials that were written; empty: none.
	AuthRevision string
	// UserFaults tell which Secrets of users are of no use.
	UserFaults []string
	// ClientCAFault tells why the authorities of clients are of no use.
	ClientCAFault string
	Storage       Storage
	// Stall is what only the user can mend; nil: nothing.
	Stall *Stall
	Now   time.Time
}

// Certificates are what the operator issued.
type Certificates struct {
	Phase v1alpha1.PKIPhase
	// Deadline is when a pending authority takes over, ready or not.
	Deadline time.Time
	// Until is when the overlap of the phase is over; zero: it has not begun.
	Until       time.Time
	LeafExpires time.Time
	Revisions   FileRevisions
}

// FileRevisions are those that members should have loaded.
type FileRevisions struct {
	Trust     string // roots by which the admin port knows the operator
	AdminLeaf string // certificate of the admin port
	Leaf      string // certificate that clients meet; empty: none
	ClientCA  string // authorities of clients; empty: none
}

// Fault is what is wrong with something, and what to do about it.
type Fault struct{ Reason, Message string }

// Stall is what only the user can mend.
type Stall struct{ Reason, Message string }

// Conditions of a FlightCluster, all of them. Ready repeats the first that
// fails, so what causes others to fail comes first.
func Conditions(o *Observation) []metav1.Condition {
	certificates := CertificatesReady(o)
	parts := []metav1.Condition{
		StorageReady(o),
		MembersUpToDate(o),
		Available(o),
		certificates,
		CredentialsReady(o),
	}
	causes := parts
	if o.Certificates == nil { // without them there are no pods
		causes = append([]metav1.Condition{certificates}, parts...)
	}
	ready := Ready(o, causes)
	return append(parts, ready, Reconciling(ready, o.Stall), Stalled(o.Stall))
}

// Set stores conditions. Each tells the generation that it was made for, and
// when its status last changed.
func Set(stored *[]metav1.Condition, generation int64, now time.Time, conditions ...metav1.Condition) {
	for _, condition := range conditions {
		condition.ObservedGeneration = generation
		condition.LastTransitionTime = metav1.NewTime(now)
		meta.SetStatusCondition(stored, condition)
	}
}

func isTrue(kind, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: reason, Message: message}
}

func isFalse(kind, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: metav1.ConditionFalse, Reason: reason, Message: message}
}

// Reconciling is True when the resource is not ready and nobody has to act.
func Reconciling(ready metav1.Condition, stall *Stall) metav1.Condition {
	switch {
	case stall != nil:
		return isFalse(v1alpha1.ConditionReconciling, stall.Reason, "the operator waits for the change that Stalled asks for")
	case ready.Status == metav1.ConditionTrue, ready.Reason == v1alpha1.ReasonPaused:
		return isFalse(v1alpha1.ConditionReconciling, ready.Reason, ready.Message)
	}
	return isTrue(v1alpha1.ConditionReconciling, v1alpha1.ReasonProgressing, ready.Message)
}

// Retrying is Reconciling after an attempt that failed for a reason that may
// pass.
func Retrying(err error) metav1.Condition {
	return isTrue(v1alpha1.ConditionReconciling, v1alpha1.ReasonRetrying, err.Error())
}

// Waiting is Reconciling before anything else could be seen.
func Waiting(why string) metav1.Condition {
	return isTrue(v1alpha1.ConditionReconciling, v1alpha1.ReasonProgressing, why)
}

// Stalled is True when somebody has to act.
func Stalled(stall *Stall) metav1.Condition {
	if stall == nil {
		return isFalse(v1alpha1.ConditionStalled, v1alpha1.ReasonProgressing, "nobody has to act")
	}
	return isTrue(v1alpha1.ConditionStalled, stall.Reason, stall.Message)
}
