package status

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/flight-operator/flight-operator/api/v1alpha1"
	"github.com/flight-operator/flight-operator/flightserver/settings"
)

// CertificatesReady tells whether certificates are issued, valid and loaded.
func CertificatesReady(o *Observation) metav1.Condition {
	const kind = v1alpha1.ConditionCertificatesReady
	c := o.Certificates
	if c == nil {
		return isFalse(kind, v1alpha1.ReasonCertificatesMissing, "certificates are not issued yet")
	}
	if !o.Now.Before(c.LeafExpires) {
		return isFalse(kind, v1alpha1.ReasonCertificatesExpired, "the members' certificate ended on "+day(c.LeafExpires))
	}
	if why := lagging(o, "certificate", c.LeafRevision, func(s *settings.MemberStatus) string { return s.LeafRevision }); why != "" {
		return isFalse(kind, v1alpha1.ReasonMembersLoading, why)
	}
	if c.AuthorityExpiring {
		return isTrue(kind, v1alpha1.ReasonAuthorityExpiring, fmt.Sprintf(
			"the authority ends on %s: delete Secret %s at a time that suits, a new one follows at once and clients need its ca.crt",
			day(c.AuthorityExpires), c.AuthoritySecret))
	}
	if len(o.Members) == 0 {
		return isTrue(kind, v1alpha1.ReasonCertificatesIssued, "issued; no member runs that could load them")
	}
	return isTrue(kind, v1alpha1.ReasonCertificatesLoaded, "every member has loaded its certificate, valid until "+day(c.LeafExpires))
}

// lagging says which member has not loaded the revision of a file that was
// written, or has not told.
func lagging(o *Observation, file, revision string, loaded func(*settings.MemberStatus) string) string {
	for _, m := range o.Members {
		switch {
		case m.Stopping:
		case m.Answer == nil && m.Problem != "":
			return fmt.Sprintf("pod %s: %s", m.Name, m.Problem)
		case m.Answer == nil:
			return fmt.Sprintf("pod %s starts", m.Name)
		case loaded(m.Answer) != revision:
			return fmt.Sprintf("pod %s has not loaded %s %s yet", m.Name, file, revision)
		}
	}
	return ""
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
