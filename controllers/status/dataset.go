package status

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

// DatasetObservation is what one reconcile saw of a FlightDataset.
type DatasetObservation struct {
	// Unreachable is the reason why the cluster was not asked; empty: it was.
	Unreachable        string
	UnreachableMessage string
	// Declared: the server keeps the dataset as the spec says.
	Declared bool
	// Access rules that the server has with it; nil: none.
	Access *Access
	// Refusal is the server's own text.
	Refusal string
	// Dropping: the resource is being deleted, and its data with it.
	Dropping bool
	// Stall is what only the user can mend; nil: nothing.
	Stall *Stall

	Version, Rows int64
}

// DatasetConditions of a FlightDataset. What was not looked at keeps the
// condition that it has in before.
func DatasetConditions(o *DatasetObservation, before []metav1.Condition) []metav1.Condition {
	parts := []metav1.Condition{ClusterReachable(o, before), SchemaApplied(o, before), AccessApplied(o, before)}
	ready := datasetReady(o, parts)
	return append(parts, ready, Reconciling(ready, o.Stall), Stalled(o.Stall))
}

// ClusterReachable tells whether the cluster answered.
func ClusterReachable(o *DatasetObservation, before []metav1.Condition) metav1.Condition {
	const kind = v1alpha1.ConditionClusterReachable
	switch {
	case o.Unreachable != "":
		return isFalse(kind, o.Unreachable, o.UnreachableMessage)
	case o.Declared, o.Refusal != "":
		return isTrue(kind, v1alpha1.ReasonClusterAnswers, "the cluster's member answers")
	}
	return asBefore(kind, before)
}

// SchemaApplied tells whether the server keeps the dataset as declared.
func SchemaApplied(o *DatasetObservation, before []metav1.Condition) metav1.Condition {
	const kind = v1alpha1.ConditionSchemaApplied
	switch {
	case o.Refusal != "":
		return isFalse(kind, v1alpha1.ReasonRefused, o.Refusal)
	case o.Declared:
		return isTrue(kind, v1alpha1.ReasonDeclared, "the server keeps the dataset as the spec says")
	}
	return asBefore(kind, before)
}

func asBefore(kind string, before []metav1.Condition) metav1.Condition {
	if c := meta.FindStatusCondition(before, kind); c != nil {
		return metav1.Condition{Type: kind, Status: c.Status, Reason: c.Reason, Message: c.Message}
	}
	return isFalse(kind, v1alpha1.ReasonNotDeclared, "the server has not been asked yet")
}

func datasetReady(o *DatasetObservation, parts []metav1.Condition) metav1.Condition {
	const kind = v1alpha1.ConditionReady
	failing := firstFailing(parts)
	switch {
	case o.Stall != nil:
		return isFalse(kind, o.Stall.Reason, o.Stall.Message)
	case o.Dropping:
		return isFalse(kind, v1alpha1.ReasonDropping,
			"the data is dropped before the resource goes; set spec.deletionPolicy to Retain to keep it: "+failing.Message)
	case failing.Type != "":
		return isFalse(kind, failing.Reason, failing.Message)
	case o.Version == 0:
		return isTrue(kind, v1alpha1.ReasonReady, "ready for its first upload")
	}
	return isTrue(kind, v1alpha1.ReasonReady, fmt.Sprintf("version %d with %d rows", o.Version, o.Rows))
}

// firstFailing is zero when every part is True.
func firstFailing(parts []metav1.Condition) metav1.Condition {
	for _, part := range parts {
		if part.Status != metav1.ConditionTrue {
			return part
		}
	}
	return metav1.Condition{}
}
