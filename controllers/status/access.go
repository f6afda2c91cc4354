package status

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

// Access is what the rules of a dataset come to.
type Access struct {
	Rules int
	// Unknown are the subjects that the cluster does not have.
	Unknown []string
}

// AccessApplied tells whether the server lets in whom the spec says. A subject
// that the cluster does not have is no failure: its token may be about to come.
func AccessApplied(o *DatasetObservation, before []metav1.Condition) metav1.Condition {
	const kind = v1alpha1.ConditionAccessApplied
	switch {
	case o.Refusal != "":
		return isFalse(kind, v1alpha1.ReasonRefused, o.Refusal)
	case !o.Declared:
		return asBefore(kind, before)
	case o.Access == nil:
		return isTrue(kind, v1alpha1.ReasonRolesDecide, "the roles of the cluster decide")
	case len(o.Access.Unknown) > 0:
		return isTrue(kind, v1alpha1.ReasonSubjectUnknown,
			fmt.Sprintf("the rules of spec.access decide, but the cluster does not have %s: correct the name, or add it to spec.auth of the FlightCluster",
				strings.Join(o.Access.Unknown, ", ")))
	case o.Access.Rules == 0:
		return isTrue(kind, v1alpha1.ReasonRulesDecide, "spec.access is empty: nobody is let in but the role Admin")
	}
	return isTrue(kind, v1alpha1.ReasonRulesDecide, fmt.Sprintf("the rules of spec.access decide, %d in all", o.Access.Rules))
}
