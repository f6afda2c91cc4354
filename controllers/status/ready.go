package status

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
)

// Ready is True when every part is. A cluster that is asked to rest is ready
// when it rests.
func Ready(o *Observation, parts []metav1.Condition) metav1.Condition {
	if o.Stall != nil {
		return isFalse(v1alpha1.ConditionReady, o.Stall.Reason, o.Stall.Message)
	}
	if len(o.Paused) > 0 {
		return isFalse(v1alpha1.ConditionReady, v1alpha1.ReasonPaused,
			fmt.Sprintf("paused while these wait: %s; unset spec.paused to go on", strings.Join(o.Paused, ", ")))
	}
	for _, part := range parts {
		resting := part.Type == v1alpha1.ConditionAvailable && part.Reason == v1alpha1.ReasonScaledToZero
		if part.Status != metav1.ConditionTrue && !resting {
			return isFalse(v1alpha1.ConditionReady, part.Reason, part.Message)
		}
	}
	if o.Replicas == 0 {
		return isTrue(v1alpha1.ConditionReady, v1alpha1.ReasonScaledToZero, "at rest with 0 members; volumes are kept")
	}
	return isTrue(v1alpha1.ConditionReady, v1alpha1.ReasonReady, fmt.Sprintf("%d of %d members serve", serving(o), o.Replicas))
}
