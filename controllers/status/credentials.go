package status

import (
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// CredentialsReady tells whether the members know the tokens and users.
func CredentialsReady(o *Observation) metav1.Condition {
	const kind = v1alpha1.ConditionCredentialsReady
	if o.AuthRevision == "" {
		return isFalse(kind, v1alpha1.ReasonCredentialsMissing, "credentials are not written yet")
	}
	behind, why := lagging(o, "credentials", o.AuthRevision, func(s *settings.MemberStatus) string { return s.AuthRevision })
	if behind != nil {
		return isFalse(kind, v1alpha1.ReasonMembersLoading, why)
	}
	if len(o.UserFaults) > 0 {
		return isFalse(kind, v1alpha1.ReasonUserSecretInvalid, strings.Join(o.UserFaults, "; "))
	}
	if len(o.Members) == 0 {
		return isTrue(kind, v1alpha1.ReasonCredentialsWritten, "written; no member runs that could load them")
	}
	return isTrue(kind, v1alpha1.ReasonCredentialsLoaded, "every member has loaded the credentials")
}
