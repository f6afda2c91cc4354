package status

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

// MembersUpToDate tells whether the members are as many as asked for, and as
// asked for.
func MembersUpToDate(o *Observation) metav1.Condition {
	for _, m := range o.Members {
		switch {
		case m.Stopping:
			return isFalse(v1alpha1.ConditionMembersUpToDate, v1alpha1.ReasonUpdating,
				fmt.Sprintf("pod %s stops; its streams have time to end", m.Name))
		case m.Outdated:
			return isFalse(v1alpha1.ConditionMembersUpToDate, v1alpha1.ReasonUpdating,
				fmt.Sprintf("pod %s still has an earlier image, settings or resources", m.Name))
		}
	}
	if n := len(o.Members); int32(n) != o.Replicas {
		return isFalse(v1alpha1.ConditionMembersUpToDate, v1alpha1.ReasonUpdating,
			fmt.Sprintf("%d of %d pods are there", n, o.Replicas))
	}
	return isTrue(v1alpha1.ConditionMembersUpToDate, v1alpha1.ReasonMembersCurrent, "every member is as the spec asks")
}
