package status

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

// Available tells whether clients are served.
func Available(o *Observation) metav1.Condition {
	n := serving(o)
	switch {
	case n > 0:
		return isTrue(v1alpha1.ConditionAvailable, v1alpha1.ReasonMembersServing, fmt.Sprintf("%d of %d members serve", n, o.Replicas))
	case o.Replicas == 0:
		return isFalse(v1alpha1.ConditionAvailable, v1alpha1.ReasonScaledToZero, "spec.replicas is 0; raise it to serve again")
	}
	return isFalse(v1alpha1.ConditionAvailable, v1alpha1.ReasonNoMemberServing, "no member serves: "+whyNot(o))
}

func serving(o *Observation) int {
	n := 0
	for _, m := range o.Members {
		if m.Ready && !m.Stopping {
			n++
		}
	}
	return n
}

func whyNot(o *Observation) string {
	for _, m := range o.Members {
		if m.Problem != "" {
			return fmt.Sprintf("pod %s: %s", m.Name, m.Problem)
		}
	}
	if len(o.Members) == 0 {
		return "no pod is there yet"
	}
	return fmt.Sprintf("pod %s starts", o.Members[0].Name)
}
